//! What was taken out of the log, by which rule, with whose approval: a signed note that is itself the record of an entry of
//! class [`Class::REMOVAL`](crate::leaf::Class::REMOVAL).
//!
//! ```text
//! hospital.example/ward/audit
//! ward.audit.removal/v1
//! time 1764514800123456
//! kind retention                       or redaction
//! entries 0 4096                       first, and the one behind the last; of a redaction maybe more such lines
//! counted 1=4000 3=96                  what is dropped of each class; - of a redaction
//! rule six years of the state's law    one line
//! ```
//!
//! A redaction destroys records and nonces; the entries stay. Retention drops the entries, too; the roots of their subtrees stay,
//! so that every proof of what is left holds.

use crate::checkpoint::named;
use crate::counted::Counted;
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
    /// Of one range; how many events of each class there were.
    Retention(Counted),
}

/// Ranges of a redaction.
pub const RANGES_MAX: usize = 1_024;
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
                "retention" => RemovalKind::Retention(counted),
                _ => return Err("neither redaction nor retention"),
            },
            entries,
            rule: named(lines.next().ok_or(missing)?, "rule")?.to_owned(),
        };
        if removal.to_string() != text || !removal.is_well_formed() {
            return Err("the removal is not spelt as it must be");
        }
        Ok(removal)
    }

    fn is_well_formed(&self) -> bool {
        let ranges_max = match self.kind {
            RemovalKind::Redaction => RANGES_MAX,
            RemovalKind::Retention(_) => 1,
        };
        let is_apart = |pair: &[Range<u64>]| pair[0].end < pair[1].start;
        (1..=ranges_max).contains(&self.entries.len())
            && self.entries.iter().all(|range| range.start < range.end)
            && self.entries.windows(2).all(is_apart)
    }
}

/// The text that is signed.
impl fmt::Display for Removal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, counted) = match &self.kind {
            RemovalKind::Redaction => ("redaction", "-".to_owned()),
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
        for good in [&redaction, &retention] {
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
        ] {
            assert!(Removal::parse(&bad).is_err(), "{bad}");
        }
    }
}
