//! What token, scopes and roles cost a read: the way from a request's `Authorization` header to the answer, beside the same read
//! within an Access that is there already, in turns in one process.
//! `cargo run --profile dist -p ward-smart --features bench --example chain_cost -- [SECONDS] [CLIENTS] [postgres://…]`
//!
//! Both ways have the record and everything else that a read has. Of PostgreSQL only this process's part is counted.

use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::LocalSet;
use ward_access::{Access, Caller, Identity, Maintenance, Scopes, maintenance};
use ward_resources::route::{Method, route};
use ward_resources::{Body, Call, Engine, Format};
use ward_seal::MasterKey;
use ward_smart::fetch::{Fetch, FetchError, Fetching, Outgoing, Posted};
use ward_smart::{AuthorizationServer, Claims, Credentials, Secrets, Settings, TOKEN_LIFETIME_S};
use ward_storage::{Store, StoreSettings};
use ward_testkit::turns::{Cost, cpu_ns};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |or| arguments.next().and_then(|n| n.parse().ok()).unwrap_or(or);
    let (seconds, clients) = (number(20), number(16));
    let database = arguments.next();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    LocalSet::new().block_on(&runtime, async {
        let settings = match database {
            Some(url) => StoreSettings::postgres(url),
            None => StoreSettings::sqlite(folder.path().join("ward.db")),
        };
        let bench = Rc::new(Bench::of(settings, &folder.path().join("log")).await);
        let ways = bench.ways();
        let mut costs = vec![Cost::default(); ways.len()];
        // The first round warms what there is to be warmed.
        for round in 0..=seconds * TURNS_PER_S {
            for (way, cost) in ways.iter().zip(&mut costs) {
                let turn = turn(&bench, way, clients as usize).await;
                if round > 0 {
                    cost.add(turn);
                }
            }
        }
        report(&ways, &costs);
        bench.engine.store().close().await;
    });
}

/// Turns of each way in a second of its own.
const TURNS_PER_S: u64 = 4;
const NOW_S: i64 = 1_700_000_000;
const BASE: &str = "https://ward.example/fhir";

/// Goals: of a read's processor time, and of its 99th percentile.
const CPU_MOST: f64 = 1.05;
const LATER_US_MOST: f64 = 500.0;

struct Bench {
    engine: Arc<Engine>,
    auth: AuthorizationServer,
    /// `Patient/{id}`
    patient: String,
    observation: String,
    loader: Caller,
    everything: Access,
}

/// How a read is asked for.
#[derive(Clone)]
enum Way {
    /// Within an Access that sees all.
    Decided,
    /// Name, and the `Authorization` header.
    Asked(&'static str, Rc<str>),
}

impl Way {
    fn name(&self) -> &'static str {
        match self {
            Way::Decided => "no checks",
            Way::Asked(name, _) => name,
        }
    }
}

impl Bench {
    async fn of(settings: StoreSettings, log: &std::path::Path) -> Bench {
        let master = MasterKey::from_bytes([7; 32]);
        let store = Store::open(settings, master).await.expect("a store");
        let log = ward_audit::Log::open(log, store.record_key()).expect("a log");
        let settings = ward_resources::Settings {
            base: BASE.into(),
            ..ward_resources::Settings::default()
        };
        let clock = || NOW_S * 1_000_000;
        let engine = Arc::new(Engine::new(store, log, settings, clock, [9; 32]));
        let secrets = Secrets {
            forms: [1; 32],
            nonces: [2; 32],
        };
        let outgoing = Outgoing::all(Arc::new(Nowhere));
        let settings = Settings::for_base(BASE);
        let auth = AuthorizationServer::open(engine.clone(), settings, secrets, outgoing, NOW_S);
        let mut bench = Bench {
            auth: auth.await.expect("an authorization server"),
            engine,
            patient: String::new(),
            observation: String::new(),
            loader: Caller::new(Identity {
                subject: "loader".into(),
                client_id: "loader".into(),
                scopes: Scopes::parse("system/*.cruds").expect("a scope"),
                ..Identity::default()
            }),
            everything: maintenance(Maintenance::DemoImport),
        };
        bench.patient = bench.create("Patient", PATIENT).await;
        let observation = OBSERVATION.replace("Patient/PATIENT", &bench.patient);
        bench.observation = bench.create("Observation", &observation).await;
        bench
    }

    async fn create(&self, ty: &str, body: &str) -> String {
        let mut call = call(Method::Post, ty);
        call.body = Some(Body {
            bytes: body.to_owned().into(),
            format: Format::Json,
        });
        let reply = self.engine.answer(&self.loader, &call).await;
        let location = reply.location.expect("something was made");
        let made = location.split("/_history").next();
        made.expect("Type/id/_history/1").to_owned()
    }

    /// No checks first.
    fn ways(&self) -> Vec<Way> {
        let claims = |scope: &str| Claims {
            subject: "somebody".into(),
            client_id: "client".into(),
            scope: scope.into(),
            lifetime_s: TOKEN_LIFETIME_S,
            ..Claims::default()
        };
        let id = self.patient.trim_start_matches("Patient/").to_owned();
        let system = Claims {
            subject: "client".into(),
            ..claims("system/Observation.rs system/Patient.rs system/Encounter.rs")
        };
        let physician = Claims {
            fhir_user: Some("Practitioner/1".into()),
            roles: vec!["physician".into()],
            ..claims("openid fhirUser user/*.cruds")
        };
        let app = Claims {
            fhir_user: Some(self.patient.clone()),
            patient: Some(id),
            ..claims("launch/patient patient/*.rs")
        };
        let asked = |name, claims: Claims| {
            let minted = self.auth.tokens().mint(&claims, NOW_S).expect("a token");
            Way::Asked(name, format!("Bearer {}", minted.token).into())
        };
        vec![
            Way::Decided,
            asked("backend service", system),
            asked("physician", physician),
            asked("patient's app", app),
        ]
    }

    async fn read(&self, way: &Way) {
        let call = call(Method::Get, &self.observation);
        let reply = match way {
            Way::Decided => {
                let engine = &self.engine;
                engine
                    .answer_decided(&self.loader, &self.everything, &call)
                    .await
            }
            Way::Asked(_, authorization) => {
                let credentials = Credentials {
                    authorization: Some(&**authorization),
                    source: "127.0.0.1",
                    method: "GET",
                    ..Credentials::default()
                };
                let caller = self.auth.authenticate(&credentials, NOW_S).await;
                let caller = caller.expect("a token that is good");
                self.engine.answer(&caller, &call).await
            }
        };
        assert_eq!(reply.status, 200, "{}", way.name());
    }
}

/// So many clients, each reading as soon as it has its answer.
async fn turn(bench: &Rc<Bench>, way: &Way, clients: usize) -> Cost {
    let before = cpu_ns().expect("the kernel tells processor time");
    let end = Instant::now() + Duration::from_secs(1) / TURNS_PER_S as u32;
    let clients = (0..clients).map(|_| {
        let (bench, way) = (bench.clone(), way.clone());
        tokio::task::spawn_local(async move {
            let mut cost = Cost::default();
            while Instant::now() < end {
                let begun = Instant::now();
                bench.read(&way).await;
                cost.took(begun.elapsed());
            }
            cost
        })
    });
    let mut turn = Cost::default();
    for client in clients.collect::<Vec<_>>() {
        turn.add(client.await.expect("a client that ends"));
    }
    let after = cpu_ns().expect("the kernel tells processor time");
    turn.used(after.saturating_sub(before));
    turn
}

fn report(ways: &[Way], costs: &[Cost]) {
    let mut text = format!(
        "{:<16} {:>9} {:>8} {:>8} {:>8} {:>8} {:>10}  goal\n",
        "", "reads", "CPU-us", "ratio", "p50 us", "p99 us", "p99 later"
    );
    for (way, cost) in ways.iter().zip(costs) {
        let compared = cost.beside(&costs[0]);
        let goal = match way {
            Way::Decided => "",
            _ if compared.cpu <= CPU_MOST && compared.p99_later_us <= LATER_US_MOST => "reached",
            _ => "missed",
        };
        text += &format!(
            "{:<16} {:>9} {:>8.2} {:>8.3} {:>8.0} {:>8.0} {:>10.0}  {goal}\n",
            way.name(),
            cost.calls(),
            cost.cpu_us(),
            compared.cpu,
            cost.within_us(0.5),
            cost.within_us(0.99),
            compared.p99_later_us,
        );
    }
    let _ = std::io::stdout().write_all(text.as_bytes());
}

fn call(method: Method, path: &str) -> Call {
    let interaction = route(method, path).expect("a path");
    Call::new(interaction, [0; 16], "bench".into())
}

/// Nothing is fetched.
struct Nowhere;

impl Fetch for Nowhere {
    fn get<'a>(&'a self, _: &'a str, _: usize) -> Fetching<'a> {
        Box::pin(std::future::ready(Err(FetchError::Unreachable)))
    }

    fn post<'a>(&'a self, _: Posted<'a>, _: usize) -> Fetching<'a> {
        Box::pin(std::future::ready(Err(FetchError::Unreachable)))
    }
}

const PATIENT: &str = r#"{"resourceType":"Patient","name":[{"family":"Hartwell","given":["Amelia"]}],"gender":"female","birthDate":"1956-04-17"}"#;

const OBSERVATION: &str = r#"{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"2339-0","display":"Glucose"}],"text":"Glucose"},"subject":{"reference":"Patient/PATIENT"},"effectiveDateTime":"2026-05-01T08:30:00-05:00","issued":"2026-05-01T08:30:00.123-05:00","valueQuantity":{"value":6.3,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}}"#;
