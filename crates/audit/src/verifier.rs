//! Checks an export of the log, without the server, its database or anything of it but this file's neighbours, and names
//! what is wrong first. <https://www.rfc-editor.org/rfc/rfc9162#section-8.3>
//!
//! What stands in the file proves itself only as far as the key that signed it is known from elsewhere; that nothing was cut off
//! or rewritten by whoever has the key shows against checkpoints that others keep (anchors) and have signed (witnesses).

mod anchors;
mod checkpoints;
mod finding;
mod removals;
mod report;

pub use finding::{Finding, Place, Problem};
pub use report::{Pause, Report, Turn, Verdict, Witnessed, utc};

use crate::counted::Counted;
use crate::export::{Header, LINE_BYTES_MAX, Line};
use crate::leaf::Leaf;
use crate::note::{Note, VerifierKey};
use crate::tree::Hash;
use crate::tree::compact_range::CompactRange;
use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};
use std::ops::Range;

/// What the auditor knows from elsewhere, and asks for.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Keys of the log that are trusted: one of those that signed must be among them.
    pub keys: Vec<VerifierKey>,
    /// Checkpoints that were kept elsewhere.
    pub anchors: Vec<Note>,
    /// Each must have signed a checkpoint not older than `witness_lag_s` before the last.
    pub witnesses: Vec<VerifierKey>,
    /// Seconds.
    pub witness_lag_s: u64,
    /// Who may approve what is taken out, and how many of them must.
    pub approvers: Vec<VerifierKey>,
    pub approvals: usize,
    /// A longer silence is a finding even where the log promised no more. Seconds.
    pub within_max_s: Option<u64>,
    /// The last checkpoint may not be older: now in microseconds since 1970, and seconds.
    pub fresh: Option<(i64, u64)>,
}

/// Findings that are told; the rest is counted.
pub const FINDINGS_MAX: usize = 100;

/// Reads to the end; memory grows with what was taken out, and with the anchors, but not with the entries. Errors: as the reader's.
pub fn verify(mut lines: impl BufRead, policy: &Policy) -> io::Result<Report> {
    let mut verifier = Verifier::new(policy);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        let mut limited = (&mut lines).take(LINE_BYTES_MAX as u64 + 1);
        if limited.read_until(b'\n', &mut buffer)? == 0 {
            break;
        }
        verifier.line += 1;
        let whole = buffer.strip_suffix(b"\n").ok_or("the line does not end");
        let text = whole.and_then(|line| std::str::from_utf8(line).map_err(|_| "not UTF-8"));
        match text.and_then(Line::parse) {
            Ok(line) => verifier.take(line),
            Err(why) => verifier.malformed(why),
        }
        if verifier.is_hopeless {
            break;
        }
    }
    Ok(verifier.finish())
}

struct Verifier<'a> {
    policy: &'a Policy,
    line: u64,
    header: Option<Header>,
    /// The key that signs now.
    key: Option<VerifierKey>,
    tree: CompactRange,
    /// The hashes seen are not all of the entries any more: roots say nothing.
    is_tree_broken: bool,
    /// An entry that was missing a line ago.
    gap: Option<Range<u64>>,
    next_seq: u64,
    recorded: Counted,
    last: Option<checkpoints::Last>,
    removals: removals::Removals,
    /// Roots at the sizes of the anchors.
    roots: BTreeMap<u64, Option<Hash>>,
    has_ended: bool,
    /// There is no reading on: the file is no export.
    is_hopeless: bool,
    report: Report,
}

impl<'a> Verifier<'a> {
    fn new(policy: &'a Policy) -> Verifier<'a> {
        Verifier {
            policy,
            line: 0,
            header: None,
            key: None,
            tree: CompactRange::empty(),
            is_tree_broken: false,
            gap: None,
            next_seq: 0,
            recorded: Counted::default(),
            last: None,
            removals: removals::Removals::default(),
            roots: anchors::sizes(policy),
            has_ended: false,
            is_hopeless: false,
            report: Report::default(),
        }
    }

    fn take(&mut self, line: Line) {
        if self.has_ended {
            return self.malformed("the export has ended before");
        }
        if self.header.is_none() != matches!(line, Line::Header(_)) {
            self.is_hopeless = self.header.is_none();
            return self.malformed("the header is the first line and no other");
        }
        match line {
            Line::Header(header) => self.header(header),
            Line::Leaf(leaf, hash) => self.leaf(leaf, hash),
            Line::Dropped(range, counted) => self.dropped(range, counted),
            Line::Checkpoint(note) => self.checkpoint(note),
            Line::End {
                entries,
                checkpoints,
            } => self.end(entries, checkpoints),
        }
    }

    fn header(&mut self, header: Header) {
        let key = header.key.clone();
        self.report.origin = header.origin.clone();
        self.report.turns.push(Turn {
            from: 0,
            key: key.clone(),
        });
        self.key = Some(key);
        if header.key.name() != header.origin {
            self.find(Place::File, Problem::Malformed("the key is another log's"));
        }
        self.header = Some(header);
        self.keep_root();
    }

    fn leaf(&mut self, leaf: Leaf, stated: Hash) {
        let seq = leaf.seq;
        if !self.follows(seq) {
            return;
        }
        // What stands in the tree is the hash that was kept: so a changed record is told apart from a changed tree.
        if leaf.hash() != stated {
            self.find(Place::entry(seq), Problem::Changed);
        }
        self.recorded.add(leaf.class, 1);
        self.removals.see(&leaf, self.line);
        self.report.newest_us = self.report.newest_us.max(leaf.at_us);
        self.check_removal(&leaf);
        self.tree.append(stated);
        self.keep_root();
    }

    fn dropped(&mut self, range: CompactRange, counted: Counted) {
        let entries = range.first()..range.end();
        if !self.follows(entries.start) {
            return;
        }
        self.next_seq = entries.end;
        self.tree_goes_on(&range);
        self.recorded.add_all(&counted);
        self.removals.drop_range(entries, counted, self.line);
        self.keep_root();
    }

    fn tree_goes_on(&mut self, range: &CompactRange) {
        if !self.tree.append_range(range) {
            self.break_tree();
        }
    }

    /// Whether the entry may be taken: entries come without gaps, and each once.
    fn follows(&mut self, seq: u64) -> bool {
        let gap = self.gap.take();
        if seq == self.next_seq {
            self.next_seq += 1;
            return true;
        }
        self.break_tree();
        if seq > self.next_seq {
            let missing = self.next_seq..seq;
            self.find(Place::Entries(missing.clone()), Problem::Missing);
            self.gap = Some(missing);
            self.next_seq = seq + 1;
            return true;
        }
        match gap.filter(|gap| gap.contains(&seq)) {
            Some(gap) => self.amend(Place::entry(seq), Place::Entries(gap), Problem::Swapped),
            None => self.find(Place::entry(seq), Problem::Inserted),
        }
        false
    }

    fn break_tree(&mut self) {
        self.is_tree_broken = true;
    }

    /// Remembers the root if an anchor has this size.
    fn keep_root(&mut self) {
        if self.is_tree_broken {
            return;
        }
        let root = || self.tree.root();
        if let Some(kept) = self.roots.get_mut(&self.tree.end()) {
            *kept = root();
        }
    }

    fn end(&mut self, entries: u64, checkpoints: u64) {
        self.has_ended = true;
        if entries > self.next_seq {
            let missing = self.next_seq..entries;
            self.find(Place::Entries(missing), Problem::Truncated);
        } else if entries < self.next_seq || checkpoints != self.report.checkpoints {
            let why = "it ends with other numbers than it says";
            self.find(Place::File, Problem::Malformed(why));
        }
    }

    fn malformed(&mut self, why: &'static str) {
        self.break_tree();
        let place = match self.header {
            Some(_) => Place::Entries(self.next_seq..self.next_seq + 1),
            None => Place::File,
        };
        self.find(place, Problem::Malformed(why));
    }

    fn find(&mut self, place: Place, problem: Problem) {
        self.find_at(self.line, place, problem);
    }

    fn find_at(&mut self, line: u64, place: Place, problem: Problem) {
        self.report.findings_total += 1;
        if self.report.findings.len() < FINDINGS_MAX {
            self.report.findings.push(Finding {
                line,
                place,
                problem,
            });
        }
    }

    /// What looked like a missing entry is told for what it is.
    fn amend(&mut self, place: Place, before: Place, problem: Problem) {
        let mut found = self.report.findings.iter_mut().rev();
        match found.find(|finding| finding.place == before) {
            Some(finding) => {
                finding.place = place;
                finding.problem = problem;
            }
            None => self.find(place, problem),
        }
    }

    fn finish(mut self) -> Report {
        if self.header.is_none() {
            if self.report.findings.is_empty() {
                let why = "the file is empty";
                self.find(Place::File, Problem::Malformed(why));
            }
            return self.report;
        }
        if !self.has_ended {
            let missing = self.next_seq..self.next_seq + 1;
            self.find(Place::Entries(missing), Problem::NoEnd);
        }
        self.report.entries = self.next_seq;
        self.check_end();
        self.check_removals();
        self.check_trust();
        self.check_anchors();
        self.report.recorded = self.recorded;
        self.report
    }
}
