//! X53 to X55, X57 and S106: tokens that somebody made, took from elsewhere or sends again open nothing, and make the server fetch nothing.

use super::hospital::Hospital;
use crate::apps;
use crate::rest::backend_service::{BackendService, Holder};
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_ecdsa_type;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use std::net::TcpListener;
use ward_seal::hash::hmac_sha256;
use ward_seal::{Algorithm, Jwk, SigningKey, base64, base64url, from_base64url};
use ward_testkit::{Answer, Server, Start, backends};

/// What is asked with a token.
const PATH: &str = "Patient?_count=1";

fn on_each(conversation: impl Fn(&Server, &BackendService)) {
    for backend in backends() {
        println!("on {backend:?}");
        let server = Server::start(Start::empty(backend));
        conversation(&server, &BackendService::of(&server));
    }
}

fn presented(server: &Server, scheme: &str, token: &str, proof: Option<&str>) -> Answer {
    let request = server.anonymous().request("GET", PATH);
    let mut request = request.header("Authorization", &format!("{scheme} {token}"));
    if let Some(proof) = proof {
        request = request.header("DPoP", proof);
    }
    request.send()
}

fn refused(server: &Server, token: &str, why: &str) {
    let answer = presented(server, "Bearer", token, None);
    assert_eq!(answer.status, 401, "{why}: {}", answer.text());
    let shown = answer.text();
    assert!(
        token.len() < 20 || !shown.contains(&token[..20]),
        "{why}: {shown}"
    );
}

fn part(value: &Value) -> String {
    base64url(value.to_string().as_bytes())
}

#[test]
fn x53_tokens_that_somebody_made_open_nothing() {
    on_each(|server, service| {
        let good = service.token();
        presented(server, "Bearer", &good, None).expect(200);
        let parts: Vec<&str> = good.split('.').collect();
        let header: Value = serde_json::from_slice(&from_base64url(parts[0]).unwrap()).unwrap();
        // Whoever follows an address in a header comes here.
        let trap = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/keys", trap.local_addr().unwrap());
        let own = SigningKey::generate();
        let jwk: Value = serde_json::from_str(&own.public_jwk()).unwrap();
        let with = |name: &str, value: Value| {
            let mut changed = header.clone();
            changed[name] = value;
            format!("{}.{}.{}", part(&changed), parts[1], parts[2])
        };
        let tokens = [
            ("no algorithm", with("alg", "none".into())),
            (
                "no algorithm, no signature",
                format!(
                    "{}.{}.",
                    part(&json!({ "alg": "none", "typ": "at+jwt" })),
                    parts[1]
                ),
            ),
            (
                "a path as kid",
                with("kid", "../../../../etc/passwd".into()),
            ),
            ("SQL as kid", with("kid", "' or '1'='1".into())),
            ("keys elsewhere", with("jku", url.as_str().into())),
            ("a certificate elsewhere", with("x5u", url.as_str().into())),
            (
                "a key of its own",
                signed_by(&own, &header, ("jwk", &jwk), parts[1]),
            ),
            (
                "a foreign key under the kid of ours",
                signed_by(&own, &header, ("typ", &header["typ"]), parts[1]),
            ),
            ("a critical extension", with("crit", json!(["exp"]))),
            (
                "an encrypted token",
                format!(
                    "{}.a.b.c.d",
                    part(&json!({ "alg": "RSA-OAEP", "enc": "A256GCM" }))
                ),
            ),
            (
                "a signature of zeros",
                format!("{}.{}.{}", parts[0], parts[1], base64url(&[0; 64])),
            ),
            (
                "half a signature",
                format!("{}.{}.{}", parts[0], parts[1], &parts[2][..40]),
            ),
            ("no signature", format!("{}.{}", parts[0], parts[1])),
            ("a token in a token", base64url(good.as_bytes())),
            ("four parts", format!("{good}.{}", parts[2])),
        ];
        for (why, token) in &tokens {
            refused(server, token, why);
        }
        let macs = under_public_keys(server, &header, parts[1]);
        assert!(macs.len() >= 5, "{}", macs.len());
        for token in &macs {
            refused(server, token, "a MAC with a public key as the secret");
        }
        // Signed well, by somebody else.
        refused(
            server,
            &own.sign("at+jwt", &from_base64url(parts[1]).unwrap()),
            "a foreign key",
        );
        trap.set_nonblocking(true).unwrap();
        assert!(
            trap.accept().is_err(),
            "the server went to an address of the token"
        );
        presented(server, "Bearer", &good, None).expect(200);
    });
}

/// The payload under a header of our own, signed well (ES256) by a key that the server never saw.
fn signed_by(key: &SigningKey, header: &Value, member: (&str, &Value), payload: &str) -> String {
    let mut header = header.clone();
    header[member.0] = member.1.clone();
    let signed = format!("{}.{payload}", part(&header));
    let pkcs8 = PrivatePkcs8KeyDer::from(key.to_pkcs8().to_vec());
    let signer = any_ecdsa_type(&pkcs8.into()).unwrap();
    let signer = signer.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]);
    let der = signer.unwrap().sign(signed.as_bytes()).unwrap();
    let token = format!("{signed}.{}", base64url(&fixed_length(&der)));
    // Whoever takes the key for one of theirs finds the signature good.
    let trusted = Jwk::parse(key.public_jwk().as_bytes()).unwrap();
    assert!(trusted.verifies(Algorithm::Es256, signed.as_bytes(), &fixed_length(&der)));
    token
}

/// The two numbers of an ECDSA signature in DER, each in 32 bytes as JOSE has them. <https://www.rfc-editor.org/rfc/rfc7518#section-3.4>
fn fixed_length(der: &[u8]) -> [u8; 64] {
    let mut fixed = [0; 64];
    let mut rest = &der[2..];
    for half in fixed.chunks_mut(32) {
        let (number, after) = rest[2..].split_at(usize::from(rest[1]));
        let number = &number[number.len().saturating_sub(32)..];
        half[32 - number.len()..].copy_from_slice(number);
        rest = after;
    }
    fixed
}

/// The payload with a MAC (HS256) under each form in which a public key of the server may be taken for a shared secret: the key and the
/// set as they are published, the numbers of the point, and the key in DER and in PEM.
fn under_public_keys(server: &Server, header: &Value, payload: &str) -> Vec<String> {
    let mut header = header.clone();
    header["alg"] = "HS256".into();
    let signed = format!("{}.{payload}", part(&header));
    let origin = server.base.trim_end_matches("/fhir");
    let set = server.anonymous().get(&format!("{origin}/auth/jwks"));
    let set = set.expect(200);
    let keys = set.json();
    let keys = keys["keys"].as_array().unwrap();
    let key = keys.iter().find(|key| key["kid"] == header["kid"]);
    let key = key.expect("the key that signs is published");
    let number = |name: &str| from_base64url(key[name].as_str().unwrap()).unwrap();
    let point = [number("x"), number("y")].concat();
    let uncompressed = [&[4], point.as_slice()].concat();
    let der = [P256_IN_DER, uncompressed.as_slice()].concat();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        base64(&der)
    );
    let secrets = [
        set.bytes,
        key.to_string().into_bytes(),
        point,
        uncompressed,
        der,
        pem.into_bytes(),
    ];
    let macs = secrets.iter().map(|secret| {
        let mac = hmac_sha256(secret, signed.as_bytes());
        format!("{signed}.{}", base64url(&mac))
    });
    macs.collect()
}

/// What stands before the point of a public key on P-256. <https://www.rfc-editor.org/rfc/rfc5480#section-2>
const P256_IN_DER: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A header of a mebibyte is refused by whichever limit it meets first, and whoever comes next is served.
#[test]
fn x53_a_token_of_a_mebibyte_is_refused() {
    on_each(|server, service| {
        let request = server.anonymous().request("GET", PATH);
        let huge = format!("Bearer {}", "a".repeat(1 << 20));
        if let Some(answer) = request.header("Authorization", &huge).try_send() {
            assert!((400..500).contains(&answer.status), "{}", answer.status);
        }
        presented(server, "Bearer", &service.token(), None).expect(200);
    });
}

#[test]
fn x54_what_is_no_access_token_of_this_server_opens_nothing() {
    on_each(|server, service| {
        refused(server, &service.assertion(), "a client assertion");
        let sister = Server::start(Start::empty(server.backend));
        let token = BackendService::of(&sister).token();
        presented(&sister, "Bearer", &token, None).expect(200);
        refused(server, &token, "another installation's");
        let holder = Holder::new();
        let proof = holder.proof(
            "GET",
            &format!("{}/{PATH}", server.base),
            None,
            service.now_s(),
        );
        refused(server, &proof, "a proof");
    });
}

/// A refresh token is for the token endpoint alone, and is good there afterwards.
#[test]
fn x54_a_refresh_token_opens_nothing_at_the_base() {
    Hospital::on_each(|hospital| {
        let Hospital { place, app, .. } = hospital;
        let code = apps::code(place, &mut hospital.user(), app);
        let granted = apps::redeem(place, app, &code).expect(200).json();
        let token = apps::text(&granted, "refresh_token");
        refused(&hospital.server, &token, "a refresh token");
        let answer = apps::refresh(place, app, &token).expect(200).json();
        place
            .get(&apps::text(&answer, "access_token"), PATH)
            .expect(200);
    });
}

#[test]
fn x55_a_token_that_was_taken_back_is_dead_at_once() {
    on_each(|server, service| {
        let (token, other) = (service.token(), service.token());
        presented(server, "Bearer", &token, None).expect(200);
        service.revoke(&token);
        refused(server, &token, "revoked");
        presented(server, "Bearer", &other, None).expect(200);
    });
}

#[test]
fn x55_s106_a_bound_token_is_its_holders_alone() {
    on_each(|server, service| {
        let mut holder = Holder::new();
        let token = service.bound_token(&mut holder);
        let url = format!("{}/Patient", server.base);
        let now_s = service.now_s();
        let with = |proof: &str| presented(server, "DPoP", &token, Some(proof));
        let good = |holder: &Holder| holder.proof("GET", &url, Some(&token), now_s);
        let first = with(&good(&holder));
        if let Some(nonce) = first.header("DPoP-Nonce") {
            holder.nonce = Some(nonce.to_owned());
        }
        let proof = good(&holder);
        with(&proof).expect(200);
        // Seen once, on the way or in a log.
        assert_eq!(with(&proof).status, 401, "sent again");
        refused(server, &token, "no proof");
        let mut thief = Holder::new();
        thief.nonce.clone_from(&holder.nonce);
        for (why, proof) in [
            ("another key", good(&thief)),
            (
                "another method",
                holder.proof("POST", &url, Some(&token), now_s),
            ),
            (
                "another place",
                holder.proof("GET", &format!("{url}/1"), Some(&token), now_s),
            ),
            (
                "another token",
                holder.proof("GET", &url, Some("other"), now_s),
            ),
            ("no token", holder.proof("GET", &url, None, now_s)),
            (
                "an hour old",
                holder.proof("GET", &url, Some(&token), now_s - 3600),
            ),
        ] {
            assert_eq!(with(&proof).status, 401, "{why}");
        }
        with(&good(&holder)).expect(200);
    });
}

#[test]
fn x57_an_assertion_is_used_once() {
    on_each(|server, service| {
        let assertion = service.assertion();
        let ask = || service.ask_with(&assertion).status;
        assert_eq!(ask(), 200);
        assert_eq!(ask(), 401, "sent again");
        assert_eq!(server.anonymous().get(PATH).status, 401);
    });
}
