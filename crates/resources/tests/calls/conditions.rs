//! Non-interference of what is written under a condition: it meets what the caller may see and nothing else, so it does the
//! same on the data D and on D|P, a copy without what P may not see.

use crate::cursors::with_lengths;
use crate::house::{House, call, text};
use crate::noninterference::{last, stored, writes};
use crate::party::{Party, patients};
use crate::pinned::{BEGIN_US, cases, random, set_clock};
use serde_json::{Value, json as value};
use std::collections::BTreeSet;
use ward_resources::Call;
use ward_resources::route::Method::{Delete, Get, Patch, Post, Put};
use ward_testkit::generate::resource;
use ward_testkit::{Backend, Random};

/// Writes of one caller on one pair of stores.
const WRITES: usize = 20;
/// A write costs more than a read: one for so many cases.
const CASES_PER_WRITE: usize = 20;

pub async fn what_may_not_be_seen_changes_no_condition(backend: Backend) {
    let mut random = random();
    let mut done = 0;
    let mut changed = 0;
    while done < cases().div_ceil(CASES_PER_WRITE) {
        let story = writes(&mut random);
        let party = Party::writing(&mut random, &patients());
        let held = last(&story);
        let whole = stored(backend, &story, &|_| true).await;
        let copy = stored(backend, &story, &|path| party.keeps(&held[path])).await;
        for at in 0..WRITES {
            let asked = asked(&mut random);
            let mut said = Vec::new();
            for house in [&whole, &copy] {
                set_clock(BEGIN_US + 1_000_000_000_000 + at as i64 * 1_000_000);
                said.push(outcome(house, &party, &asked).await);
            }
            let what = format!("{} {:?}", party.scopes, asked.interaction);
            assert_eq!(said[0], said[1], "{what} {:?}", asked.parameters);
            done += 1;
            changed += usize::from(said[0].starts_with("status 20"));
        }
        for ty in ["Observation", "Condition"] {
            let count = call(Get, &format!("{ty}?_summary=count"), None);
            let [on_whole, on_copy] = [&whole, &copy];
            let on_whole = text(&on_whole.engine.answer(&party.caller, &count).await);
            let on_copy = text(&on_copy.engine.answer(&party.caller, &count).await);
            assert_eq!(on_whole, on_copy, "{}", party.scopes);
        }
    }
    println!("{done} conditions, {changed} of them met, on {backend:?}");
    assert!(changed > done / 20, "the writes are hardly ever permitted");
}

fn asked(random: &mut Random) -> Call {
    let ty = random.one_of(&["Observation", "Condition"]);
    let mut body = resource(random, ty, "new");
    body.as_object_mut().unwrap().remove("id");
    let criterion = random.one_of(match ty {
        "Observation" => &[
            "identifier=http://example.org/mrn|1",
            "identifier=http://example.org/mrn|12",
            "code=http://example.org/lab|c1&status=final",
            "encounter=Encounter/encounter-1&status=amended",
            "category=http://example.org/lab|c2&date=ge2020-03-01",
            "patient=Patient/patient-1&code=http://example.org/lab|c2",
            "encounter.status=finished&code=http://example.org/lab|c3",
        ],
        _ => &[
            "code=http://example.org/lab|c1",
            "code=http://example.org/lab|c3&clinical-status=active",
            "patient=Patient/patient-2",
            "encounter=Encounter/encounter-2",
            "_has:Observation:subject:status=final&code=http://example.org/lab|c1",
        ],
    });
    let on = format!("{ty}?{criterion}");
    match random.below(4) {
        0 => {
            let mut call = call(Post, ty, Some(&body));
            call.conditions.if_none_exist = Some(criterion.to_owned());
            call
        }
        1 => call(Put, &on, Some(&body)),
        2 => call(Delete, &on, None),
        _ => call(Patch, &on, Some(&patch(random, ty))),
    }
}

/// The same, or a transaction with conditions: what it creates unless it is there, and what it refers to by a search.
pub fn asked_of_any(random: &mut Random) -> Call {
    if !random.once_in(3) {
        return asked(random);
    }
    let new = |random: &mut Random, ty: &str| {
        let mut body = resource(random, ty, "new");
        body.as_object_mut().unwrap().remove("id");
        body
    };
    let mut observed = new(random, "Observation");
    observed["encounter"] = value!({ "reference": random.one_of(&[
        "Encounter?status=finished&class=http://example.org/lab|c1",
        "Encounter?date=lt2020-03-15",
        "Encounter?identifier=http://example.org/mrn|1",
        "Encounter/encounter-1",
    ]) });
    let unless = random.one_of(&[
        "code=http://example.org/lab|c1&status=final",
        "identifier=http://example.org/mrn|2",
    ]);
    let found = new(random, "Condition");
    let entries = value!([
        { "resource": observed, "request": { "method": "POST", "url": "Observation", "ifNoneExist": unless } },
        { "resource": found, "request": { "method": "PUT", "url": "Condition?code=http://example.org/lab|c3" } },
        { "request": { "method": "GET", "url": "Condition?_summary=count" } },
        { "request": { "method": "GET", "url": "Observation/observation-3" } },
    ]);
    let kind = random.one_of(&["transaction", "batch"]);
    let most = 1 + random.below(4);
    let entries: Vec<&Value> = entries.as_array().unwrap().iter().take(most).collect();
    let bundle = value!({ "resourceType": "Bundle", "type": kind, "entry": entries });
    call(Post, "", Some(&bundle))
}

/// Sets what some scopes ask for.
fn patch(random: &mut Random, ty: &str) -> Value {
    let (path, set) = match ty {
        "Observation" => (
            "Observation.status",
            value!({ "name": "value", "valueCode": random.one_of(&["final", "preliminary", "amended"]) }),
        ),
        _ => (
            "Condition.code",
            value!({ "name": "value", "valueCodeableConcept":
                { "coding": [{ "system": "http://example.org/lab", "code": random.one_of(&["c1", "c2", "c3"]) }] } }),
        ),
    };
    value!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
        { "name": "type", "valueCode": "replace" }, { "name": "path", "valueString": path }, set] }] })
}

/// Status and body, without the ids that a store gives itself.
pub async fn outcome(house: &House, party: &Party, asked: &Call) -> String {
    let reply = house.engine.answer(&party.caller, asked).await;
    let said = format!(
        "status {} version {:?} location {:?} {}",
        reply.status,
        reply.version,
        reply.location,
        with_lengths(&text(&reply))
    );
    let store = house.engine.store();
    let words = said.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let own: BTreeSet<&str> = words
        .filter(|word| store.decode_id(word).is_some())
        .collect();
    own.iter()
        .fold(said.clone(), |said, id| said.replace(*id, "NEW"))
}
