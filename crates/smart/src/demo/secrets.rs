//! The secrets of the demo's callers: made once for a store, at random, and for a caller that is new to it.

use super::DemoCaller;
use crate::state::{self, Changes, DemoSecrets, PersonSecret, Refused, SystemSecret};
use ward_seal::{Es384Key, TotpSecret, base64, random};
use ward_storage::{Store, StoreError};

/// Those that the store has, or new ones. Of two servers that start at once over one store, both get the same.
pub(super) async fn kept(store: &Store, now_s: i64) -> Result<DemoSecrets, StoreError> {
    let known = state::get::<DemoSecrets>(store, DemoSecrets::KEY, now_s).await?;
    let (made, changes) = match known {
        Some(mut known) => {
            if !complete(&mut known.row) {
                return Ok(known.row);
            }
            let changes = Changes::new().replace(&known);
            (known.row, changes)
        }
        None => {
            let mut made = DemoSecrets::default();
            complete(&mut made);
            let changes = Changes::new().insert(&made);
            (made, changes)
        }
    };
    match state::commit(store, changes, now_s).await {
        Ok(()) => Ok(made),
        Err(Refused::Conflict(_)) => {
            let first = state::get::<DemoSecrets>(store, DemoSecrets::KEY, now_s).await?;
            first.map(|held| held.row).ok_or(StoreError::Unavailable)
        }
        Err(Refused::Unavailable) => Err(StoreError::Unavailable),
    }
}

/// Makes what is missing; whether anything was.
fn complete(secrets: &mut DemoSecrets) -> bool {
    let before = secrets.systems.len() + secrets.people.len();
    for caller in DemoCaller::ALL {
        let client_id = caller.client_id();
        match caller.username() {
            None if secrets.systems.iter().any(|s| s.client_id == client_id) => {}
            None => secrets.systems.push(SystemSecret {
                client_id: client_id.to_owned(),
                pkcs8: base64(Es384Key::generate().to_pkcs8()),
            }),
            Some(username) if secrets.people.iter().any(|p| p.username == username) => {}
            Some(username) => secrets.people.push(PersonSecret {
                username: username.to_owned(),
                password: password(),
                totp: TotpSecret::generate().base32(),
            }),
        }
    }
    secrets.systems.len() + secrets.people.len() > before
}

/// A hundred random bits that can be read aloud and typed: `k7m2x-…`, none of its letters like another.
fn password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    const GROUPS: usize = 4;
    const GROUP_LETTERS: usize = 5;
    let mut bytes = [0; GROUPS * GROUP_LETTERS];
    random::fill(&mut bytes);
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte & 31)]);
    let groups: Vec<String> = bytes
        .chunks(GROUP_LETTERS)
        .map(|group| group.iter().map(letter).collect())
        .collect();
    groups.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_caller_has_a_secret_of_its_own() {
        let made = || {
            let mut secrets = DemoSecrets::default();
            assert!(complete(&mut secrets));
            secrets
        };
        let (one, other) = (made(), made());
        assert_eq!(one.systems.len() + one.people.len(), DemoCaller::ALL.len());
        for (a, b) in one.systems.iter().zip(&other.systems) {
            assert!(a.client_id == b.client_id && a.pkcs8 != b.pkcs8);
        }
        for (a, b) in one.people.iter().zip(&other.people) {
            assert!(a.username == b.username && a.password != b.password && a.totp != b.totp);
            assert_eq!(a.password.len(), 23);
            assert!(TotpSecret::from_base32(&a.totp).is_some());
        }
    }

    #[test]
    fn a_caller_that_is_new_gets_a_secret_and_the_others_keep_theirs() {
        let mut secrets = DemoSecrets::default();
        complete(&mut secrets);
        let gone = secrets.people.pop().unwrap();
        let kept = secrets.people[0].password.clone();
        assert!(complete(&mut secrets) && !complete(&mut secrets));
        let made = secrets.people.last().unwrap();
        assert!(made.username == gone.username && made.password != gone.password);
        assert_eq!(secrets.people[0].password, kept);
    }
}
