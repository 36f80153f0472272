//! Tokens as they are presented to the FHIR base, and the challenges to whoever has none that will do.
//! <https://www.rfc-editor.org/rfc/rfc6750> (S103 to S105)

use super::server;
use ward_seal::{base64url, from_base64url};
use ward_testkit::{Answer, Server, backends};

#[test]
fn s103_a_token_comes_in_the_header_and_once() {
    for backend in backends() {
        let ward = server(backend);
        let token = ward.token("loader");
        let bearer = format!("Bearer {token}");

        // In the URL it would be kept in logs and histories: also where another is in the header.
        let in_url = format!("Patient?access_token={token}");
        misplaced(&ward.anonymous().get(&in_url));
        misplaced(&ward.client("loader").get(&in_url));
        let form = format!("access_token={token}").into_bytes();
        let search = ward.client("loader").request("POST", "Patient/_search");
        misplaced(
            &search
                .body("application/x-www-form-urlencoded", form.clone())
                .send(),
        );
        let search = ward.anonymous().request("POST", "Patient/_search");
        let nobody = search
            .body("application/x-www-form-urlencoded", form)
            .send();
        assert_eq!(nobody.status, 401, "{}", nobody.text());

        let twice = ward.client("loader").request("GET", "Patient");
        let twice = twice.header("Authorization", &bearer).send().expect(400);
        assert_eq!(error(&twice), Some("invalid_request"));
        // What is published is everybody's, whatever comes with it.
        ward.anonymous()
            .get(&format!("metadata?access_token={token}"))
            .expect(200);
    }
}

/// Who asks, for what and under which name is the token's to say.
#[test]
fn s109_headers_say_nothing_of_who_asks() {
    for backend in backends() {
        let ward = server(backend);
        let desk = ward.client("clinician");
        let asked = |path: &str| {
            let request = desk.request("GET", path);
            let headers = [
                ("Purpose-Of-Use", "HPAYMT"),
                ("X-Purpose-Of-Use", "BTG"),
                ("X-Request-Id", "mine"),
                ("X-Tenant", "other"),
                ("X-Forwarded-User", "admin"),
                ("X-Roles", "billing-clerk"),
            ];
            let request = headers.iter().fold(request, |r, (n, v)| r.header(n, v));
            request.send()
        };
        let refused = asked("Claim").expect(403);
        assert!(
            refused
                .header("X-Request-Id")
                .is_some_and(|id| id != "mine")
        );
        assert_eq!(refused.text(), desk.get("Claim").expect(403).text());
        asked("Patient?_count=1").expect(200);
    }
}

#[test]
fn s104_challenges_say_what_is_missing() {
    for backend in backends() {
        let ward = server(backend);
        let nobody = ward.anonymous().get("Patient").expect(401);
        assert_eq!(
            nobody.header("WWW-Authenticate"),
            Some("Bearer realm=\"ward\"")
        );
        let bad = presented(ward, "a.b.c").expect(401);
        assert_eq!(error(&bad), Some("invalid_token"));
        let by_key = ward.anonymous().request("GET", "Observation?_count=0");
        let by_key = by_key.header("Authorization", "DPoP a.b.c").send();
        let challenge = by_key.header("WWW-Authenticate").unwrap_or_default();
        assert!(challenge.starts_with("DPoP "), "{challenge}");
        assert_eq!(error(&by_key.expect(401)), Some("invalid_token"));

        let billing = ward.client("billing");
        let lab = ward.client("lab");
        for (answer, scope) in [
            (billing.get("Observation"), "Observation.s"),
            (billing.get("Observation/x"), "Observation.r"),
            (billing.delete("Claim/x"), "Claim.d"),
            (lab.get("Claim/_history"), "Claim.s"),
        ] {
            let answer = answer.expect(403);
            assert_eq!(error(&answer), Some("insufficient_scope"));
            let wanted = member(&answer, "scope").unwrap_or_default();
            assert_eq!(wanted.split('/').nth(1), Some(scope), "{wanted}");
            assert_eq!(answer.json()["resourceType"], "OperationOutcome");
        }
        let allowed = lab.get("Observation").expect(200);
        assert_eq!(allowed.header("WWW-Authenticate"), None);
    }
}

/// Signed tokens whose claims do not hold are in `crates/smart/src/tokens_tests.rs`: nobody but the server can sign them.
#[test]
fn s105_a_changed_token_is_none() {
    for backend in backends() {
        let ward = server(backend);
        let token = ward.token("lab");
        presented(ward, &token).expect(200);
        for changed in changed(&token) {
            let answer = presented(ward, &changed);
            assert_eq!(answer.status, 401, "{changed}: {}", answer.text());
            assert_eq!(error(&answer), Some("invalid_token"), "{changed}");
            assert!(
                !answer.text().contains(&changed),
                "nothing of a token is repeated"
            );
        }
    }
}

/// More than twenty, each in one place.
fn changed(token: &str) -> Vec<String> {
    let parts: Vec<&str> = token.split('.').collect();
    let text = |part: &str| String::from_utf8(from_base64url(part).unwrap()).unwrap();
    let (header, payload) = (text(parts[0]), text(parts[1]));
    let headers = [
        r#"{"alg":"none","typ":"at+jwt"}"#.to_owned(),
        header.replace("ES256", "none"),
        header.replace("ES256", "HS256"),
        header.replace("ES256", "RS256"),
        header.replace("ES256", "ES384"),
        header.replace("at+jwt", "JWT"),
        header.replace("\"kid\":\"", "\"kid\":\"x"),
        header.replacen('{', r#"{"jku":"http://127.0.0.1/keys","#, 1),
        header.replacen('{', r#"{"crit":["exp"],"#, 1),
    ];
    let payloads = [
        payload.replace("\"iss\":\"", "\"iss\":\"x"),
        payload.replace("\"aud\":\"", "\"aud\":\"x"),
        payload.replace("\"exp\":", "\"exp\":9"),
        payload.replace("\"iat\":", "\"iat\":9"),
        payload.replace("\"sub\":\"", "\"sub\":\"x"),
        payload.replace("\"scope\":\"", "\"scope\":\"system/*.cruds "),
        payload.replace("\"jti\":\"", "\"jti\":\"x"),
        payload.replacen('{', r#"{"patient":"x","#, 1),
        payload.replacen('{', "{ ", 1),
    ];
    let mut changed = Vec::new();
    for new in headers {
        assert_ne!(new, header);
        changed.push(format!(
            "{}.{}.{}",
            base64url(new.as_bytes()),
            parts[1],
            parts[2]
        ));
        changed.push(format!("{}.{}.", base64url(new.as_bytes()), parts[1]));
    }
    for new in payloads {
        assert_ne!(new, payload);
        changed.push(format!(
            "{}.{}.{}",
            parts[0],
            base64url(new.as_bytes()),
            parts[2]
        ));
    }
    changed.push(format!("{}.{}", parts[0], parts[1]));
    changed.push(format!("{token}.{}", parts[2]));
    changed.push(token[..token.len() - 4].to_owned());
    changed.push(format!("{}.{}.{}", parts[0], parts[1], base64url(&[7; 64])));
    changed.push(format!("{}.{}.{}", parts[0], parts[1], base64url(&[0; 64])));
    changed
}

fn presented(ward: &Server, token: &str) -> Answer {
    let request = ward.anonymous().request("GET", "Observation?_count=0");
    request
        .header("Authorization", &format!("Bearer {token}"))
        .send()
}

#[track_caller]
fn misplaced(answer: &Answer) {
    assert_eq!(answer.status, 401, "{}", answer.text());
    assert_eq!(error(answer), Some("invalid_request"));
}

fn error(answer: &Answer) -> Option<&str> {
    member(answer, "error")
}

/// A member of the challenge.
fn member<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let challenge = answer.header("WWW-Authenticate")?;
    let rest = challenge.split_once(&format!(" {name}=\""))?.1;
    rest.split_once('"').map(|(value, _)| value)
}
