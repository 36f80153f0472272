use super::*;
use ward_seal::{Es384Key, SigningKey};

const PRIVATE_KEY: (&str, &str) = (METHOD, "private_key_jwt");
const DPOP: (&str, &str) = (BOUND, "dpop");
const PS256: (&str, &str) = (ID_TOKEN, "PS256");

fn client(kind: Kind) -> Client {
    Client {
        kind,
        ..Client::default()
    }
}

fn typed(client: &Client, fields: &[(&str, &str)]) -> Result<Client, Vec<&'static str>> {
    let own = |(n, v): &(&str, &str)| ((*n).to_owned(), (*v).to_owned());
    let parameters = Parameters::new(fields.iter().map(own).collect());
    let names = |problems: Vec<Problem>| problems.into_iter().map(|(field, _)| field).collect();
    entered(client, &parameters, true).map_err(names)
}

#[test]
fn c17_s108_the_profile_is_set_with_all_that_it_demands() {
    let p256 = format!(r#"{{"keys":[{}]}}"#, SigningKey::generate().public_jwk());
    let p384 = Es384Key::generate().public().to_json();
    let p384 = format!(r#"{{"keys":[{p384}]}}"#);
    let fapi = (FAPI, "on");
    let jwks = ("jwks", p256.as_str());
    let confidential = client(Kind::Confidential);
    let set = typed(&confidential, &[PRIVATE_KEY, DPOP, PS256, fapi, jwks]).unwrap();
    assert!(set.fapi2 && set.keys == Some(KeysAt::Here(p256.clone())));
    assert_eq!(set.authentication, Authentication::PrivateKeyJwt);
    assert_eq!(set.sender_constraint, SenderConstraint::Dpop);
    assert_eq!(set.id_token_signed_by, IdTokenAlgorithm::Ps256);
    // Of a system nobody signs in.
    let system = client(Kind::System);
    assert!(typed(&system, &[PRIVATE_KEY, DPOP, fapi, jwks]).is_ok());
    let secret = (METHOD, "client_secret_basic");
    let none = (BOUND, "none");
    let rs256 = (ID_TOKEN, "RS256");
    for (fields, problems) in [
        (vec![secret, DPOP, PS256, fapi], vec![FAPI]),
        (vec![PRIVATE_KEY, none, PS256, fapi, jwks], vec![BOUND]),
        (vec![PRIVATE_KEY, DPOP, rs256, fapi, jwks], vec![ID_TOKEN]),
        (
            vec![PRIVATE_KEY, DPOP, PS256, fapi, ("jwks", p384.as_str())],
            vec!["jwks"],
        ),
        (vec![secret, none, rs256, fapi], vec![FAPI, BOUND, ID_TOKEN]),
    ] {
        assert_eq!(typed(&confidential, &fields), Err(problems));
    }
}

#[test]
fn c17_how_a_client_proves_itself_is_named_where_it_will_not_do() {
    let confidential = client(Kind::Confidential);
    let url = ("jwks_uri", "https://lab.example/jwks");
    let with = |fields: &[(&str, &str)]| {
        let all = [&[PRIVATE_KEY, DPOP, PS256][..], fields].concat();
        typed(&confidential, &all)
    };
    assert_eq!(
        with(&[url]).unwrap().keys,
        Some(KeysAt::Url(url.1.to_owned()))
    );
    assert_eq!(with(&[]), Err(vec!["jwks_uri"]), "no keys");
    assert_eq!(
        with(&[("jwks_uri", "http://lab.example/jwks")]),
        Err(vec!["jwks_uri"])
    );
    assert_eq!(with(&[("jwks", "{}")]), Err(vec!["jwks"]));
    assert_eq!(with(&[url, ("jwks", "{}")]), Err(vec!["jwks"]), "both");
    let certificate = [(METHOD, "tls_client_auth"), (BOUND, "mtls"), PS256];
    assert_eq!(
        typed(&confidential, &certificate),
        Err(vec![METHOD]),
        "no certificate"
    );
    let with_certificate = Client {
        certificate: Some("ab".repeat(32)),
        ..confidential.clone()
    };
    let set = typed(&with_certificate, &certificate).unwrap();
    assert_eq!(set.authentication, Authentication::TlsClientAuth);
    // S62: never a secret for a system; nothing at all to prove for a public client.
    let secret = [(METHOD, "client_secret_basic"), DPOP];
    assert_eq!(typed(&client(Kind::System), &secret), Err(vec![METHOD]));
    let public = client(Kind::Public);
    assert_eq!(typed(&public, &[(BOUND, "mtls"), PS256]), Err(vec![BOUND]));
    let set = typed(&public, &[DPOP, PS256, PRIVATE_KEY, (FAPI, "on")]).unwrap();
    assert_eq!(
        (set.authentication, set.fapi2),
        (Authentication::None, false)
    );
    assert_eq!(
        typed(&public, &[DPOP, (ID_TOKEN, "HS256")]),
        Err(vec![ID_TOKEN])
    );
}

#[test]
fn s107_certificates_are_offered_where_they_are_asked_for() {
    let confidential = client(Kind::Confidential);
    for asks in [true, false] {
        let offered = offered(&confidential, asks);
        let has = |name: &str| offered.iter().any(|(_, value, _)| value == name);
        assert_eq!((has("tls_client_auth"), has("mtls")), (asks, asks));
    }
}
