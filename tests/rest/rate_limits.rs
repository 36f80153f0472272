//! Too much asked for is refused with the time to wait, and holds up nobody else (C17, X74).

use super::on_own;
use serde_json::json;
use ward_testkit::Answer;

#[test]
fn x74_a_client_that_asks_for_too_much_waits_and_others_do_not() {
    // Worth three searches, or thirty reads.
    on_own(&[("rates.client_per_minute", "30")], |ward, loader| {
        let lab = ward.client("lab");
        for _ in 0..3 {
            lab.get("Observation?_count=1").expect(200);
        }
        let refused = lab.get("Observation?_count=1").expect(429);
        waits(&refused);
        assert_eq!(refused.issue().0, "throttled");
        loader.get("Observation?_count=1").expect(200);
        ward.anonymous().get("metadata").expect(200);
    });
}

#[test]
fn x74_whoever_has_no_token_that_will_do_holds_up_nobody_who_has() {
    on_own(&[("rates.failures_per_minute", "3")], |ward, loader| {
        for _ in 0..3 {
            ward.anonymous().get("Patient").expect(401);
        }
        waits(&ward.anonymous().get("Patient").expect(429));
        let bad = ward.anonymous().request("GET", "Patient");
        waits(
            &bad.header("Authorization", "Bearer a.b.c")
                .send()
                .expect(429),
        );
        loader.get("Patient").expect(200);
        ward.anonymous().get("metadata").expect(200);
    });
}

#[test]
fn x74_an_address_waits_at_every_endpoint() {
    // The loader signs in first, with some requests for pages and its token.
    on_own(&[("rates.address_per_minute", "300")], |ward, loader| {
        let origin = loader.base.trim_end_matches("/fhir");
        let token = || {
            let request = ward
                .anonymous()
                .request("POST", &format!("{origin}/auth/token"));
            let form = b"grant_type=client_credentials".to_vec();
            request
                .body("application/x-www-form-urlencoded", form)
                .send()
        };
        let refused = (0..40).map(|_| token()).find(|answer| answer.status != 401);
        let refused = refused.expect("no more than a minute's worth").expect(429);
        waits(&refused);
        assert_eq!(refused.json()["error"], "temporarily_unavailable");
        waits(&loader.get("Patient").expect(429));
        let page = ward.anonymous().get(&format!("{origin}/auth/sign-in"));
        waits(&page.expect(429));
    });
}

/// AT17c over HTTP, in the middle of an hour of the clock or at its end.
#[test]
fn at17c_a_client_that_has_seen_enough_patients_waits() {
    on_own(&[("rates.patients_per_hour", "2")], |ward, loader| {
        for id in ["b1", "b2", "b3"] {
            let body = json!({ "resourceType": "Patient", "id": id });
            loader.put(&format!("Patient/{id}"), &body).expect(201);
        }
        let lab = ward.client("lab");
        lab.get("Patient/b1").expect(200);
        lab.get("Patient/b2").expect(200);
        let refused = lab.get("Patient/b3").expect(429);
        let seconds = refused.header("Retry-After").and_then(|s| s.parse().ok());
        assert!(
            seconds.is_some_and(|s: u64| (1..=3_600).contains(&s)),
            "{seconds:?}"
        );
        assert_eq!(refused.issue().0, "throttled");
        lab.get("Patient/b1").expect(200);
    });
}

#[track_caller]
fn waits(refused: &Answer) {
    let seconds = refused.header("Retry-After").and_then(|s| s.parse().ok());
    assert!(
        seconds.is_some_and(|s: u64| (1..=60).contains(&s)),
        "{seconds:?}"
    );
}
