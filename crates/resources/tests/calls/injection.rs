//! X23: hostile strings at every place of a search stay values. No answer is a 5xx, none holds a row more than the value itself
//! asks for, no statement's text holds any of the string, and nothing is changed by it.

mod places;

use crate::house::{House, json, loader, text};
use crate::pinned::{cases, random};
use places::{Asked, PLACES, Place, Rows};
use serde_json::{Value, json as value};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::{JoinSet, LocalSet};
use ward_resources::Call;
use ward_resources::route::{Method, route};
use ward_testkit::Random;
use ward_testkit::hostile::{MARK, hostile};
use ward_testkit::naive::World;

/// Asked at one time: their records share the log's flushes.
const AT_ONCE: usize = 32;
/// One in so many answers explains itself.
const EXPLAINED: usize = 6;
/// What a string asks the database to sleep.
const SLEEP: Duration = Duration::from_secs(20);
/// Patients whose own values are hostile.
const STORED: usize = 40;

pub async fn hostile_strings_stay_values(house: House) {
    let mut random = random();
    let mut strings: Vec<String> = (0..cases()).map(|n| hostile(&mut random, n)).collect();
    let world = Rc::new(fill(&house, &strings).await);
    // What is stored is asked for as well: there is something to find.
    let stored = world
        .resources
        .iter()
        .filter_map(|s| s.body["name"][0]["family"].as_str());
    let stored: Vec<String> = stored.map(str::to_owned).collect();
    for string in &mut strings {
        if random.once_in(4) {
            string.clone_from(&stored[random.below(stored.len())]);
        }
    }
    let house = Rc::new(house);
    let tally = LocalSet::new()
        .run_until(ask_all(house.clone(), world.clone(), strings, random))
        .await;
    for (name, count) in &tally {
        println!("{name}: {count:?}");
    }
    assert_eq!(tally.len(), PLACES.len());
    let explained: usize = tally.values().map(|c| c.explained).sum();
    assert!(
        explained > cases() / 50,
        "{explained} of them explain themselves"
    );
    let hits: usize = tally.values().map(|c| c.hits).sum();
    assert!(hits > cases() / 100, "{hits} of them find something");
    unchanged(&house, &world).await;
}

#[derive(Debug, Default)]
struct Count {
    answered: usize,
    refused: usize,
    explained: usize,
    hits: usize,
}

/// Each string at one place, all places in turn.
async fn ask_all(
    house: Rc<House>,
    world: Rc<World>,
    strings: Vec<String>,
    mut random: Random,
) -> BTreeMap<&'static str, Count> {
    let mut tally: BTreeMap<&'static str, Count> = BTreeMap::new();
    let mut running = JoinSet::new();
    for (at, string) in strings.into_iter().enumerate() {
        let place = &PLACES[at % PLACES.len()];
        let explained = place.explains && random.once_in(EXPLAINED);
        running.spawn_local(one(house.clone(), world.clone(), place, string, explained));
        if running.len() >= AT_ONCE {
            let answer = running.join_next().await.unwrap();
            count(&mut tally, answer.unwrap());
        }
    }
    while let Some(answer) = running.join_next().await {
        count(&mut tally, answer.unwrap());
    }
    tally
}

fn count(tally: &mut BTreeMap<&'static str, Count>, answer: Answered) {
    let count = tally.entry(answer.place).or_default();
    match answer.rows {
        Some(rows) => {
            count.answered += 1;
            count.hits += usize::from(rows > 0);
        }
        None => count.refused += 1,
    }
    count.explained += usize::from(answer.explained && answer.rows.is_some());
}

struct Answered {
    place: &'static str,
    /// `None`: it was refused.
    rows: Option<usize>,
    explained: bool,
}

async fn one(
    house: Rc<House>,
    world: Rc<World>,
    place: &'static Place,
    string: String,
    explained: bool,
) -> Answered {
    let mut asked = (place.ask)(&string);
    if explained {
        asked.pairs.push(("explain".into(), "true".into()));
    }
    let mut answered = Answered {
        place: place.name,
        rows: None,
        explained,
    };
    let Some(call) = understood(&asked) else {
        return answered;
    };
    let begun = Instant::now();
    let reply = house.engine.answer(&loader(), &call).await;
    let at = format!(
        "{} {:?}: {} {}",
        place.name,
        string,
        reply.status,
        text(&reply)
    );
    assert!(reply.status < 500 && begun.elapsed() < SLEEP, "{at}");
    if reply.status != 200 {
        return answered;
    }
    let bundle = json(&reply);
    let found = found(&bundle);
    match (place.rows)(&world, &string) {
        Rows::AtMost(rows) => assert!(found.is_subset(&rows), "{found:?} beside {rows:?} {at}"),
        Rows::Exactly(rows) => assert_eq!(found, rows, "{at}"),
    }
    if explained {
        demand_bound(&bundle, &at);
    }
    answered.rows = Some(found.len());
    answered
}

/// `None`: the path is refused before anything is asked.
fn understood(asked: &Asked) -> Option<Call> {
    let interaction = route(Method::Get, &asked.path).ok()?;
    let mut call = Call::new(interaction, [7; 16], "test".into());
    call.parameters.clone_from(&asked.pairs);
    Some(call)
}

/// `Type/id` of what an answer shows.
pub fn found(answer: &Value) -> BTreeSet<String> {
    let path = |r: &Value| {
        Some(format!(
            "{}/{}",
            r["resourceType"].as_str()?,
            r["id"].as_str()?
        ))
    };
    if answer["resourceType"] != "Bundle" {
        return path(answer).into_iter().collect();
    }
    let entries = answer["entry"].as_array().cloned().unwrap_or_default();
    let shown = entries.iter().filter(|e| e["search"]["mode"] != "outcome");
    shown.filter_map(|e| path(&e["resource"])).collect()
}

/// The statements of an explained answer, and what they are made from, hold nothing of the string.
pub fn demand_bound(bundle: &Value, at: &str) {
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let outcomes = entries.iter().filter(|e| e["search"]["mode"] == "outcome");
    let issues = outcomes.flat_map(|e| {
        e["resource"]["issue"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    });
    let told: Vec<String> = issues
        .filter(|i| i["code"] == "informational")
        .filter_map(|i| i["diagnostics"].as_str().map(str::to_owned))
        .collect();
    assert!(told.iter().any(|line| line.starts_with("types: ")), "{at}");
    for line in told {
        assert!(!line.contains(MARK), "{line} of {at}");
    }
}

/// Patients with hostile names and identifiers, and some without; of the strings, those that FHIR lets a string be.
async fn fill(house: &House, strings: &[String]) -> World {
    let mut world = World::default();
    let mut bodies = vec![
        value!({ "resourceType": "ValueSet", "id": "v", "status": "active", "url": "http://example.org/vs/a" }),
        value!({ "resourceType": "Location", "id": "l", "position": { "latitude": 1, "longitude": 2 } }),
    ];
    for n in 0..5 {
        let family = ["Smith", "O'Neil", "100%", "a_b", "x\\y"][n];
        bodies.push(patient(&format!("patient-{n}"), family));
        bodies.push(value!({ "resourceType": "Observation", "id": format!("o{n}"), "status": "final", "code": { "text": family },
            "subject": { "reference": format!("Patient/patient-{n}") }, "valueQuantity": { "value": n } }));
    }
    let short = strings.iter().filter(|s| s.len() < 300).enumerate();
    bodies.extend(
        short
            .map(|(n, s)| patient(&format!("h{n}"), s))
            .take(2 * STORED),
    );
    for body in bodies {
        let url = format!(
            "{}/{}",
            body["resourceType"].as_str().unwrap(),
            body["id"].as_str().unwrap()
        );
        let reply = house.ask(&loader(), Method::Put, &url, Some(&body)).await;
        // What no string of FHIR may hold is refused, and nothing else goes wrong.
        assert!(
            [201, 400, 422].contains(&reply.status),
            "{url}: {}",
            text(&reply)
        );
        if reply.status == 201 {
            world.put(body, 0);
        }
    }
    let people = world
        .resources
        .iter()
        .filter(|s| s.ty() == "Patient")
        .count();
    assert!(people > STORED, "{people} of them are stored");
    world
}

fn patient(id: &str, text: &str) -> Value {
    value!({ "resourceType": "Patient", "id": id, "gender": "female", "birthDate": "1980", "name": [{ "family": text }],
        "identifier": [{ "system": "http://example.org/mrn", "value": text }] })
}

/// Everything is there as it was.
async fn unchanged(house: &House, world: &World) {
    for stored in &world.resources {
        let reply = house
            .ask(&loader(), Method::Get, &stored.path(), None)
            .await;
        let mut body = json(&reply);
        body.as_object_mut().unwrap().remove("meta");
        assert_eq!(body, stored.body);
    }
    let count = house
        .ask(&loader(), Method::Get, "Patient?_summary=count", None)
        .await;
    let people = world
        .resources
        .iter()
        .filter(|s| s.ty() == "Patient")
        .count();
    assert_eq!(json(&count)["total"], people);
}
