//! Guessing is made slow, and nobody is shut out for good (AT7d, X59): after a few attempts each further one must wait longer,
//! up to a bound. Attempts are counted before they are looked at, so that many at once are as slow as one after the other; one
//! that was right is taken back, so that those who sign in at one address do not slow each other. A browser that the account knows
//! is counted by itself: whoever has many addresses keeps nobody out where they are at home (X78).
//! Passkeys cannot be guessed and are not throttled: who has one signs in whatever others try.

use super::known_browser;
use crate::answer::OAuthError;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{self, Changes, Held, Refused, Throttle, digest};
use std::net::IpAddr;
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

/// Of one account from one address, or in one browser that it knows.
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
    counted: Vec<Counted>,
}

/// What it was counted with, and when an attempt was counted there before.
struct Counted {
    what: String,
    at_s: i64,
    before_s: i64,
}

/// Counts an attempt. `Err`: too early; how many seconds to wait.
pub(super) async fn attempt(
    server: &AuthorizationServer,
    guess: Guess,
    account: &str,
    request: &Request<'_>,
) -> Result<Result<Attempt, i64>, OAuthError> {
    let now_s = request.now_s;
    let (here, elsewhere) = match known_browser::known(server, account, request).await? {
        Some(browser) => (name(guess, &["", "browser", &browser.id]), Vec::new()),
        None => unknown(guess, account, &network(request.source)),
    };
    let mut bounded = vec![(here.clone(), HERE)];
    bounded.extend(elsewhere);
    // One that is refused is counted nowhere: whoever uses an address up does not use up the accounts of those beside them.
    for (what, bounds) in &bounded {
        let known = state::get::<Throttle>(server.store(), what, now_s).await?;
        if let Some(wait_s) = early(known.as_deref(), bounds, now_s) {
            return Ok(Err(wait_s));
        }
    }
    let mut attempt = Attempt {
        here,
        counted: Vec::new(),
    };
    for (what, bounds) in bounded {
        match count(server.store(), &what, &bounds, now_s).await? {
            Ok(before_s) => attempt.counted.push(Counted {
                what,
                at_s: now_s,
                before_s,
            }),
            Err(wait_s) => {
                take_back(server.store(), &attempt, now_s).await?;
                return Ok(Err(wait_s));
            }
        }
    }
    Ok(Ok(attempt))
}

/// What an attempt counts at where the account does not know the browser: here, and elsewhere.
fn unknown(guess: Guess, account: &str, source: &str) -> (String, Vec<(String, Bounds)>) {
    let elsewhere = vec![
        (name(guess, &[account]), ANYWHERE),
        (name(guess, &["", source]), ADDRESS),
    ];
    (name(guess, &[account, source]), elsewhere)
}

/// It was right: it slows nobody, and the person is not slowed by what they mistyped before.
pub(super) async fn right(
    server: &AuthorizationServer,
    attempt: &Attempt,
    now_s: i64,
) -> Result<Changes, OAuthError> {
    take_back(server.store(), attempt, now_s).await?;
    Ok(Changes::new().forget::<Throttle>(&attempt.here))
}

/// Where others count at the same moment without end, the attempt stays counted: slower, never faster.
async fn take_back(store: &Store, attempt: &Attempt, now_s: i64) -> Result<(), OAuthError> {
    for counted in &attempt.counted {
        for _ in 0..COUNTS_MAX {
            let known = state::get::<Throttle>(store, &counted.what, now_s).await?;
            let Some(mut known) = known else { break };
            known.attempts = known.attempts.saturating_sub(1);
            if known.last_s == counted.at_s {
                known.last_s = counted.before_s;
            }
            match state::commit(store, Changes::new().replace(&known), now_s).await {
                Ok(()) => break,
                Err(Refused::Conflict(_)) => {}
                Err(Refused::Unavailable) => return Err(OAuthError::unavailable()),
            }
        }
    }
    Ok(())
}

/// Whoever has one address of IPv6 has the 64 bits of it that are not the network's.
fn network(source: &str) -> String {
    match source
        .parse::<IpAddr>()
        .map(|address| address.to_canonical())
    {
        Ok(IpAddr::V6(address)) => format!("{:x?}", &address.segments()[..4]),
        Ok(address) => address.to_string(),
        Err(_) => source.to_owned(),
    }
}

/// `Some`: how many seconds too early an attempt comes.
fn early(known: Option<&Throttle>, bounds: &Bounds, now_s: i64) -> Option<i64> {
    let known = known?;
    let ready_s = known.last_s.saturating_add(wait_s(known.attempts, bounds));
    (now_s < ready_s).then(|| ready_s - now_s)
}

/// When one was counted before. `Err`: seconds until the next attempt is taken. One that comes too early does not make the wait longer: else whoever
/// knocks without end would keep the owner out.
async fn count(
    store: &Store,
    what: &str,
    bounds: &Bounds,
    now_s: i64,
) -> Result<Result<i64, i64>, OAuthError> {
    for _ in 0..COUNTS_MAX {
        let known = state::get::<Throttle>(store, what, now_s).await?;
        if let Some(wait_s) = early(known.as_deref(), bounds, now_s) {
            return Ok(Err(wait_s));
        }
        let before_s = known.as_ref().map_or(0, |known| known.last_s);
        match state::commit(store, counted(known, what, now_s), now_s).await {
            Ok(()) => return Ok(Ok(before_s)),
            Err(Refused::Conflict(_)) => {}
            Err(Refused::Unavailable) => return Err(OAuthError::unavailable()),
        }
    }
    Ok(Err(1))
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
    fn at7d_a_network_of_ipv6_is_one_source() {
        assert_eq!(
            network("2001:db8:1:2:3::4"),
            network("2001:db8:1:2:ffff::1")
        );
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    #[test]
    fn waits_grow_to_a_bound() {
        let waits: Vec<i64> = (0..20).map(|attempts| wait_s(attempts, &HERE)).collect();
        assert_eq!(waits[..9], [0, 0, 0, 0, 0, 2, 4, 8, 16]);
        assert_eq!(waits[19], 15 * 60);
        assert_eq!(wait_s(u32::MAX, &HERE), 15 * 60);
        assert_eq!(wait_s(u32::MAX, &ANYWHERE), 30);
    }
}
