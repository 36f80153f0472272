//! A document that a key of the log signs: the evidence of an access review. In the file is the document beside a signed note:
//!
//! ```text
//! hospital.example/ward/audit          origin: which log's key signs
//! ward.evidence/v1
//! sha256 CsUYapGGPo4dkMgIAUqom/Xa…     of the document as JSON without white space
//! time 1764514800123456                microseconds since 1970
//! ```
//!
//! No checkpoint reads like that, so neither stands for the other. A file has one spelling: no byte of it can be changed unnoticed.

use crate::checkpoint::named;
use crate::note::{Note, VerifierKey};
use crate::tree::Hash;
use serde_json::{Map, Value};
use std::fmt;
use ward_seal::hash::sha256;

/// JSON.
pub type Document = Value;

/// What is signed of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Also the name of the key that signs.
    pub origin: String,
    pub digest: Hash,
    /// Microseconds since 1970.
    pub time_us: i64,
}

/// A document that a key has signed, and when.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub statement: Statement,
    pub document: Document,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EvidenceError {
    Malformed(&'static str),
    /// The document is another than the one that was signed.
    Changed,
    /// By none of the keys that are trusted.
    Unsigned,
}

/// The line behind the first.
pub const EXTENSION: &str = "ward.evidence/v1";
const NOTE: &str = "note";
const DOCUMENT: &str = "document";

impl Statement {
    pub fn of(origin: &str, document: &Document, time_us: i64) -> Statement {
        Statement {
            origin: origin.to_owned(),
            digest: digest(document),
            time_us,
        }
    }

    /// Error: what is wrong with the text. It has one spelling.
    pub fn parse(text: &str) -> Result<Statement, &'static str> {
        let mut lines = text.lines();
        let mut line = || lines.next().ok_or("a line is missing in the statement");
        let origin = line()?.to_owned();
        if line()? != EXTENSION {
            return Err("not a statement of this format");
        }
        let digest = Hash::from_base64(named(line()?, "sha256")?).ok_or("not a hash")?;
        let time = named(line()?, "time")?.parse();
        let statement = Statement {
            origin,
            digest,
            time_us: time.map_err(|_| "the time is no number")?,
        };
        match statement.to_string() == text {
            true => Ok(statement),
            false => Err("the statement is not spelt as it must be"),
        }
    }
}

/// The text that is signed.
impl fmt::Display for Statement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}\n{EXTENSION}", self.origin)?;
        writeln!(out, "sha256 {}", self.digest.to_base64())?;
        writeln!(out, "time {}", self.time_us)
    }
}

impl Evidence {
    /// What the file says, whose document one of `keys` has signed.
    pub fn verify(file: &str, keys: &[VerifierKey]) -> Result<Evidence, EvidenceError> {
        let malformed = EvidenceError::Malformed;
        let read: Value =
            serde_json::from_str(file).map_err(|_| malformed("the file is no JSON"))?;
        let note = read[NOTE].as_str().ok_or(malformed("there is no note"))?;
        let document = read.get(DOCUMENT).cloned();
        let document = document.ok_or(malformed("there is no document"))?;
        let parsed = Note::parse(note).map_err(malformed)?;
        if written(&parsed, document.clone()) != file {
            return Err(malformed("the file is not spelt as it must be"));
        }
        let statement = Statement::parse(parsed.text()).map_err(malformed)?;
        let is_trusted =
            |key: &VerifierKey| key.name() == statement.origin && parsed.is_signed_by(key);
        if !keys.iter().any(is_trusted) {
            return Err(EvidenceError::Unsigned);
        }
        match digest(&document) == statement.digest {
            true => Ok(Evidence {
                statement,
                document,
            }),
            false => Err(EvidenceError::Changed),
        }
    }
}

/// The file: the document with the note that signs it.
pub fn written(note: &Note, document: Document) -> String {
    let mut file = Map::new();
    file.insert(DOCUMENT.to_owned(), document);
    file.insert(NOTE.to_owned(), note.to_string().into());
    format!("{:#}\n", Value::Object(file))
}

fn digest(document: &Value) -> Hash {
    Hash(sha256(document.to_string().as_bytes()))
}

impl fmt::Display for EvidenceError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            EvidenceError::Malformed(why) => why,
            EvidenceError::Changed => "the document is not the one that was signed",
            EvidenceError::Unsigned => "it is not signed by a key of the log that you trust",
        })
    }
}

impl std::error::Error for EvidenceError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::note::{Kind, Signer};
    use serde_json::json;
    use ward_seal::Ed25519Key;

    fn signed(document: Value) -> (String, VerifierKey) {
        let signer = Signer::new("log.example", Ed25519Key::from_seed(&[7; 32])).unwrap();
        let statement = Statement::of("log.example", &document, 1_764_514_800_123_456);
        let mut note = Note::unsigned(statement.to_string()).unwrap();
        note.sign(&signer);
        (written(&note, document), signer.public().clone())
    }

    #[test]
    fn c14_a_file_that_was_signed_holds_and_no_byte_of_it_can_be_changed() {
        let document = json!({ "name": "Autumn 2026 — \"all\"", "items": [{ "n": 1, "reason": "é\n" }, { "n": -20 }] });
        let (file, key) = signed(document.clone());
        let keys = [key];
        let evidence = Evidence::verify(&file, &keys).unwrap();
        assert_eq!(evidence.document, document);
        assert_eq!(evidence.statement.time_us, 1_764_514_800_123_456);
        let bytes = file.as_bytes();
        for at in 0..bytes.len() {
            for other in [bytes[at] ^ 1, bytes[at] ^ 0x20, b'0', b' '] {
                let mut changed = bytes.to_vec();
                changed[at] = other;
                let text = String::from_utf8(changed);
                let Some(text) = text.ok().filter(|text| *text != file) else {
                    continue;
                };
                assert!(Evidence::verify(&text, &keys).is_err(), "{at}: {text}");
            }
            let cut = file.get(..at).unwrap_or_default();
            assert!(Evidence::verify(cut, &keys).is_err());
        }
        for more in [
            format!("{file} "),
            format!("{file}{file}"),
            file.replace(": ", ":"),
        ] {
            assert!(Evidence::verify(&more, &keys).is_err(), "{more}");
        }
    }

    #[test]
    fn c14_only_a_key_that_is_trusted_counts() {
        let (file, key) = signed(json!({ "items": [] }));
        let other = VerifierKey::new("log.example", Kind::Ed25519, [1; 32]).unwrap();
        for keys in [&[][..], &[other]] {
            let refused = Evidence::verify(&file, keys).unwrap_err();
            assert_eq!(refused, EvidenceError::Unsigned);
        }
        let (another, _) = signed(json!({ "items": [1] }));
        let note = |file: &str| -> Value {
            let file: Value = serde_json::from_str(file).unwrap();
            file["note"].clone()
        };
        let note = Note::parse(note(&another).as_str().unwrap()).unwrap();
        let exchanged = written(&note, json!({ "items": [] }));
        let refused = Evidence::verify(&exchanged, &[key]).unwrap_err();
        assert_eq!(refused, EvidenceError::Changed);
    }

    #[test]
    fn no_statement_is_a_checkpoint() {
        let statement = Statement::of("log.example", &json!({}), 7);
        let text = statement.to_string();
        assert_eq!(Statement::parse(&text), Ok(statement));
        assert!(crate::checkpoint::Checkpoint::parse(&text).is_err());
        assert!(Statement::parse(&text.replace("time 7", "time 07")).is_err());
    }
}
