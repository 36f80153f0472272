//! Random callers of the non-interference property, and what each may see: worked out from their scopes by hand, not by `access`.

use crate::house::system;
use crate::judge::{Asking, Judge};
use serde_json::Value;
use std::sync::Arc;
use ward_access::{Caller, Identity, Scopes};
use ward_consent::labels::Masking;
use ward_resources::{BrokenGlass, Call};
use ward_testkit::Random;
use ward_testkit::generate::{COUNTS, id};
use ward_testkit::naive::{Question, World, answer, home, is_in_compartment};

/// Which of the rights decides what is removed from the copy, and so which interactions are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Reading and searching reach the same.
    Whole,
    /// They do not: what may not be searched is removed, and searches are asked.
    Searching,
    /// They do not: what may not be read is removed, and reads are asked.
    Reading,
}

/// What a path held last.
pub struct Held<'a> {
    pub body: &'a Value,
    pub is_deleted: bool,
}

pub struct Party {
    pub caller: Caller,
    pub mode: Mode,
    pub scopes: String,
    /// `Patient/id`
    patient: Option<String>,
    rights: Vec<Right>,
    /// What consents and labels leave, where there are any.
    consented: Option<(Arc<Judge>, Asking)>,
    /// Behind which everything is asked, and what the same person sees without.
    pub glass: Option<(BrokenGlass, Box<Party>)>,
}

#[derive(Clone)]
pub struct Right {
    context: &'static str,
    /// A type, or `*`.
    ty: String,
    letters: &'static str,
    /// Of a granular scope: all must hold.
    criteria: Vec<(String, String)>,
}

/// Types that say nothing about patients: open to every app with a `patient/` scope for them.
const SHARED: [&str; 4] = [
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "ValueSet",
];

impl Party {
    /// `patients`: those that exist.
    pub fn any(random: &mut Random, patients: &[String], bodies: &[&Value]) -> Party {
        let types: Vec<&str> = COUNTS.iter().map(|(ty, _)| *ty).collect();
        let some = |random: &mut Random, most: usize| -> Vec<String> {
            let few = (0..=random.below(most)).map(|_| random.one_of(&types).to_owned());
            few.collect()
        };
        let rights = |types, context, letters| Right::all(context, types, letters);
        let mut mode = Mode::Whole;
        let mut granted = match random.below(6) {
            0 => rights(some(random, 5), "system", "rs"),
            1 => rights(vec!["*".into()], "patient", "rs"),
            2 => rights(some(random, 6), "patient", "rs"),
            3 => {
                let mut all = rights(some(random, 5), "patient", "rs");
                all.extend(rights(some(random, 2), "user", "rs"));
                all
            }
            4 => {
                mode = if random.coin() {
                    Mode::Searching
                } else {
                    Mode::Reading
                };
                let mut all = rights(some(random, 4), "system", "rs");
                all.extend(rights(some(random, 3), "system", "r"));
                all.extend(rights(some(random, 3), "system", "s"));
                all
            }
            _ => {
                mode = if random.coin() {
                    Mode::Searching
                } else {
                    Mode::Reading
                };
                let mut all = rights(
                    vec!["*".into()],
                    "patient",
                    random.one_of(&["r", "s", "rs"]),
                );
                all.extend(rights(some(random, 2), "user", random.one_of(&["r", "s"])));
                all
            }
        };
        if random.coin() {
            granted = granular(random, granted);
        }
        let is_system = granted.iter().all(|r| r.context == "system");
        let patient = (!is_system && !patients.is_empty())
            .then(|| patients[random.below(patients.len())].clone());
        let mut party = Party::of(granted, mode, patient, random.coin());
        // One who sees all would see the launch patient too.
        if mode == Mode::Whole && !party.sees_own(bodies) {
            party.mode = Mode::Searching;
        }
        party
    }

    fn of(rights: Vec<Right>, mode: Mode, patient: Option<String>, old: bool) -> Party {
        let words = rights.iter().map(|r| {
            // Version 1 writes both as `read`, and knows no criteria.
            let letters = if old && r.letters == "rs" && r.criteria.is_empty() {
                "read"
            } else {
                r.letters
            };
            let pairs: Vec<String> = r.criteria.iter().map(|(n, v)| format!("{n}={v}")).collect();
            let query = if pairs.is_empty() { "" } else { "?" };
            format!("{}/{}.{letters}{query}{}", r.context, r.ty, pairs.join("&"))
        });
        let scopes = words.collect::<Vec<_>>().join(" ");
        let parsed = Scopes::parse(&scopes).unwrap();
        assert!(parsed.refused().is_empty(), "{:?}", parsed.refused());
        let caller = match rights.iter().all(|r| r.context == "system") {
            true => system(&scopes),
            false => Caller::in_roles(
                Identity {
                    subject: "someone".into(),
                    client_id: "app".into(),
                    fhir_user: Some("Practitioner/1".into()),
                    roles: vec!["clinician".into()],
                    patient: patient
                        .as_ref()
                        .map(|p| p.trim_start_matches("Patient/").into()),
                    scopes: parsed,
                    ..Identity::default()
                },
                crate::house::clinician(),
            ),
        };
        Party {
            caller,
            mode,
            scopes: format!("{scopes} for {patient:?}"),
            patient,
            rights,
            consented: None,
            glass: None,
        }
    }

    /// One of whose rights consents and labels leave a part. `patient`: the launch patient.
    pub fn left(
        caller: Caller,
        scopes: String,
        patient: Option<String>,
        rights: Vec<Right>,
        consented: (Arc<Judge>, Asking),
    ) -> Party {
        Party {
            caller,
            mode: Mode::Whole,
            scopes,
            patient,
            rights,
            consented: Some(consented),
            glass: None,
        }
    }

    /// The same behind a glass broken just now: of the record of a patient (logical id) alone, and by what an emergency opens. Other ends
    /// of chains are of that record, or nobody's and seen as without.
    pub fn behind(self, patient: String) -> Party {
        let (judge, asking) = self.consented.clone().unwrap();
        let glass = BrokenGlass {
            patient,
            until_us: judge.now_us + 3_600_000_000,
        };
        let opened = Asking {
            glass_until_us: Some(glass.until_us),
            ..asking
        };
        let patient = format!("Patient/{}", glass.patient);
        Party {
            caller: self.caller.clone(),
            mode: self.mode,
            scopes: format!("{} behind {glass:?}", self.scopes),
            patient: Some(patient),
            rights: Right::all("glass", vec!["*".into()], "rs"),
            consented: Some((judge, opened)),
            glass: Some((glass, Box::new(self))),
        }
    }

    /// A Call as this caller asks it.
    pub fn asking(&self, call: Call) -> Call {
        let glass = self.glass.as_ref().map(|(glass, _)| glass.clone());
        Call {
            break_glass: glass,
            ..call
        }
    }

    /// The same before another hospital.
    pub fn before(&self, judge: &Arc<Judge>) -> Party {
        if let Some((glass, without)) = &self.glass {
            let patient = glass.patient.clone();
            return without.before(judge).behind(patient);
        }
        let consented = self.consented.as_ref();
        Party {
            caller: self.caller.clone(),
            scopes: self.scopes.clone(),
            patient: self.patient.clone(),
            rights: self.rights.clone(),
            consented: consented.map(|(_, asking)| (judge.clone(), asking.clone())),
            glass: None,
            mode: self.mode,
        }
    }

    pub fn is_consented(&self) -> bool {
        self.consented.is_some()
    }

    /// Whether consents or labels keep it from the caller, whatever the scopes say.
    pub fn is_kept_from(&self, body: &Value) -> bool {
        let consented = self.consented.as_ref();
        consented.is_some_and(|(judge, asking)| !judge.shows(asking, body))
    }

    /// Whether the glass is broken, and without it consents or labels would keep it from the caller.
    pub fn is_kept_without_glass(&self, body: &Value) -> bool {
        let without = self.glass.as_ref().map(|(_, without)| without);
        without.is_some_and(|party| party.is_kept_from(body))
    }

    /// What labels mask of a version that the caller sees.
    pub fn masking(&self, body: &Value) -> Masking {
        let consented = self.consented.as_ref();
        let masking = consented.and_then(|(judge, asking)| judge.masking(asking, body));
        masking.unwrap_or_default()
    }

    /// What decided about a resource.
    pub fn explained(&self, body: &Value) -> String {
        let consented = self.consented.as_ref();
        consented.map_or_else(String::new, |(judge, asking)| judge.explained(asking, body))
    }

    /// Whether the scopes reach a type as a whole, or a part of it.
    pub fn reaches(&self, ty: &str) -> bool {
        let mut rights = self.rights.iter();
        rights.any(|right| right.ty == "*" || right.ty == ty)
    }

    /// An app launched for one patient, which may read all of that record.
    pub fn launched(patient: &str) -> Party {
        let all = Right {
            context: "patient",
            ty: "*".to_owned(),
            letters: "rs",
            criteria: Vec::new(),
        };
        Party::of(vec![all], Mode::Whole, Some(patient.to_owned()), false)
    }

    /// A random caller who may do with what they see whatever can be done.
    pub fn writing(random: &mut Random, patients: &[String]) -> Party {
        let all = |context, ty: &str| Right {
            context,
            ty: ty.to_owned(),
            letters: "cruds",
            criteria: Vec::new(),
        };
        let own = || vec![all("patient", "Observation"), all("patient", "Condition")];
        let mut granted = match random.below(4) {
            0 => vec![all("system", "Observation"), all("system", "Condition")],
            1 => own(),
            _ => {
                let mut both = own();
                both.push(all("user", random.one_of(&["Observation", "Condition"])));
                both
            }
        };
        if !random.once_in(4) {
            granted = granular(random, granted);
        }
        let is_system = granted.iter().all(|r| r.context == "system");
        let patient = (!is_system).then(|| patients[random.below(patients.len())].clone());
        Party::of(granted, Mode::Searching, patient, false)
    }

    pub fn is_granular(&self) -> bool {
        self.rights.iter().any(|right| !right.criteria.is_empty())
    }

    /// Whether the resource is in the copy: seen, or the launch patient, without whom there is no such caller. Of types that are closed to
    /// the caller as a whole, what consents leave: references to it are shown (0021).
    pub fn keeps(&self, held: &Held) -> bool {
        let without = self.glass.as_ref().map(|(_, without)| without);
        let is_closed = !self.reaches(held.body["resourceType"].as_str().unwrap());
        let is_left = self.consented.is_some() && is_closed && !self.is_kept_from(held.body);
        self.is_launch_patient(held.body)
            || is_left
            || self.sees(held)
            || without.is_some_and(|party| party.sees(held))
    }

    /// Whether a path is within a Patient's record that is not the launch patient's.
    pub fn is_elsewhere(&self, path: &str) -> bool {
        let own = self.patient.as_ref().map(|own| format!("{own}/"));
        let is_of_one = path.starts_with("Patient/") && !path.starts_with("Patient/$");
        own.is_some_and(|own| is_of_one && !path.starts_with(&own))
    }

    /// Whether the copy holds nothing that the caller may not see.
    fn sees_own(&self, bodies: &[&Value]) -> bool {
        let mut own = bodies.iter().filter(|b| self.is_launch_patient(b));
        own.all(|body| {
            self.sees(&Held {
                body,
                is_deleted: false,
            })
        })
    }

    fn is_launch_patient(&self, body: &Value) -> bool {
        let id = body["id"].as_str().unwrap_or_default();
        body["resourceType"] == "Patient" && self.patient == Some(format!("Patient/{id}"))
    }

    /// Whether P reads some resources of a type and not others.
    pub fn is_bound(&self, ty: &str) -> bool {
        let of_type = |right: &&Right| right.ty == "*" || right.ty == ty;
        let reads = |right: &&Right| right.letters.contains('r');
        let mut rights = self.rights.iter().filter(of_type).filter(reads).peekable();
        let is_whole = |right: &Right| {
            let is_shared = right.context == "patient" && SHARED.contains(&ty);
            right.criteria.is_empty() && (right.context != "patient" || is_shared)
        };
        rights.peek().is_some() && !rights.any(is_whole)
    }

    /// What may be searched, or read where that is asked. A former version is seen when the last one is and it would be.
    pub fn sees(&self, held: &Held) -> bool {
        let body = held.body;
        let letter = if self.mode == Mode::Reading { 'r' } else { 's' };
        let ty = body["resourceType"].as_str().unwrap();
        let mut rights = self.rights.iter().filter(|r| r.letters.contains(letter));
        let reaches = rights.any(|right| {
            let is_of_type = right.ty == "*" || right.ty == ty;
            let reaches = match (right.context, &self.patient) {
                ("patient", Some(patient)) => {
                    let is_consent =
                        ty == "Consent" && body["patient"]["reference"] == patient.as_str();
                    let is_there = is_consent || is_in_compartment(body, patient);
                    let is_home = is_consent || home(body).as_ref() == Some(patient);
                    let tells = !held.is_deleted || is_home;
                    SHARED.contains(&ty) || (is_there && tells)
                }
                // What merely names the patient is in another record.
                ("glass", Some(patient)) => {
                    self.is_launch_patient(body) || home(body).as_ref() == Some(patient)
                }
                ("patient", None) => false,
                _ => true,
            };
            is_of_type && reaches && right.matches(held)
        });
        reaches && !self.is_kept_from(body)
    }
}

impl Held<'_> {
    /// Whether it lies in nobody's record.
    pub fn is_nobodys(&self) -> bool {
        self.body["resourceType"] != "Patient" && home(self.body).is_none()
    }
}

impl Right {
    /// The same in each of these types.
    pub fn all(context: &'static str, types: Vec<String>, letters: &'static str) -> Vec<Right> {
        let right = |ty| Right {
            context,
            ty,
            letters,
            criteria: Vec::new(),
        };
        types.into_iter().map(right).collect()
    }

    /// As a scope without criteria.
    pub fn scope(&self) -> String {
        format!("{}/{}.{}", self.context, self.ty, self.letters)
    }

    /// Of what is deleted nothing is left that could match.
    fn matches(&self, held: &Held) -> bool {
        if self.criteria.is_empty() {
            return true;
        }
        let mut world = World::default();
        world.put(held.body.clone(), 0);
        let question = Question {
            path: held.body["resourceType"].as_str().unwrap().into(),
            pairs: self.criteria.clone(),
        };
        !held.is_deleted && !answer(&world, &question).is_empty()
    }
}

/// The same scopes, some of them only for what matches, some of those twice.
fn granular(random: &mut Random, rights: Vec<Right>) -> Vec<Right> {
    let mut all = Vec::new();
    for right in rights {
        let kept = random.once_in(3);
        if kept || random.once_in(6) {
            all.push(Right {
                ty: right.ty.clone(),
                criteria: Vec::new(),
                ..right
            });
        }
        let more = if kept { 0 } else { 1 + random.below(2) };
        all.extend((0..more).map(|_| Right {
            ty: right.ty.clone(),
            criteria: criteria(random, &right.ty),
            ..right
        }));
    }
    all
}

fn criteria(random: &mut Random, ty: &str) -> Vec<(String, String)> {
    let own: &[(&str, &str)] = match ty {
        "Observation" => &[
            ("category", "http://example.org/lab|c1"),
            (
                "category",
                "http://example.org/lab|c2,http://example.org/other|c1",
            ),
            (
                "code",
                "http://example.org/lab|c1,http://example.org/lab|c3",
            ),
            ("status", "final"),
            (
                "status",
                "final,http://hl7.org/fhir/observation-status|amended",
            ),
            ("date", "ge2020-03"),
            ("date", "lt2021"),
            ("encounter", "Encounter/encounter-1,Encounter/encounter-2"),
            ("patient", "Patient/patient-1"),
        ],
        "Condition" => &[
            (
                "code",
                "http://example.org/lab|c1,http://example.org/lab|c2",
            ),
            ("category", "http://example.org/lab|c1"),
            (
                "clinical-status",
                "http://terminology.hl7.org/CodeSystem/condition-clinical|active",
            ),
            ("onset-date", "ge2020"),
        ],
        "Patient" => &[
            ("gender", "female,male"),
            ("birthdate", "ge1980-05-17"),
            ("family:exact", "Smith,Müller"),
            ("general-practitioner", "Practitioner/practitioner-1"),
        ],
        "Encounter" => &[
            ("status", "finished"),
            (
                "class",
                "http://example.org/lab|c1,http://example.org/lab|c2",
            ),
            ("date", "lt2020-03-15"),
        ],
        "ServiceRequest" => &[
            ("intent", "order"),
            ("occurrence", "ge2020-03"),
            ("performer", "Practitioner/practitioner-1"),
        ],
        "Organization" => &[
            ("name:exact", "Smith,Åse"),
            ("partof", "Organization/organization-1"),
        ],
        _ => &[],
    };
    let common: &[(&str, &str)] = &[
        (
            "_tag",
            "http://example.org/lab|c1,http://example.org/lab|c2",
        ),
        ("_security", "http://example.org/lab|c1"),
        ("_profile", "http://example.org/profile/a"),
        ("_source", "http://example.org/source/1"),
    ];
    let one = |random: &mut Random| {
        let list = if own.is_empty() || random.once_in(6) {
            common
        } else {
            own
        };
        let (name, value) = list[random.below(list.len())];
        (name.to_owned(), value.to_owned())
    };
    let few = if random.once_in(4) { 2 } else { 1 };
    (0..few).map(|_| one(random)).collect()
}

pub fn patients() -> Vec<String> {
    let count = COUNTS
        .iter()
        .find(|(ty, _)| *ty == "Patient")
        .map_or(0, |(_, n)| *n);
    (0..count)
        .map(|at| format!("Patient/{}", id("Patient", at)))
        .collect()
}
