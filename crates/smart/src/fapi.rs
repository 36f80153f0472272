//! What the FAPI 2.0 Security Profile demands of a client that is registered for it, beyond what is demanded of everybody.
//! <https://openid.net/specs/fapi-security-profile-2_0-final.html#section-5> (S108)
//!
//! | demanded | where |
//! |---|---|
//! | a key in place of a secret | `client_authentication` |
//! | the issuer as the one `aud` of an assertion | `client_authentication::private_key_jwt` |
//! | signatures by PS256, ES256 or EdDSA | [`ALGORITHMS`], [`permits_proof`], `Client::id_token_algorithm` |
//! | pushed authorization requests | `Client::must_push` |
//! | tokens that are bound to a key or a certificate | `Client::constraint` |
//! | refresh tokens that are not exchanged | `token::refresh` |

use crate::state::Client;
use ward_seal::jwk::Algorithm;
use ward_seal::jws::foreign::unverified_header;

/// What a client may sign with (§5.4.1): assertions and DPoP proofs.
pub(crate) const ALGORITHMS: [Algorithm; 3] =
    [Algorithm::Ps256, Algorithm::Es256, Algorithm::EdDsa];

/// Whether a DPoP proof, whose signature holds, is signed as the client must sign.
pub(crate) fn permits_proof(client: &Client, proof: &str) -> bool {
    let algorithm = || unverified_header(proof).ok().and_then(|h| h.algorithm);
    !client.fapi2 || algorithm().is_some_and(|by| ALGORITHMS.contains(&by))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ward_seal::{Es384Key, RsaAlgorithm, RsaKey, SigningKey};

    #[test]
    fn s108_proofs_are_signed_as_the_profile_says() {
        let rsa = RsaKey::generate();
        let by = |algorithm| rsa.sign(algorithm, "dpop+jwt", b"{}");
        let good = [SigningKey::generate().prove(b"{}"), by(RsaAlgorithm::Ps256)];
        let bad = [
            Es384Key::generate().sign("dpop+jwt", b"{}"),
            by(RsaAlgorithm::Rs256),
            "nonsense".to_owned(),
        ];
        let permits = |fapi2, proof: &String| {
            let client = Client {
                fapi2,
                ..Client::default()
            };
            permits_proof(&client, proof)
        };
        assert!(good.iter().all(|proof| permits(true, proof)));
        assert!(!bad.iter().any(|proof| permits(true, proof)));
        assert!(bad.iter().all(|proof| permits(false, proof)));
    }
}
