//! Runs one interaction a number of times on a fresh embedded store, for counting instructions:
//! `valgrind --tool=callgrind target/release/examples/interactions read 100`. `cargo xtask bench instructions` does it for
//! all and takes the difference of two runs, so that starting up does not count.

use bytes::Bytes;
use std::time::{SystemTime, UNIX_EPOCH};
use ward_access::{Caller, Identity, Scopes};
use ward_resources::route::{Method, route};
use ward_resources::{Body, Call, Engine, Format, Reply, Settings};
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
    let bench = Bench::of(engine).await;
    for n in 0..times {
        let reply = bench.interaction(what, n).await;
        let text = String::from_utf8_lossy(reply.json().unwrap_or_default());
        let refused = reply.status >= 300 || text.contains("\"OperationOutcome\"");
        assert!(!refused, "{what}: {text}");
    }
    bench.engine.store().close().await;
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
}

/// A store with one patient and one observation of theirs.
struct Bench {
    engine: Engine,
    caller: Caller,
    patient: String,
    /// An observation of the patient, as JSON without id.
    observation: String,
    /// `Observation/{id}` of the one that is there.
    first: String,
}

impl Bench {
    async fn of(engine: Engine) -> Self {
        let mut bench = Self {
            engine,
            caller: loader(),
            patient: String::new(),
            observation: String::new(),
            first: String::new(),
        };
        bench.patient = made(&bench.ask(Method::Post, "Patient", Some(PATIENT)).await);
        bench.observation = OBSERVATION.replace("Patient/PATIENT", &bench.patient);
        bench.first = made(&bench.create().await);
        bench
    }

    async fn interaction(&self, what: &str, n: usize) -> Reply {
        match what {
            "read" => self.get(&self.first).await,
            "vread" => self.get(&format!("{}/_history/1", self.first)).await,
            "search" => self.search().await,
            "history" => self.get(&format!("{}/_history", self.first)).await,
            "$everything" => self.get(&format!("{}/$everything", self.patient)).await,
            "create" => self.create().await,
            "conditional create" => self.create_if_none_exists().await,
            "update" => self.update(n).await,
            "patch" => self.patch(n).await,
            "create and delete" => {
                let made = made(&self.create().await);
                self.ask(Method::Delete, &made, None).await
            }
            "batch" => {
                let body = bundle("batch", n, &self.patient);
                self.ask(Method::Post, "", Some(&body)).await
            }
            "transaction" => {
                let body = bundle("transaction", n, &urn(n));
                self.ask(Method::Post, "", Some(&body)).await
            }
            _ => panic!("{what} is none of those that `cargo xtask bench instructions` counts"),
        }
    }

    async fn get(&self, path: &str) -> Reply {
        self.ask(Method::Get, path, None).await
    }

    async fn search(&self) -> Reply {
        let mut call = call(Method::Get, "Observation", None);
        call.parameters = vec![
            ("patient".to_owned(), self.patient.clone()),
            ("category".to_owned(), "laboratory".to_owned()),
        ];
        self.engine.answer(&self.caller, &call).await
    }

    async fn create(&self) -> Reply {
        self.ask(Method::Post, "Observation", Some(&self.observation))
            .await
    }

    /// The patient is there: nothing is made.
    async fn create_if_none_exists(&self) -> Reply {
        let mut call = call(Method::Post, "Patient", Some(PATIENT));
        call.conditions.if_none_exist =
            Some("identifier=http://hospital.example.org/mrn|MRN-7".to_owned());
        self.engine.answer(&self.caller, &call).await
    }

    async fn update(&self, n: usize) -> Reply {
        let id = self.first.trim_start_matches("Observation/");
        let body = self
            .observation
            .replacen('{', &format!("{{\"id\":\"{id}\","), 1)
            .replace("6.3", &format!("{n}.5"));
        self.ask(Method::Put, &self.first, Some(&body)).await
    }

    async fn patch(&self, n: usize) -> Reply {
        let body = format!(r#"[{{"op":"replace","path":"/valueQuantity/value","value":{n}.5}}]"#);
        let mut call = call(Method::Patch, &self.first, Some(&body));
        if let Some(body) = &mut call.body {
            body.format = Format::JsonPatch;
        }
        self.engine.answer(&self.caller, &call).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&str>) -> Reply {
        let call = call(method, path, body);
        self.engine.answer(&self.caller, &call).await
    }
}

async fn engine(folder: &std::path::Path) -> Engine {
    let master = MasterKey::from_bytes([7; 32]);
    let store = Store::open(StoreSettings::sqlite(folder.join("ward.db")), master)
        .await
        .expect("a store");
    let log = ward_audit::Log::open(&folder.join("log"), store.record_key()).expect("a log");
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

fn call(method: Method, path: &str, body: Option<&str>) -> Call {
    let mut call = Call::new(
        route(method, path).expect("a path"),
        [0; 16],
        "bench".into(),
    );
    call.body = body.map(|text| Body {
        bytes: Bytes::copy_from_slice(text.as_bytes()),
        format: Format::Json,
    });
    call
}

/// `Type/id` of what a reply brought.
fn made(reply: &Reply) -> String {
    let location = reply.location.as_deref().expect("something was made");
    let (made, _) = location
        .split_once("/_history")
        .expect("Type/id/_history/1");
    made.to_owned()
}

/// Patient and Observation, as in the transaction sweep of the load generator; entries of a batch do not know each other, so
/// that its observation is of a patient who is there.
fn bundle(kind: &str, n: usize, subject: &str) -> String {
    format!(
        r#"{{"resourceType":"Bundle","type":"{kind}","entry":[
        {{"fullUrl":"{}","resource":{PATIENT},"request":{{"method":"POST","url":"Patient"}}}},
        {{"resource":{},"request":{{"method":"POST","url":"Observation"}}}}]}}"#,
        urn(n),
        OBSERVATION.replace("Patient/PATIENT", subject)
    )
}

fn urn(n: usize) -> String {
    format!("urn:uuid:00000000-0000-4000-8000-{n:012}")
}

const PATIENT: &str = r#"{"resourceType":"Patient","identifier":[{"system":"http://hospital.example.org/mrn","value":"MRN-7"}],"name":[{"family":"Hartwell","given":["Amelia"]}],"gender":"female","birthDate":"1956-04-17"}"#;

const OBSERVATION: &str = r#"{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"2339-0","display":"Glucose"}],"text":"Glucose"},"subject":{"reference":"Patient/PATIENT"},"effectiveDateTime":"2026-05-01T08:30:00-05:00","issued":"2026-05-01T08:30:00.123-05:00","valueQuantity":{"value":6.3,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}}"#;
