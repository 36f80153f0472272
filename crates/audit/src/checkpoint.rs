//! A checkpoint: what the log says of itself, as the text of a signed note. <https://c2sp.org/tlog-checkpoint>
//!
//! ```text
//! hospital.example/ward/audit          origin: which log
//! 20852163                             size: how many entries
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2…    root of the tree over them
//! ward.audit/v1
//! time 1764514800123456                microseconds since 1970
//! previous ZVQi3Q1v8V…                 SHA-256 of the text of the checkpoint before, or -
//! key 1a2b3c4d                         the key that signs
//! within 60                            the next checkpoint comes within so many seconds; - when the log stops
//! counted 1=523 2=91                   of how many events of a class the answers have left
//! next hospital.example/ward/audit+…   the key that signs from the next checkpoint on, which signs this one, too
//! ```
//!
//! The last line is there only when the key changes.

use crate::counted::Counted;
use crate::note::{KeyId, VerifierKey, hex};
use crate::tree::{Hash, SIZE_MAX};
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Also the name of the keys that sign.
    pub origin: String,
    pub size: u64,
    pub root: Hash,
    /// Microseconds since 1970.
    pub time_us: i64,
    pub previous: Option<Hash>,
    pub key: KeyId,
    /// Seconds; `None`: none is promised, the log stops.
    pub within_s: Option<u32>,
    pub counted: Counted,
    pub next: Option<VerifierKey>,
}

/// The line behind the first three.
pub const EXTENSION: &str = "ward.audit/v1";

impl Checkpoint {
    /// Error: what is wrong with the text. It has one spelling.
    pub fn parse(text: &str) -> Result<Checkpoint, &'static str> {
        let mut lines = text.lines();
        let mut line = || lines.next().ok_or("a line is missing in the checkpoint");
        let origin = line()?.to_owned();
        let size = line()?.parse().map_err(|_| "the size is no number")?;
        let root = Hash::from_base64(line()?).ok_or("the root is no hash")?;
        if line()? != EXTENSION {
            return Err("not a checkpoint of this format");
        }
        let time = named(line()?, "time")?.parse();
        let previous = optional(named(line()?, "previous")?, Hash::from_base64)?;
        let key = key_id(named(line()?, "key")?).ok_or("the key's id has no eight digits")?;
        let within_s = optional(named(line()?, "within")?, |text| text.parse().ok())?;
        let counted = Counted::parse(named(line()?, "counted")?).ok_or("cannot be counted so")?;
        let next = match lines.next() {
            Some(line) => {
                Some(VerifierKey::parse(named(line, "next")?).ok_or("the next key is no key")?)
            }
            None => None,
        };
        let checkpoint = Checkpoint {
            origin,
            size,
            root,
            time_us: time.map_err(|_| "the time is no number")?,
            previous,
            key,
            within_s,
            counted,
            next,
        };
        if checkpoint.to_string() != text || size > SIZE_MAX {
            return Err("the checkpoint is not spelt as it must be");
        }
        Ok(checkpoint)
    }
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let previous = self.previous.map(|hash| hash.to_base64());
        let within = self.within_s.map(|seconds| seconds.to_string());
        let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
        writeln!(out, "{}\n{}", self.origin, self.size)?;
        writeln!(out, "{}\n{EXTENSION}", self.root.to_base64())?;
        writeln!(out, "time {}", self.time_us)?;
        writeln!(out, "previous {}", or_none(previous))?;
        writeln!(out, "key {}", hex(&self.key))?;
        writeln!(out, "within {}", or_none(within))?;
        writeln!(out, "counted {}", self.counted)?;
        match &self.next {
            Some(key) => writeln!(out, "next {key}"),
            None => Ok(()),
        }
    }
}

/// What follows the word in front.
pub(crate) fn named<'a>(line: &'a str, word: &str) -> Result<&'a str, &'static str> {
    line.strip_prefix(word)
        .and_then(|rest| rest.strip_prefix(' '))
        .ok_or("a line does not begin with the word it must")
}

fn optional<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Option<T>, &'static str> {
    match text {
        NONE => Ok(None),
        _ => parse(text)
            .map(Some)
            .ok_or("a value is not what it must be"),
    }
}

fn key_id(digits: &str) -> Option<KeyId> {
    let value = u32::from_str_radix(digits, 16).ok()?;
    (digits.len() == 8).then(|| value.to_be_bytes())
}

const NONE: &str = "-";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::{Kind, Note};
    use crate::tree::empty_root;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            origin: "log.example".into(),
            size: 20_852_163,
            root: Hash([7; 32]),
            time_us: 1_764_514_800_123_456,
            previous: Some(empty_root()),
            key: [0x1a, 0x2b, 0x3c, 0x4d],
            within_s: Some(60),
            counted: Counted::parse("1=523 2=91").unwrap(),
            next: VerifierKey::new("log.example", Kind::Ed25519, [1; 32]),
        }
    }

    #[test]
    fn the_text_is_as_documented() {
        let text = checkpoint().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[..2], ["log.example", "20852163"]);
        assert_eq!(lines[2], "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=");
        let middle = ["ward.audit/v1", "time 1764514800123456"];
        assert_eq!(lines[3..5], middle);
        let previous = "previous 47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        let rest = [previous, "key 1a2b3c4d", "within 60", "counted 1=523 2=91"];
        assert_eq!(lines[5..9], rest);
        assert!(lines[9].starts_with("next log.example+"));
    }

    #[test]
    fn has_one_spelling() {
        let bare = Checkpoint {
            previous: None,
            within_s: None,
            counted: Counted::default(),
            next: None,
            ..checkpoint()
        };
        for good in [checkpoint(), bare] {
            let text = good.to_string();
            assert_eq!(Checkpoint::parse(&text), Ok(good));
            assert!(Note::unsigned(text.clone()).is_some());
            for at in 0..text.len() {
                let cut = &text[..at];
                // The last line is there or not.
                assert!(text[at..].starts_with("next ") || Checkpoint::parse(cut).is_err());
            }
            for (from, to) in [
                ("20852163", "020852163"),
                ("20852163", "9223372036854775807"),
                ("time ", "time +"),
                ("key 1a", "key 1A"),
                ("key 1a2", "key 2"),
                ("ward.audit/v1", "ward.audit/v2"),
                ("\nwithin", "\n\nwithin"),
                ("counted", "counts"),
            ] {
                let bad = text.replacen(from, to, 1);
                assert!(Checkpoint::parse(&bad).is_err(), "{bad}");
            }
        }
    }
}
