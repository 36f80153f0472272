//! The credential's public key as a COSE_Key. <https://www.rfc-editor.org/rfc/rfc9053>, RFC 8230 §4

use super::WebauthnError;
use super::cbor::Item;
use crate::jwk::{PublicKey, rsa_key};

pub(super) const ES256: i64 = -7;
pub(super) const EDDSA: i64 = -8;
pub(super) const RS256: i64 = -257;

/// The key, whose `kty`, `crv` and `alg` must belong together.
pub(super) fn key(item: &Item<'_>) -> Result<PublicKey, WebauthnError> {
    let number = |label| item.member_numbered(label).and_then(Item::integer);
    let bytes = |label| {
        let found = item.member_numbered(label).and_then(Item::bytes);
        found.ok_or(WebauthnError::Malformed)
    };
    match (number(KTY), number(ALG), number(CRV)) {
        (Some(EC2), Some(ES256), Some(P256)) => {
            let point = [&[4], bytes(X)?, bytes(Y)?].concat();
            let point = point.try_into().map(PublicKey::P256);
            point.map_err(|_| WebauthnError::Malformed)
        }
        (Some(OKP), Some(EDDSA), Some(ED25519)) => {
            let key = bytes(X)?.try_into().map(PublicKey::Ed25519);
            key.map_err(|_| WebauthnError::Malformed)
        }
        (Some(RSA), Some(RS256), _) => {
            let (n, e) = (bytes(N)?.to_vec(), bytes(E)?.to_vec());
            rsa_key(n, e).map_err(|_| WebauthnError::Key)
        }
        (None, _, _) => Err(WebauthnError::Malformed),
        _ => Err(WebauthnError::Key),
    }
}

const KTY: i64 = 1;
const ALG: i64 = 3;
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const CRV: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
const N: i64 = -1;
const E: i64 = -2;
const P256: i64 = 1;
const ED25519: i64 = 6;
