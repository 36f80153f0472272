use super::*;
use serde_json::json;

fn app() -> Value {
    json!({
        "client_name": "My Health", "owner": "Example Ltd", "purpose": "Shows laboratory results",
        "contacts": ["dev@app.example"], "redirect_uris": ["https://app.example/cb"],
        "scope": "openid fhirUser launch/patient patient/*.rs offline_access"
    })
}

fn registered(change: impl FnOnce(&mut Value)) -> Result<Made, Vec<&'static str>> {
    let mut metadata = app();
    change(&mut metadata);
    let metadata: Metadata = serde_json::from_value(metadata).unwrap();
    register(&metadata, 1000)
        .map_err(|problems| problems.into_iter().map(|(field, _)| field).collect())
}

#[test]
fn s117_a_registration_waits_for_approval() {
    let made = registered(|_| ()).unwrap();
    assert_eq!(made.client.state, ClientState::Pending);
    assert_eq!(made.client.kind, Kind::Public);
    assert_eq!(made.client.origins, ["https://app.example"]);
    assert_eq!(made.secret, None);
    let with_secret =
        registered(|m| m["token_endpoint_auth_method"] = "client_secret_basic".into()).unwrap();
    assert_eq!(with_secret.client.kind, Kind::Confidential);
    let secret = with_secret.secret.unwrap();
    assert_eq!(with_secret.client.secret_digest, Some(digest(&secret)));
    let key = ward_seal::SigningKey::generate();
    let set = json!({"keys": [serde_json::from_str::<Value>(&key.public_jwk()).unwrap()]});
    let system = registered(|m| {
        m["kind"] = "system".into();
        m["redirect_uris"] = json!([]);
        m["scope"] = "system/*.rs".into();
        m["jwks"] = set;
    })
    .unwrap();
    assert_eq!(system.client.authentication, Authentication::PrivateKeyJwt);
}

/// S107: by the words of RFC 9449 §5.2 and RFC 8705 §3.4, and not by both.
#[test]
fn s107_tokens_are_bound_as_the_client_registers() {
    let bound = |names: &[&str]| {
        let made = registered(|m| names.iter().for_each(|name| m[*name] = true.into()));
        made.map(|made| made.client.sender_constraint)
    };
    let (dpop, mtls) = (
        "dpop_bound_access_tokens",
        "tls_client_certificate_bound_access_tokens",
    );
    assert_eq!(bound(&[]), Ok(SenderConstraint::None));
    assert_eq!(bound(&[dpop]), Ok(SenderConstraint::Dpop));
    assert_eq!(bound(&[mtls]), Ok(SenderConstraint::Mtls));
    assert_eq!(bound(&[dpop, mtls]), Err(vec![mtls]));
}

#[test]
fn s117_what_is_unsafe_is_named() {
    let refused = |change: fn(&mut Value)| registered(change).unwrap_err();
    for uri in [
        "https://*.app.example/cb",
        "https://app.example/cb#x",
        "https://user@app.example/cb",
        "https://good.example:x@evil.example/cb",
        "https://good.example:443@evil.example/cb",
        "https://good.example:/cb",
        "https://good.example:44a/cb",
        "https://evil.example\\@good.example/cb",
        "https://good.example/\\evil.example",
        "https://localhost/cb",
        "https://127.0.0.1/cb",
        "https://192.0.2.1/cb",
        "http://app.example/cb",
        "http://localhost:3000/cb",
        "http://127.0.0.1.evil.example/cb",
        "javascript:alert(1)",
        "com.example.app:/cb",
        "app.example/cb",
        "",
    ] {
        let problems = registered(|m| m["redirect_uris"] = json!([uri])).unwrap_err();
        assert_eq!(problems, ["redirect_uris"], "{uri}");
    }
    assert_eq!(
        refused(|m| m["redirect_uris"] = json!([])),
        ["redirect_uris"]
    );
    assert_eq!(refused(|m| m["scope"] = "system/*.rs".into()), ["scope"]);
    // Whose it is, and how sensitive data it sees, is for others to say.
    assert_eq!(
        refused(|m| m["organization"] = "Organization/1".into()),
        ["organization"]
    );
    assert_eq!(refused(|m| m["clearance"] = "V *".into()), ["clearance"]);
    assert_eq!(refused(|m| m["sees_labels"] = true.into()), ["sees_labels"]);
    assert_eq!(refused(|m| m["scope"] = "".into()), ["scope"]);
    assert_eq!(refused(|m| m["contacts"] = json!(["nobody"])), ["contacts"]);
    assert_eq!(refused(|m| m["owner"] = " ".into()), ["owner"]);
    assert_eq!(refused(|m| m["kind"] = "root".into()), ["kind"]);
    for url in [
        "http://app.example/jwks",
        "https://localhost/jwks",
        "https://10.0.0.1/jwks",
    ] {
        let problems = registered(|m| {
            m["token_endpoint_auth_method"] = "private_key_jwt".into();
            m["jwks_uri"] = url.into();
        });
        assert_eq!(problems.unwrap_err(), ["jwks_uri"], "{url}");
    }
    let native = registered(|m| {
        m["application_type"] = "native".into();
        m["redirect_uris"] = json!(["com.example.app:/cb", "http://127.0.0.1/cb"]);
    });
    assert!(native.unwrap().client.native);
}

#[test]
fn s117_an_https_url_may_name_its_port() {
    for uri in [
        "https://app.example:8443/cb?x=a@b",
        "https://app.example/cb/@me",
    ] {
        assert!(
            registered(|m| m["redirect_uris"] = json!([uri])).is_ok(),
            "{uri}"
        );
    }
    for url in [
        "https://good.example:x@evil.example/",
        "https://a@b.example/",
    ] {
        let problems = registered(|m| m["client_uri"] = url.into()).unwrap_err();
        assert_eq!(problems, ["client_uri"], "{url}");
    }
}

#[test]
fn s62_a_system_has_a_key() {
    let problems = registered(|m| {
        m["kind"] = "system".into();
        m["redirect_uris"] = json!([]);
        m["scope"] = "system/*.rs".into();
        m["token_endpoint_auth_method"] = "client_secret_basic".into();
    });
    assert_eq!(problems.unwrap_err(), ["token_endpoint_auth_method"]);
}
