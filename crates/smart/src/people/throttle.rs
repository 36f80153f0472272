//! Guessing is made slow, and nobody is shut out for good (AT7d, X59): after a few attempts each further one must wait longer,
//! up to a bound. Attempts are counted before they are looked at, so that many at once are as slow as one after the other.
//! Passkeys cannot be guessed and are not throttled: who has one signs in whatever others try.

use crate::answer::OAuthError;
use crate::server::AuthorizationServer;
use crate::state::{self, Changes, Held, Refused, Throttle, digest};
use ward_storage::Store;

/// What is guessed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guess {
    Password,
    Code,
}

/// How many attempts are free, and how long one waits at most after that.
struct Bounds {
    free: u32,
    wait_s_max: i64,
}

/// Of one account from one address.
const HERE: Bounds = Bounds {
    free: 5,
    wait_s_max: 15 * 60,
};
/// Of one account from anywhere: an attacker with many addresses is slowed, its owner waits half a minute at most.
const ANYWHERE: Bounds = Bounds {
    free: 50,
    wait_s_max: 30,
};
/// From one address at any account: many people may share one.
const ADDRESS: Bounds = Bounds {
    free: 200,
    wait_s_max: 60,
};
/// After so long without an attempt all are forgotten.
const FORGOTTEN_AFTER_S: i64 = 3600;
/// How often a count is tried again when another attempt was counted at the same moment.
const COUNTS_MAX: u32 = 8;

/// An attempt that was counted.
pub(super) struct Attempt {
    here: String,
}

/// Counts an attempt. `Err`: too early; how many seconds to wait.
pub(super) async fn attempt(
    server: &AuthorizationServer,
    guess: Guess,
    account: &str,
    source: &str,
    now_s: i64,
) -> Result<Result<Attempt, i64>, OAuthError> {
    let here = name(guess, &[account, source]);
    let bounded = [
        (here.clone(), HERE),
        (name(guess, &[account]), ANYWHERE),
        (name(guess, &["", source]), ADDRESS),
    ];
    for (what, bounds) in &bounded {
        if let Some(wait_s) = count(server.store(), what, bounds, now_s).await? {
            return Ok(Err(wait_s));
        }
    }
    Ok(Ok(Attempt { here }))
}

/// It was right: the person is not slowed by what they mistyped before.
pub(super) fn forget(changes: Changes, attempt: &Attempt) -> Changes {
    changes.forget::<Throttle>(&attempt.here)
}

/// `Some`: seconds until the next attempt is taken. One that comes too early does not make the wait longer: else whoever
/// knocks without end would keep the owner out.
async fn count(
    store: &Store,
    what: &str,
    bounds: &Bounds,
    now_s: i64,
) -> Result<Option<i64>, OAuthError> {
    for _ in 0..COUNTS_MAX {
        let known = state::get::<Throttle>(store, what, now_s).await?;
        if let Some(known) = &known {
            let ready_s = known.last_s.saturating_add(wait_s(known.attempts, bounds));
            if now_s < ready_s {
                return Ok(Some(ready_s - now_s));
            }
        }
        match state::commit(store, counted(known, what, now_s), now_s).await {
            Ok(()) => return Ok(None),
            Err(Refused::Conflict(_)) => {}
            Err(Refused::Unavailable) => return Err(OAuthError::unavailable()),
        }
    }
    Ok(Some(1))
}

fn counted(known: Option<Held<Throttle>>, what: &str, now_s: i64) -> Changes {
    let expires_s = now_s.saturating_add(FORGOTTEN_AFTER_S);
    match known {
        Some(mut known) => {
            known.attempts = known.attempts.saturating_add(1);
            known.last_s = now_s;
            known.expires_s = expires_s;
            Changes::new().replace(&known)
        }
        None => Changes::new().insert(&Throttle {
            what: what.to_owned(),
            attempts: 1,
            last_s: now_s,
            expires_s,
        }),
    }
}

/// Twice as long with every attempt beyond those that are free, from two seconds on.
fn wait_s(attempts: u32, bounds: &Bounds) -> i64 {
    match attempts.checked_sub(bounds.free) {
        None => 0,
        Some(beyond) => 2i64
            .checked_shl(beyond.min(32))
            .map_or(bounds.wait_s_max, |wait| wait.min(bounds.wait_s_max)),
    }
}

fn name(guess: Guess, parts: &[&str]) -> String {
    // Parts cannot run into each other: none has a line break.
    digest(&format!("{guess:?}\n{}", parts.join("\n")))
}

/// What a person is told who must wait.
pub(super) fn wait(wait_s: i64) -> String {
    match wait_s {
        ..=60 => format!("Too many attempts. Try again in {} seconds.", wait_s.max(1)),
        _ => format!(
            "Too many attempts. Try again in {} minutes.",
            wait_s.div_euclid(60) + 1
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound() {
        let waits: Vec<i64> = (0..20).map(|attempts| wait_s(attempts, &HERE)).collect();
        assert_eq!(waits[..9], [0, 0, 0, 0, 0, 2, 4, 8, 16]);
        assert_eq!(waits[19], 15 * 60);
        assert_eq!(wait_s(u32::MAX, &HERE), 15 * 60);
        assert_eq!(wait_s(u32::MAX, &ANYWHERE), 30);
    }
}
