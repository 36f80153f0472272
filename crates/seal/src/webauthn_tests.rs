use super::*;
use crate::hash::sha256;
use crate::{base64url, from_base64url};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};

const PARTY: RelyingParty<'static> = RelyingParty {
    id: "ward.example.org",
    origin: "https://ward.example.org",
};
const CHALLENGE: &[u8] = b"0123456789abcdef0123456789abcdef";
const UP: u8 = 1;
const UV: u8 = 4;
const AT: u8 = 64;
const ED: u8 = 128;

enum Private {
    Es256(EcdsaKeyPair),
    EdDsa(Ed25519KeyPair),
    Rs256(Box<RsaKeyPair>),
}

/// An authenticator that does what it is told, wrong things too.
struct Authenticator {
    private: Private,
    id: Vec<u8>,
    party: String,
    flags: u8,
    counter: u32,
}

impl Authenticator {
    fn new(private: Private) -> Authenticator {
        Authenticator {
            private,
            id: vec![7; 32],
            party: PARTY.id.into(),
            flags: UP | UV,
            counter: 1,
        }
    }

    fn es256() -> Authenticator {
        let (algorithm, random) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
        let made = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, made.as_ref(), &random);
        Authenticator::new(Private::Es256(pair.unwrap()))
    }

    fn eddsa() -> Authenticator {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Authenticator::new(Private::EdDsa(
            Ed25519KeyPair::from_pkcs8(made.as_ref()).unwrap(),
        ))
    }

    fn rs256() -> Authenticator {
        let made = crate::RsaKey::generate();
        let pair = RsaKeyPair::from_pkcs8(made.to_pkcs8()).unwrap();
        Authenticator::new(Private::Rs256(Box::new(pair)))
    }

    fn cose_key(&self) -> Vec<u8> {
        match &self.private {
            Private::Es256(pair) => {
                let point = pair.public_key().as_ref();
                let head = [0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32];
                [&head, &point[1..33], &[0x22, 0x58, 32], &point[33..]].concat()
            }
            Private::EdDsa(pair) => {
                let head = [0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32];
                [&head, pair.public_key().as_ref()].concat()
            }
            Private::Rs256(pair) => {
                let public: ring::rsa::PublicKeyComponents<Vec<u8>> = pair.public_key().into();
                let head = [0xa4, 1, 3, 3, 0x39, 1, 0, 0x20, 0x59, 1, 0];
                [&head[..], &public.n, &[0x21, 0x43], &public.e].concat()
            }
        }
    }

    fn data(&self, flags: u8, more: &[u8]) -> Vec<u8> {
        let party = sha256(self.party.as_bytes());
        [&party[..], &[flags], &self.counter.to_be_bytes(), more].concat()
    }

    fn attested(&self) -> Vec<u8> {
        let length = (self.id.len() as u16).to_be_bytes();
        [&[0; 16], &length[..], &self.id, &self.cose_key()].concat()
    }

    fn create(&self, client_data: Vec<u8>) -> RegistrationResponse {
        self.created_with(client_data, self.data(self.flags | AT, &self.attested()))
    }

    fn created_with(&self, client_data: Vec<u8>, data: Vec<u8>) -> RegistrationResponse {
        RegistrationResponse {
            credential_id: self.id.clone(),
            client_data,
            attestation_object: attestation(b"\x64none", &[0xa0], &data),
        }
    }

    fn get(&self, client_data: Vec<u8>) -> AssertionResponse {
        self.got_with(client_data, self.data(self.flags, &[]))
    }

    fn got_with(&self, client_data: Vec<u8>, data: Vec<u8>) -> AssertionResponse {
        let signed = [&data[..], &sha256(&client_data)].concat();
        AssertionResponse {
            credential_id: self.id.clone(),
            signature: self.sign(&signed),
            client_data,
            authenticator_data: data,
            user_handle: None,
        }
    }

    fn sign(&self, signed: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.private {
            Private::Es256(pair) => pair.sign(&random, signed).unwrap().as_ref().to_vec(),
            Private::EdDsa(pair) => pair.sign(signed).as_ref().to_vec(),
            Private::Rs256(pair) => {
                let mut out = vec![0; pair.public().modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, signed, &mut out)
                    .unwrap();
                out
            }
        }
    }

    fn registered(&self) -> Passkey {
        register(&PARTY, CHALLENGE, &self.create(created())).unwrap()
    }
}

fn attestation(format: &[u8], statement: &[u8], data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u16).to_be_bytes();
    [
        b"\xa3\x63fmt",
        format,
        b"\x67attStmt",
        statement,
        b"\x68authData\x59",
        &length,
        data,
    ]
    .concat()
}

fn client_data(kind: &str, challenge: &[u8], origin: &str, more: &str) -> Vec<u8> {
    let challenge = base64url(challenge);
    format!(r#"{{"type":"{kind}","challenge":"{challenge}","origin":"{origin}"{more}}}"#).into()
}

fn created() -> Vec<u8> {
    client_data(
        "webauthn.create",
        CHALLENGE,
        PARTY.origin,
        r#","crossOrigin":false"#,
    )
}

fn got() -> Vec<u8> {
    client_data(
        "webauthn.get",
        CHALLENGE,
        PARTY.origin,
        r#","other_keys_can_be_added_here":"x""#,
    )
}

#[test]
fn every_kind_of_key_registers_and_signs_in() {
    for mut authenticator in [
        Authenticator::es256(),
        Authenticator::eddsa(),
        Authenticator::rs256(),
    ] {
        let passkey = authenticator.registered();
        assert_eq!((passkey.counter, passkey.synced), (1, false));
        authenticator.counter = 2;
        let response = authenticator.get(got());
        assert_eq!(verify(&PARTY, CHALLENGE, &passkey, &response), Ok(2));
        let stored = serde_json::to_string(&passkey).unwrap();
        assert_eq!(serde_json::from_str::<Passkey>(&stored).unwrap(), passkey);
    }
}

#[test]
fn attestation_statements_are_not_looked_at() {
    let authenticator = Authenticator::es256();
    let data = authenticator.data(UP | UV | AT | 8, &authenticator.attested());
    let statement = b"\xa2\x63alg\x26\x63sig\x43abc";
    let response = RegistrationResponse {
        attestation_object: attestation(b"\x66packed", statement, &data),
        ..authenticator.create(created())
    };
    assert!(register(&PARTY, CHALLENGE, &response).unwrap().synced);
}

/// X60, AT7c: client data of another ceremony, challenge or origin.
#[test]
fn client_data_is_ours() {
    let authenticator = Authenticator::es256();
    let passkey = Passkey {
        counter: 0,
        ..authenticator.registered()
    };
    use WebauthnError::{Challenge, Malformed, Origin, Type};
    let ours = PARTY.origin;
    for (kind, challenge, origin, more, error) in [
        ("webauthn.create", CHALLENGE, ours, "", Type),
        ("webauthn.get ", CHALLENGE, ours, "", Type),
        ("payment.get", CHALLENGE, ours, "", Type),
        ("webauthn.get", b"another", ours, "", Challenge),
        ("webauthn.get", b"", ours, "", Challenge),
        (
            "webauthn.get",
            CHALLENGE,
            "https://evil.example",
            "",
            Origin,
        ),
        (
            "webauthn.get",
            CHALLENGE,
            "http://ward.example.org",
            "",
            Origin,
        ),
        (
            "webauthn.get",
            CHALLENGE,
            "https://ward.example.org:8443",
            "",
            Origin,
        ),
        (
            "webauthn.get",
            CHALLENGE,
            "https://ward.example.org.evil.example",
            "",
            Origin,
        ),
        (
            "webauthn.get",
            CHALLENGE,
            "https://sub.ward.example.org",
            "",
            Origin,
        ),
        (
            "webauthn.get",
            CHALLENGE,
            "https://ward.example.org/",
            "",
            Origin,
        ),
        (
            "webauthn.get",
            CHALLENGE,
            ours,
            r#","crossOrigin":true"#,
            Origin,
        ),
        (
            "webauthn.get",
            CHALLENGE,
            ours,
            r#","topOrigin":"https://evil.example""#,
            Origin,
        ),
        (
            "webauthn.get",
            CHALLENGE,
            ours,
            r#","origin":"https://ward.example.org""#,
            Malformed,
        ),
        ("webauthn.get", CHALLENGE, ours, r#"} {"#, Malformed),
    ] {
        let response = authenticator.get(client_data(kind, challenge, origin, more));
        let outcome = verify(&PARTY, CHALLENGE, &passkey, &response);
        assert_eq!(outcome, Err(error), "{kind} {origin} {more}");
    }
    let response = authenticator.get(client_data("webauthn.get", b"", ours, ""));
    assert_eq!(
        verify(&PARTY, b"", &passkey, &response),
        Err(Challenge),
        "no challenge was kept"
    );
    let response = authenticator.create(got());
    assert_eq!(register(&PARTY, CHALLENGE, &response), Err(Type));
}

/// X60, AT7c: another relying party, nobody there, nobody verified.
#[test]
fn the_authenticator_has_verified_the_user_for_us() {
    let right = Authenticator::es256();
    let passkey = Passkey {
        counter: 0,
        ..right.registered()
    };
    let cases: [(&str, u8, WebauthnError); 6] = [
        ("evil.example", UP | UV, WebauthnError::RelyingParty),
        ("example.org", UP | UV, WebauthnError::RelyingParty),
        ("ward.example.org.", UP | UV, WebauthnError::RelyingParty),
        (PARTY.id, UV, WebauthnError::NotPresent),
        (PARTY.id, UP, WebauthnError::NotVerified),
        (PARTY.id, 0, WebauthnError::NotPresent),
    ];
    let mut wrong = right;
    for (party, flags, error) in cases {
        wrong.party = party.into();
        wrong.flags = flags;
        let response = wrong.get(got());
        assert_eq!(verify(&PARTY, CHALLENGE, &passkey, &response), Err(error));
        let response = wrong.create(created());
        assert_eq!(register(&PARTY, CHALLENGE, &response), Err(error));
    }
}

#[test]
fn another_credential_key_or_signature_is_refused() {
    let (one, mut two) = (Authenticator::es256(), Authenticator::es256());
    let passkey = Passkey {
        counter: 0,
        ..one.registered()
    };
    let outcome = verify(&PARTY, CHALLENGE, &passkey, &two.get(got()));
    assert_eq!(
        outcome,
        Err(WebauthnError::Signature),
        "same id, another key"
    );
    two.id = vec![8; 32];
    let outcome = verify(&PARTY, CHALLENGE, &passkey, &two.get(got()));
    assert_eq!(outcome, Err(WebauthnError::Credential));
    let mut response = one.get(got());
    response.client_data.push(b' ');
    let outcome = verify(&PARTY, CHALLENGE, &passkey, &response);
    assert_eq!(outcome, Err(WebauthnError::Signature));
    for signature in [vec![], vec![0; 64], vec![0x30, 6, 2, 1, 0, 2, 1, 0]] {
        response = one.get(got());
        response.signature = signature;
        let outcome = verify(&PARTY, CHALLENGE, &passkey, &response);
        assert_eq!(outcome, Err(WebauthnError::Signature));
    }
    let mut response = one.create(created());
    response.credential_id = vec![9; 32];
    assert_eq!(
        register(&PARTY, CHALLENGE, &response),
        Err(WebauthnError::Credential)
    );
}

#[test]
fn the_counter_rises_or_stays_absent() {
    let mut authenticator = Authenticator::es256();
    let passkey = authenticator.registered();
    let at = |authenticator: &Authenticator, stored: u32| {
        let passkey = Passkey {
            counter: stored,
            ..passkey.clone()
        };
        verify(&PARTY, CHALLENGE, &passkey, &authenticator.get(got()))
    };
    for (stored, sent, outcome) in [
        (0, 0, Ok(0)),
        (0, 5, Ok(5)),
        (5, 6, Ok(6)),
        (5, 5, Err(WebauthnError::CounterRollback)),
        (5, 4, Err(WebauthnError::CounterRollback)),
        (5, 0, Err(WebauthnError::CounterRollback)),
        (u32::MAX - 1, u32::MAX, Ok(u32::MAX)),
    ] {
        authenticator.counter = sent;
        assert_eq!(at(&authenticator, stored), outcome, "{stored} {sent}");
    }
}

#[test]
fn authenticator_data_has_no_loose_ends() {
    let authenticator = Authenticator::es256();
    let passkey = Passkey {
        counter: 0,
        ..authenticator.registered()
    };
    let attested = authenticator.attested();
    let extensions = b"\xa1\x6bcredProtect\x02";
    let flags = UP | UV;
    for (flags, more, right) in [
        (flags | ED, extensions.to_vec(), true),
        (flags, extensions.to_vec(), false),
        (flags | ED, vec![], false),
        (flags | ED, vec![0x80], false),
        (flags | ED, [&extensions[..], &[0]].concat(), false),
        (flags | AT, attested.clone(), false),
        (flags, vec![0], false),
        // Backed up, but not eligible for it.
        (flags | 16, vec![], false),
        (flags | 8 | 16, vec![], true),
    ] {
        let response = authenticator.got_with(got(), authenticator.data(flags, &more));
        let outcome = verify(&PARTY, CHALLENGE, &passkey, &response);
        let expected = if right {
            Ok(1)
        } else {
            Err(WebauthnError::Malformed)
        };
        assert_eq!(outcome, expected, "{flags:08b} {more:?}");
    }
    for (flags, more, right) in [
        (flags | AT, attested.clone(), true),
        (flags | AT | ED, [&attested[..], extensions].concat(), true),
        (flags, vec![], false),
        (flags | AT, [&attested[..], &[0]].concat(), false),
        (flags | AT, attested[..attested.len() - 1].to_vec(), false),
    ] {
        let response = authenticator.created_with(created(), authenticator.data(flags, &more));
        assert_eq!(
            register(&PARTY, CHALLENGE, &response).is_ok(),
            right,
            "{flags:08b}"
        );
    }
}

#[test]
fn credential_ids_are_bounded() {
    for (length, right) in [(0, false), (1, true), (1023, true), (1024, false)] {
        let mut authenticator = Authenticator::es256();
        authenticator.id = vec![1; length];
        let outcome = register(&PARTY, CHALLENGE, &authenticator.create(created()));
        assert_eq!(outcome.is_ok(), right, "{length}");
    }
}

#[test]
fn keys_of_other_kinds_are_refused() {
    let authenticator = Authenticator::es256();
    let cose = authenticator.cose_key();
    let changed = |at: usize, value: u8| {
        let mut key = cose.clone();
        key[at] = value;
        let attested = [&[0; 16], &[0, 32][..], &[7; 32], &key].concat();
        let response =
            authenticator.created_with(created(), authenticator.data(UP | UV | AT, &attested));
        register(&PARTY, CHALLENGE, &response).unwrap_err()
    };
    assert_eq!(changed(2, 1), WebauthnError::Key, "kty");
    assert_eq!(changed(4, 0x27), WebauthnError::Key, "alg");
    assert_eq!(changed(6, 2), WebauthnError::Key, "crv");
    assert_eq!(changed(0, 0xa4), WebauthnError::Malformed, "y is left over");
    assert_eq!(changed(7, 0x25), WebauthnError::Malformed, "x is missing");
    // RSA of 1024 bits.
    let weak = [
        &[0xa4, 1, 3, 3, 0x39, 1, 0, 0x20, 0x58, 128],
        &[0xff; 128][..],
        &[0x21, 0x43, 1, 0, 1],
    ]
    .concat();
    let attested = [&[0; 16], &[0, 32][..], &[7; 32], &weak].concat();
    let response =
        authenticator.created_with(created(), authenticator.data(UP | UV | AT, &attested));
    assert_eq!(
        register(&PARTY, CHALLENGE, &response),
        Err(WebauthnError::Key)
    );
}

/// Every response with one byte changed, one byte cut, or one added: an answer, never a panic, and never a yes where the byte
/// was signed.
#[test]
fn mutated_responses_are_answered() {
    for authenticator in [Authenticator::es256(), Authenticator::eddsa()] {
        let passkey = Passkey {
            counter: 0,
            ..authenticator.registered()
        };
        let (made, given) = (authenticator.create(created()), authenticator.get(got()));
        for change in 1..=255u8 {
            for at in 0..made.attestation_object.len() {
                let mut response = made.clone();
                response.attestation_object[at] ^= change;
                // The statement and the key itself are signed by nobody: only that it is answered.
                let _ = register(&PARTY, CHALLENGE, &response);
            }
            if change.is_power_of_two() {
                for at in 0..given.authenticator_data.len() {
                    let mut response = given.clone();
                    response.authenticator_data[at] ^= change;
                    assert!(verify(&PARTY, CHALLENGE, &passkey, &response).is_err());
                }
                for at in 0..given.client_data.len() {
                    let mut response = given.clone();
                    response.client_data[at] ^= change;
                    assert!(verify(&PARTY, CHALLENGE, &passkey, &response).is_err());
                }
            }
        }
        for cut in 0..made.attestation_object.len() {
            let mut response = made.clone();
            response.attestation_object.truncate(cut);
            assert!(register(&PARTY, CHALLENGE, &response).is_err());
        }
        for cut in 0..given.authenticator_data.len() {
            let mut response = given.clone();
            response.authenticator_data.truncate(cut);
            assert!(verify(&PARTY, CHALLENGE, &passkey, &response).is_err());
        }
    }
}

#[test]
fn responses_are_read_from_the_pages_json() {
    let id = base64url(&[7; 32]);
    let json = format!(
        r#"{{"id":"{id}","rawId":"{id}","type":"public-key","authenticatorAttachment":"platform","clientExtensionResults":{{}},
        "response":{{"clientDataJSON":"e30","attestationObject":"oA","transports":["internal"]}}}}"#
    );
    let response = RegistrationResponse::parse(&json).unwrap();
    assert_eq!(response.credential_id, [7; 32]);
    assert_eq!(
        (&response.client_data[..], &response.attestation_object[..]),
        (&b"{}"[..], &[0xa0][..])
    );
    let assertion = json.replace(
        "attestationObject",
        r#"userHandle":"AQ","signature":"Ag","authenticatorData"#,
    );
    let response = AssertionResponse::parse(&assertion).unwrap();
    assert_eq!(response.user_handle, Some(vec![1]));
    assert_eq!(
        (response.signature, response.authenticator_data),
        (vec![2], vec![0xa0])
    );
    let null = assertion.replace("\"AQ\"", "null");
    assert_eq!(AssertionResponse::parse(&null).unwrap().user_handle, None);
    let long = base64url(&[7; CREDENTIAL_ID_BYTES_MAX + 1]);
    for bad in [
        json.replace("public-key", "password"),
        json.replace("e30", "e30="),
        json.replace("clientDataJSON", "other"),
        json.replace(&id, ""),
        json.replace(&id, &long),
        json.replace("attestationObject", "clientDataJSON"),
        "[]".into(),
        String::new(),
        " ".repeat(RESPONSE_BYTES_MAX) + &json,
    ] {
        assert_eq!(
            RegistrationResponse::parse(&bad),
            Err(WebauthnError::Malformed),
            "{bad}"
        );
    }
    assert_eq!(from_base64url("oA"), Some(vec![0xa0]));
}
