//! What is wrong, and where.

use crate::note::{KeyId, hex};
use std::fmt;
use std::ops::Range;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Of the file; 0: of none.
    pub line: u64,
    pub place: Place,
    pub problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    File,
    Entries(Range<u64>),
    /// The checkpoint of this number in the file, from 1, and its size.
    Checkpoint {
        number: u64,
        size: u64,
    },
    /// The anchor of this number among those given, from 1, and its size.
    Anchor {
        number: usize,
        size: u64,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    Malformed(&'static str),
    /// The entry does not have the hash that the log has kept of it.
    Changed,
    /// Among these entries one was changed, put in, taken out or exchanged: their root is not the signed one.
    OtherRoot,
    Missing,
    Inserted,
    Swapped,
    /// The end is missing: somebody has signed more.
    Truncated,
    /// The file does not end with its last line.
    NoEnd,
    /// The log went on from an earlier state than one that was signed.
    Rollback,
    /// There are two logs: another root was signed for this size.
    Fork,
    /// Not the checkpoint that follows the one before: one is missing, or one was put in.
    OtherPrevious,
    /// The clock was set back.
    ClockBack {
        by_us: i64,
    },
    /// Dated after the checkpoint that covers it.
    PostDated,
    Unsigned {
        key: String,
    },
    BadSignature {
        by: String,
    },
    /// By a key that neither the file's header nor the auditor names, and that the key before has not introduced.
    ForeignSignature {
        by: String,
        id: KeyId,
    },
    /// It names another key than the one that signs now.
    OtherKey {
        named: KeyId,
        signing: KeyId,
    },
    /// More answers left than events were recorded.
    Unrecorded {
        class: u8,
        counted: u64,
        recorded: u64,
    },
    CountedLess,
    MissingHeartbeat {
        silent_s: u64,
        promised_s: u64,
    },
    /// Taken out, and no removal in the log says so.
    NotRemoved,
    NotApproved {
        approvals: usize,
        needed: usize,
    },
    /// None of the keys that signed is one that the auditor trusts.
    Untrusted,
    NotWitnessed {
        by: String,
    },
    Stale {
        age_s: u64,
    },
    /// Nothing in the file is signed.
    NoCheckpoint,
    /// Entries behind the last checkpoint.
    Uncovered,
}

impl Place {
    pub(super) fn entry(seq: u64) -> Place {
        Place::Entries(seq..seq + 1)
    }
}

impl Problem {
    /// Whether what is there is not what was signed. The rest means that not everything can be shown.
    pub fn is_tampering(&self) -> bool {
        !matches!(
            self,
            Problem::MissingHeartbeat { .. }
                | Problem::PostDated
                | Problem::NotWitnessed { .. }
                | Problem::Stale { .. }
                | Problem::Uncovered
        )
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.problem)?;
        match self.line {
            0 => Ok(()),
            line => write!(out, " (line {line})"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::File => out.write_str("the file"),
            Place::Entries(range) if range.end == range.start + 1 => {
                write!(out, "entry {}", range.start)
            }
            Place::Entries(range) => write!(out, "entries {} to {}", range.start, range.end - 1),
            Place::Checkpoint { number, size } => {
                write!(out, "checkpoint {number} (of {size} entries)")
            }
            Place::Anchor { number, size } => write!(out, "anchor {number} (of {size} entries)"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::Malformed(why) => write!(out, "cannot be read: {why}"),
            Problem::Changed => {
                out.write_str("changed: it does not have the hash that the log has kept of it")
            }
            Problem::OtherRoot => out.write_str(
                "one of them was changed, put in, taken out or exchanged: together they do not have the root that was signed",
            ),
            Problem::Missing => out.write_str("missing"),
            Problem::Inserted => out.write_str("there twice, or put in"),
            Problem::Swapped => out.write_str("exchanged with its neighbour"),
            Problem::Truncated => out.write_str("missing: the end was cut off"),
            Problem::NoEnd => out.write_str("the file ends without its last line: it was cut off"),
            Problem::Rollback => out.write_str(
                "missing: the log went on from an earlier state than one that was signed, as after an old copy was restored",
            ),
            Problem::Fork => {
                out.write_str("another root was signed for the same size: there are two versions of the log")
            }
            Problem::OtherPrevious => out.write_str(
                "not the one that follows the checkpoint before: one is missing, or one was put in",
            ),
            Problem::ClockBack { by_us } => {
                write!(out, "{} s earlier than the one before", by_us / 1_000_000)
            }
            Problem::PostDated => out.write_str("dated after the checkpoint that covers it"),
            Problem::Unsigned { key } => write!(out, "not signed by {key}"),
            Problem::BadSignature { by } => write!(out, "the signature of {by} does not hold"),
            Problem::ForeignSignature { by, id } => write!(
                out,
                "signed by {by} with the key {}, which nobody has introduced",
                hex(id)
            ),
            Problem::OtherKey { named, signing } => write!(
                out,
                "it names the key {}, and {} is the one that signs",
                hex(named),
                hex(signing)
            ),
            Problem::Unrecorded {
                class,
                counted,
                recorded,
            } => write!(
                out,
                "{counted} answers of class {class} left and {recorded} were recorded"
            ),
            Problem::CountedLess => out.write_str("fewer answers are counted than in the one before"),
            Problem::MissingHeartbeat {
                silent_s,
                promised_s,
            } => write!(
                out,
                "comes {silent_s} s after the one before, which promised it within {promised_s} s"
            ),
            Problem::NotRemoved => {
                out.write_str("taken out, and no signed removal in the log says so")
            }
            Problem::NotApproved { approvals, needed } => write!(
                out,
                "a removal that {approvals} of the approvers have signed and {needed} must"
            ),
            Problem::Untrusted => out.write_str("none of the keys that signed is one of those you trust"),
            Problem::NotWitnessed { by } => write!(out, "not signed by the witness {by} of late"),
            Problem::Stale { age_s } => write!(out, "the last one, and {age_s} s old"),
            Problem::NoCheckpoint => out.write_str("without a checkpoint: nothing in it is signed"),
            Problem::Uncovered => out.write_str("behind the last checkpoint: nobody has signed them"),
        }
    }
}
