//! The hospital of the truth table (`spec/security.md`, section 3.3) behind HTTP: people of two organizations who have signed in, and
//! services that are registered for a purpose. Shared by all rows; each has patients of its own.

use super::words::Provisions;
use crate::apps::{self, CALLBACK, Place, text};
use crate::people::{self, App};
use crate::rest::backend_service::BackendService;
use crate::upstream::browser::Browser;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use ward_testkit::{Answer, Backend, Client, Server, Start, backends};

/// Treats patients at H1.
pub const DR_T: &str = "drt";
/// Another of H1.
pub const DR_X: &str = "drx";
/// Of a department of H2.
pub const DR_O: &str = "dro";
/// The privacy officer of H1, who writes and withdraws consents.
pub const OFFICER: &str = "officer";

/// User, role of the account, organization.
const PEOPLE: [(&str, &str, &str); 4] = [
    (DR_T, "physician", "Organization/h1"),
    (DR_X, "physician", "Organization/h1"),
    (DR_O, "physician", "Organization/h2-cardiology"),
    (OFFICER, "privacy-officer", "Organization/h1"),
];

/// Services by name: organization, purposes of use.
const SERVICES: [(&str, &str, &str); 9] = [
    ("treatment at H1", "Organization/h1", "TREAT"),
    ("billing at H1", "Organization/h1", "HPAYMT"),
    ("research at H1", "Organization/h1", "HRESCH"),
    ("treatment at H2", "Organization/h2", "TREAT"),
    ("research at H2", "Organization/h2", "HRESCH"),
    ("lawyers at H2", "Organization/h2", "HLEGAL"),
    ("no purpose at H2", "Organization/h2", ""),
    ("the exchange", "Organization/h2", "TREAT"),
    ("no purpose at H1", "Organization/h1", ""),
];

/// Tokens of services live for five minutes.
const RENEWED_AFTER: Duration = Duration::from_secs(200);
const PURPOSES: &str = "TREAT ETREAT BTG HPAYMT HCOMPL";

pub struct Hospital {
    pub server: Server,
    pub place: Place,
    /// A public app that people may use for what their roles are for.
    pub app: String,
    pub loader: Client,
    admin: Mutex<Browser>,
    people: BTreeMap<&'static str, Client>,
    services: BTreeMap<&'static str, Service>,
}

struct Service {
    client_id: String,
    backend: BackendService,
    shown: Mutex<Option<(Client, Instant)>>,
}

/// A conversation on each store, in the hospital that all rows share.
pub fn on_each(conversation: impl Fn(&Hospital)) {
    static SQLITE: OnceLock<Hospital> = OnceLock::new();
    static POSTGRES: OnceLock<Hospital> = OnceLock::new();
    for backend in backends() {
        println!("on {backend:?}");
        let cell = match backend {
            Backend::Sqlite => &SQLITE,
            Backend::Postgres => &POSTGRES,
        };
        conversation(cell.get_or_init(|| Hospital::open(backend, &[])));
    }
}

/// The same in a hospital of its own, with these settings beside those of the others.
pub fn on_own(settings: &[(&str, &str)], conversation: impl Fn(&Hospital)) {
    for backend in backends() {
        println!("on {backend:?}");
        conversation(&Hospital::open(backend, settings));
    }
}

impl Hospital {
    pub fn open(backend: Backend, settings: &[(&str, &str)]) -> Hospital {
        let start = Start::empty(backend)
            .with("smart.open_registration", "true")
            .with("consent.organization", "Organization/h1")
            .with("consent.default_purpose", "");
        let start = settings
            .iter()
            .fold(start, |start, (name, value)| start.with(name, value));
        let server = Server::start(start);
        let loader = server.client("loader");
        buildings(&loader);
        let place = Place::of(&server);
        let mut admin = apps::signed_in(&server, &place, "admin");
        let app = an_app(&place, &mut admin);
        let services = SERVICES.map(|(name, organization, purposes)| {
            let more = json!({ "client_name": name, "purpose_of_use": purposes });
            let (client_id, backend) = apps::system(&place, &mut admin, &more);
            apps::belongs(&place, &mut admin, &client_id, (organization, purposes));
            let shown = Mutex::default();
            (
                name,
                Service {
                    client_id,
                    backend,
                    shown,
                },
            )
        });
        let mut hospital = Hospital {
            services: services.into(),
            people: BTreeMap::new(),
            admin: Mutex::new(admin),
            server,
            place,
            app,
            loader,
        };
        for (name, role, _) in PEOPLE {
            let who = format!("Practitioner/{name}");
            let mut browser = hospital.account(name, &[("role", role), ("fhir_user", &who)]);
            let client = hospital.asks(&mut browser, "user/*.cruds");
            hospital.people.insert(name, client);
        }
        hospital
    }

    /// A person by user name, as they ask through the app.
    pub fn person(&self, name: &str) -> &Client {
        &self.people[name]
    }

    pub fn dr_t(&self) -> &Client {
        self.person(DR_T)
    }

    pub fn dr_x(&self) -> &Client {
        self.person(DR_X)
    }

    pub fn dr_o(&self) -> &Client {
        self.person(DR_O)
    }

    /// A service by name, with a token that is good for some minutes.
    pub fn service(&self, name: &str) -> Client {
        let service = &self.services[name];
        let mut shown = locked(&service.shown);
        if let Some((client, since)) = &*shown
            && since.elapsed() < RENEWED_AFTER
        {
            return client.clone();
        }
        let client = self.client(service.backend.token());
        *shown = Some((client.clone(), Instant::now()));
        client
    }

    /// The service, which treats at H1 from now on and is cleared for so much.
    pub fn cleared(&self, service: &str, clearance: &str) -> Client {
        let mut admin = locked(&self.admin);
        let rights = ("Organization/h1", "TREAT");
        let client_id = self.client_id(service);
        apps::belongs_cleared(&self.place, &mut admin, client_id, rights, clearance);
        drop(admin);
        self.client(self.services[service].backend.token())
    }

    pub fn client_id(&self, service: &str) -> &str {
        &self.services[service].client_id
    }

    /// The browser of somebody new, who has signed in with two factors.
    pub fn account(&self, name: &str, more: &[(&str, &str)]) -> Browser {
        let invitation = people::invited(&self.place, &mut locked(&self.admin), name, more);
        people::enrolled(&self.place, &invitation).browser
    }

    /// What somebody is shown through the app within a scope.
    pub fn asks(&self, browser: &mut Browser, scope: &str) -> Client {
        let app = App {
            client_id: &self.app,
            redirect_uri: CALLBACK,
            scope,
        };
        self.client(people::token(&self.place, browser, &app))
    }

    pub fn client(&self, token: String) -> Client {
        Client::trusting(&self.server.base, Some(token), &self.server.authority())
    }

    /// Creates as a system that may do everything; `Type/id`.
    #[track_caller]
    pub fn create(&self, body: &Value) -> String {
        let ty = body["resourceType"].as_str().unwrap();
        created(self.loader.post(ty, body))
    }

    /// A patient without consents.
    pub fn patient(&self) -> Chart<'_> {
        let body = json!({ "resourceType": "Patient", "active": true, "birthDate": "1980-05-17", "name": [{ "family": "Keller" }] });
        Chart {
            patient: self.create(&body),
            ward: self,
        }
    }

    /// A patient who has given these consents.
    #[track_caller]
    pub fn patient_with(&self, consents: &[Provisions]) -> Chart<'_> {
        let chart = self.patient();
        for consent in consents {
            chart.gives(consent);
        }
        chart
    }
}

/// The record of one patient.
pub struct Chart<'w> {
    /// `Patient/id`
    pub patient: String,
    ward: &'w Hospital,
}

impl Chart<'_> {
    /// The patient's Consent, in force when it returns; `Consent/id`.
    #[track_caller]
    pub fn gives(&self, consent: &Provisions) -> String {
        created(self.sends(consent))
    }

    /// The answer to it.
    pub fn sends(&self, consent: &Provisions) -> Answer {
        let officer = self.ward.person(OFFICER);
        officer.post("Consent", &consent.for_patient(&self.patient))
    }

    /// Puts another in the place of a Consent.
    #[track_caller]
    pub fn changes(&self, path: &str, consent: &Provisions) {
        let mut body = consent.for_patient(&self.patient);
        body["id"] = json!(path.split('/').nth(1));
        self.ward.person(OFFICER).put(path, &body).expect(200);
    }

    /// O1: glucose.
    pub fn glucose(&self) -> String {
        self.observation("2345-7", &json!({}))
    }

    /// O2: HIV viral load.
    pub fn viral_load(&self) -> String {
        self.observation("20447-9", &json!({}))
    }

    /// An Observation with a code of LOINC; members beside the usual ones, `null` for none.
    pub fn observation(&self, code: &str, more: &Value) -> String {
        let body = json!({ "resourceType": "Observation", "status": "final", "effectiveDateTime": "2025-03-01",
            "code": { "coding": [{ "system": "http://loinc.org", "code": code }] },
            "valueQuantity": { "value": 7, "unit": "mmol/L" }, "performer": [{ "reference": "Practitioner/drt" }] });
        self.stored("subject", body, more)
    }

    /// C1: alcohol use disorder.
    pub fn alcohol(&self, more: &Value) -> String {
        self.condition("F10.20", more)
    }

    /// A Condition with a code of ICD-10-CM.
    pub fn condition(&self, code: &str, more: &Value) -> String {
        let body = json!({ "resourceType": "Condition", "recordedDate": "2025-04-01",
            "clinicalStatus": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active" }] },
            "code": { "coding": [{ "system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code }] },
            "recorder": { "reference": "Practitioner/drt" } });
        self.stored("subject", body, more)
    }

    /// M1: naltrexone, for a reason.
    pub fn naltrexone(&self, reason: &str) -> String {
        let body = json!({ "resourceType": "MedicationRequest", "status": "active", "intent": "order", "authoredOn": "2025-04-02",
            "medicationCodeableConcept": { "coding": [{ "system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "7243" }] },
            "reasonReference": [{ "reference": reason }], "requester": { "reference": "Practitioner/drt" } });
        self.stored("subject", body, &json!({}))
    }

    pub fn encounter(&self, more: &Value) -> String {
        let body = json!({ "resourceType": "Encounter", "status": "finished",
            "class": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB" },
            "period": { "start": "2025-04-01", "end": "2025-04-01" } });
        self.stored("subject", body, more)
    }

    /// E1: in the unit for substance use.
    pub fn in_substance_unit(&self) -> String {
        self.encounter(&json!({ "serviceType": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/service-type", "code": "455" }] } }))
    }

    /// D1: a note by somebody.
    pub fn note(&self, author: &str, more: &Value) -> String {
        let body = json!({ "resourceType": "DocumentReference", "status": "current", "date": "2025-04-01T10:00:00Z",
            "type": { "coding": [{ "system": "http://loinc.org", "code": "11506-3" }] }, "author": [{ "reference": author }],
            "content": [{ "attachment": { "contentType": "text/plain", "title": "note" } }] });
        self.stored("subject", body, more)
    }

    pub fn report(&self, results: &[&str]) -> String {
        let results: Vec<Value> = results.iter().map(|r| json!({ "reference": r })).collect();
        let body = json!({ "resourceType": "DiagnosticReport", "status": "final", "effectiveDateTime": "2025-03-02",
            "code": { "coding": [{ "system": "http://loinc.org", "code": "58410-2" }] }, "result": results,
            "performer": [{ "reference": "Practitioner/drt" }] });
        self.stored("subject", body, &json!({}))
    }

    /// What belongs to the patient by an element.
    #[track_caller]
    pub fn stored(&self, of: &str, mut body: Value, more: &Value) -> String {
        body[of] = json!({ "reference": self.patient });
        for (name, value) in more.as_object().unwrap() {
            match value.is_null() {
                true => drop(body.as_object_mut().unwrap().remove(name)),
                false => body[name] = value.clone(),
            }
        }
        self.ward.create(&body)
    }
}

/// `Type/id` of what was created.
#[track_caller]
pub fn created(answer: Answer) -> String {
    let answer = answer.expect(201);
    let location = answer.header("Location").unwrap();
    let path = location.split("/fhir/").nth(1).unwrap();
    path.split("/_history").next().unwrap().to_owned()
}

fn buildings(loader: &Client) {
    let put = |body: Value| {
        let ty = text(&body, "resourceType");
        let path = format!("{ty}/{}", text(&body, "id"));
        loader.put(&path, &body).expect(201);
    };
    for id in ["h1", "h2", "hie"] {
        put(json!({ "resourceType": "Organization", "id": id, "name": id }));
    }
    put(
        json!({ "resourceType": "Organization", "id": "h2-cardiology", "name": "Cardiology", "partOf": { "reference": "Organization/h2" } }),
    );
    for (name, role, organization) in PEOPLE {
        put(json!({ "resourceType": "Practitioner", "id": name, "name": [{ "family": name }] }));
        let mut rota = json!({ "resourceType": "PractitionerRole", "id": name, "active": true,
            "practitioner": { "reference": format!("Practitioner/{name}") }, "organization": { "reference": organization } });
        if role == "physician" {
            rota["code"] = json!([{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/practitioner-role", "code": "doctor" }] }]);
        }
        put(rota);
    }
}

fn an_app(place: &Place, admin: &mut Browser) -> String {
    let metadata = json!({ "client_name": "Chart", "redirect_uris": [CALLBACK], "purpose_of_use": PURPOSES,
        "scope": "openid fhirUser launch/patient user/*.cruds patient/*.cruds" });
    text(&apps::registered(place, admin, metadata), "client_id")
}

fn locked<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
