//! A log made for tests and measurements: events, checkpoints, a witness, turns of keys and removals, from a seed.

use std::ops::Range;
use ward_audit::counted::Counted;
use ward_audit::export::{Header, Line};
use ward_audit::issuer::{Issuer, State};
use ward_audit::leaf::{Class, Content, Leaf};
use ward_audit::note::{Note, Signer};
use ward_audit::removal::{Removal, RemovalKind};
use ward_audit::tree::Hash;
use ward_audit::tree::compact_range::CompactRange;
use ward_audit::tree::proof::consistency;
use ward_audit::tree::tile::{self, OpenTiles};
use ward_audit::verifier::{Policy, Report, verify};
use ward_audit::witness::{Seen, Witness};
use ward_seal::Ed25519Key;

pub const ORIGIN: &str = "hospital.example/ward/audit";
pub const WITNESS: &str = "witness.example/w1";
pub const START_US: i64 = 1_764_514_800_000_000;

/// A single range of entries.
pub fn one(range: Range<u64>) -> Vec<Range<u64>> {
    std::iter::once(range).collect()
}

pub struct Made {
    pub lines: Vec<Line>,
    pub issuer: Issuer,
    pub entries: CompactRange,
    pub counted: Counted,
    pub now_us: i64,
    pub witness: Witness,
    seed: u64,
    full: Vec<tile::Tile>,
    open: OpenTiles,
}

pub fn signer(seed: u8) -> Signer {
    Signer::new(ORIGIN, Ed25519Key::from_seed(&[seed; 32])).unwrap()
}

pub fn cosigner(name: &str, seed: u8) -> Signer {
    Signer::cosigner(name, Ed25519Key::from_seed(&[seed; 32])).unwrap()
}

pub fn approver(seed: u8) -> Signer {
    let name = format!("hospital.example/approver/{seed}");
    Signer::new(&name, Ed25519Key::from_seed(&[seed; 32])).unwrap()
}

/// The log that is published beside this file for whoever writes a verifier of their own: a turn of the key, a redaction, dropped
/// entries and a witness.
pub fn example() -> Made {
    let mut made = Made::new(42);
    made.checkpoint();
    for round in 0..3 {
        for n in 0..5 {
            made.now_us += 1_000;
            made.leaf(Class::READ, format!("record {n} of round {round}").into());
            made.counted.add(Class::READ, 1);
        }
        made.checkpoint();
    }
    made.rotate(2);
    // A witness follows the key only when it sees its turn.
    made.cosign();
    let by = [&signer(2), &approver(51), &approver(52)];
    made.removal(RemovalKind::Redaction, vec![8..9, 12..14], &by);
    made.redact(8..9);
    made.redact(12..14);
    let dropped = made.drop_entries(0..6);
    made.removal(RemovalKind::Retention(dropped), one(0..6), &by);
    made.stop();
    made.cosign();
    made
}

/// The auditor trusts the first key.
pub fn trusting() -> Policy {
    Policy {
        keys: vec![signer(1).public().clone()],
        witness_lag_s: 3_600,
        ..Policy::default()
    }
}

pub fn text(lines: &[Line]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

pub fn checked(lines: &[Line], policy: &Policy) -> Report {
    verify(text(lines).as_bytes(), policy).unwrap()
}

impl Made {
    pub fn new(seed: u64) -> Made {
        let mut witness = Witness::new(cosigner(WITNESS, 100));
        witness.follow(Seen::nothing_of(signer(1).public().clone()));
        let header = Header {
            origin: ORIGIN.to_owned(),
            key: signer(1).public().clone(),
            witnesses: vec![witness.key().clone()],
            approvers: [51, 52].map(|seed| approver(seed).public().clone()).into(),
        };
        Made {
            lines: vec![Line::Header(header)],
            issuer: Issuer::new(signer(1)),
            entries: CompactRange::empty(),
            counted: Counted::default(),
            now_us: START_US,
            witness,
            seed,
            full: Vec::new(),
            open: OpenTiles::default(),
        }
    }

    /// SplitMix64.
    pub fn random(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.seed;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    pub fn size(&self) -> u64 {
        self.entries.end()
    }

    pub fn leaf(&mut self, class: Class, record: Vec<u8>) {
        let halves = [self.random().to_le_bytes(), self.random().to_le_bytes()];
        let leaf = Leaf {
            seq: self.size(),
            at_us: self.now_us,
            class,
            content: Content::Whole {
                nonce: halves.concat().try_into().unwrap(),
                record,
            },
        };
        let hash = leaf.hash();
        self.entries.append(hash);
        self.full.extend(self.open.append(hash));
        self.lines.push(Line::Leaf(leaf, hash));
    }

    /// Events of all classes, a millisecond apart, which are answered.
    pub fn events(&mut self, count: u64) {
        for _ in 0..count {
            let class = Class((self.random() % 7) as u8);
            let record = (0..20).flat_map(|_| self.random().to_le_bytes()).collect();
            self.now_us += 1_000;
            self.leaf(class, record);
            self.counted.add(class, 1);
        }
    }

    pub fn checkpoint(&mut self) -> Note {
        self.sign(Issuer::issue)
    }

    pub fn stop(&mut self) -> Note {
        self.sign(Issuer::stop)
    }

    pub fn rotate(&mut self, seed: u8) -> Note {
        self.sign(|issuer, state| issuer.rotate(signer(seed), state))
    }

    fn sign<E: std::fmt::Debug>(
        &mut self,
        sign: impl FnOnce(&mut Issuer, State<'_>) -> Result<Note, E>,
    ) -> Note {
        self.now_us += 1_000_000;
        let state = State {
            entries: &self.entries,
            counted: &self.counted,
            now_us: self.now_us,
        };
        let note = sign(&mut self.issuer, state).unwrap();
        self.lines.push(Line::Checkpoint(note.clone()));
        note
    }

    pub fn node(&self, level: u32, index: u64) -> Option<Hash> {
        tile::node(level, index, |level, index| {
            let of = |tile: &&tile::Tile| (tile.level, tile.index) == (level, index);
            let full = self.full.iter().find(of).map(|tile| tile.hashes.clone());
            full.or_else(|| self.open.hashes(level, index).map(<[Hash]>::to_vec))
        })
    }

    /// The witness signs the last checkpoint.
    pub fn cosign(&mut self) {
        let old = self.witness.seen(ORIGIN).unwrap().size;
        let nodes = |level, index| self.node(level, index);
        let proof = consistency(nodes, old, self.size()).unwrap();
        let Some(Line::Checkpoint(note)) = self.lines.last_mut() else {
            panic!("no checkpoint");
        };
        let at_s = (self.now_us / 1_000_000) as u64;
        let signature = self.witness.cosign(note, old, &proof, at_s).unwrap();
        note.add(signature);
    }

    /// The entry that says what is taken out.
    pub fn removal(&mut self, kind: RemovalKind, entries: Vec<Range<u64>>, by: &[&Signer]) {
        let removal = Removal {
            origin: ORIGIN.to_owned(),
            time_us: self.now_us,
            kind,
            entries,
            rule: "six years of the state's law".to_owned(),
        };
        let mut note = Note::unsigned(removal.to_string()).unwrap();
        by.iter().for_each(|signer| note.sign(signer));
        self.leaf(Class::REMOVAL, note.to_string().into_bytes());
    }

    pub fn redact(&mut self, entries: Range<u64>) {
        for line in &mut self.lines {
            if let Line::Leaf(leaf, _) = line
                && entries.contains(&leaf.seq)
            {
                *leaf = leaf.redacted();
            }
        }
    }

    /// Takes the entries out, with the checkpoints between them put behind; returns what was counted.
    pub fn drop_entries(&mut self, entries: Range<u64>) -> Counted {
        let mut range = CompactRange::starting_at(entries.start);
        let mut counted = Counted::default();
        let lines = std::mem::take(&mut self.lines);
        let (mut before, mut behind) = (Vec::new(), Vec::new());
        for line in lines {
            match line {
                Line::Leaf(leaf, hash) if entries.contains(&leaf.seq) => {
                    range.append(hash);
                    counted.add(leaf.class, 1);
                }
                line if range.end() == entries.start => before.push(line),
                line => behind.push(line),
            }
        }
        before.push(Line::Dropped(range, counted.clone()));
        self.lines = [before, behind].concat();
        counted
    }

    /// The lines, with the last.
    pub fn ended(&self) -> Vec<Line> {
        let is_checkpoint = |line: &&Line| matches!(line, Line::Checkpoint(_));
        let end = Line::End {
            entries: self.size(),
            checkpoints: self.lines.iter().filter(is_checkpoint).count() as u64,
        };
        [&self.lines[..], &[end]].concat()
    }
}
