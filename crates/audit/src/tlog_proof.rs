//! A proof that one event is in the log, as a text that stands for itself. <https://c2sp.org/tlog-proof>
//!
//! The extra data are the entry and, unless it was redacted, its nonce and record: what is needed to make its hash anew.

use crate::checkpoint::Checkpoint;
use crate::leaf::{Content, ENTRY_BYTES, Leaf, NONCE_BYTES};
use crate::note::{Note, VerifierKey};
use crate::tree::Hash;
use crate::tree::proof::verify_inclusion;
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    pub leaf: Leaf,
    /// From the entry's sibling up.
    pub path: Vec<Hash>,
    pub checkpoint: Note,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofError {
    Malformed(&'static str),
    /// The entry is not in the tree that the checkpoint speaks of, or was changed.
    NotIncluded,
    /// By none of the keys of the log that are trusted.
    Unsigned,
    NotWitnessed {
        by: String,
    },
}

/// Hashes of a path: as many as a tree has levels.
pub const PATH_MAX: usize = 62;
const FORMAT: &str = "c2sp.org/tlog-proof@v1";

impl TlogProof {
    /// Error: what is wrong with the text. It has one spelling.
    pub fn parse(text: &str) -> Result<TlogProof, &'static str> {
        let (head, note) = text
            .split_once("\n\n")
            .ok_or("no empty line in the proof")?;
        let mut lines = head.lines();
        if lines.next() != Some(FORMAT) {
            return Err("not a proof of this format");
        }
        let extra = lines.next().and_then(|line| line.strip_prefix("extra "));
        let extra = extra.and_then(ward_seal::from_base64);
        let leaf = extra.and_then(|bytes| leaf(&bytes));
        lines.next();
        let path: Option<Vec<Hash>> = lines.map(Hash::from_base64).collect();
        let proof = TlogProof {
            leaf: leaf.ok_or("the extra data are no entry")?,
            path: path
                .filter(|path| path.len() <= PATH_MAX)
                .ok_or("a line is no hash")?,
            checkpoint: Note::parse(note)?,
        };
        match proof.to_string() == text {
            true => Ok(proof),
            false => Err("the proof is not spelt as it must be"),
        }
    }

    /// The checkpoint, which one of `keys` has signed and all of `witnesses`, and in whose tree the entry is.
    pub fn verify(
        &self,
        keys: &[VerifierKey],
        witnesses: &[VerifierKey],
    ) -> Result<Checkpoint, ProofError> {
        let note = &self.checkpoint;
        let checkpoint = Checkpoint::parse(note.text()).map_err(ProofError::Malformed)?;
        let is_trusted =
            |key: &VerifierKey| key.name() == checkpoint.origin && note.is_signed_by(key);
        if !keys.iter().any(is_trusted) {
            return Err(ProofError::Unsigned);
        }
        if let Some(silent) = witnesses.iter().find(|key| !note.is_signed_by(key)) {
            let by = silent.name().to_owned();
            return Err(ProofError::NotWitnessed { by });
        }
        let (seq, size, root) = (self.leaf.seq, checkpoint.size, &checkpoint.root);
        match verify_inclusion(&self.leaf.hash(), seq, size, &self.path, root) {
            true => Ok(checkpoint),
            false => Err(ProofError::NotIncluded),
        }
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut extra = self.leaf.entry().to_vec();
        if let Content::Whole { nonce, record } = &self.leaf.content {
            extra.extend_from_slice(nonce);
            extra.extend_from_slice(record);
        }
        writeln!(out, "{FORMAT}\nextra {}", ward_seal::base64(&extra))?;
        writeln!(out, "index {}", self.leaf.seq)?;
        for hash in &self.path {
            writeln!(out, "{}", hash.to_base64())?;
        }
        write!(out, "\n{}", self.checkpoint)
    }
}

impl fmt::Display for ProofError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProofError::Malformed(why) => out.write_str(why),
            ProofError::NotIncluded => out.write_str(
                "the event is not in the log that was signed: it, or the proof, was changed",
            ),
            ProofError::Unsigned => {
                out.write_str("the checkpoint is not signed by a key of the log that you trust")
            }
            ProofError::NotWitnessed { by } => {
                write!(out, "the checkpoint is not signed by the witness {by}")
            }
        }
    }
}

impl std::error::Error for ProofError {}

/// The entry, with its content where that is there and is the one that it commits to.
fn leaf(bytes: &[u8]) -> Option<Leaf> {
    let (entry, content) = bytes.split_first_chunk::<ENTRY_BYTES>()?;
    let redacted = Leaf::from_entry(entry)?;
    if content.is_empty() {
        return Some(redacted);
    }
    let (nonce, record) = content.split_first_chunk::<NONCE_BYTES>()?;
    let content = Content::Whole {
        nonce: *nonce,
        record: record.to_vec(),
    };
    let leaf = Leaf {
        content,
        ..redacted
    };
    (leaf.entry() == *entry).then_some(leaf)
}
