//! Random callers before a hospital with consents: services and people of several organizations, for several purposes, with several
//! clearances; patients and those who look at one record.

use crate::hospitals::Furnished;
use crate::judge::Asking;
use crate::party::{Party, Right, patients};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use ward_access::{
    CLEARANCE, Caller, Clearance, ELEMENT, Identity, PATIENT, Purposes, Registered, RolePolicy,
    Roles, Scopes,
};
use ward_consent::Confidentiality;
use ward_consent::labels::Label;
use ward_fhir::schema::r4;
use ward_testkit::Random;
use ward_testkit::generate::COUNTS;

const PURPOSES: &[&str] = &["", "TREAT", "TREAT", "TREAT", "ETREAT", "HPAYMT", "HRESCH"];
/// Level of a clearance, and its labels: `*` for every one. `V` with all that hide is for all but those that mask (`veiled`).
const CLEARANCES: &[&str] = &[
    "V *",
    "V *",
    "R *",
    "V HIV MH PSY SUD ETH ETHUD SEX PSYTHPN PRS",
    "R HIV",
    "N",
];

/// Of a broken glass, whose role must name it.
const OF_GLASS: &[&str] = &["TREAT", "ETREAT", "HPAYMT"];
/// Whose role the rota gives (`hospitals::roles`).
const ON_ROTA: &str = "Practitioner/practitioner-1";

const OFFICER: &str = "privacy-officer";

/// Elements of a type that a role sees; none: all of them.
type Parts = BTreeMap<&'static str, Vec<&'static str>>;

/// One who may do with everything what `letters` say, of what their scopes reach. Who may only look may be kept from elements as well,
/// and look behind a broken glass.
pub fn any(random: &mut Random, whole: &Furnished, letters: &'static str) -> Party {
    let is_looking = letters == "rs";
    let purpose = random.one_of(PURPOSES);
    let cleared = random.one_of(CLEARANCES);
    let patient = patients()[random.below(5)].clone();
    let rights = |context, types: Vec<String>| Right::all(context, types, letters);
    let everything = || vec!["*".to_owned()];
    let few = |random: &mut Random| -> Vec<String> {
        let types: Vec<&str> = COUNTS.iter().map(|(ty, _)| *ty).collect();
        (0..4).map(|_| random.one_of(&types).to_owned()).collect()
    };
    let (identity, rights, own) = match random.below(8) {
        0 => (service(purpose), rights("system", everything()), None),
        1 => (service(purpose), rights("system", few(random)), None),
        2 => (
            patients_own(&patient),
            rights("patient", everything()),
            Some(patient.clone()),
        ),
        3 => {
            let staff = staff(random, purpose);
            let launched = Identity {
                patient: Some(id_of(&patient)),
                ..staff
            };
            (launched, rights("patient", everything()), None)
        }
        4 => (on_rota(purpose), rights("user", everything()), None),
        5 if is_looking => {
            let purpose = random.one_of(OF_GLASS);
            let staff = staff(random, purpose);
            let roles = vec!["rescuer".into()];
            (
                Identity { roles, ..staff },
                rights("user", everything()),
                None,
            )
        }
        _ => (staff(random, purpose), rights("user", everything()), None),
    };
    let is_rescuer = identity.roles == ["rescuer"];
    // Within one record a type is closed whose subject is not seen (`parts_launched`).
    let is_wide = identity.patient.is_none() && !is_rescuer && own.is_none();
    let parts = match is_looking && is_wide && random.once_in(3) {
        true => parts(random),
        false => Parts::new(),
    };
    let organization = format!("Organization/organization-{}", random.below(3));
    let organization = (!random.once_in(3)).then_some(organization);
    let party = party(
        whole,
        identity,
        rights,
        (cleared, organization, own, &parts),
    );
    match is_rescuer {
        true => party.behind(id_of(&patient)),
        false => party,
    }
}

fn party(
    whole: &Furnished,
    identity: Identity,
    rights: Vec<Right>,
    (cleared, organization, own, parts): (&str, Option<String>, Option<String>, &Parts),
) -> Party {
    let is_service = identity.fhir_user.is_none();
    let launch = identity.patient.as_ref().map(|id| format!("Patient/{id}"));
    let scopes = scopes_of(&rights);
    let registered = Registered {
        organization: organization.clone(),
        clearance: is_service.then(|| Clearance::parse(cleared).unwrap()),
        ..Registered::default()
    };
    let is_by_rota = identity.roles.is_empty() && !is_service && own.is_none();
    let asking = Asking {
        actors: actors(&identity),
        organization,
        purposes: purposes(&identity),
        clearance: clearance(if own.is_some() { "V *" } else { cleared }),
        own,
        glass_until_us: None,
        on_rota: is_by_rota.then(|| ON_ROTA.to_owned()),
    };
    let identity = Identity {
        scopes: Scopes::parse(&scopes).unwrap(),
        client: registered,
        ..identity
    };
    let caller = Caller::in_roles(identity, &site(cleared, parts));
    let said = format!("{scopes} for {launch:?} {asking:?} {parts:?}");
    Party::left(caller, said, launch, rights, (whole.judge.clone(), asking))
}

/// Some elements of some types.
fn parts(random: &mut Random) -> Parts {
    let mut parts = Parts::new();
    for (ty, _) in COUNTS {
        if random.once_in(3) {
            parts.insert(*ty, crate::parts::named(random, ty));
        }
    }
    parts
}

fn service(purpose: &str) -> Identity {
    Identity {
        subject: "client".into(),
        client_id: "client".into(),
        purposes: Purposes::parse(purpose).unwrap(),
        ..Identity::default()
    }
}

fn staff(random: &mut Random, purpose: &str) -> Identity {
    Identity {
        subject: "someone".into(),
        client_id: "desk".into(),
        fhir_user: Some(format!("Practitioner/practitioner-{}", random.below(3))),
        roles: vec!["staff".into()],
        purposes: Purposes::parse(purpose).unwrap(),
        ..Identity::default()
    }
}

/// The account names no role: it is the rota's.
fn on_rota(purpose: &str) -> Identity {
    Identity {
        subject: "nurse".into(),
        client_id: "desk".into(),
        fhir_user: Some(ON_ROTA.into()),
        purposes: Purposes::parse(purpose).unwrap(),
        ..Identity::default()
    }
}

fn patients_own(patient: &str) -> Identity {
    Identity {
        subject: "patient".into(),
        client_id: "app".into(),
        fhir_user: Some(patient.to_owned()),
        patient: Some(id_of(patient)),
        ..Identity::default()
    }
}

/// One and the same account, cleared for this by the policy of its role.
pub fn cleared(cleared: &str) -> Caller {
    let identity = Identity {
        subject: "someone".into(),
        client_id: "desk".into(),
        fhir_user: Some("Practitioner/1".into()),
        roles: vec!["staff".into()],
        scopes: Scopes::parse("user/*.rs").unwrap(),
        ..Identity::default()
    };
    Caller::in_roles(identity, &site(cleared, &Parts::new()))
}

/// Who writes, changes and deletes consents.
pub fn officer() -> Caller {
    let identity = Identity {
        subject: "officer".into(),
        client_id: "desk".into(),
        fhir_user: Some("Practitioner/officer".into()),
        roles: vec![OFFICER.into()],
        scopes: Scopes::parse("user/*.cruds").unwrap(),
        ..Identity::default()
    };
    Caller::in_roles(identity, &site("V *", &Parts::new()))
}

fn id_of(patient: &str) -> String {
    patient.trim_start_matches("Patient/").to_owned()
}

fn actors(identity: &Identity) -> Vec<ward_consent::Ref> {
    let client = format!("urn:ward:client:{}", identity.client_id);
    let user = identity.fhir_user.as_deref();
    user.into_iter().chain([&*client]).map(Into::into).collect()
}

/// What is asserted, or that the patient asks; else what holds where nothing is.
fn purposes(identity: &Identity) -> Vec<&'static str> {
    let mut all: Vec<&'static str> = identity
        .purposes
        .iter()
        .map(|purpose| purpose.code())
        .collect();
    if identity.is_at_own_record() {
        all.push("PATRQT");
    }
    if all.is_empty() {
        all.push("HOPERAT");
    }
    all
}

fn clearance(text: &str) -> ward_consent::labels::Clearance {
    let (level, labels) = text.split_once(' ').unwrap_or((text, ""));
    let level = Confidentiality::parse(level).unwrap();
    match labels {
        "*" => ward_consent::labels::Clearance::for_all(level),
        named => ward_consent::labels::Clearance {
            level,
            labels: named.split_whitespace().map(Label::act).collect(),
        },
    }
}

fn scopes_of(rights: &[Right]) -> String {
    rights
        .iter()
        .map(Right::scope)
        .collect::<Vec<_>>()
        .join(" ")
}

/// Roles that may do everything but with records of accesses, cleared for this: of accounts, of the rota, and one that may break the glass;
/// and patients likewise in their own record, cleared for all.
fn site(cleared: &str, parts: &Parts) -> Roles {
    let names = r4().types.iter().map(|ty| ty.name);
    let names = names.filter(|name| r4().resource_type(name).is_some() && *name != "AuditEvent");
    let interactions =
        ["create", "read", "update", "delete", "search-type"].map(|code| json!({ "code": code }));
    let names: Vec<&str> = names.collect();
    // What is seen in part cannot be deleted.
    let reading = ["read", "search-type"].map(|code| json!({ "code": code }));
    let resources = |parts: &Parts| -> Vec<Value> {
        let elements = |ty: &str| -> Vec<Value> {
            let named = parts.get(ty).into_iter().flatten();
            let said = named.map(|name| json!({ "url": ELEMENT, "valueString": name }));
            said.collect()
        };
        let resource = |name: &&str| match elements(name) {
            none if none.is_empty() => json!({ "type": name, "interaction": interactions }),
            some => json!({ "type": name, "interaction": reading, "extension": some }),
        };
        names.iter().map(resource).collect()
    };
    let policy = |name: &str, cleared: &str, parts: &Parts, purposes: &[&str]| {
        let context = |code: &&str| {
            json!({ "code": { "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": code },
            "valueCodeableConcept": { "text": "purpose of use" } })
        };
        let mut policy = json!({ "resourceType": "CapabilityStatement", "name": name, "status": "active", "date": "2026",
            "kind": "requirements", "fhirVersion": "4.0.1", "format": ["json"], "extension": extensions(cleared),
            "rest": [{ "mode": "server", "resource": resources(parts) }] });
        if !purposes.is_empty() {
            policy["useContext"] = purposes.iter().map(context).collect();
        }
        RolePolicy::read(policy.to_string().as_bytes()).unwrap()
    };
    let of_glass: Vec<&str> = OF_GLASS.iter().copied().chain(["BTG"]).collect();
    Roles::of([
        policy("staff", cleared, parts, &[]),
        policy("nurse", cleared, parts, &[]),
        policy("rescuer", cleared, parts, &of_glass),
        policy(OFFICER, "V *", &Parts::new(), &[]),
        policy(PATIENT, "V *", &Parts::new(), &[]),
    ])
}

fn extensions(cleared: &str) -> Vec<Value> {
    let coding = |word: &str| match word {
        "*" => {
            json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "_InformationSensitivityPolicy" })
        }
        level if level.len() == 1 => {
            json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": level })
        }
        code => {
            json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code })
        }
    };
    let words = cleared.split(' ');
    words
        .map(|word| json!({ "url": CLEARANCE, "valueCoding": coding(word) }))
        .collect()
}
