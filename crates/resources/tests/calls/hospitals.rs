//! Random hospitals with consents and labels, and copies of them from which is left out what somebody may not see.

use crate::callers::officer;
use crate::house::{House, call, text};
use crate::judge::{Judge, path};
use crate::noninterference::{Write, with_people_of};
use crate::party::{Held, Party};
use crate::pinned::{BEGIN_US, consenting, open_with_consents, set_clock};
use crate::veiled;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};
use ward_access::{
    Access, Caller, Clearance, Identity, Maintenance, Purposes, Registered, Scopes, maintenance,
};
use ward_consent::{Default as Implied, Rules};
use ward_fhir::TypeId;
use ward_fhir::schema::r4;
use ward_resources::ConsentSettings;
use ward_resources::route::Method::{Delete, Put};
use ward_search::compartment::Compartments;
use ward_storage::{Op, Row};
use ward_testkit::generate::consents::{ICD, SENSITIVE, consent, labels};
use ward_testkit::generate::{COUNTS, id, resource};
use ward_testkit::{Backend, Random};

/// Which organization the hospital is.
pub const OURS: &str = "Organization/organization-0";
/// When it is asked: after every write of the story, and so long after each time that it goes on.
const ASKED_US: i64 = BEGIN_US + 1_000_000_000_000;
/// Types of which nothing is kept from anybody by consents, and on which it depends what is.
const ALWAYS_KEPT: &[&str] = &[
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "ValueSet",
    "Consent",
];
/// What is written after the consents: nothing takes labels from these.
const LATE: &[&str] = &["MedicationRequest", "RiskAssessment", "DiagnosticReport"];

/// What is decided for all patients, and what is written in which order; some of it is refused.
#[derive(Clone)]
pub struct Hospital {
    pub settings: ConsentSettings,
    pub story: Vec<Write>,
    /// What happens after it was asked: consents are given, changed and withdrawn, roles end.
    pub later: Vec<Write>,
}

/// A hospital whose story has been written to a store.
pub struct Furnished {
    pub house: House,
    pub versions: Vec<Version>,
    pub judge: Arc<Judge>,
    pub asked_us: i64,
    settings: ConsentSettings,
    /// What was ever written to, or tried to.
    paths: BTreeSet<String>,
}

/// What a store holds of one version.
#[derive(Clone)]
pub struct Version {
    pub path: String,
    pub number: u32,
    /// As it is stored; of a deletion none.
    pub body: Option<Value>,
    pub at_us: i64,
}

impl Hospital {
    pub fn any(random: &mut Random) -> Hospital {
        let settings = settings(random);
        let (story, later) = story(random);
        Hospital {
            settings,
            story: timed(story, BEGIN_US),
            later: timed(later, ASKED_US),
        }
    }

    /// The same without some paths.
    pub fn without(&self, left_out: &[String]) -> Hospital {
        let kept = |writes: &[Write]| -> Vec<Write> {
            let kept = writes
                .iter()
                .filter(|write| !left_out.contains(&write.path));
            kept.cloned().collect()
        };
        Hospital {
            settings: self.settings.clone(),
            story: kept(&self.story),
            later: kept(&self.later),
        }
    }

    /// How much is written.
    pub fn size(&self) -> usize {
        self.story.len() + self.later.len()
    }

    pub async fn stored(&self, backend: Backend) -> Furnished {
        let house = open(backend, &self.settings).await;
        for write in &self.story {
            set_clock(write.at_us);
            send(&house, &write.path, write.body.as_ref(), false).await;
        }
        let house = opened(house, &self.settings).await;
        crate::indexing::build(&house.engine).await;
        come_to(&house, ASKED_US).await;
        let paths = self.story.iter().map(|write| write.path.clone()).collect();
        Furnished::looked_at(house, self.settings.clone(), paths, ASKED_US).await
    }
}

/// One after the other.
fn timed(all: Vec<(String, Option<Value>)>, from_us: i64) -> Vec<Write> {
    let all = all.into_iter().enumerate();
    all.map(|(at, (path, body))| Write {
        path,
        body,
        at_us: from_us + (at as i64 + 1) * 977_000_000,
    })
    .collect()
}

impl Furnished {
    async fn looked_at(
        house: House,
        settings: ConsentSettings,
        paths: BTreeSet<String>,
        asked_us: i64,
    ) -> Furnished {
        let mut versions = Vec::new();
        for path in &paths {
            versions.extend(versions_of(&house, path).await);
        }
        versions.sort_by_key(|version| version.at_us);
        set_clock(asked_us);
        Furnished {
            judge: Arc::new(judge(&settings, &house, &versions, asked_us)),
            house,
            versions,
            asked_us,
            settings,
            paths,
        }
    }

    /// The same store once it has gone on, past the day on which some consents begin or end.
    pub async fn later(self, writes: &[Write]) -> Furnished {
        for write in writes {
            set_clock(write.at_us);
            send(&self.house, &write.path, write.body.as_ref(), false).await;
        }
        let asked_us = self.asked_us + (ASKED_US - BEGIN_US);
        come_to(&self.house, asked_us).await;
        let mut paths = self.paths;
        paths.extend(writes.iter().map(|write| write.path.clone()));
        Furnished::looked_at(self.house, self.settings, paths, asked_us).await
    }

    /// What is stored of each path: the current body, or the last one of what is deleted.
    pub fn held(&self) -> BTreeMap<&str, Held<'_>> {
        let mut held: BTreeMap<&str, Held> = BTreeMap::new();
        for version in &self.versions {
            match &version.body {
                Some(body) => drop(held.insert(
                    &version.path,
                    Held {
                        body,
                        is_deleted: false,
                    },
                )),
                None => held.get_mut(version.path.as_str()).unwrap().is_deleted = true,
            }
        }
        held
    }

    /// The versions as a story.
    pub fn writes(&self) -> Vec<Write> {
        let write = |version: &Version| Write {
            path: version.path.clone(),
            body: version.body.clone(),
            at_us: version.at_us,
        };
        self.versions.iter().map(write).collect()
    }

    /// A store that never held what the party may not see. Rows come first and consents last, so that no consent keeps whoever writes
    /// from writing; each at the time that it has here. `None`: the store does not take a version that nobody may write there by what its
    /// labels say alone.
    pub async fn without(&self, backend: Backend, party: &Party) -> Option<House> {
        let held = self.held();
        let is_kept = |path: &str| {
            let ty = path.split('/').next().unwrap();
            // That something of nobody's record is hidden decides what becomes of references to nothing (0021).
            ALWAYS_KEPT.contains(&ty) || held[path].is_nobodys() || party.keeps(&held[path])
        };
        let copy = open(backend, &self.settings).await;
        let kept: Vec<&Version> = self.versions.iter().filter(|v| is_kept(&v.path)).collect();
        self.number(&kept, &copy).await;
        let (consents, rows): (Vec<&Version>, Vec<&Version>) = kept
            .into_iter()
            .partition(|version| version.path.starts_with("Consent/"));
        for version in rows.into_iter().chain(consents) {
            // The labels of a resource change with those of another that names it: that made the version here already.
            if number(&copy, &version.path).await >= version.number {
                continue;
            }
            set_clock(version.at_us);
            // Whom a Consent permits something may be gone by the time that it is written here.
            let is_lenient = version.path.starts_with("Consent/");
            let last = &held[version.path.as_str()];
            let body = version.body.as_ref().map(|body| left(party, last, body));
            if send(&copy, &version.path, body.as_ref(), is_lenient).await >= 300 {
                return None;
            }
        }
        self.forget(party, &copy).await;
        let copy = opened(copy, &self.settings).await;
        crate::indexing::build(&copy.engine).await;
        come_to(&copy, self.asked_us).await;
        Some(copy)
    }

    /// Behind a broken glass other ends of chains are nobody's too, and seen as without it: what is hidden of them is deleted in the copy. Its class
    /// stays known there, so that something is hidden still, and its versions are as hidden as the last one was.
    async fn forget(&self, party: &Party, copy: &House) {
        for (path, held) in self.held() {
            let ty = path.split('/').next().unwrap();
            let is_left = held.is_deleted || ALWAYS_KEPT.contains(&ty) || !held.is_nobodys();
            if !is_left && party.is_kept_without_glass(held.body) {
                send(copy, path, None, false).await;
            }
        }
    }
}

impl Furnished {
    /// Gives the rows of a copy their numbers in the order that they have here: `_sort=_id` is by these, and there consents come last.
    async fn number(&self, kept: &[&Version], copy: &House) {
        let paths: BTreeSet<&str> = kept.iter().map(|version| version.path.as_str()).collect();
        let keys: Vec<(TypeId, &str)> = paths
            .iter()
            .map(|path| path.split_once('/').unwrap())
            .map(|(ty, id)| (r4().resource_type(ty).unwrap(), id))
            .collect();
        let rids = self.house.engine.store().locate(&keys).await.unwrap();
        let mut numbered: Vec<_> = rids.into_iter().zip(keys).collect();
        numbered.sort_unstable_by_key(|(rid, _)| *rid);
        let keys: Vec<(TypeId, &str)> = numbered.into_iter().map(|(_, key)| key).collect();
        copy.engine.store().reserve(&keys).await.unwrap();
    }
}

/// What the party gets of a version: without what labels mask of it, or of the last one (R19).
fn left(party: &Party, last: &Held, body: &Value) -> Value {
    let is_deleted = false;
    let is_seen = party.sees(last) && party.sees(&Held { body, is_deleted });
    let masking = party.masking(body).union(&party.masking(last.body));
    match is_seen {
        true => veiled::without(body, &masking),
        false => body.clone(),
    }
}

/// Some consents begin or end by time alone, and some name who has changed.
async fn come_to(house: &House, asked_us: i64) {
    set_clock(asked_us);
    while house.engine.decide_due().await.unwrap() {}
}

/// For whoever writes what the hospital has: what is implied is permitted until it opens.
async fn open(backend: Backend, settings: &ConsentSettings) -> House {
    let mut settings = settings.clone();
    settings.rules.default = Implied::PermitTpo;
    open_with_consents(backend, &settings).await
}

/// By its own rules.
async fn opened(house: House, settings: &ConsentSettings) -> House {
    match settings.rules.default {
        Implied::PermitTpo => house,
        Implied::Deny => house.restarted(consenting(settings)).await,
    }
}

/// How the story goes on where somebody else writes: the status. Consents are the privacy officer's to keep.
async fn send(house: &House, path: &str, body: Option<&Value>, is_lenient: bool) -> u16 {
    let by = match path.starts_with("Consent/") {
        true => officer(),
        false => writer(body),
    };
    let method = if body.is_some() { Put } else { Delete };
    let sent = body.map(as_sent);
    let mut call = call(method, path, sent.as_ref());
    call.prefer.lenient = is_lenient;
    let reply = house.engine.answer(&by, &call).await;
    let is_expected = matches!(reply.status, 200 | 201 | 204 | 404 | 410 | 422);
    assert!(is_expected, "{path}: {} {}", reply.status, text(&reply));
    reply.status
}

/// Writes for the organization that keeps it, to treat; cleared for all.
fn writer(body: Option<&Value>) -> Caller {
    let keeper = |name: &str| body?[name]["reference"].as_str();
    let keeper = keeper("serviceProvider").or(keeper("managingOrganization"));
    let identity = Identity {
        subject: "writer".into(),
        client_id: "writer".into(),
        scopes: Scopes::parse("system/*.cruds").unwrap(),
        purposes: Purposes::parse("TREAT").unwrap(),
        client: Registered {
            organization: Some(keeper.unwrap_or(OURS).to_owned()),
            clearance: Some(Clearance::parse("V *").unwrap()),
            ..Registered::default()
        },
        ..Identity::default()
    };
    Caller::new(identity)
}

/// Without what the server says of a version.
fn as_sent(body: &Value) -> Value {
    let mut body = body.clone();
    if let Some(meta) = body.get_mut("meta").and_then(Value::as_object_mut) {
        meta.remove("versionId");
        meta.remove("lastUpdated");
        for label in meta
            .get_mut("security")
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            label.as_object_mut().unwrap().remove("extension");
        }
        if meta.is_empty() {
            body.as_object_mut().unwrap().remove("meta");
        }
    }
    body
}

fn settings(random: &mut Random) -> ConsentSettings {
    let bare = ConsentSettings::default();
    let rules = Rules {
        default: if random.once_in(5) {
            Implied::Deny
        } else {
            Implied::PermitTpo
        },
        verified_only: random.once_in(5),
        custodian_exemption: !random.once_in(4),
        ..bare.rules.clone()
    };
    let settings = ConsentSettings {
        organization: OURS.into(),
        rules,
        ..bare
    };
    settings.with_labels(veiled::rules())
}

/// What is written, in order.
type Told = Vec<(String, Option<Value>)>;

/// Resources with labels and codes that the labelling rules know, consents, and then more of both, changes and deletions; and what
/// comes later.
fn story(random: &mut Random) -> (Told, Told) {
    let mut all: Told = roles();
    let mut late = Vec::new();
    let mut current: BTreeMap<String, Value> = BTreeMap::new();
    for (ty, count) in COUNTS {
        for at in 0..*count {
            let body = resource(random, ty, &id(ty, at));
            let mut body = labelled(random, body);
            if *ty == "Patient" && random.once_in(4) {
                // The whole record takes it from there.
                body["meta"]["security"] = json!([veiled::label(random)]);
            }
            let is_late = LATE.contains(ty) && random.coin();
            let to = if is_late { &mut late } else { &mut all };
            to.push((path(&body), Some(body.clone())));
            current.insert(path(&body), body);
        }
    }
    let data: Vec<String> = current.keys().cloned().collect();
    let mut whose = Vec::new();
    for patient in 0..5 {
        // One at least, so that every copy holds something that is hidden: to whom nothing is hidden anywhere, references to nothing are
        // shown (0021).
        for _ in 0..random.below(3).max(usize::from(patient == 0)) {
            let patient = format!("Patient/patient-{patient}");
            all.push(decided(random, whose.len(), &patient, &data));
            whose.push(patient);
        }
    }
    all.append(&mut late);
    for _ in 0..25 {
        let (ty, count) = COUNTS[random.below(COUNTS.len())];
        let path = format!("{ty}/{}", id(ty, random.below(count)));
        if random.once_in(6) {
            let at = random.below(whose.len());
            let patient = moved(random, &whose[at]);
            all.push(decided(random, at, &patient, &data));
        } else if current.get(&path).is_none_or(is_settled) {
            // What it gives to others, or what nobody else may change, stays as it is.
        } else if random.once_in(4) && ty != "Patient" {
            all.extend(current.remove(&path).map(|_| (path, None)));
        } else if let Some(before) = current.get(&path) {
            let made = resource(random, ty, before["id"].as_str().unwrap());
            let made = labelled(random, made);
            let body = with_people_of(before, made);
            all.push((path.clone(), Some(body.clone())));
            current.insert(path, body);
        }
    }
    let later = later(random, &whose, &data);
    (all, later)
}

/// Mostly the same patient; sometimes another, whose a Consent is from then on.
fn moved(random: &mut Random, patient: &str) -> String {
    match random.once_in(6) {
        true => format!("Patient/patient-{}", random.below(5)),
        false => patient.to_owned(),
    }
}

fn decided(
    random: &mut Random,
    at: usize,
    patient: &str,
    data: &[String],
) -> (String, Option<Value>) {
    let id = format!("consent-{at}");
    let body = consent(random, &id, patient, data);
    (format!("Consent/{id}"), Some(body))
}

/// Consents are new, other ones, no longer in force, or gone; roles end.
fn later(random: &mut Random, whose: &[String], data: &[String]) -> Told {
    let mut all = Vec::new();
    for _ in 0..2 + random.below(4) {
        // The first stays, so that something is hidden.
        let at = 1 + random.below(whose.len() + 2);
        let anew = || format!("Patient/patient-{}", at % 5);
        let patient = whose.get(at).cloned().unwrap_or_else(anew);
        let patient = moved(random, &patient);
        let mut change = decided(random, at, &patient, data);
        match random.below(4) {
            0 => change.1 = None,
            1 => {
                let body = change.1.as_mut().unwrap();
                body["status"] = json!("inactive");
            }
            _ => {}
        }
        all.push(change);
    }
    if random.once_in(3) {
        let (path, body) = role(1 + random.below(2), random.coin());
        all.push((path, Some(body)));
    }
    all
}

/// Whether others take labels from it, or a label keeps it from whoever would change it: in the copy such a change comes out another way,
/// since there all labels are stated.
fn is_settled(body: &Value) -> bool {
    let ty = body["resourceType"].as_str().unwrap();
    let gives = matches!(ty, "Encounter" | "ServiceRequest" | "Condition");
    let labels = body["meta"]["security"].to_string();
    gives
        || ["PSYTHPN", "PRS"]
            .iter()
            .any(|label| labels.contains(label))
}

/// Practitioners 1 and 2 act for organizations of their own, and have a role by that.
fn roles() -> Told {
    let roles = [1, 2].map(|at| role(at, true));
    roles.map(|(path, body)| (path, Some(body))).into()
}

fn role(at: usize, is_active: bool) -> (String, Value) {
    let id = format!("role-{at}");
    let code = json!({ "system": "http://terminology.hl7.org/CodeSystem/practitioner-role", "code": "nurse" });
    let body = json!({ "resourceType": "PractitionerRole", "id": id, "active": is_active,
        "practitioner": { "reference": format!("Practitioner/practitioner-{at}") },
        "organization": { "reference": format!("Organization/organization-{at}") }, "code": [{ "coding": [code] }] });
    (format!("PractitionerRole/{id}"), body)
}

/// With what its author states of it, and sometimes with a code that is sensitive by itself. Some is in two patients' records.
fn labelled(random: &mut Random, mut body: Value) -> Value {
    // What is carried both ways is carried on only where it is a resource's own, which the copy cannot tell: there all labels are stated.
    for name in ["result", "hasMember", "derivedFrom"] {
        body.as_object_mut().unwrap().remove(name);
    }
    let ty = body["resourceType"].as_str().unwrap().to_owned();
    let is_of_patients = !ALWAYS_KEPT.contains(&ty.as_str()) && ty != "Patient";
    let mut stated = Vec::new();
    if is_of_patients {
        stated = labels(random);
        if random.once_in(4) {
            stated.push(veiled::label(random));
        }
    }
    if body.get("meta").is_some() || !stated.is_empty() {
        let meta = &mut body["meta"];
        if !meta.is_object() {
            *meta = json!({});
        }
        meta.as_object_mut().unwrap().remove("security");
        if !stated.is_empty() {
            meta["security"] = stated.into();
        }
        if meta.as_object().unwrap().is_empty() {
            body.as_object_mut().unwrap().remove("meta");
        }
    }
    if matches!(ty.as_str(), "Observation" | "Condition") && random.once_in(4) {
        let coding = json!({ "system": ICD, "code": random.one_of(SENSITIVE) });
        match body["code"]["coding"].as_array_mut() {
            Some(all) => all.push(coding),
            None => body["code"] = json!({ "coding": [coding] }),
        }
    }
    body
}

async fn versions_of(house: &House, path: &str) -> Vec<Version> {
    let Some(row) = row_of(house, path).await else {
        return Vec::new();
    };
    let everything = everything();
    let mut versions = Vec::new();
    for number in 1..=row.version {
        let stored =
            house
                .engine
                .store()
                .read_version(&everything, memberships(), row.ty, row.rid, number);
        let stored = stored.await.unwrap().unwrap();
        let is_deleted = stored.op == Op::Delete;
        versions.push(Version {
            path: path.to_owned(),
            number,
            body: (!is_deleted).then(|| serde_json::from_slice(&stored.body).unwrap()),
            at_us: stored.updated_us,
        });
    }
    versions
}

/// The current version of a path; 0: none.
async fn number(house: &House, path: &str) -> u32 {
    row_of(house, path).await.map_or(0, |row| row.version)
}

async fn row_of(house: &House, path: &str) -> Option<Row> {
    use ward_storage::Current;
    let (ty, id) = path.split_once('/').unwrap();
    let ty = r4().resource_type(ty).unwrap();
    let store = house.engine.store();
    let rid = store.locate(&[(ty, id)]).await.unwrap()[0]?;
    match store
        .read(&everything(), ward_access::Action::Read, ty, rid)
        .await
        .unwrap()
    {
        Current::Live(row) | Current::Deleted(row) => Some(row),
        Current::Absent => None,
    }
}

fn everything() -> Access {
    maintenance(Maintenance::Reindex)
}

fn memberships() -> &'static Compartments {
    static MEMBERSHIPS: OnceLock<Compartments> = OnceLock::new();
    MEMBERSHIPS.get_or_init(|| Compartments::new(r4(), None))
}

fn judge(settings: &ConsentSettings, house: &House, versions: &[Version], asked_us: i64) -> Judge {
    let mut current = BTreeMap::new();
    for version in versions {
        match &version.body {
            Some(body) => drop(current.insert(version.path.clone(), body.clone())),
            None => drop(current.remove(&version.path)),
        }
    }
    let base = house.engine.settings().base.clone();
    Judge::new(settings.clone(), base, asked_us, current)
}
