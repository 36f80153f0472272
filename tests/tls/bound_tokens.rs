//! S107: a token that is bound to a client certificate works over connections with that certificate alone.
//! <https://www.rfc-editor.org/rfc/rfc8705#section-3>

use super::{cert_dev, client_certificates, file, server_with_files};
use crate::apps::{self, Place};
use serde_json::{Value, json};
use ward_seal::hash::sha256;
use ward_seal::{base64url, from_base64, from_base64url};
use ward_testkit::{Answer, Client, Server};

const OPENS: &str = "Patient?_count=1";

#[test]
fn s107_a_bound_token_is_its_certificates_alone() {
    let server = server_with_files(&[
        ("tls.client_ca_file", "TLS/ca.pem"),
        ("smart.open_registration", "true"),
    ]);
    cert_dev(server.data(), &["--client", "lab", "--client", "thief"]);
    let place = Place::of(&server);
    let mut admin = apps::signed_in(&server, &place, "admin");
    let bound = json!({ "tls_client_certificate_bound_access_tokens": true });
    let (id, service) = apps::system(&place, &mut admin, &bound);
    // Whoever approves it sees what its tokens are bound to.
    let page = admin.get(&format!("{}/auth/clients?client={id}", place.origin));
    assert!(page.html().contains("its TLS certificate"), "{page:?}");
    let (own, thief) = (over(&server, "client-lab"), over(&server, "client-thief"));

    // Without a certificate there is nothing to bind a token to.
    let none = service.ask_token(None).expect(400).json();
    assert_eq!(none["error"], "invalid_request", "{none}");
    let service = service.over(own.clone());
    let token = service.token();
    let payload = from_base64url(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(claims["cnf"]["x5t#S256"], thumbprint(&server, "client-lab"));
    assert_ne!(
        thumbprint(&server, "client-lab"),
        thumbprint(&server, "client-thief")
    );

    opened(&own, &token, &[]).expect(200);
    for (why, client) in [
        ("another certificate", &thief),
        ("no certificate", &place.http),
    ] {
        let refused = opened(client, &token, &[]).expect(401);
        let challenge = refused.header("www-authenticate").unwrap();
        assert!(
            challenge.contains("error=\"invalid_token\""),
            "{why}: {challenge}"
        );
    }
    // Headers by which proxies tell of certificates tell nothing here.
    let claimed = std::fs::read_to_string(file(&server, "client-lab.pem")).unwrap();
    let claimed = claimed.replace('\n', "%0A");
    for name in [
        "X-Client-Cert",
        "X-SSL-Client-Cert",
        "X-Forwarded-Client-Cert",
        "Client-Cert",
    ] {
        opened(&thief, &token, &[(name, &claimed)]).expect(401);
        opened(&place.http, &token, &[(name, &claimed)]).expect(401);
    }
    opened(&own, &token, &[]).expect(200);
    // A token that is bound to nothing works with or without one.
    let free = server.token("loader");
    opened(&thief, &free, &[]).expect(200);
}

/// Connections with a client certificate.
fn over(server: &Server, name: &str) -> Client {
    let identity = client_certificates::identity(&file(server, name));
    Client::showing_certificate(&server.base, &server.authority(), &identity)
}

fn opened(client: &Client, token: &str, headers: &[(&str, &str)]) -> Answer {
    let request = client.request("GET", OPENS);
    let request = request.header("Authorization", &format!("Bearer {token}"));
    headers
        .iter()
        .fold(request, |request, (name, value)| {
            request.header(name, value)
        })
        .send()
}

/// SHA-256 of a certificate, as tokens name it.
fn thumbprint(server: &Server, name: &str) -> String {
    let pem = std::fs::read_to_string(file(server, name).with_extension("pem")).unwrap();
    let lines = pem
        .lines()
        .skip_while(|line| !line.starts_with("-----BEGIN"));
    let lines = lines
        .skip(1)
        .take_while(|line| !line.starts_with("-----END"));
    base64url(&sha256(&from_base64(&lines.collect::<String>()).unwrap()))
}
