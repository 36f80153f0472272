//! An engine on a private store, and short ways to ask it.

use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::Poll;
use ward_access::{Caller, Identity, PATIENT, Registered, RolePolicy, Roles, Scopes};
use ward_audit::Record;
use ward_fhir::TypeId;
use ward_fhir::schema::r4;
use ward_resources::route::{Method, route};
use ward_resources::search::decode_query;
use ward_resources::{Body, Call, Engine, Format, Reply, Settings};
use ward_seal::MasterKey;
use ward_storage::{Store, StoreSettings};
use ward_testkit::postgres::Database;
use ward_testkit::{Backend, backends};

pub struct House {
    pub engine: Engine,
    folder: tempfile::TempDir,
    database: Option<Database>,
    clock: fn() -> i64,
}

impl House {
    pub async fn sqlite() -> House {
        let folder = tempfile::tempdir().unwrap();
        let settings = StoreSettings::sqlite(folder.path().join("ward.db"));
        Self::open(folder, settings, None).await
    }

    /// `None` when `WARD_TEST_BACKENDS` leaves it out.
    pub async fn postgres() -> Option<House> {
        if !backends().contains(&Backend::Postgres) {
            return None;
        }
        let database = Database::create();
        let settings = StoreSettings::postgres(&database.url);
        Some(Self::open(tempfile::tempdir().unwrap(), settings, Some(database)).await)
    }

    /// With settings and a clock of the test's own.
    pub async fn with(backend: Backend, engine: Settings, clock: fn() -> i64) -> House {
        let folder = tempfile::tempdir().unwrap();
        let (settings, database) = match backend {
            Backend::Sqlite => (StoreSettings::sqlite(folder.path().join("ward.db")), None),
            Backend::Postgres => {
                let database = Database::create();
                (StoreSettings::postgres(&database.url), Some(database))
            }
        };
        Self::furnish(folder, settings, database, engine, clock).await
    }

    async fn open(
        folder: tempfile::TempDir,
        settings: StoreSettings,
        database: Option<Database>,
    ) -> House {
        Self::furnish(folder, settings, database, Settings::default(), clock).await
    }

    async fn furnish(
        folder: tempfile::TempDir,
        settings: StoreSettings,
        database: Option<Database>,
        engine: Settings,
        clock: fn() -> i64,
    ) -> House {
        let store = Store::open(settings, MasterKey::from_bytes([42; 32]))
            .await
            .unwrap();
        let log = ward_audit::Log::open(&folder.path().join("log"), store.record_key()).unwrap();
        House {
            engine: Engine::new(store, log, engine, clock, [9; 32]),
            folder,
            database,
            clock,
        }
    }

    /// The same store and records with other settings, as after a restart.
    pub async fn restarted(self, settings: Settings) -> House {
        self.engine.store().close().await;
        let path = self.folder.path().join("ward.db");
        let store = match &self.database {
            None => StoreSettings::sqlite(path),
            Some(database) => StoreSettings::postgres(&database.url),
        };
        drop(self.engine);
        Self::furnish(self.folder, store, self.database, settings, self.clock).await
    }

    /// Another process's engine over the same database; `None` where the store is one process's own.
    pub async fn another(&self) -> Option<Engine> {
        let settings = StoreSettings::postgres(&self.database.as_ref()?.url);
        let store = Store::open(settings, MasterKey::from_bytes([42; 32]))
            .await
            .unwrap();
        let log =
            ward_audit::Log::open(&self.folder.path().join("another"), store.record_key()).unwrap();
        let settings = self.engine.settings().clone();
        Some(Engine::new(store, log, settings, self.clock, [9; 32]))
    }

    /// Asks with a body in JSON, or none.
    pub async fn ask(
        &self,
        caller: &Caller,
        method: Method,
        url: &str,
        body: Option<&Value>,
    ) -> Reply {
        self.engine.answer(caller, &call(method, url, body)).await
    }

    /// Ids of the entries that a search answers, in order of their letters.
    pub async fn found(&self, caller: &Caller, url: &str) -> Vec<String> {
        let reply = self.ask(caller, Method::Get, url, None).await;
        assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
        let bundle = json(&reply);
        let entries = bundle["entry"].as_array().into_iter().flatten();
        let ids = entries.map(|e| e["resource"]["id"].as_str().unwrap().to_owned());
        let mut ids: Vec<String> = ids.collect();
        ids.sort();
        ids
    }

    /// The same Call so many times at once, as a system that may do everything: how many of each status.
    pub async fn at_once(&self, call: &Call, times: usize) -> BTreeMap<u16, usize> {
        let caller = loader();
        let asked = (0..times).map(|_| Box::pin(self.engine.answer(&caller, call)));
        let mut asked: Vec<_> = asked.collect();
        let mut said = BTreeMap::new();
        std::future::poll_fn(|cx| {
            asked.retain_mut(|answer| match answer.as_mut().poll(cx) {
                Poll::Ready(reply) => {
                    *said.entry(reply.status).or_default() += 1;
                    false
                }
                Poll::Pending => true,
            });
            match asked.is_empty() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
        said
    }

    /// Creates as a system that may do everything; `Type/id`.
    pub async fn create(&self, body: &Value) -> String {
        let ty = body["resourceType"].as_str().unwrap();
        let reply = self.ask(&loader(), Method::Post, ty, Some(body)).await;
        assert_eq!(reply.status, 201, "{}", text(&reply));
        let location = reply.location.unwrap();
        location.split("/_history").next().unwrap().to_owned()
    }

    /// Stores under the body's id, as a system that may do everything; `Type/id`.
    pub async fn put(&self, body: &Value) -> String {
        let url = format!(
            "{}/{}",
            body["resourceType"].as_str().unwrap(),
            body["id"].as_str().unwrap()
        );
        let reply = self.ask(&loader(), Method::Put, &url, Some(body)).await;
        assert!(reply.status < 300, "{}", text(&reply));
        url
    }

    /// Whether an id of a client has a row, existing or reserved.
    pub async fn is_known(&self, ty: &str, id: &str) -> bool {
        let located = self.engine.store().locate(&[(type_id(ty), id)]).await;
        located.unwrap()[0].is_some()
    }

    /// Records of the local log, oldest first; those that committed with data are in the store instead.
    pub fn records(&self) -> Vec<Record> {
        let log = self.engine.log();
        let read = log.records_from(1, 10_000).unwrap();
        read.into_iter().map(|(_, record)| record).collect()
    }

    /// Records that committed with data, oldest first.
    pub async fn stored_records(&self) -> Vec<Record> {
        let question = ward_storage::RecordQuestion {
            limit: 10_000,
            ..ward_storage::RecordQuestion::default()
        };
        let stored = self.engine.store().records(&question).await.unwrap();
        stored.into_iter().map(|stored| stored.record).collect()
    }

    /// Statements that the asking takes.
    pub async fn statements(&self, asking: impl Future<Output = Reply>) -> (Reply, u64) {
        let before = self.engine.store().statements();
        let reply = asking.await;
        (reply, self.engine.store().statements() - before)
    }
}

pub fn call(method: Method, url: &str, body: Option<&Value>) -> Call {
    static REQUEST: AtomicI64 = AtomicI64::new(1);
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mut id = [0; 16];
    id[..8].copy_from_slice(&REQUEST.fetch_add(1, Ordering::Relaxed).to_be_bytes());
    let mut call = Call::new(route(method, path).unwrap(), id, "test".into());
    call.parameters = decode_query(query).unwrap();
    call.body = body.map(|value| Body {
        bytes: value.to_string().into(),
        format: Format::Json,
    });
    call
}

pub fn type_id(name: &str) -> TypeId {
    r4().resource_type(name).unwrap()
}

/// A client that acts for itself.
/// That is shown labels.
pub fn system(scopes: &str) -> Caller {
    blind(scopes).through(Registered {
        sees_labels: true,
        ..Registered::default()
    })
}

/// That is not.
pub fn blind(scopes: &str) -> Caller {
    Caller::new(Identity {
        subject: "client".into(),
        client_id: "client".into(),
        scopes: Scopes::parse(scopes).unwrap(),
        ..Identity::default()
    })
}

pub fn loader() -> Caller {
    system("system/*.cruds")
}

/// A role that may do everything but with the record of accesses, and patients likewise in their own record: what scopes leave of
/// it is what is tested.
pub fn clinician() -> &'static Roles {
    static CLINICIAN: OnceLock<Roles> = OnceLock::new();
    CLINICIAN.get_or_init(|| {
        let names = r4().types.iter().map(|ty| ty.name);
        let names = names.filter(|name| r4().resource_type(name).is_some() && *name != "AuditEvent");
        let interactions = ["create", "read", "update", "delete", "search-type"];
        let interactions = interactions.map(|code| serde_json::json!({ "code": code }));
        let resources: Vec<_> = names
            .map(|name| serde_json::json!({ "type": name, "interaction": interactions }))
            .collect();
        let policy = |name: &str| {
            let policy = serde_json::json!({ "resourceType": "CapabilityStatement", "name": name, "status": "active",
                "date": "2026", "kind": "requirements", "fhirVersion": "4.0.1", "format": ["json"], "extension": every_clearance(),
                "rest": [{ "mode": "server", "resource": resources }] });
            RolePolicy::read(policy.to_string().as_bytes()).unwrap()
        };
        Roles::of([policy("clinician"), policy(PATIENT)])
    })
}

/// Labels hide nothing from whoever has it, and are shown.
fn every_clearance() -> Value {
    let codes = [
        (ward_access::CONFIDENTIALITY, "V"),
        (ward_access::ACT_CODE, ward_access::EVERY_SENSITIVITY),
    ];
    let codings = codes.map(|(system, code)| {
        let coding = serde_json::json!({ "system": system, "code": code });
        serde_json::json!({ "url": ward_access::CLEARANCE, "valueCoding": coding })
    });
    let sees = serde_json::json!({ "url": ward_access::SEE_LABELS, "valueBoolean": true });
    codings.into_iter().chain([sees]).collect()
}

/// What a role may do with a type: its elements (none: all of them), and `read`, `update`, ...
pub type Policy<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

/// A site of one role, with these policies.
pub fn role(policies: &[Policy<'_>]) -> Roles {
    let resource = |(ty, elements, interactions): &Policy<'_>| {
        let codes = interactions
            .iter()
            .map(|code| serde_json::json!({ "code": code }));
        let mut resource =
            serde_json::json!({ "type": ty, "interaction": codes.collect::<Vec<_>>() });
        let extension = elements.iter().map(
            |element| serde_json::json!({ "url": ward_access::ELEMENT, "valueString": element }),
        );
        if !elements.is_empty() {
            resource["extension"] = extension.collect();
        }
        resource
    };
    let policy = serde_json::json!({ "resourceType": "CapabilityStatement", "name": "role", "status": "active", "date": "2026",
        "kind": "requirements", "fhirVersion": "4.0.1", "format": ["json"], "extension": every_clearance(),
        "rest": [{ "mode": "server", "resource": policies.iter().map(resource).collect::<Vec<_>>() }] });
    Roles::of([RolePolicy::read(policy.to_string().as_bytes()).unwrap()])
}

/// A person in a role of these policies, through an app with these scopes.
pub fn in_role(policies: &[Policy<'_>], scopes: &str) -> Caller {
    in_role_of(&role(policies), scopes, None)
}

/// The same in the role of a site, through an app that was launched for a patient (`Patient/id`).
pub fn in_role_of(site: &Roles, scopes: &str, patient: Option<&str>) -> Caller {
    let identity = Identity {
        subject: "someone".into(),
        client_id: "desk".into(),
        fhir_user: Some("Practitioner/1".into()),
        roles: vec!["role".into()],
        patient: patient.map(|path| path.trim_start_matches("Patient/").into()),
        scopes: Scopes::parse(scopes).unwrap(),
        ..Identity::default()
    };
    Caller::in_roles(identity, site)
}

/// A clinician, through an app with these scopes.
pub fn user(scopes: &str) -> Caller {
    let identity = Identity {
        subject: "someone".into(),
        client_id: "desk".into(),
        fhir_user: Some("Practitioner/1".into()),
        roles: vec!["clinician".into()],
        scopes: Scopes::parse(scopes).unwrap(),
        ..Identity::default()
    };
    Caller::in_roles(identity, clinician())
}

/// An app launched for one patient (`Patient/id`).
pub fn app(scopes: &str, patient: &str) -> Caller {
    Caller::in_roles(patients_own(scopes, patient), clinician())
}

/// The same under the policies that Ward comes with, of the patient or of staff in this role.
pub fn app_in(role: Option<&str>, scopes: &str, patient: &str) -> Caller {
    let own = patients_own(scopes, patient);
    Caller::new(match role {
        None => own,
        Some(role) => Identity {
            fhir_user: Some("Practitioner/1".into()),
            roles: vec![role.into()],
            ..own
        },
    })
}

fn patients_own(scopes: &str, patient: &str) -> Identity {
    let id = patient.trim_start_matches("Patient/");
    Identity {
        subject: "someone".into(),
        client_id: "app".into(),
        fhir_user: Some(format!("Patient/{id}")),
        patient: Some(id.into()),
        scopes: Scopes::parse(scopes).unwrap(),
        ..Identity::default()
    }
}

pub fn text(reply: &Reply) -> String {
    String::from_utf8_lossy(reply.json().unwrap_or_default()).into_owned()
}

pub fn json(reply: &Reply) -> Value {
    serde_json::from_slice(reply.json().unwrap()).unwrap()
}

/// Microseconds that rise, so that no two versions share one.
fn clock() -> i64 {
    static NOW: AtomicI64 = AtomicI64::new(1_700_000_000_000_000);
    NOW.fetch_add(1_000, Ordering::Relaxed)
}
