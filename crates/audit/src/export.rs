//! The log as a file: one JSON object in each line, in the order of the log. Whoever has the file, and a key or a checkpoint from
//! elsewhere, can check the log ([`crate::verifier`]). Every line has one spelling.
//!
//! | line | when |
//! |---|---|
//! | `{"export":"ward.audit/v1","origin":…,"key":…,"witnesses":[…],"approvers":[…]}` | first, once |
//! | `{"leaf":0,"at":…,"class":1,"nonce":…,"record":…,"hash":…}` | an entry |
//! | `{"leaf":0,"at":…,"class":1,"commitment":…,"hash":…}` | an entry whose record was destroyed |
//! | `{"dropped":0,"end":4096,"counted":"1=4000 3=96","hashes":[…]}` | entries that were dropped |
//! | `{"checkpoint":"…"}` | behind the last entry that it covers |
//! | `{"end":5000,"checkpoints":12}` | last, once |

use crate::counted::Counted;
use crate::leaf::{Class, Content, Leaf};
use crate::note::{Note, VerifierKey};
use crate::tree::compact_range::CompactRange;
use crate::tree::{Hash, SIZE_MAX};
use serde_json::Value;
use std::fmt::{self, Write};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    Header(Header),
    /// The entry, and the hash of it that the log has kept.
    Leaf(Leaf, Hash),
    Dropped(CompactRange, Counted),
    Checkpoint(Note),
    End {
        entries: u64,
        checkpoints: u64,
    },
}

/// What the log says of itself. A verifier believes none of it, but needs it to read the rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub origin: String,
    /// The key of the first checkpoint.
    pub key: VerifierKey,
    pub witnesses: Vec<VerifierKey>,
    pub approvers: Vec<VerifierKey>,
}

/// Longest line that is read: a record has at most 1 MiB.
pub const LINE_BYTES_MAX: usize = 4 << 20;
const FORMAT: &str = "ward.audit/v1";

impl Line {
    /// Error: what is wrong with the line, which is without its newline.
    pub fn parse(text: &str) -> Result<Line, &'static str> {
        let value: Value = serde_json::from_str(text).map_err(|_| "not a line of JSON")?;
        let members = Members(&value);
        let line = if value.get("leaf").is_some() {
            members.leaf()
        } else if value.get("checkpoint").is_some() {
            Some(Line::Checkpoint(Note::parse(
                members.text("checkpoint").unwrap_or_default(),
            )?))
        } else if value.get("dropped").is_some() {
            members.dropped()
        } else if value.get("export").is_some() {
            members.header()
        } else {
            members.end()
        };
        let line = line.ok_or("a member is missing, or is not what it must be")?;
        match line.to_string() == text {
            true => Ok(line),
            false => Err("the line is not spelt as it must be"),
        }
    }
}

/// The one spelling.
impl fmt::Display for Line {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Line::Header(header) => {
                let (origin, key) = (quoted(&header.origin), quoted(&header.key.to_string()));
                let witnesses = list(&header.witnesses);
                let approvers = list(&header.approvers);
                write!(
                    out,
                    r#"{{"export":"{FORMAT}","origin":{origin},"key":{key},"#
                )?;
                write!(out, r#""witnesses":{witnesses},"approvers":{approvers}}}"#)
            }
            Line::Leaf(leaf, hash) => {
                let (seq, at_us, class) = (leaf.seq, leaf.at_us, leaf.class.0);
                write!(out, r#"{{"leaf":{seq},"at":{at_us},"class":{class},"#)?;
                match &leaf.content {
                    Content::Whole { nonce, record } => {
                        let (nonce, record) = (ward_seal::base64(nonce), ward_seal::base64(record));
                        write!(out, r#""nonce":"{nonce}","record":"{record}","#)
                    }
                    Content::Redacted { commitment } => {
                        write!(out, r#""commitment":"{}","#, commitment.to_base64())
                    }
                }?;
                write!(out, r#""hash":"{}"}}"#, hash.to_base64())
            }
            Line::Dropped(range, counted) => {
                let (first, end) = (range.first(), range.end());
                let hashes: Vec<String> = range.hashes().iter().map(|h| h.to_base64()).collect();
                write!(out, r#"{{"dropped":{first},"end":{end},"#)?;
                write!(out, r#""counted":"{counted}","hashes":{}}}"#, list(&hashes))
            }
            Line::Checkpoint(note) => {
                write!(out, r#"{{"checkpoint":{}}}"#, quoted(&note.to_string()))
            }
            Line::End {
                entries,
                checkpoints,
            } => write!(out, r#"{{"end":{entries},"checkpoints":{checkpoints}}}"#),
        }
    }
}

/// The notes of a file of anchors: checkpoints as they were signed, one behind the other, or lines of an export. Error: what is
/// wrong with one.
pub fn notes(text: &str) -> Result<Vec<Note>, &'static str> {
    let mut notes = Vec::new();
    let mut written = String::new();
    let mut is_signed = false;
    for line in text.lines() {
        if line.starts_with('{') {
            if let Line::Checkpoint(note) = Line::parse(line)? {
                notes.push(note);
            }
            continue;
        }
        if is_signed && !line.starts_with(SIGNATURE) {
            notes.push(Note::parse(&std::mem::take(&mut written))?);
            is_signed = false;
        }
        if written.is_empty() && line.is_empty() {
            continue;
        }
        is_signed |= line.starts_with(SIGNATURE);
        // Writing to a String does not fail.
        let _ = writeln!(written, "{line}");
    }
    if !written.is_empty() {
        notes.push(Note::parse(&written)?);
    }
    Ok(notes)
}

struct Members<'a>(&'a Value);

impl Members<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_u64()
    }

    fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        ward_seal::from_base64(self.text(name)?)
    }

    fn hash(&self, name: &str) -> Option<Hash> {
        Hash::from_base64(self.text(name)?)
    }

    fn texts(&self, name: &str) -> Option<impl Iterator<Item = Option<&str>>> {
        Some(self.0.get(name)?.as_array()?.iter().map(Value::as_str))
    }

    fn keys(&self, name: &str) -> Option<Vec<VerifierKey>> {
        self.texts(name)?
            .map(|key| VerifierKey::parse(key?))
            .collect()
    }

    fn leaf(&self) -> Option<Line> {
        let content = match self.0.get("commitment") {
            Some(_) => Content::Redacted {
                commitment: self.hash("commitment")?,
            },
            None => Content::Whole {
                nonce: self.bytes("nonce")?.try_into().ok()?,
                record: self.bytes("record")?,
            },
        };
        let leaf = Leaf {
            seq: self.number("leaf").filter(|seq| *seq < SIZE_MAX)?,
            at_us: self.0.get("at")?.as_i64()?,
            class: Class(self.number("class")?.try_into().ok()?),
            content,
        };
        Some(Line::Leaf(leaf, self.hash("hash")?))
    }

    fn dropped(&self) -> Option<Line> {
        let hashes: Option<Vec<Hash>> = self
            .texts("hashes")?
            .map(|hash| Hash::from_base64(hash?))
            .collect();
        let (first, end) = (self.number("dropped")?, self.number("end")?);
        let range = CompactRange::from_hashes(first, end, hashes?)?;
        let counted = Counted::parse(self.text("counted")?)?;
        (first < end && counted.total() == end - first).then_some(Line::Dropped(range, counted))
    }

    fn header(&self) -> Option<Line> {
        Some(Line::Header(Header {
            origin: self.text("origin")?.to_owned(),
            key: VerifierKey::parse(self.text("key")?)?,
            witnesses: self.keys("witnesses")?,
            approvers: self.keys("approvers")?,
        }))
    }

    fn end(&self) -> Option<Line> {
        Some(Line::End {
            entries: self.number("end")?,
            checkpoints: self.number("checkpoints")?,
        })
    }
}

fn list<T: fmt::Display>(items: &[T]) -> String {
    let items: Vec<String> = items.iter().map(|item| quoted(&item.to_string())).collect();
    format!("[{}]", items.join(","))
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

const SIGNATURE: &str = "— ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_one_spelling() {
        let leaf = Leaf {
            seq: 5,
            at_us: -1,
            class: Class::READ,
            content: Content::Whole {
                nonce: [1; 16],
                record: b"some record".to_vec(),
            },
        };
        let key = VerifierKey::new("log \"x\"", crate::note::Kind::Ed25519, [1; 32]);
        assert_eq!(key, None);
        let mut range = CompactRange::starting_at(3);
        (0..4).for_each(|_| range.append(leaf.hash()));
        let lines = [
            Line::Leaf(leaf.clone(), leaf.hash()),
            Line::Leaf(leaf.redacted(), leaf.hash()),
            Line::Dropped(range, Counted::parse("1=4").unwrap()),
            Line::End {
                entries: 7,
                checkpoints: 0,
            },
        ];
        for line in lines {
            let text = line.to_string();
            assert_eq!(Line::parse(&text), Ok(line), "{text}");
            for bad in [
                text.replace(':', ": "),
                text.replacen('{', r#"{"more":1,"#, 1),
                text.replacen('"', "", 1),
                format!("{text} "),
                text.replace("=\"", "\""),
                text[..text.len() - 1].to_owned(),
            ] {
                assert!(bad == text || Line::parse(&bad).is_err(), "{bad}");
            }
        }
        assert!(Line::parse("{}").is_err() && Line::parse("[]").is_err());
    }

    #[test]
    fn notes_stand_one_behind_the_other_or_in_lines() {
        let mut note = Note::unsigned("a\n0\nb\n".into()).unwrap();
        let key = ward_seal::Ed25519Key::from_seed(&[1; 32]);
        note.sign(&crate::note::Signer::new("a", key).unwrap());
        let text = note.to_string();
        let three = format!("{text}{text}\n{text}");
        assert_eq!(notes(&three), Ok(vec![note.clone(); 3]));
        let lines = format!("{0}\n{0}\n", Line::Checkpoint(note.clone()));
        assert_eq!(notes(&lines), Ok(vec![note; 2]));
        assert_eq!(notes(""), Ok(vec![]));
        assert!(notes("text only").is_err());
    }
}
