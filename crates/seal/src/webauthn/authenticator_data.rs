//! What the authenticator signs. <https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data>

use super::{CREDENTIAL_ID_BYTES_MAX, RelyingParty, WebauthnError, cbor, cose};
use crate::hash::{constant_time_eq, sha256};
use crate::jwk::PublicKey;

pub(super) struct AuthenticatorData<'a> {
    party_id_hash: &'a [u8],
    flags: u8,
    pub counter: u32,
    /// Only in a registration.
    pub credential: Option<AttestedCredential<'a>>,
}

pub(super) struct AttestedCredential<'a> {
    pub id: &'a [u8],
    pub key: PublicKey,
}

impl<'a> AuthenticatorData<'a> {
    /// Every byte must have its meaning: what follows is refused.
    pub fn read(bytes: &'a [u8]) -> Result<AuthenticatorData<'a>, WebauthnError> {
        let mut rest = bytes;
        let party_id_hash = take(&mut rest, 32)?;
        let flags = take(&mut rest, 1)?[0];
        let counter = take(&mut rest, 4)?;
        let counter = counter
            .iter()
            .fold(0, |sum, byte| sum << 8 | u32::from(*byte));
        let credential = match flags & ATTESTED {
            0 => None,
            _ => Some(AttestedCredential::read(&mut rest)?),
        };
        if flags & EXTENSIONS != 0 {
            let (item, after) = cbor::read_first(rest).ok_or(WebauthnError::Malformed)?;
            rest = after;
            if !item.is_map() {
                return Err(WebauthnError::Malformed);
            }
        }
        // §6.3.3: backed up only if it may be.
        if !rest.is_empty() || flags & (BACKUP_ELIGIBLE | BACKED_UP) == BACKED_UP {
            return Err(WebauthnError::Malformed);
        }
        Ok(AuthenticatorData {
            party_id_hash,
            flags,
            counter,
            credential,
        })
    }

    pub fn check(&self, party: &RelyingParty<'_>) -> Result<(), WebauthnError> {
        if !constant_time_eq(self.party_id_hash, &sha256(party.id.as_bytes())) {
            Err(WebauthnError::RelyingParty)
        } else if self.flags & USER_PRESENT == 0 {
            Err(WebauthnError::NotPresent)
        } else if self.flags & USER_VERIFIED == 0 {
            Err(WebauthnError::NotVerified)
        } else {
            Ok(())
        }
    }

    pub fn backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }
}

impl<'a> AttestedCredential<'a> {
    fn read(rest: &mut &'a [u8]) -> Result<AttestedCredential<'a>, WebauthnError> {
        take(rest, AAGUID_BYTES)?;
        let length = take(rest, 2)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        if length == 0 || length > CREDENTIAL_ID_BYTES_MAX {
            return Err(WebauthnError::Malformed);
        }
        let id = take(rest, length)?;
        let (key, after) = cbor::read_first(rest).ok_or(WebauthnError::Malformed)?;
        *rest = after;
        Ok(AttestedCredential {
            id,
            key: cose::key(&key)?,
        })
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], WebauthnError> {
    let (taken, after) = rest
        .split_at_checked(length)
        .ok_or(WebauthnError::Malformed)?;
    *rest = after;
    Ok(taken)
}

const USER_PRESENT: u8 = 1;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;
const AAGUID_BYTES: usize = 16;
