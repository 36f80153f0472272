//! Chains and reverse chains against the naive evaluator, for callers who see all, part, or one patient.
//!
//! What a caller may not search is removed from the evaluator's world: so an answer that depends on it differs.

use crate::oracle::{entries, filter};
use crate::place::*;
use std::cmp::Reverse;
use ward_access::{Access, Action, PatientKey, Sight};
use ward_fhir::TypeId;
use ward_fhir::schema::r4;
use ward_search::entries::{DateEntry, Entries, TermEntry};
use ward_search::evaluate::{Candidate, Others, Undecided, World, matches};
use ward_search::plan::{Filter, Plan, Total};
use ward_storage::{Rid, Store, Write};
use ward_testkit::Random;

/// (from, code, to): references that the random world has.
const LINKS: [(&str, &str, &str); 6] = [
    ("Observation", "subject", "Patient"),
    ("Observation", "encounter", "Encounter"),
    ("Observation", "performer", "Patient"),
    ("Observation", "performer", "Practitioner"),
    ("Encounter", "patient", "Patient"),
    ("Encounter", "service-provider", "Organization"),
];

pub fn param(ty: &str, code: &str) -> u16 {
    let base = r4().resource_type(ty).unwrap();
    let found = r4()
        .search_parameters
        .iter()
        .find(|p| p.code == code && p.bases.contains(&base));
    found.unwrap().id
}

pub fn refer(store: &Store, entries: &mut Entries, from: &str, code: &str, to: &Write) {
    let name = r4().ty(to.ty).name;
    let id = store.public_id(to.rid);
    entries.add_term(TermEntry {
        term: store.term_key().reference(param(from, code), name, &id),
        param: param(from, code),
        counted: false,
    });
}

/// Patients, people, places, encounters and observations that refer to each other, some deleted.
pub async fn world(store: &Store, random: &mut Random) -> Vec<Write> {
    let mut rows: Vec<Write> = Vec::new();
    let mut make = |name: &str, home: Rid, mut entries: Entries, random: &mut Random| {
        mark(store, &mut entries, name, random);
        let rid = store.allocate((home != 0 && name != "Patient").then_some(home));
        let home = if name == "Patient" { rid } else { home };
        let write = Write {
            entries,
            visibility: random.below(3) as i32,
            ..create(ty(name), rid, home, "{}")
        };
        rows.push(write.clone());
        write
    };
    let patients: Vec<Write> = (0..8)
        .map(|_| make("Patient", 0, entries(random), random))
        .collect();
    let people: Vec<Write> = (0..4)
        .map(|_| make("Practitioner", 0, entries(random), random))
        .collect();
    let places: Vec<Write> = (0..3)
        .map(|_| make("Organization", 0, entries(random), random))
        .collect();
    let mut encounters = Vec::new();
    for _ in 0..14 {
        let patient = &patients[random.below(8)];
        let mut entries = entries(random);
        refer(store, &mut entries, "Encounter", "patient", patient);
        if random.coin() {
            refer(
                store,
                &mut entries,
                "Encounter",
                "service-provider",
                &places[random.below(3)],
            );
        }
        encounters.push(make("Encounter", patient.rid, entries, random));
    }
    for _ in 0..60 {
        let mut entries = entries(random);
        let subject = random.coin().then(|| patients[random.below(8)].clone());
        let performer = (random.below(3) == 0).then(|| patients[random.below(8)].clone());
        if let Some(subject) = &subject {
            refer(store, &mut entries, "Observation", "subject", subject);
        }
        if let Some(performer) = &performer {
            refer(store, &mut entries, "Observation", "performer", performer);
        }
        if random.coin() {
            refer(
                store,
                &mut entries,
                "Observation",
                "performer",
                &people[random.below(4)],
            );
        }
        if random.coin() {
            refer(
                store,
                &mut entries,
                "Observation",
                "encounter",
                &encounters[random.below(14)],
            );
        }
        let mut members = subject.iter().chain(&performer).map(|p| p.rid);
        let home = members.next().unwrap_or(0);
        for other in members.filter(|rid| *rid != home) {
            entries.add_term(TermEntry {
                term: store.term_key().membership(other),
                param: u16::MAX,
                counted: false,
            });
        }
        make("Observation", home, entries, random);
    }
    store.commit(unit(rows.clone())).await.unwrap();
    let mut gone = Vec::new();
    for row in &mut rows {
        if random.below(12) == 0 {
            *row = delete(row);
            gone.push(row.clone());
        }
    }
    store.commit(unit(gone)).await.unwrap();
    rows.retain(|row| !row.body.is_empty());
    rows
}

/// What granular scopes ask of.
fn mark(store: &Store, entries: &mut Entries, name: &str, random: &mut Random) {
    let (code, values) = match name {
        "Observation" => ("status", ["final", "amended"]),
        "Encounter" => ("status", ["finished", "planned"]),
        "Patient" => ("gender", ["female", "male"]),
        _ => return,
    };
    let param = param(name, code);
    let value = values[random.below(2)];
    if random.below(4) > 0 {
        entries.add_term(TermEntry {
            term: store.term_key().code(param, value),
            param,
            counted: true,
        });
    }
    if name == "Observation" && random.coin() {
        let day = 1_700_000_000_000_000 + random.below(4) as i64 * 86_400_000_000;
        // The clinical date follows this parameter.
        entries.date_us = Some(day);
        entries.dates.push(DateEntry {
            param: self::param(name, "date"),
            low_us: day,
            high_us: day,
        });
        entries.dates.sort_unstable();
    }
}

/// What the caller may search.
pub struct Seen<'a> {
    store: &'a Store,
    rows: Vec<&'a Write>,
}

impl<'a> Seen<'a> {
    pub fn new(store: &'a Store, access: &Access, rows: &'a [Write]) -> Seen<'a> {
        let is_in = |row: &Write, keys: &[PatientKey]| {
            let mut keys = keys.iter();
            keys.any(|k| k.rid == row.patient || row.entries.has_term(k.membership))
        };
        let inside = |row: &Write| match access.sight(row.ty, Action::Search) {
            Sight::Nothing => false,
            Sight::Everything => true,
            Sight::Patients(keys) => is_in(row, keys),
            Sight::Matching(grants) => grants.iter().any(|grant| {
                let filter = grant.criterion.as_ref().map(|c| c.filter());
                let found = |f| matches(f, candidate("", row), World::default()).unwrap();
                grant.patients.as_ref().is_none_or(|keys| is_in(row, keys))
                    && filter.is_none_or(found)
            }),
        };
        let rows = rows
            .iter()
            .filter(|row| access.mask().shows(row.visibility) && inside(row));
        Seen {
            store,
            rows: rows.collect(),
        }
    }

    fn of(&self, ty: TypeId) -> impl Iterator<Item = &&'a Write> {
        self.rows.iter().filter(move |row| row.ty == ty)
    }

    pub fn matching(&self, ty: TypeId, filter: &Filter) -> Vec<&'a Write> {
        let world = World {
            key: Some(self.store.term_key()),
            others: Some(self),
        };
        let is_match = |row: &&&Write| {
            let id = self.store.public_id(row.rid);
            matches(filter, candidate(&id, row), world).unwrap()
        };
        self.of(ty).filter(is_match).copied().collect()
    }

    /// In the natural order.
    pub fn expected(&self, ty: TypeId, filter: &Filter) -> Vec<Rid> {
        let mut hits = self.matching(ty, filter);
        hits.sort_by_key(|w| Reverse((w.entries.date_us.unwrap_or(w.updated_us), w.rid)));
        hits.iter().map(|w| w.rid).collect()
    }
}

impl Others for Seen<'_> {
    fn any(
        &self,
        ty: TypeId,
        test: &mut dyn FnMut(Candidate<'_>) -> Result<bool, Undecided>,
    ) -> Result<bool, Undecided> {
        for row in self.of(ty) {
            if test(candidate(&self.store.public_id(row.rid), row))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn candidate<'a>(id: &'a str, row: &'a Write) -> Candidate<'a> {
    Candidate {
        id,
        ty: row.ty,
        updated_us: row.updated_us,
        entries: &row.entries,
        node: None,
    }
}

/// A filter over `on` with hops in it.
pub fn hops(random: &mut Random, on: &str, depth: usize, rows: &[Write], store: &Store) -> Filter {
    let links: Vec<_> = LINKS.iter().filter(|l| l.0 == on || l.2 == on).collect();
    if depth == 0 || links.is_empty() || random.below(4) == 0 {
        return match (on, random.coin()) {
            ("Observation", true) => of_patients(random, on, "subject", rows, store),
            ("Encounter", true) => of_patients(random, on, "patient", rows, store),
            _ => filter(random, 1, rows, store),
        };
    }
    let (from, code, to) = links[random.below(links.len())];
    let link = param(from, code);
    let hop = if *from == on {
        chain(random, (from, code, to), depth, rows, store)
    } else {
        Filter::Has {
            source: ty(from),
            param: link,
            filter: Box::new(hops(random, from, depth - 1, rows, store)),
        }
    };
    match random.below(5) {
        0 => Filter::Not(Box::new(hop)),
        1 => Filter::And(vec![hop, hops(random, on, depth - 1, rows, store)]),
        2 => Filter::Or(vec![hop, filter(random, 0, rows, store)]),
        _ => hop,
    }
}

/// To the type that the link names, or without a type: to any that its reference may lead to.
fn chain(
    random: &mut Random,
    (from, code, to): (&str, &str, &str),
    depth: usize,
    rows: &[Write],
    store: &Store,
) -> Filter {
    let untyped = random.coin();
    let ends = LINKS
        .iter()
        .filter(|l| (l.0, l.1) == (from, code) && (untyped || l.2 == to));
    let mut chains: Vec<Filter> = ends
        .map(|(.., target)| Filter::Chain {
            param: param(from, code),
            target: ty(target),
            filter: Box::new(hops(random, target, depth - 1, rows, store)),
        })
        .collect();
    match chains.len() {
        1 => chains.remove(0),
        _ => Filter::Or(chains),
    }
}

/// Refers to one of one or two Patients, which may be looked for at their home.
fn of_patients(random: &mut Random, on: &str, code: &str, rows: &[Write], store: &Store) -> Filter {
    let patients: Vec<Rid> = rows
        .iter()
        .filter(|w| w.ty == ty("Patient"))
        .map(|w| w.rid)
        .collect();
    let link = param(on, code);
    let ids: Vec<String> = (0..=random.below(2))
        .map(|_| store.public_id(patients[random.below(patients.len())]))
        .collect();
    let term = |id: &String| store.term_key().reference(link, "Patient", id);
    let home = Filter::AnyPatient {
        param: link,
        terms: ids.iter().map(term).collect(),
        ids,
    };
    if random.coin() {
        home
    } else {
        Filter::And(vec![home, filter(random, 1, rows, store)])
    }
}

pub async fn random_chains_agree_with_the_oracle_for_every_caller(place: Place) {
    let store = place.open().await;
    let mut random = Random::seeded();
    let rows = world(&store, &mut random).await;
    let patients: Vec<Rid> = rows
        .iter()
        .filter(|w| w.ty == ty("Patient"))
        .map(|w| w.rid)
        .collect();
    let callers = [
        all(),
        only(&[0]),
        only(&[0, 2]),
        app(&store, patients[0]),
        app(&store, patients[random.below(patients.len())]),
        granular(
            &store,
            "system/Observation.rs?status=final system/Encounter.rs?status=finished \
             system/Patient.rs?gender=female system/Practitioner.rs",
            None,
        ),
        granular(
            &store,
            "user/Observation.rs?status=amended&date=ge2023-11-15 user/Observation.rs?status=final \
             user/Patient.rs user/Encounter.rs user/Organization.rs",
            None,
        ),
        granular(
            &store,
            "patient/Observation.rs?status=final patient/Patient.rs patient/Encounter.rs?status=planned",
            Some(patients[0]),
        ),
        granular(
            &store,
            "patient/Observation.rs user/Observation.rs?status=final user/Encounter.rs?status=planned \
             patient/Encounter.rs?status=finished user/Patient.rs?gender=male user/Organization.rs",
            Some(patients[1]),
        ),
    ];
    for round in 0..800 {
        let on = [
            "Observation",
            "Patient",
            "Encounter",
            "Practitioner",
            "Organization",
        ][random.below(5)];
        let filter = hops(&mut random, on, 3, &rows, &store);
        let access = &callers[random.below(callers.len())];
        let expected = Seen::new(&store, access, &rows).expected(ty(on), &filter);
        let plan = Plan {
            count: 500,
            total: Total::Accurate,
            ..plan(ty(on), filter)
        };
        let page = store.search(access, &plan).await.unwrap();
        let found: Vec<Rid> = page.rows.iter().map(|r| r.rid).collect();
        assert_eq!(found, expected, "{round} {on} {:?}", plan.filter);
        assert_eq!(
            page.total,
            Some(expected.len() as u64),
            "{round} {:?}",
            plan.filter
        );
    }
}

/// So many rows at the other end that candidates are looked up one by one, and so few that they come first.
pub async fn a_hop_is_walked_either_way(place: Place) {
    let store = place.open().await;
    let (common, rare) = (4, 6);
    let mut rows = Vec::new();
    let mut observations = Vec::new();
    for at in 0..2_100 {
        let rid = store.allocate(None);
        let list = if at % 300 == 0 {
            vec![common, rare]
        } else {
            vec![common]
        };
        let patient = Write {
            entries: terms(&list),
            ..create(ty("Patient"), rid, rid, "{}")
        };
        if at % 100 == 0 {
            let mut entries = terms(&list);
            refer(&store, &mut entries, "Observation", "subject", &patient);
            let own = store.allocate(Some(rid));
            observations.push(Write {
                entries,
                ..create(ty("Observation"), own, rid, "{}")
            });
        }
        rows.push(patient);
    }
    rows.extend(observations);
    store.commit(unit(rows.clone())).await.unwrap();
    let access = all();
    let seen = Seen::new(&store, &access, &rows);
    let link = param("Observation", "subject");
    for term in [common, rare] {
        let filter = || Box::new(Filter::AnyTerm(vec![term]));
        let chain = Filter::Chain {
            param: link,
            target: ty("Patient"),
            filter: filter(),
        };
        let has = Filter::Has {
            source: ty("Observation"),
            param: link,
            filter: filter(),
        };
        for (on, filter) in [("Observation", chain), ("Patient", has)] {
            let expected = seen.expected(ty(on), &filter);
            assert_eq!(expected.len(), if term == common { 21 } else { 7 });
            for more in [Filter::All, Filter::AnyTerm(vec![common])] {
                let filter = Filter::And(vec![filter.clone(), more]);
                assert_eq!(
                    found(&store, &access, &plan(ty(on), filter)).await,
                    expected
                );
            }
        }
    }
}
