//! A passkey's authenticator and the browser before it, which say and sign whatever they are told: what a thief's own would do.
//! <https://www.w3.org/TR/webauthn-3/>

use rustls::SignatureScheme;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use std::sync::Arc;
use ward_seal::hash::sha256;
use ward_seal::{SigningKey, base64url, from_base64url, random};

pub const USER_PRESENT: u8 = 1;
pub const USER_VERIFIED: u8 = 4;
const HAS_CREDENTIAL: u8 = 64;

#[derive(Clone)]
pub struct Authenticator {
    key: Arc<dyn rustls::sign::SigningKey>,
    /// x and y of its public key.
    point: [Vec<u8>; 2],
    id: Vec<u8>,
}

/// One ceremony: what browser and authenticator say. In order as it is made, for a test to spoil.
#[derive(Clone)]
pub struct Says {
    pub kind: &'static str,
    pub challenge: String,
    pub origin: String,
    /// The relying party whose id is hashed.
    pub party: String,
    pub flags: u8,
    pub counter: u32,
    pub user_handle: Option<String>,
}

impl Says {
    /// At the server of this origin, whose name is the relying party's.
    pub fn at(origin: &str, challenge: &str, counter: u32) -> Says {
        let host = origin.split("://").nth(1).unwrap();
        Says {
            kind: "webauthn.get",
            challenge: challenge.to_owned(),
            origin: origin.to_owned(),
            party: host.split(':').next().unwrap().to_owned(),
            flags: USER_PRESENT | USER_VERIFIED,
            counter,
            user_handle: None,
        }
    }

    fn client_data(&self) -> Vec<u8> {
        let data = json!({ "type": self.kind, "challenge": self.challenge, "origin": self.origin, "crossOrigin": false });
        data.to_string().into_bytes()
    }

    fn data(&self, flags: u8, more: &[u8]) -> Vec<u8> {
        let party = sha256(self.party.as_bytes());
        [
            &party[..],
            &[self.flags | flags],
            &self.counter.to_be_bytes(),
            more,
        ]
        .concat()
    }
}

impl Authenticator {
    pub fn new() -> Authenticator {
        let made = SigningKey::generate();
        let public: Value = serde_json::from_str(&made.public_jwk()).unwrap();
        let coordinate = |name: &str| from_base64url(public[name].as_str().unwrap()).unwrap();
        let der = PrivatePkcs8KeyDer::from(made.to_pkcs8().to_vec());
        let key = rustls::crypto::ring::sign::any_ecdsa_type(&PrivateKeyDer::Pkcs8(der));
        let mut id = vec![0; 32];
        random::fill(&mut id);
        Authenticator {
            key: key.unwrap(),
            point: ["x", "y"].map(coordinate),
            id,
        }
    }

    /// The same key under the name of another's credential.
    pub fn named_as(self, other: &Authenticator) -> Authenticator {
        Authenticator {
            id: other.id.clone(),
            ..self
        }
    }

    /// What the page of one's own factors sends for a new passkey.
    pub fn made(&self, says: &Says) -> String {
        let says = Says {
            kind: match says.kind {
                "webauthn.get" => "webauthn.create",
                other => other,
            },
            ..says.clone()
        };
        let length = (self.id.len() as u16).to_be_bytes();
        // COSE: kty EC2, alg ES256, crv P-256, x, y.
        let head = [0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32];
        let key = [&head, &self.point[0][..], &[0x22, 0x58, 32], &self.point[1]].concat();
        let credential = [&[0; 16], &length[..], &self.id, &key].concat();
        let data = says.data(HAS_CREDENTIAL, &credential);
        let length = (data.len() as u16).to_be_bytes();
        let object = [
            b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59",
            &length[..],
            &data,
        ]
        .concat();
        let response = json!({ "clientDataJSON": base64url(&says.client_data()), "attestationObject": base64url(&object) });
        self.credential(&response)
    }

    /// What the sign-in page sends.
    pub fn shown(&self, says: &Says) -> String {
        let (client_data, data) = (says.client_data(), says.data(0, &[]));
        let signed = [&data[..], &sha256(&client_data)].concat();
        let signer = self
            .key
            .choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]);
        let signature = signer.unwrap().sign(&signed).unwrap();
        let response = json!({ "clientDataJSON": base64url(&client_data), "authenticatorData": base64url(&data),
            "signature": base64url(&signature), "userHandle": says.user_handle });
        self.credential(&response)
    }

    fn credential(&self, response: &Value) -> String {
        json!({ "id": base64url(&self.id), "type": "public-key", "response": response }).to_string()
    }
}
