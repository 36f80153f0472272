//! The secrets of the demo's callers: made once for a store, at random.

use super::DemoCaller;
use crate::state::{self, Changes, DemoSecrets, PersonSecret, Refused, SystemSecret};
use ward_seal::{Es384Key, TotpSecret, base64, random};
use ward_storage::{Store, StoreError};

/// Those that the store has, or new ones. Of two servers that start at once over one store, both get the same.
pub(super) async fn kept(store: &Store, now_s: i64) -> Result<DemoSecrets, StoreError> {
    if let Some(known) = state::get::<DemoSecrets>(store, DemoSecrets::KEY, now_s).await? {
        return Ok(known.row);
    }
    let made = made();
    match state::commit(store, Changes::new().insert(&made), now_s).await {
        Ok(()) => Ok(made),
        Err(Refused::Conflict(_)) => {
            let first = state::get::<DemoSecrets>(store, DemoSecrets::KEY, now_s).await?;
            first.map(|held| held.row).ok_or(StoreError::Unavailable)
        }
        Err(Refused::Unavailable) => Err(StoreError::Unavailable),
    }
}

fn made() -> DemoSecrets {
    let mut secrets = DemoSecrets::default();
    for caller in DemoCaller::ALL {
        match caller.username() {
            None => secrets.systems.push(SystemSecret {
                client_id: caller.client_id().to_owned(),
                pkcs8: base64(Es384Key::generate().to_pkcs8()),
            }),
            Some(username) => secrets.people.push(PersonSecret {
                username: username.to_owned(),
                password: password(),
                totp: TotpSecret::generate().base32(),
            }),
        }
    }
    secrets
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
}
