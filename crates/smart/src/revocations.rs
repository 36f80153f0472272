//! What was revoked, in the memory of every node: asked for every request, so it must cost nothing.
//!
//! The rows are the truth. A node rereads them when the state revision has risen (looked at twice a second) and notes its own
//! at once. A node that could not look for [`STALE_AFTER_S`] knows no longer what is void, and refuses every token (S102).

use crate::claims::TOKEN_LIFETIME_S_MAX;
use crate::state::{self, Revocation};
use crate::tokens::CLOCK_SKEW_S;
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};
use ward_storage::{Store, StoreError};

/// The revocations that still matter.
pub struct Revocations {
    /// Up to which `iat` tokens of a client or a subject are void. What names a session, a grant or a token itself voids it
    /// whatever its `iat`: none of these is ever made again.
    before: RwLock<Void>,
    /// Rises with every change, so that a token that was looked up need not be looked up again.
    generation: AtomicU64,
    /// When the rows were last known to be these: seconds since 1970.
    current_s: AtomicI64,
}

/// By the kind of what they name: each has room of its own, so that whoever fills one (a client that mints and gives back) keeps
/// nobody from stopping a client or signing somebody out.
#[derive(Default)]
struct Void([HashMap<String, Known>; what::KINDS.len()]);

#[derive(Clone, Copy)]
struct Known {
    before_s: i64,
    expires_s: i64,
}

/// What of a token can be revoked.
#[derive(Clone, Copy, Debug)]
pub struct Revocable<'a> {
    pub client_id: &'a str,
    pub subject: &'a str,
    pub session: Option<&'a str>,
    pub grant: Option<&'a str>,
    pub token_id: &'a str,
    pub issued_s: i64,
}

/// Bounded staleness (S102).
pub const STALE_AFTER_S: i64 = 30;
/// Revocations of one kind alive at once; at this many no more of it are taken, and who asks for one is answered 503.
pub const REVOCATIONS_MAX: usize = 100_000;
/// How long a revocation is kept: no token issued before it lives longer. That of one token goes with the token.
pub const REVOCATION_LIFETIME_S: i64 = TOKEN_LIFETIME_S_MAX + 2 * CLOCK_SKEW_S;

impl Revocations {
    /// Nothing is known yet: every token is refused until [`Revocations::reread`].
    pub fn unread() -> Revocations {
        Revocations::known_at(i64::MIN)
    }

    /// Of a process that has no store: nothing is ever revoked.
    pub fn none() -> Revocations {
        Revocations::known_at(i64::MAX)
    }

    /// Reads the rows. One statement for each 500.
    pub async fn reread(&self, store: &Store, now_s: i64) -> Result<(), StoreError> {
        let rows = state::list::<Revocation>(store, None, usize::MAX, now_s).await?;
        self.change(|void| {
            // What was noted and is not among the rows is kept: it may have been written since.
            void.forget(now_s);
            rows.iter().for_each(|row| void.note(row));
        });
        Ok(())
    }

    /// Nothing has changed since the rows were read.
    pub fn are_current(&self, now_s: i64) {
        self.current_s.fetch_max(now_s, Ordering::Relaxed);
    }

    /// At once on this node; the row is written already.
    pub fn note(&self, row: &Revocation) {
        self.change(|void| void.note(row));
    }

    /// Whether what is known is too old to go by.
    pub fn is_stale(&self, now_s: i64) -> bool {
        now_s.saturating_sub(self.current_s.load(Ordering::Relaxed)) > STALE_AFTER_S
    }

    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Whether there is no room for one more of this kind.
    pub fn is_full(&self, what: &str) -> bool {
        let void = self.read();
        void.of(what)
            .is_none_or(|kind| kind.len() >= REVOCATIONS_MAX)
    }

    /// Whether one of them is about this token.
    pub fn cover(&self, token: &Revocable<'_>) -> bool {
        let void = self.read();
        let whole = [
            Some(what::token(token.token_id)),
            token.session.map(what::session),
            token.grant.map(what::grant),
        ];
        let until = [what::client(token.client_id), what::subject(token.subject)];
        whole.iter().flatten().any(|name| void.get(name).is_some())
            || until
                .iter()
                .filter_map(|name| void.get(name))
                .any(|known| token.issued_s <= known.before_s)
    }

    /// Voids what `what` names by now. After another of the same second it reaches further than that: what was issued between the two
    /// was issued as of after the first.
    pub fn next(&self, what: &str, now_s: i64) -> Revocation {
        let mut row = Revocation::new(what.to_owned(), now_s);
        if let Some(known) = self.read().get(what) {
            row.before_s = row.before_s.max(known.before_s.saturating_add(1));
        }
        row
    }

    /// Up to which `iat` tokens of this client or subject are void.
    pub fn void_until_s(&self, client_id: &str, subject: &str) -> Option<i64> {
        let void = self.read();
        let names = [what::client(client_id), what::subject(subject)];
        let known = names.iter().filter_map(|name| void.get(name));
        known.map(|known| known.before_s).max()
    }

    fn known_at(current_s: i64) -> Revocations {
        Revocations {
            before: RwLock::default(),
            generation: AtomicU64::new(1),
            current_s: AtomicI64::new(current_s),
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Void> {
        self.before.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Void)) {
        let mut before = self.before.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut before);
        // Under the lock: who sees the new generation sees the new map.
        self.generation.fetch_add(1, Ordering::Release);
    }
}

impl Void {
    fn of(&self, what: &str) -> Option<&HashMap<String, Known>> {
        Some(&self.0[what::kind(what)?])
    }

    fn get(&self, what: &str) -> Option<&Known> {
        self.of(what)?.get(what)
    }

    /// An older one takes nothing back.
    fn note(&mut self, row: &Revocation) {
        let Some(kind) = what::kind(&row.what) else {
            tracing::error!("a revocation of no kind that is known");
            return;
        };
        let new = Known {
            before_s: row.before_s,
            expires_s: row.expires_s,
        };
        let known = self.0[kind].entry(row.what.clone()).or_insert(new);
        known.before_s = known.before_s.max(new.before_s);
        known.expires_s = known.expires_s.max(new.expires_s);
    }

    fn forget(&mut self, now_s: i64) {
        for kind in &mut self.0 {
            kind.retain(|_, known| now_s < known.expires_s);
        }
    }
}

/// How a revocation names what it is about.
pub mod what {
    /// What names begin with.
    pub(super) const KINDS: [&str; 5] = ["client:", "sub:", "sid:", "grant:", "jti:"];

    pub(super) fn kind(what: &str) -> Option<usize> {
        KINDS.iter().position(|kind| what.starts_with(kind))
    }

    pub fn client(id: &str) -> String {
        format!("client:{id}")
    }

    pub fn subject(subject: &str) -> String {
        format!("sub:{subject}")
    }

    pub fn session(id: &str) -> String {
        format!("sid:{id}")
    }

    pub fn grant(id: &str) -> String {
        format!("grant:{id}")
    }

    pub fn token(id: &str) -> String {
        format!("jti:{id}")
    }
}

/// The latest `iat` of what other nodes have issued by `now_s`: their clocks may run ahead.
fn issued_by_s(now_s: i64) -> i64 {
    now_s.saturating_add(CLOCK_SKEW_S)
}

impl Revocation {
    /// Voids what any node has issued by `now_s`. Of a client or a subject that is let in again within [`CLOCK_SKEW_S`] new tokens
    /// are issued as of its end.
    pub fn new(what: String, now_s: i64) -> Revocation {
        Revocation {
            what,
            before_s: issued_by_s(now_s),
            id: ward_seal::random::uuid(),
            expires_s: now_s.saturating_add(REVOCATION_LIFETIME_S),
        }
    }

    /// Voids one token, and is forgotten when every node's clock has passed the token's end (`exp`).
    pub fn of_token(id: &str, exp: i64, now_s: i64) -> Revocation {
        let revocation = Revocation::new(what::token(id), now_s);
        let ended_s = exp.saturating_add(2 * CLOCK_SKEW_S);
        Revocation {
            expires_s: revocation.expires_s.min(ended_s),
            ..revocation
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(what: &str, before_s: i64) -> Revocation {
        Revocation {
            before_s,
            ..Revocation::new(what.to_owned(), before_s)
        }
    }

    fn token(issued_s: i64) -> Revocable<'static> {
        Revocable {
            client_id: "c",
            subject: "s",
            session: Some("1"),
            grant: Some("g"),
            token_id: "j",
            issued_s,
        }
    }

    #[test]
    fn s102_a_node_that_cannot_look_refuses_after_30_s() {
        let revocations = Revocations::unread();
        assert!(revocations.is_stale(0));
        revocations.are_current(1000);
        assert!(!revocations.is_stale(1000 + STALE_AFTER_S));
        assert!(revocations.is_stale(1001 + STALE_AFTER_S));
        assert!(!Revocations::none().is_stale(i64::MAX));
    }

    #[test]
    fn s100_what_was_issued_before_is_void_and_later_is_not() {
        for what in ["client:c", "sub:s"] {
            let revocations = Revocations::none();
            let generation = revocations.generation();
            assert!(!revocations.cover(&token(10)));
            revocations.note(&row(what, 10));
            assert_ne!(revocations.generation(), generation);
            assert!(revocations.cover(&token(9)), "{what}");
            assert!(revocations.cover(&token(10)), "{what}");
            assert!(!revocations.cover(&token(11)), "{what}");
            revocations.note(&row(what, 5));
            assert!(
                revocations.cover(&token(10)),
                "an older one takes nothing back"
            );
        }
        // Whatever the clock of the node that issued it said.
        for what in ["sid:1", "grant:g", "jti:j"] {
            let revocations = Revocations::none();
            revocations.note(&row(what, 10));
            for issued_s in [9, 10, 11, 1_000] {
                assert!(revocations.cover(&token(issued_s)), "{what}");
            }
        }
        let ahead = Revocation::new("client:c".to_owned(), 10);
        assert_eq!(ahead.before_s, 10 + CLOCK_SKEW_S);
        assert!(ahead.expires_s >= ahead.before_s + TOKEN_LIFETIME_S_MAX + CLOCK_SKEW_S);
        let others = Revocations::none();
        for what in ["client:d", "sub:c", "sid:j", "grant:1", "jti:s"] {
            others.note(&row(what, 10));
        }
        assert!(!others.cover(&token(1)));
    }

    #[test]
    fn at17a_two_changes_of_one_second_void_what_was_issued_between_them() {
        let revocations = Revocations::none();
        let first = revocations.next("client:c", 10);
        assert_eq!(first.before_s, 10 + CLOCK_SKEW_S);
        revocations.note(&first);
        let between = token(first.before_s + 1);
        assert!(!revocations.cover(&between));
        let second = revocations.next("client:c", 10);
        revocations.note(&second);
        assert!(revocations.cover(&between));
        // Later on a change reaches no further than it must.
        let later = revocations.next("client:c", 100);
        assert_eq!(later.before_s, 100 + CLOCK_SKEW_S);
    }

    #[test]
    fn one_kind_that_is_full_leaves_room_for_the_others() {
        let revocations = Revocations::none();
        revocations.change(|void| {
            (0..REVOCATIONS_MAX).for_each(|n| void.note(&row(&format!("jti:{n}"), 10)));
        });
        assert!(revocations.is_full("jti:new") && revocations.is_full("nonsense"));
        for what in ["client:c", "sub:s", "sid:1", "grant:g"] {
            assert!(!revocations.is_full(what), "{what}");
            revocations.note(&row(what, 10));
            assert!(revocations.cover(&token(10)), "{what}");
        }
    }

    #[test]
    fn the_revocation_of_a_token_goes_with_it() {
        let short = Revocation::of_token("j", 1_300, 1_000);
        assert_eq!(short.expires_s, 1_300 + 2 * CLOCK_SKEW_S);
        let long = Revocation::of_token("j", i64::MAX, 1_000);
        assert_eq!(long.expires_s, 1_000 + REVOCATION_LIFETIME_S);
        let revocations = Revocations::none();
        revocations.note(&short);
        revocations.change(|void| void.forget(short.expires_s - 1));
        assert!(revocations.cover(&token(0)));
        revocations.change(|void| void.forget(short.expires_s));
        assert!(!revocations.cover(&token(0)));
    }
}
