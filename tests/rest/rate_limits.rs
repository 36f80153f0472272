//! Too much asked for is refused with the time to wait, and holds up nobody else (C17, X74).

use super::backend_service::BackendService;
use super::on_own;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use ward_testkit::{Answer, Backend, Client, Server, Start, backends};

#[test]
fn x74_a_client_that_asks_for_too_much_waits_and_others_do_not() {
    // Worth a token and three searches.
    on_own(&[("rates.client_per_minute", "40")], |ward, loader| {
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

/// What a person asks for is theirs, whichever apps they ask with; others at the same app go on.
#[test]
fn x74_a_user_waits_whichever_app_they_use() {
    on_own(&[("rates.user_per_minute", "40")], |ward, loader| {
        let patient = json!({ "resourceType": "Patient" });
        let id = loader.post("Patient", &patient).expect(201).id();
        let (desk, app) = (ward.client("clinician"), ward.app(&id));
        let others = ward.client("clerk");
        let ask = || desk.get("Observation?_count=1");
        let refused = (0..40).map(|_| ask()).find(|answer| answer.status != 200);
        let refused = refused.expect("no more than a minute's worth").expect(429);
        waits(&refused);
        assert_eq!(refused.issue().0, "throttled");
        waits(&app.get("Observation?_count=1").expect(429));
        others.get("Patient?_count=1").expect(200);
        loader.get("Observation?_count=1").expect(200);
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
        let token = || token_without_proof(ward);
        let refused = (0..40).map(|_| token()).find(|answer| answer.status != 401);
        let refused = refused.expect("no more than a minute's worth").expect(429);
        waits(&refused);
        assert_eq!(refused.json()["error"], "temporarily_unavailable");
        waits_soon(|| loader.get("Patient"));
        waits_soon(|| ward.anonymous().get(&format!("{origin}/auth/sign-in")));
    });
}

/// Tokens are of a client's own budget, wherever it asks; to send its name without its proof uses up nothing of it.
#[test]
fn x74_a_client_pays_for_its_tokens_and_nobody_else_does() {
    // The loader has signed in by then.
    on_own(&[("rates.client_per_minute", "60")], |ward, _| {
        let own = BackendService::of(ward);
        let origin = ward.base.trim_end_matches("/fhir");
        for _ in 0..12 {
            let pretended = ward
                .anonymous()
                .request("POST", &format!("{origin}/auth/token"));
            let form = b"grant_type=client_credentials&client_id=demo-loader".to_vec();
            let answer = pretended.body("application/x-www-form-urlencoded", form);
            answer.send().expect(401);
        }
        own.ask_token(None).expect(200);
        let refused = (0..8)
            .map(|_| own.ask_token(None))
            .find(|a| a.status != 200);
        let refused = refused.expect("no more than a minute's worth").expect(429);
        waits(&refused);
        assert_eq!(refused.json()["error"], "temporarily_unavailable");
        ward.client("lab").get("Observation?_count=1").expect(200);
    });
}

/// Whoever proves nothing waits at the authorization server; systems behind the same address do not.
#[test]
fn x74_an_address_without_proof_of_a_client_waits() {
    let limit = [("rates.unauthenticated_per_minute", "200")];
    on_own(&limit, |ward, loader| {
        let origin = ward.base.trim_end_matches("/fhir");
        let service = BackendService::of(ward);
        waits_soon(|| ward.anonymous().get(&format!("{origin}/auth/sign-in")));
        waits_soon(|| token_without_proof(ward));
        waits_soon(|| {
            let url = format!("{origin}/witness/add-checkpoint");
            let request = ward.anonymous().request("POST", &url);
            request.body("text/plain", b"nonsense\n".to_vec()).send()
        });
        service.ask_token(None).expect(200);
        loader.get("Patient").expect(200);
    });
}

/// AT17c over HTTP; a restart forgets nothing.
#[test]
fn at17c_a_client_that_has_seen_enough_patients_waits() {
    for backend in backends() {
        within_an_hour(|| has_seen_enough(backend));
    }
}

fn has_seen_enough(backend: Backend) {
    let ward = Server::start(Start::empty(backend).with(BUDGET, "2"));
    store(&ward.client("loader"), 3);
    let lab = ward.client("lab");
    lab.get("Patient/b1").expect(200);
    lab.get("Patient/b2").expect(200);
    let refused = lab.get("Patient/b3").expect(429);
    assert!((1..=3_600).contains(&seconds(&refused)));
    assert_eq!(refused.issue().0, "throttled");
    lab.get("Patient/b1").expect(200);
    let (start, home) = ward.stop();
    let ward = Server::start_in(start, home);
    let lab = ward.client("lab");
    lab.get("Patient/b3").expect(429);
    lab.get("Patient/b1").expect(200);
}

/// Two processes over one database show no more patients together than the client's budget, and in the end exactly as many; also
/// when one of them is killed in between, less what it had reserved.
#[test]
fn at17c_two_processes_share_a_budget() {
    if backends().contains(&Backend::Postgres) {
        within_an_hour(|| two_processes(40, false));
        within_an_hour(|| two_processes(40, true));
    }
}

fn two_processes(most: usize, is_killed: bool) {
    let start = Start::empty(Backend::Postgres).with(BUDGET, &most.to_string());
    let one = Server::start(start);
    store(&one.client("loader"), PATIENTS);
    let other = one.beside();
    let shown = std::thread::scope(|threads| {
        let up = threads.spawn(|| shown(&one.client("lab"), 1..=PATIENTS));
        let down = threads.spawn(|| shown(&other.client("lab"), (1..=PATIENTS).rev()));
        [up, down].map(|thread| thread.join().unwrap())
    });
    let mut all: BTreeSet<usize> = shown.into_iter().flatten().collect();
    assert!(all.len() <= most, "{} of {most}", all.len());
    if is_killed {
        drop(other.kill());
    }
    // What was reserved and not used is given back within two seconds, longer where the machine is busy.
    let lost = if is_killed { most / 8 + 1 } else { 0 };
    let begun = Instant::now();
    loop {
        std::thread::sleep(Duration::from_secs(2));
        all.extend(self::shown(&one.client("lab"), 1..=PATIENTS));
        assert!(all.len() <= most, "{} of {most}", all.len());
        if all.len() + lost >= most {
            return;
        }
        assert!(
            begun.elapsed() < GIVEN_BACK_WITHIN,
            "{} of {most}",
            all.len()
        );
    }
}

/// Far more than it takes.
const GIVEN_BACK_WITHIN: Duration = Duration::from_secs(30);
const BUDGET: &str = "rates.patients_per_hour";
const PATIENTS: usize = 60;

/// Patients whose record the client is shown.
fn shown(lab: &Client, asked: impl Iterator<Item = usize>) -> Vec<usize> {
    let is_shown = |n: &usize| match lab.get(&format!("Patient/b{n}")).status {
        200 => true,
        429 => false,
        other => panic!("{other}"),
    };
    asked.filter(is_shown).collect()
}

fn store(loader: &Client, patients: usize) {
    for n in 1..=patients {
        let body = json!({ "resourceType": "Patient", "id": format!("b{n}") });
        loader.put(&format!("Patient/b{n}"), &body).expect(201);
    }
}

/// What is counted by the hour of the clock: tried again when the hour has ended meanwhile.
fn within_an_hour(conversation: impl Fn()) {
    let hour = || {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        since.as_secs() / 3_600
    };
    let begun = hour();
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(&conversation));
    match told {
        Ok(()) => {}
        Err(_) if hour() != begun => conversation(),
        Err(failed) => std::panic::resume_unwind(failed),
    }
}

fn seconds(refused: &Answer) -> u64 {
    let seconds = refused.header("Retry-After").and_then(|s| s.parse().ok());
    seconds.expect("Retry-After in seconds")
}

#[track_caller]
fn token_without_proof(ward: &Server) -> Answer {
    let origin = ward.base.trim_end_matches("/fhir");
    let request = ward
        .anonymous()
        .request("POST", &format!("{origin}/auth/token"));
    let form = b"grant_type=client_credentials".to_vec();
    request
        .body("application/x-www-form-urlencoded", form)
        .send()
}

/// Some of what is cheap may be left of a minute, or have come back.
fn waits_soon(ask: impl Fn() -> Answer) {
    let refused = (0..40).map(|_| ask()).find(|answer| answer.status == 429);
    waits(&refused.expect("no more than a minute's worth"));
}

fn waits(refused: &Answer) {
    let seconds = refused.header("Retry-After").and_then(|s| s.parse().ok());
    assert!(
        seconds.is_some_and(|s: u64| (1..=60).contains(&s)),
        "{seconds:?}"
    );
}
