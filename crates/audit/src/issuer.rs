//! Signs the checkpoints of one log. It signs nothing that contradicts what it has signed before.

use crate::checkpoint::Checkpoint;
use crate::counted::Counted;
use crate::note::{Note, Signer, VerifierKey};
use crate::tree::Hash;
use crate::tree::compact_range::CompactRange;
use std::fmt;
use std::sync::Arc;

/// A clone signs as this does: whoever stores what it signs goes on with the clone only when that is stored.
#[derive(Clone)]
pub struct Issuer {
    signer: Arc<Signer>,
    last: Option<Last>,
}

/// What is to be signed.
pub struct State<'a> {
    /// The frontier of the tree.
    pub entries: &'a CompactRange,
    /// Of how many events the answers have left, since the log began.
    pub counted: &'a Counted,
    /// Microseconds since 1970.
    pub now_us: i64,
}

/// Why nothing was signed. Each is an alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IssueError {
    /// The clock is behind the last checkpoint by more than [`CLOCK_SLACK_US`].
    ClockBack { by_us: i64 },
    /// The tree is smaller than what was signed.
    Smaller { signed: u64, now: u64 },
    /// The tree is as large as what was signed, and another.
    Fork { size: u64 },
    /// Fewer events were counted than were signed.
    CountedLess,
    /// The entries given are not all from the first.
    NotWhole,
    /// The name of the new key is another log's.
    ForeignKey,
    /// The last checkpoint cannot be read, or the key has not signed it and is not the one it names as next.
    NotOurs,
}

/// There is news: a checkpoint so long after the one before.
pub const NEWS_INTERVAL_US: i64 = 1_000_000;
/// There is much news: a checkpoint at once.
pub const ENTRIES_MAX: u64 = 10_000;
/// There is none: a checkpoint nevertheless, so that silence is noticed.
pub const HEARTBEAT_US: i64 = 45_000_000;
/// What each checkpoint promises of the next.
pub const WITHIN_S: u32 = 60;
/// A clock that is set back by less counts as standing still.
pub const CLOCK_SLACK_US: i64 = 1_000_000;

#[derive(Clone)]
struct Last {
    digest: Hash,
    size: u64,
    root: Hash,
    time_us: i64,
    counted: Counted,
}

impl Issuer {
    /// Of a log without checkpoints. Its origin is the name of the key.
    pub fn new(signer: Signer) -> Issuer {
        Issuer {
            signer: Arc::new(signer),
            last: None,
        }
    }

    /// Goes on behind the last checkpoint. Error: [`IssueError::NotOurs`].
    pub fn resume(signer: Signer, last: &Note) -> Result<Issuer, IssueError> {
        let checkpoint = Checkpoint::parse(last.text()).map_err(|_| IssueError::NotOurs)?;
        let key = signer.public();
        let is_ours = match &checkpoint.next {
            Some(next) => next == key,
            None => checkpoint.origin == key.name() && checkpoint.key == key.id(),
        };
        if !is_ours || !last.is_signed_by(key) {
            return Err(IssueError::NotOurs);
        }
        let last = Some(Last::of(last, checkpoint));
        Ok(Issuer {
            signer: Arc::new(signer),
            last,
        })
    }

    pub fn key(&self) -> &VerifierKey {
        self.signer.public()
    }

    /// Whether a checkpoint is due. `size`: of the tree. One is due at once where the clock was set back: it is refused, so that it shows.
    pub fn is_due(&self, size: u64, now_us: i64) -> bool {
        let Some(last) = &self.last else { return true };
        let (news, age_us) = (
            size.saturating_sub(last.size),
            now_us.saturating_sub(last.time_us),
        );
        let is_back = age_us < -CLOCK_SLACK_US;
        let is_news = news >= ENTRIES_MAX || news > 0 && age_us >= NEWS_INTERVAL_US;
        is_back || is_news || age_us >= HEARTBEAT_US
    }

    pub fn issue(&mut self, state: State<'_>) -> Result<Note, IssueError> {
        let checkpoint = self.checkpoint(state)?;
        self.signed(checkpoint)
    }

    /// The last checkpoint before the log stops: it promises no next one.
    pub fn stop(&mut self, state: State<'_>) -> Result<Note, IssueError> {
        let checkpoint = self.checkpoint(state)?;
        self.signed(Checkpoint {
            within_s: None,
            ..checkpoint
        })
    }

    /// A checkpoint that both keys sign; what follows the new one signs alone.
    pub fn rotate(&mut self, next: Signer, state: State<'_>) -> Result<Note, IssueError> {
        if next.public().name() != self.key().name() {
            return Err(IssueError::ForeignKey);
        }
        let checkpoint = self.checkpoint(state)?;
        let mut note = self.signed(Checkpoint {
            next: Some(next.public().clone()),
            ..checkpoint
        })?;
        note.sign(&next);
        self.signer = Arc::new(next);
        Ok(note)
    }

    fn checkpoint(&self, state: State<'_>) -> Result<Checkpoint, IssueError> {
        let root = state.entries.root().ok_or(IssueError::NotWhole)?;
        let size = state.entries.end();
        let mut time_us = state.now_us;
        if let Some(last) = &self.last {
            last.check(size, &root, &state)?;
            time_us = time_us.max(last.time_us);
        }
        Ok(Checkpoint {
            origin: self.key().name().to_owned(),
            size,
            root,
            time_us,
            previous: self.last.as_ref().map(|last| last.digest),
            key: self.key().id(),
            within_s: Some(WITHIN_S),
            counted: state.counted.clone(),
            next: None,
        })
    }

    fn signed(&mut self, checkpoint: Checkpoint) -> Result<Note, IssueError> {
        let text = checkpoint.to_string();
        let mut note = Note::unsigned(text).ok_or(IssueError::NotOurs)?;
        note.sign(&self.signer);
        self.last = Some(Last::of(&note, checkpoint));
        Ok(note)
    }
}

impl Last {
    fn of(note: &Note, checkpoint: Checkpoint) -> Last {
        Last {
            digest: note.digest(),
            size: checkpoint.size,
            root: checkpoint.root,
            time_us: checkpoint.time_us,
            counted: checkpoint.counted,
        }
    }

    fn check(&self, size: u64, root: &Hash, state: &State<'_>) -> Result<(), IssueError> {
        let by_us = self.time_us.saturating_sub(state.now_us);
        if by_us > CLOCK_SLACK_US {
            return Err(IssueError::ClockBack { by_us });
        }
        if size < self.size {
            let signed = self.size;
            return Err(IssueError::Smaller { signed, now: size });
        }
        if size == self.size && *root != self.root {
            return Err(IssueError::Fork { size });
        }
        match self.counted.beyond(state.counted) {
            Some(_) => Err(IssueError::CountedLess),
            None => Ok(()),
        }
    }
}

impl fmt::Display for IssueError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IssueError::ClockBack { by_us } => write!(
                out,
                "the clock is {} s behind the last checkpoint of the audit log",
                by_us / 1_000_000
            ),
            IssueError::Smaller { signed, now } => write!(
                out,
                "{signed} audit entries were signed and {now} are there: some were removed, or an old copy was restored"
            ),
            IssueError::Fork { size } => write!(
                out,
                "the first {size} audit entries are not those that were signed"
            ),
            IssueError::CountedLess => out.write_str("fewer events are counted than were signed"),
            IssueError::NotWhole => out.write_str("the entries do not begin with the first"),
            IssueError::ForeignKey => out.write_str("the new key has the name of another log"),
            IssueError::NotOurs => {
                out.write_str("the last checkpoint was not signed with this key")
            }
        }
    }
}

impl std::error::Error for IssueError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::leaf_hash;
    use ward_seal::Ed25519Key;

    fn signer(seed: u8) -> Signer {
        Signer::new("log.example", Ed25519Key::from_seed(&[seed; 32])).unwrap()
    }

    fn frontier(size: u64) -> CompactRange {
        let mut range = CompactRange::empty();
        (0..size).for_each(|n| range.append(leaf_hash(&n.to_le_bytes())));
        range
    }

    fn state<'a>(entries: &'a CompactRange, counted: &'a Counted, now_us: i64) -> State<'a> {
        State {
            entries,
            counted,
            now_us,
        }
    }

    #[test]
    fn signs_nothing_that_contradicts_what_it_signed() {
        let (ten, counted) = (frontier(10), Counted::parse("1=3").unwrap());
        let mut issuer = Issuer::new(signer(1));
        issuer.issue(state(&ten, &counted, 5_000_000)).unwrap();
        let mut other = frontier(9);
        other.append(leaf_hash(b"other"));
        for (entries, counted, now_us, error) in [
            (
                &ten,
                "1=3",
                3_000_000,
                IssueError::ClockBack { by_us: 2_000_000 },
            ),
            (
                &frontier(9),
                "1=3",
                6_000_000,
                IssueError::Smaller { signed: 10, now: 9 },
            ),
            (&other, "1=3", 6_000_000, IssueError::Fork { size: 10 }),
            (&frontier(11), "1=2", 6_000_000, IssueError::CountedLess),
        ] {
            let counted = Counted::parse(counted).unwrap();
            let refused = issuer.issue(state(entries, &counted, now_us));
            assert_eq!(refused, Err(error));
        }
        // A little back is standing still.
        let note = issuer.issue(state(&ten, &counted, 4_500_000)).unwrap();
        let time_us = Checkpoint::parse(note.text()).unwrap().time_us;
        assert_eq!(time_us, 5_000_000);
    }

    #[test]
    fn goes_on_where_it_stopped_and_from_key_to_key() {
        let (entries, none) = (frontier(3), Counted::default());
        let mut issuer = Issuer::new(signer(1));
        let first = issuer.issue(state(&entries, &none, 1)).unwrap();
        let mut issuer = Issuer::resume(signer(1), &first).unwrap();
        assert!(Issuer::resume(signer(2), &first).is_err());
        let turn = issuer.rotate(signer(2), state(&entries, &none, 2)).unwrap();
        for key in [signer(1), signer(2)] {
            assert!(turn.is_signed_by(key.public()));
        }
        assert!(Issuer::resume(signer(1), &turn).is_err());
        let mut issuer = Issuer::resume(signer(2), &turn).unwrap();
        let stop = issuer.stop(state(&entries, &none, 3)).unwrap();
        assert!(stop.is_signed_by(signer(2).public()) && !stop.is_signed_by(signer(1).public()));
        let stop = Checkpoint::parse(stop.text()).unwrap();
        assert_eq!((stop.previous, stop.within_s), (Some(turn.digest()), None));
    }

    #[test]
    fn is_due_with_news_and_as_a_heartbeat() {
        let mut issuer = Issuer::new(signer(1));
        assert!(issuer.is_due(0, 0));
        let none = Counted::default();
        issuer.issue(state(&frontier(5), &none, 0)).unwrap();
        for (size, now_us, is_due) in [
            (5, 1_000_000, false),
            (6, 999_999, false),
            (6, 1_000_000, true),
            (10_005, 1, true),
            (5, 44_999_999, false),
            (5, 45_000_000, true),
            (5, -1_000_000, false),
            (5, -1_000_001, true),
        ] {
            assert_eq!(issuer.is_due(size, now_us), is_due, "{size} at {now_us}");
        }
    }
}
