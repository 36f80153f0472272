//! What was taken out of the log, by which rule, with whose approval: a signed note that is itself the record of an entry of
//! class [`Class::REMOVAL`](crate::leaf::Class::REMOVAL).
//!
//! ```text
//! hospital.example/ward/audit
//! ward.audit.removal/v1
//! time 1764514800123456
//! kind retention                       or expiry, or redaction
//! entries 0 4096                       first, and the one behind the last; of an expiry or a redaction maybe more such lines
//! counted 1=4000 3=96                  what is dropped of each class; - of an expiry or a redaction
//! rule six years of the state's law    one line
//! ```
//!
//! A redaction destroys records and nonces, because somebody has decided so; an expiry does, because their time is over. The entries
//! stay. Retention drops the entries, too; the roots of their subtrees stay, so that every proof of what is left holds.

use crate::checkpoint::named;
use crate::counted::Counted;
use crate::note::{Note, Signer};
use std::fmt;
use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    pub origin: String,
    pub time_us: i64,
    pub kind: RemovalKind,
    /// Ascending, none empty, none touching.
    pub entries: Vec<Range<u64>>,
    pub rule: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemovalKind {
    Redaction,
    Expiry,
    /// Of one range; how many events of each class there were.
    Retention(Counted),
}

/// Ranges of an expiry or a redaction.
pub const RANGES_MAX: usize = 1_024;
/// Of a rule. A longer one is no removal.
pub const RULE_BYTES_MAX: usize = 1_024;
const EXTENSION: &str = "ward.audit.removal/v1";

impl Removal {
    /// Error: what is wrong with the text. It has one spelling.
    pub fn parse(text: &str) -> Result<Removal, &'static str> {
        let mut lines = text.lines().peekable();
        let missing = "a line is missing in the removal";
        let origin = lines.next().ok_or(missing)?.to_owned();
        if lines.next() != Some(EXTENSION) {
            return Err("not a removal of this format");
        }
        let time = named(lines.next().ok_or(missing)?, "time")?.parse();
        let kind = named(lines.next().ok_or(missing)?, "kind")?;
        let mut entries = Vec::new();
        while let Some(line) = lines.next_if(|line| line.starts_with("entries ")) {
            entries.push(range(line).ok_or("not a range of entries")?);
        }
        let counted = named(lines.next().ok_or(missing)?, "counted")?;
        let counted = Counted::parse(counted).ok_or("cannot be counted so")?;
        let removal = Removal {
            origin,
            time_us: time.map_err(|_| "the time is no number")?,
            kind: match kind {
                "redaction" => RemovalKind::Redaction,
                "expiry" => RemovalKind::Expiry,
                "retention" => RemovalKind::Retention(counted),
                _ => return Err("neither redaction, expiry nor retention"),
            },
            entries,
            rule: named(lines.next().ok_or(missing)?, "rule")?.to_owned(),
        };
        if removal.to_string() != text || !removal.is_well_formed() {
            return Err("the removal is not spelt as it must be");
        }
        Ok(removal)
    }

    /// The note that a record of the class is, and what it says. `None`: it is none. Signatures are not looked at.
    pub fn of_record(record: &[u8]) -> Option<(Note, Removal)> {
        let note = Note::parse(std::str::from_utf8(record).ok()?).ok()?;
        let removal = Removal::parse(note.text()).ok()?;
        Some((note, removal))
    }

    /// As it is recorded. `None`: it has more ranges, or a longer rule, than a removal may have, or a rule of several lines.
    pub fn signed(&self, by: &Signer) -> Option<Note> {
        let mut note = Note::unsigned(self.to_string())?;
        note.sign(by);
        Removal::of_record(note.to_string().as_bytes())?;
        Some(note)
    }

    /// Whether it takes out an entry's record.
    pub fn names(&self, seq: u64) -> bool {
        let at = self.entries.partition_point(|range| range.end <= seq);
        self.entries
            .get(at)
            .is_some_and(|range| range.contains(&seq))
    }

    fn is_well_formed(&self) -> bool {
        let ranges_max = match self.kind {
            RemovalKind::Redaction | RemovalKind::Expiry => RANGES_MAX,
            RemovalKind::Retention(_) => 1,
        };
        let is_apart = |pair: &[Range<u64>]| pair[0].end < pair[1].start;
        self.rule.len() <= RULE_BYTES_MAX
            && (1..=ranges_max).contains(&self.entries.len())
            && self.entries.iter().all(|range| range.start < range.end)
            && self.entries.windows(2).all(is_apart)
    }
}

/// The text that is signed.
impl fmt::Display for Removal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, counted) = match &self.kind {
            RemovalKind::Redaction => ("redaction", "-".to_owned()),
            RemovalKind::Expiry => ("expiry", "-".to_owned()),
            RemovalKind::Retention(counted) => ("retention", counted.to_string()),
        };
        writeln!(out, "{}\n{EXTENSION}", self.origin)?;
        writeln!(out, "time {}\nkind {kind}", self.time_us)?;
        for range in &self.entries {
            writeln!(out, "entries {} {}", range.start, range.end)?;
        }
        writeln!(out, "counted {counted}\nrule {}", self.rule)
    }
}

/// Of numbers in ascending order, each once.
pub fn ranges(entries: &[u64]) -> Vec<Range<u64>> {
    let mut ranges: Vec<Range<u64>> = Vec::new();
    for seq in entries {
        match ranges.last_mut() {
            Some(last) if last.end == *seq => last.end += 1,
            _ => ranges.push(*seq..*seq + 1),
        }
    }
    ranges
}

fn range(line: &str) -> Option<Range<u64>> {
    let (start, end) = line.strip_prefix("entries ")?.split_once(' ')?;
    Some(start.parse().ok()?..end.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_one_spelling() {
        let redaction = Removal {
            origin: "log.example".into(),
            time_us: 5,
            kind: RemovalKind::Redaction,
            entries: vec![3..4, 9..12],
            rule: "court order 7".into(),
        };
        let retention = Removal {
            kind: RemovalKind::Retention(Counted::parse("1=9").unwrap()),
            entries: std::iter::once(0..9).collect(),
            ..redaction.clone()
        };
        let expiry = Removal {
            kind: RemovalKind::Expiry,
            ..redaction.clone()
        };
        for good in [&redaction, &retention, &expiry] {
            assert_eq!(Removal::parse(&good.to_string()).as_ref(), Ok(good));
        }
        let (one, two) = (redaction.to_string(), retention.to_string());
        for bad in [
            one.replace("entries 9 12", "entries 4 12"),
            one.replace("entries 9 12", "entries 12 9"),
            one.replace("entries 3 4\nentries 9 12\n", ""),
            one.replace("counted -", "counted 1=2"),
            one.replace("redaction", "retention"),
            two.replace("entries 0 9", "entries 0 9\nentries 10 11"),
            two.replace("retention", "removal"),
            two.replace("rule ", "rule\t"),
            two + "more\n",
            one.replace("redaction", "Expiry"),
            one.replace("court order", &"c".repeat(RULE_BYTES_MAX)),
        ] {
            assert!(Removal::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_signed_one_is_a_record() {
        let key = ward_seal::Ed25519Key::from_seed(&[1; 32]);
        let signer = Signer::new("log.example", key).unwrap();
        let removal = Removal {
            origin: "log.example".into(),
            time_us: 5,
            kind: RemovalKind::Expiry,
            entries: ranges(&[3, 4, 9]),
            rule: "six years".into(),
        };
        assert_eq!(removal.entries, [3..5, 9..10]);
        assert!(removal.names(4) && !removal.names(5) && removal.names(9));
        let note = removal.signed(&signer).unwrap();
        let record = note.to_string().into_bytes();
        assert_eq!(Removal::of_record(&record), Some((note, removal.clone())));
        assert_eq!(Removal::of_record(b"a record"), None);
        let many: Vec<u64> = (0..=RANGES_MAX as u64).map(|n| n * 2).collect();
        for bad in [
            Removal {
                entries: ranges(&many),
                ..removal.clone()
            },
            Removal {
                rule: "two\nlines".into(),
                ..removal.clone()
            },
            Removal {
                entries: Vec::new(),
                ..removal
            },
        ] {
            assert_eq!(bad.signed(&signer), None);
        }
    }
}
