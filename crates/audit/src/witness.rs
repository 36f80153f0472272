//! A witness: it signs that a log has only grown since it last looked. <https://c2sp.org/tlog-witness>
//!
//! Whoever asks for its signature must show that the new tree begins with all of the old. It signs one tree of each size, so
//! that two who are shown different logs find out.

use crate::checkpoint::Checkpoint;
use crate::note::{Note, Signature, Signer, VerifierKey};
use crate::tree::proof::verify_consistency;
use crate::tree::{Hash, empty_root};
use std::collections::BTreeMap;
use std::fmt;

pub struct Witness {
    signer: Signer,
    logs: BTreeMap<String, Seen>,
}

/// What was last signed of a log; the caller keeps it durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub key: VerifierKey,
    pub size: u64,
    pub root: Hash,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Malformed(&'static str),
    UnknownLog,
    /// Not by the key of the log, or of a change of keys not by both.
    NotSigned,
    /// The proof must begin at this size.
    OtherSize {
        seen: u64,
    },
    /// Not a continuation of what was signed: a fork, or an old copy of the log.
    NotConsistent {
        seen: u64,
    },
}

impl Witness {
    /// `signer` must be a cosigner.
    pub fn new(signer: Signer) -> Witness {
        Witness {
            signer,
            logs: BTreeMap::new(),
        }
    }

    pub fn key(&self) -> &VerifierKey {
        self.signer.public()
    }

    /// Follows a log from its beginning, or from what was last signed of it.
    pub fn follow(&mut self, seen: Seen) {
        self.logs.insert(seen.key.name().to_owned(), seen);
    }

    pub fn seen(&self, origin: &str) -> Option<&Seen> {
        self.logs.get(origin)
    }

    /// The signature, to be added to the checkpoint once what was [`seen`](Witness::seen) is durable. `proof`: from the size
    /// that was last signed to the checkpoint's.
    pub fn cosign(
        &mut self,
        note: &Note,
        old_size: u64,
        proof: &[Hash],
        now_s: u64,
    ) -> Result<Signature, Refusal> {
        let checkpoint = Checkpoint::parse(note.text()).map_err(Refusal::Malformed)?;
        let seen = self.logs.get_mut(&checkpoint.origin);
        let seen = seen.ok_or(Refusal::UnknownLog)?;
        let signers = [Some(&seen.key), checkpoint.next.as_ref()];
        if !signers
            .into_iter()
            .flatten()
            .all(|key| note.is_signed_by(key))
        {
            return Err(Refusal::NotSigned);
        }
        if checkpoint.size >= seen.size && old_size != seen.size {
            return Err(Refusal::OtherSize { seen: seen.size });
        }
        let (size, root) = (checkpoint.size, checkpoint.root);
        if !verify_consistency(seen.size, &seen.root, size, &root, proof) {
            return Err(Refusal::NotConsistent { seen: seen.size });
        }
        (seen.size, seen.root) = (size, root);
        if let Some(next) = checkpoint.next {
            seen.key = next;
        }
        Ok(self.signer.cosign(note.text(), now_s))
    }
}

impl Seen {
    pub fn nothing_of(key: VerifierKey) -> Seen {
        Seen {
            key,
            size: 0,
            root: empty_root(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Malformed(why) => out.write_str(why),
            Refusal::UnknownLog => out.write_str("the log is not one that is followed here"),
            Refusal::NotSigned => out.write_str("the checkpoint is not signed by the log's key"),
            Refusal::OtherSize { seen } => write!(out, "the proof must begin at size {seen}"),
            Refusal::NotConsistent { seen } => {
                write!(
                    out,
                    "the log does not continue what was signed at size {seen}"
                )
            }
        }
    }
}

impl std::error::Error for Refusal {}
