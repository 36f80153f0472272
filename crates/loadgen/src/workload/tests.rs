//! Every workload against a stand-in that answers as a FHIR server does and keeps nothing but ids.

mod pages;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use actix_web::http::Method;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use clap::Parser;
use serde_json::Value;

use super::*;

#[derive(Default)]
struct Seen {
    next_id: AtomicU64,
    refused: AtomicU64,
}

async fn answer(request: HttpRequest, body: web::Bytes, seen: web::Data<Seen>) -> HttpResponse {
    if let Some(answer) = pages::answer(&request, &body) {
        return answer;
    }
    if request
        .headers()
        .get("authorization")
        .is_none_or(|v| v != "Bearer secret")
    {
        seen.refused.fetch_add(1, Ordering::Relaxed);
        return HttpResponse::Unauthorized().finish();
    }
    let path: Vec<&str> = request.path().trim_matches('/').split('/').collect();
    match (request.method(), path.as_slice()) {
        (&Method::POST, ["fhir"]) => {
            let bundle: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(bundle["type"], "transaction");
            HttpResponse::Ok().finish()
        }
        (&Method::POST, ["fhir", kind]) => {
            let document: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(document["resourceType"], *kind);
            let id = seen.next_id.fetch_add(1, Ordering::Relaxed);
            HttpResponse::Created()
                .insert_header(("Location", format!("/fhir/{kind}/{id}/_history/1")))
                .finish()
        }
        (&Method::PUT, ["fhir", _, id]) => {
            let document: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(document["id"], *id);
            HttpResponse::Ok().finish()
        }
        (&Method::DELETE, ["fhir", _, _]) => HttpResponse::NoContent().finish(),
        (&Method::GET, ["fhir", kind]) => {
            // Everything that a workload looks for, and further pages of small pages only.
            let link = match request.query_string().contains("_count=20") {
                true => format!(
                    r#""link":[{{"relation":"next","url":"http://h/fhir/{kind}?_count=20&_cursor=x"}}],"#
                ),
                false => String::new(),
            };
            HttpResponse::Ok().body(format!(r#"{{{link}"entry":[{FOUND}]}}"#))
        }
        (&Method::GET, ["fhir", _, _]) => HttpResponse::Ok().body("{}"),
        _ => HttpResponse::NotFound().finish(),
    }
}

const FOUND: &str = r#"{"fullUrl":"x","resource":{"id":"found","name":[{"family":"F","given":["G"]}],
    "code":{"coding":[{"system":"s","code":"c"}]},"category":[{"coding":[{"code":"laboratory"}]}],"class":{"code":"AMB"},
    "effectiveDateTime":"2024-01-01T00:00:00Z","valueQuantity":{"value":1.5},
    "component":[{"valueQuantity":{"value":120}}]}}"#;

/// Starts the stand-in in a thread of its own; returns its base URL.
fn stand_in() -> String {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let seen = web::Data::from(Arc::new(Seen::default()));
            let app = move || {
                App::new()
                    .app_data(seen.clone())
                    .app_data(web::PayloadConfig::new(1 << 24))
                    .default_service(web::to(answer))
            };
            let server = HttpServer::new(app).workers(1).bind("127.0.0.1:0").unwrap();
            sender.send(server.addrs()[0]).unwrap();
            server.run().await.unwrap();
        });
    });
    format!("http://{}/fhir", receiver.recv().unwrap())
}

fn run(base: &str, words: &[&str]) -> Vec<Report> {
    let line = [
        &["ward-loadgen", "--base", base, "--token", "secret"],
        words,
    ]
    .concat();
    let arguments = Arguments::parse_from(line);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(execute(&arguments)).unwrap()
}

fn counts(report: &Report) -> BTreeMap<&str, u64> {
    report
        .measured
        .record
        .latencies
        .iter()
        .map(|(name, h)| (*name, h.len()))
        .collect()
}

#[test]
fn crud_sends_as_many_of_each_verb() {
    let reports = run(
        &stand_in(),
        &[
            "crud",
            "--clients",
            "2",
            "--warm-up",
            "0",
            "--requests",
            "144",
        ],
    );
    assert!(
        reports[0].is_clean(),
        "{:?}",
        reports[0].measured.record.failures
    );
    let counts = counts(&reports[0]);
    assert!(
        counts["create"] >= 36 && counts.values().all(|n| n == &counts["create"]),
        "{counts:?}"
    );
}

#[test]
fn import_sends_each_bundle_once() {
    let reports = run(
        &stand_in(),
        &[
            "import",
            "--generate",
            "7",
            "--entries-per-patient",
            "40",
            "--clients",
            "3",
        ],
    );
    assert_eq!(counts(&reports[0])["transaction"], 7);
    assert!(reports[0].is_clean() && reports[0].measured.record.resources > 140);
}

#[test]
fn mix_keeps_its_proportions_and_read_only_reads() {
    let base = stand_in();
    let reports = run(
        &base,
        &[
            "mix",
            "--clients",
            "4",
            "--warm-up",
            "0",
            "--requests",
            "4000",
        ],
    );
    assert!(
        reports[0].is_clean(),
        "{:?}",
        reports[0].measured.record.failures
    );
    let counts_of_mix = counts(&reports[0]);
    // An update reads first: of 125 requests 85 are reads, 25 updates.
    let share = |name: &str| counts_of_mix[name] * 125 / reports[0].requests();
    assert!(
        (80..=90).contains(&share("read")) && (22..=28).contains(&share("update")),
        "{counts_of_mix:?}"
    );
    assert!(
        (7..=13).contains(&share("create")) && (3..=7).contains(&share("delete")),
        "{counts_of_mix:?}"
    );
    let reads = run(
        &base,
        &[
            "read",
            "--clients",
            "2",
            "--warm-up",
            "0",
            "--requests",
            "200",
        ],
    );
    assert_eq!(counts(&reads[0]).into_keys().collect::<Vec<_>>(), ["read"]);
}

#[test]
fn sweep_reports_each_number_of_clients() {
    let words = [
        "sweep",
        "--clients",
        "1,3",
        "--warm-up-transactions",
        "10",
        "--duration",
        "1",
    ];
    let reports = run(&stand_in(), &words);
    assert_eq!(
        reports
            .iter()
            .map(|r| r.measured.clients)
            .collect::<Vec<_>>(),
        [1, 3]
    );
    assert!(
        reports
            .iter()
            .all(|r| r.is_clean() && r.measured.record.resources == 2 * r.requests())
    );
}

#[test]
fn searches_take_turns_with_point_reads() {
    let words = [
        "search",
        "--clients",
        "1",
        "--rounds",
        "1",
        "--misses",
        "50",
        "--only",
        "reference;page 50",
        "--mixed",
    ];
    let reports = run(&stand_in(), &words);
    let names: Vec<&str> = reports.iter().map(|r| r.workload.as_str()).collect();
    assert_eq!(names, ["read", "mixed"]);
    assert!(reports.iter().all(Report::is_clean));
    assert!(reports.iter().all(|r| r.beside.is_some()));
    assert_eq!(reports[0].measured.record.misses, 0);
    let (searches, record) = (reports[1].requests(), &reports[1].measured.record);
    assert_eq!(
        counts(&reports[1]).into_keys().collect::<Vec<_>>(),
        ["page 50", "reference"]
    );
    assert_eq!(record.resources, searches);
    let misses = record.misses * 100 / searches;
    assert!((15..=35).contains(&misses), "half of half: {misses}");
}

#[test]
fn smile_makes_so_many_requests_of_each_client() {
    let words = ["smile", "--clients", "1,2", "--operations", "4"];
    let reports = run(&stand_in(), &words);
    assert!(reports.iter().all(Report::is_clean));
    let requests: Vec<u64> = reports.iter().map(Report::requests).collect();
    assert_eq!(requests, [[4; 10], [8; 10]].concat());
}

#[test]
fn refusals_are_counted_by_status_and_the_run_is_not_clean() {
    let base = stand_in();
    let words = [
        "get",
        "Nothing/at/all",
        "--clients",
        "1",
        "--warm-up",
        "0",
        "--requests",
        "5",
    ];
    let reports = run(&base, &words);
    assert!(!reports[0].is_clean());
    assert_eq!(reports[0].measured.record.failures["get: 404"], 5);
    let create = run(
        &base,
        &[
            "create",
            "--clients",
            "1",
            "--warm-up",
            "1",
            "--duration",
            "1",
        ],
    );
    assert!(create[0].is_clean() && create[0].measured.record.resources > 0);
}

#[test]
fn tokens_are_asked_for_until_the_assertions_are_used_up() {
    let admin = std::env::temp_dir().join(format!("ward-loadgen-{}.json", std::process::id()));
    let secrets = r#"{"username":"admin","password":"secret","totp_secret":"GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"}"#;
    std::fs::write(&admin, secrets).unwrap();
    let base = stand_in();
    for algorithm in ["ES384", "RS384"] {
        let words = [
            "token",
            "--algorithm",
            algorithm,
            "--assertions",
            "40",
            "--clients",
            "3",
            "--warm-up",
            "0",
            "--admin",
            admin.to_str().unwrap(),
        ];
        let reports = run(&base, &words);
        assert_eq!(reports[0].workload, format!("token {algorithm}"));
        assert!(reports[0].is_clean());
        // As many for each processor.
        assert!((40..80).contains(&reports[0].requests()));
    }
    std::fs::remove_file(&admin).unwrap();
}

#[test]
fn reads_are_compared_with_and_without_sign_ins() {
    let words = [
        "sign-ins",
        "--people",
        "3",
        "--clients",
        "2",
        "--rate",
        "100",
        "--block",
        "1",
        "--rounds",
        "1",
    ];
    let reports = run(&stand_in(), &words);
    let names: Vec<&str> = reports.iter().map(|r| r.workload.as_str()).collect();
    let expected = [
        "reads alone",
        "reads beside sign-ins",
        "sign-ins beside reads",
    ];
    assert_eq!(names, expected);
    assert!(reports.iter().all(Report::is_clean));
    for reads in &reports[..2] {
        assert_eq!(counts(reads).into_keys().collect::<Vec<_>>(), ["read"]);
        // A hundred a second, on a machine that keeps the pace.
        assert!(
            (20..=120).contains(&reads.requests()),
            "{}",
            reads.requests()
        );
    }
    assert_eq!(
        counts(&reports[2]).into_keys().collect::<Vec<_>>(),
        ["sign-in"]
    );
    assert!(reports[0].slowed.is_none() && reports[1].slowed.is_some());
}
