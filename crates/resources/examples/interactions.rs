//! Runs one interaction a number of times on a fresh embedded store, for counting instructions:
//! `valgrind --tool=callgrind target/release/examples/interactions read 100`. `cargo xtask bench instructions` does it for
//! all and takes the difference of two runs, so that starting up does not count.

use bytes::Bytes;
use std::time::{SystemTime, UNIX_EPOCH};
use ward_access::{Caller, Identity, Scopes};
use ward_resources::{Body, Call, Engine, Format, Interaction, Reply, Settings};
use ward_seal::MasterKey;
use ward_storage::{Store, StoreSettings};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next().unwrap_or_else(|| "read".into());
    let times: usize = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(100);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(run(&what, times));
}

async fn run(what: &str, times: usize) {
    let folder = std::env::temp_dir().join(format!("ward-interactions-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let engine = engine(&folder).await;
    let caller = loader();
    let patient = made(&post(&engine, &caller, "Patient", PATIENT).await);
    let observation = OBSERVATION.replace("PATIENT", &patient);
    let first = made(&post(&engine, &caller, "Observation", &observation).await);
    for n in 0..times {
        let reply = match what {
            "read" => get(&engine, &caller, &format!("Observation/{first}"), &[]).await,
            "vread" => {
                get(
                    &engine,
                    &caller,
                    &format!("Observation/{first}/_history/1"),
                    &[],
                )
                .await
            }
            "search" => {
                get(
                    &engine,
                    &caller,
                    "Observation",
                    &[("patient", &patient), ("category", "laboratory")],
                )
                .await
            }
            "history" => {
                get(
                    &engine,
                    &caller,
                    &format!("Observation/{first}/_history"),
                    &[],
                )
                .await
            }
            "create" => post(&engine, &caller, "Observation", &observation).await,
            "update" => {
                let body = observation
                    .replacen('{', &format!("{{\"id\":\"{first}\","), 1)
                    .replace("6.3", &format!("{n}.5"));
                send(
                    &engine,
                    &caller,
                    ward_resources::route::Method::Put,
                    &format!("Observation/{first}"),
                    Some(body),
                )
                .await
            }
            "transaction" => post(&engine, &caller, "", &transaction(n)).await,
            _ => panic!("read, vread, search, history, create, update or transaction"),
        };
        assert!(
            reply.status < 300,
            "{}",
            String::from_utf8_lossy(reply.json().unwrap_or_default())
        );
    }
    engine.store().close().await;
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}

async fn engine(folder: &std::path::Path) -> Engine {
    let master = MasterKey::from_bytes([7; 32]);
    let store = Store::open(StoreSettings::sqlite(folder.join("ward.db")), master)
        .await
        .expect("a store");
    let log = ward_audit::Log::open(&folder.join("log")).expect("a log");
    Engine::new(store, log, Settings::default(), clock, [9; 32])
}

fn clock() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_micros() as i64)
}

fn loader() -> Caller {
    Caller::new(Identity {
        subject: "loader".into(),
        client_id: "loader".into(),
        scopes: Scopes::parse("system/*.cruds").expect("a scope"),
        ..Identity::default()
    })
}

async fn get(engine: &Engine, caller: &Caller, path: &str, parameters: &[(&str, &str)]) -> Reply {
    let interaction =
        ward_resources::route::route(ward_resources::route::Method::Get, path).expect("a path");
    let mut call = Call::new(interaction, [0; 16], "bench".into());
    call.parameters = parameters
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    engine.answer(caller, &call).await
}

async fn post(engine: &Engine, caller: &Caller, path: &str, body: &str) -> Reply {
    send(
        engine,
        caller,
        ward_resources::route::Method::Post,
        path,
        Some(body.to_owned()),
    )
    .await
}

async fn send(
    engine: &Engine,
    caller: &Caller,
    method: ward_resources::route::Method,
    path: &str,
    body: Option<String>,
) -> Reply {
    let interaction: Interaction = ward_resources::route::route(method, path).expect("a path");
    let mut call = Call::new(interaction, [0; 16], "bench".into());
    call.body = body.map(|text| Body {
        bytes: Bytes::from(text),
        format: Format::Json,
    });
    engine.answer(caller, &call).await
}

/// Logical id of what a reply brought.
fn made(reply: &Reply) -> String {
    let location = reply.location.as_deref().expect("something was made");
    location.split('/').nth(1).expect("Type/id").to_owned()
}

/// Patient and Observation, as in the transaction sweep of the load generator.
fn transaction(n: usize) -> String {
    format!(
        r#"{{"resourceType":"Bundle","type":"transaction","entry":[
        {{"fullUrl":"urn:uuid:00000000-0000-4000-8000-{n:012}","resource":{PATIENT},"request":{{"method":"POST","url":"Patient"}}}},
        {{"resource":{},"request":{{"method":"POST","url":"Observation"}}}}]}}"#,
        OBSERVATION.replace(
            "Patient/PATIENT",
            &format!("urn:uuid:00000000-0000-4000-8000-{n:012}")
        )
    )
}

const PATIENT: &str = r#"{"resourceType":"Patient","identifier":[{"system":"http://hospital.example.org/mrn","value":"MRN-7"}],"name":[{"family":"Hartwell","given":["Amelia"]}],"gender":"female","birthDate":"1956-04-17"}"#;

const OBSERVATION: &str = r#"{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"2339-0","display":"Glucose"}],"text":"Glucose"},"subject":{"reference":"Patient/PATIENT"},"effectiveDateTime":"2026-05-01T08:30:00-05:00","issued":"2026-05-01T08:30:00.123-05:00","valueQuantity":{"value":6.3,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}}"#;
