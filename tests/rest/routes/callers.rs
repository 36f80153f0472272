//! Who asks each route: nobody, whoever shows a token that will not do, the demo's callers, a patient with their own app, and a
//! person of each role that no caller of the demo has.

use super::asked::Story;
use crate::apps::{self, CALLBACK, Place};
use crate::people::{self, App};
use crate::upstream::browser::Browser;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::PathBuf;
use ward_testkit::{Client, Server};

pub const CALLERS: [&str; 19] = [
    "anonymous",
    "expired",
    "elsewhere",
    "revoked",
    "bound",
    "lab",
    "billing",
    "app",
    "patient",
    "clinician",
    "nurse",
    "pharmacist",
    "laboratory-technician",
    "registrar",
    "clerk",
    "privacy-officer",
    "auditor",
    "admin",
    "loader",
];

/// Role of each person who works there. The demo's own have names of their own.
const ROLES: [(&str, &str); 9] = [
    ("clinician", "physician"),
    ("nurse", "nurse"),
    ("pharmacist", "pharmacist"),
    ("laboratory-technician", "laboratory-technician"),
    ("registrar", "registrar"),
    ("clerk", "billing-clerk"),
    ("privacy-officer", "privacy-officer"),
    ("auditor", "auditor"),
    ("admin", "system-administrator"),
];

/// A client for each of [`CALLERS`]; `own` is the patient of the app, and who the patient is.
pub fn clients(server: &Server, own: &str, void: &[(&str, String)]) -> Vec<Client> {
    let place = Place::of(server);
    let mut admin = apps::signed_in(server, &place, "admin");
    // The demo's desks are each for one purpose; this one is for whatever a role is there for.
    let desk = apps::app(&place, &mut admin);
    let token_of = |caller: &str| void.iter().find(|(name, _)| *name == caller);
    let client = |caller: &str| match caller {
        "anonymous" => server.anonymous(),
        caller if let Some((_, token)) = token_of(caller) => {
            Client::new(&server.base, Some(token.clone()))
        }
        "app" => server.app(own.rsplit('/').next().unwrap()),
        "patient" => patient(&place, &mut admin, own),
        caller if is_of_the_demo(server, caller) => server.client(caller),
        role => staff(&place, &mut admin, &desk, role),
    };
    CALLERS.into_iter().map(client).collect()
}

/// Whoever has a secret there.
fn is_of_the_demo(server: &Server, caller: &str) -> bool {
    let secrets = server.data().join("demo");
    ["json", "pem"]
        .iter()
        .any(|kind| secrets.join(format!("{caller}.{kind}")).exists())
}

/// A patient at home, with the demo's app.
fn patient(place: &Place, admin: &mut Browser, own: &str) -> Client {
    let redirect_uri = format!("{}/demo/app/", place.issuer());
    let app = App {
        client_id: "demo-app",
        redirect_uri: &redirect_uri,
        scope: "launch/patient patient/*.rs",
    };
    newcomer(place, admin, "routes-patient", &[("fhir_user", own)], &app)
}

/// A person of this role at a desk.
fn staff(place: &Place, admin: &mut Browser, desk: &str, role: &str) -> Client {
    let app = App {
        client_id: desk,
        redirect_uri: CALLBACK,
        scope: "user/*.cruds",
    };
    // Whoever is nobody in the records sees none of them.
    let in_records = format!("Practitioner/routes-{role}");
    let who = [("role", role), ("fhir_user", &in_records)];
    newcomer(place, admin, role, &who, &app)
}

fn newcomer(
    place: &Place,
    admin: &mut Browser,
    username: &str,
    who: &[(&str, &str)],
    app: &App<'_>,
) -> Client {
    let invitation = people::invited(place, admin, username, who);
    let mut browser = people::enrolled(place, &invitation).browser;
    let token = people::token(place, &mut browser, app);
    Client::new(&place.base, Some(token))
}

/// Whether resources of a type may come to a caller at all.
pub fn may_see(caller: &str, ty: &str) -> bool {
    match caller {
        "lab" => LAB.contains(&ty),
        "billing" => BILLING.contains(&ty),
        "auditor" => ty == "AuditEvent",
        "app" => readable("physician").contains(ty),
        "patient" => readable("patient").contains(ty),
        "loader" => true,
        caller => {
            let role = ROLES.iter().find(|(name, _)| *name == caller);
            role.is_some_and(|(_, role)| readable(role).contains(ty))
        }
    }
}

/// Those who see of patients' records one only.
pub fn is_within(caller: &str, story: &Story, resource: &Value) -> bool {
    let others = story.other.trim_start_matches("Patient/");
    !["app", "patient"].contains(&caller) || !resource.to_string().contains(others)
}

/// The types that a policy lets its role read or look for.
fn readable(role: &str) -> BTreeSet<String> {
    let text = std::fs::read(policies().join(format!("{role}.json"))).unwrap();
    let policy: Value = serde_json::from_slice(&text).unwrap();
    let reads = |resource: &&Value| {
        let codes = resource["interaction"].as_array().unwrap().iter();
        let mut codes = codes.filter_map(|one| one["code"].as_str());
        codes.any(|code| matches!(code, "read" | "search-type"))
    };
    let types = policy["rest"][0]["resource"].as_array().unwrap().iter();
    let types = types.filter(reads).filter_map(|one| one["type"].as_str());
    types.map(str::to_owned).collect()
}

fn policies() -> PathBuf {
    format!("{}/../crates/access/roles", env!("CARGO_MANIFEST_DIR")).into()
}

/// The matrix has a column for a person of each role, and one for patients.
#[test]
fn each_seeded_role_is_asked() {
    let files = std::fs::read_dir(policies()).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    let seeded = files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
    let asked = ROLES.iter().map(|(caller, role)| {
        assert!(CALLERS.contains(caller), "{caller}");
        (*role).to_owned()
    });
    let asked: BTreeSet<String> = asked.chain(["patient".to_owned()]).collect();
    assert_eq!(asked, seeded.collect());
}

/// The scopes of the demo's systems.
const LAB: [&str; 8] = [
    "Observation",
    "DiagnosticReport",
    "Specimen",
    "ServiceRequest",
    "Patient",
    "Encounter",
    "Practitioner",
    "Organization",
];
const BILLING: [&str; 7] = [
    "Claim",
    "ExplanationOfBenefit",
    "Coverage",
    "Patient",
    "Encounter",
    "Organization",
    "Practitioner",
];
