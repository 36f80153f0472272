//! Signed notes: a text, an empty line, and a line for each signature. <https://c2sp.org/signed-note>
//!
//! Only the one spelling of a note is read, so that no byte of it can be changed unnoticed.

use crate::tree::Hash;
use std::fmt;
use ward_seal::hash::sha256;
use ward_seal::{ED25519_SIGNATURE_BYTES, Ed25519Key, ed25519_verifies};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Ends with a newline.
    text: String,
    signatures: Vec<Signature>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    pub name: String,
    pub id: KeyId,
    pub bytes: Vec<u8>,
}

/// The first bytes of a hash over a key's name, its kind and itself: together with the name they say which key it is.
pub type KeyId = [u8; 4];

/// Whose signatures are believed, and what they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: Kind,
    public: [u8; 32],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Signs the text.
    Ed25519 = 1,
    /// Signs the text and the time at which it saw it (`cosignature/v1`). <https://c2sp.org/tlog-cosignature>
    Cosignature = 4,
}

/// A private key and the name under which it signs.
pub struct Signer {
    key: Ed25519Key,
    public: VerifierKey,
}

/// Longest note that is read.
pub const NOTE_BYTES_MAX: usize = 64 << 10;
pub const SIGNATURES_MAX: usize = 32;

impl Note {
    /// `text` without signatures. `None`: it is empty, does not end with a newline or has control characters.
    pub fn unsigned(text: String) -> Option<Note> {
        let is_good = text.ends_with('\n') && text.len() > 1 && !has_controls(&text);
        is_good.then_some(Note {
            text,
            signatures: Vec::new(),
        })
    }

    /// Error: what is wrong with it.
    pub fn parse(written: &str) -> Result<Note, &'static str> {
        if written.len() > NOTE_BYTES_MAX {
            return Err("the note is too long");
        }
        let at = written.rfind("\n\n").ok_or("no empty line in the note")?;
        let text = written[..at + 1].to_owned();
        let mut note = Note::unsigned(text).ok_or("a note's text has no control characters")?;
        for line in written[at + 2..].lines() {
            let signature = Signature::parse(line).ok_or("not a line of a signature")?;
            note.signatures.push(signature);
        }
        if note.signatures.len() > SIGNATURES_MAX {
            return Err("too many signatures");
        }
        if note.to_string() != written {
            return Err("the note is not spelt as it must be");
        }
        Ok(note)
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The hash of what is signed: the same whoever signs it later.
    pub fn digest(&self) -> Hash {
        Hash(sha256(self.text.as_bytes()))
    }

    pub fn sign(&mut self, signer: &Signer) {
        self.signatures.push(signer.sign(&self.text));
    }

    pub fn add(&mut self, signature: Signature) {
        self.signatures.push(signature);
    }

    /// Whether one of the signatures is this key's, and holds.
    pub fn is_signed_by(&self, key: &VerifierKey) -> bool {
        let mut own = self.signatures.iter().filter(|s| key.is_named_by(s));
        own.any(|signature| key.verifies(&self.text, signature))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}", self.text)?;
        self.signatures
            .iter()
            .try_for_each(|signature| writeln!(out, "{signature}"))
    }
}

impl Signature {
    /// The line of a signature, without its newline.
    pub fn parse(line: &str) -> Option<Signature> {
        let (name, text) = line.strip_prefix("— ")?.split_once(' ')?;
        let bytes = ward_seal::from_base64(text)?;
        let (id, bytes) = bytes.split_first_chunk()?;
        Some(Signature {
            name: name.to_owned(),
            id: *id,
            bytes: bytes.to_vec(),
        })
        .filter(|_| is_name(name))
    }

    /// Of a cosignature: when it was made, in seconds since 1970.
    pub fn time_s(&self) -> Option<u64> {
        let (time, rest) = self.bytes.split_first_chunk()?;
        let time = u64::from_be_bytes(*time);
        (rest.len() == ED25519_SIGNATURE_BYTES && time < 1 << 63).then_some(time)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.id[..], &self.bytes].concat();
        write!(out, "— {} {}", self.name, ward_seal::base64(&bytes))
    }
}

impl VerifierKey {
    /// `None`: the name is empty, or has spaces, control characters or a plus.
    pub fn new(name: &str, kind: Kind, public: [u8; 32]) -> Option<VerifierKey> {
        is_name(name).then(|| VerifierKey {
            name: name.to_owned(),
            kind,
            public,
        })
    }

    /// `name+1a2b3c4d+base64`. `None`: not a key as it is written, or of a kind that is not known here.
    pub fn parse(written: &str) -> Option<VerifierKey> {
        let (name, rest) = written.split_once('+')?;
        let (_, key) = rest.split_once('+')?;
        let bytes = ward_seal::from_base64(key)?;
        let (kind, public) = bytes.split_first()?;
        let kind = match kind {
            1 => Kind::Ed25519,
            4 => Kind::Cosignature,
            _ => return None,
        };
        let key = VerifierKey::new(name, kind, public.try_into().ok()?)?;
        (key.to_string() == written).then_some(key)
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    pub fn id(&self) -> KeyId {
        let named = [
            self.name.as_bytes(),
            b"\n",
            &[self.kind as u8],
            &self.public,
        ];
        let hash = sha256(&named.concat());
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// Whether the signature says that it is this key's.
    pub fn is_named_by(&self, signature: &Signature) -> bool {
        signature.name == self.name && signature.id == self.id()
    }

    pub fn verifies(&self, text: &str, signature: &Signature) -> bool {
        match self.kind {
            Kind::Ed25519 => ed25519_verifies(&self.public, text.as_bytes(), &signature.bytes),
            Kind::Cosignature => signature.time_s().is_some_and(|time_s| {
                let message = cosigned(text, time_s);
                ed25519_verifies(&self.public, message.as_bytes(), &signature.bytes[8..])
            }),
        }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind as u8], &self.public[..]].concat();
        let (id, key) = (hex(&self.id()), ward_seal::base64(&key));
        write!(out, "{}+{id}+{key}", self.name)
    }
}

impl Signer {
    /// Signs texts. `None`: the name may not be one.
    pub fn new(name: &str, key: Ed25519Key) -> Option<Signer> {
        let public = VerifierKey::new(name, Kind::Ed25519, key.public())?;
        Some(Signer { key, public })
    }

    /// Signs what it has seen, and when. `None`: the name may not be one.
    pub fn cosigner(name: &str, key: Ed25519Key) -> Option<Signer> {
        let public = VerifierKey::new(name, Kind::Cosignature, key.public())?;
        Some(Signer { key, public })
    }

    pub fn public(&self) -> &VerifierKey {
        &self.public
    }

    /// The signature of a key that signs texts.
    pub fn sign(&self, text: &str) -> Signature {
        self.signature(self.key.sign(text.as_bytes()).to_vec())
    }

    /// The signature of a cosigner.
    pub fn cosign(&self, text: &str, time_s: u64) -> Signature {
        let signed = self.key.sign(cosigned(text, time_s).as_bytes());
        self.signature([&time_s.to_be_bytes()[..], &signed].concat())
    }

    fn signature(&self, bytes: Vec<u8>) -> Signature {
        Signature {
            name: self.public.name.clone(),
            id: self.public.id(),
            bytes,
        }
    }
}

/// Eight digits.
pub fn hex(id: &KeyId) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn cosigned(text: &str, time_s: u64) -> String {
    format!("cosignature/v1\ntime {time_s}\n{text}")
}

fn is_name(name: &str) -> bool {
    let is_bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    !name.is_empty() && !name.contains(is_bad)
}

fn has_controls(text: &str) -> bool {
    text.bytes().any(|byte| byte < b' ' && byte != b'\n')
}

#[cfg(test)]
mod tests;
