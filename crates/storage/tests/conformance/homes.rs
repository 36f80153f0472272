//! Pages over the homes of a chain, and of a reverse chain, against the naive evaluator: every page of them, for callers who
//! see all, part, or one patient.

use crate::hops::Seen;
use crate::place::*;
use crate::plans::Maker;
use crate::search::paged_for;
use ward_access::Access;
use ward_search::plan::{Plan, Total};
use ward_storage::{Rid, Store, Write};
use ward_testkit::Random;

const PATIENTS: usize = 150;
const OBSERVATIONS_EACH: usize = 6;
/// The first four are of the patients of one family, the others of patients.
const QUESTIONS: [&str; 9] = [
    "Observation?patient.family=smith3&code=many",
    "Observation?patient.family=smith&code=many",
    "Observation?subject:Patient.family=smith1&code=few&status=final",
    "Observation?patient.family=smith2&patient.gender=female&code=many,few",
    "Patient?_has:Observation:patient:code=many",
    "Patient?_has:Observation:patient:code=few",
    "Patient?_has:Observation:patient:code=few&gender=female",
    "Patient?_has:Observation:patient:code=many&family=smith4",
    "Patient?_has:Observation:patient:code=few&_has:Observation:patient:status=amended",
];

/// Observations at home with a patient, some of whom have no reference to it.
fn rows(maker: &Maker<'_>, random: &mut Random) -> Vec<Write> {
    let mut rows = Vec::new();
    for at in 0..PATIENTS {
        let patient = maker.store.allocate(None);
        let born = match random.below(5) {
            0 => String::new(),
            _ => format!(r#""birthDate":"{}","#, 1940 + random.below(70)),
        };
        let gender = ["female", "male"][random.below(2)];
        let text = format!(
            r#"{{"resourceType":"Patient",{born}"gender":"{gender}","name":[{{"family":"Smith{}"}}]}}"#,
            at % 10
        );
        rows.push(shown(
            maker.make("Patient", patient, patient, &text),
            random,
        ));
        for _ in 0..random.below(2 * OBSERVATIONS_EACH) {
            rows.push(shown(observation(maker, random, patient, at), random));
        }
    }
    rows
}

/// Older patients have more of the code that few have.
fn observation(maker: &Maker<'_>, random: &mut Random, patient: Rid, at: usize) -> Write {
    let subject = match random.below(6) {
        0 => String::new(),
        _ => {
            let id = maker.store.public_id(patient);
            format!(r#""subject":{{"reference":"Patient/{id}"}},"#)
        }
    };
    let code = match random.below(3) {
        0 => "many",
        1 if at.is_multiple_of(4) => "few",
        _ => "other",
    };
    let status = ["final", "amended"][random.below(2)];
    let day = 1 + random.below(9);
    let text = format!(
        r#"{{"resourceType":"Observation","status":"{status}",{subject}"effectiveDateTime":"2024-01-0{day}",
        "code":{{"coding":[{{"code":"{code}"}}]}}}}"#
    );
    let rid = maker.store.allocate(Some(patient));
    maker.make("Observation", rid, patient, &text)
}

fn shown(write: Write, random: &mut Random) -> Write {
    Write {
        visibility: random.below(3) as i32,
        ..write
    }
}

async fn ask(store: &Store, maker: &Maker<'_>, random: &mut Random, live: &[Write]) {
    let first = live.iter().find(|w| w.ty == ty("Patient")).unwrap();
    let callers: [(&str, Access); 4] = [
        ("all", all()),
        ("some", only(&[0, 2])),
        ("an app", app(store, first.rid)),
        (
            "some of each",
            granular(
                store,
                "user/Observation.rs?status=final user/Patient.rs?gender=female",
                None,
            ),
        ),
    ];
    for (at, question) in QUESTIONS.iter().enumerate() {
        for (caller, access) in &callers {
            let plan = Plan {
                count: [4, 20, 500][random.below(3)],
                total: Total::None,
                ..maker.plan(question)
            };
            let on = ty(if at < 4 { "Observation" } else { "Patient" });
            let expected = Seen::new(store, access, live).expected(on, &plan.filter);
            let found = paged_for(store, access, &plan).await;
            let told = format!("{question} for {caller}, {} a page", plan.count);
            assert_eq!(found, expected, "{told}");
        }
    }
}

pub async fn rows_of_homes_are_whole_in_page_order(place: Place) {
    let store = place.open().await;
    let mut random = Random::seeded();
    let maker = Maker::new(&store);
    let mut live = rows(&maker, &mut random);
    for some in live.chunks(400) {
        store.commit(unit(some.to_vec())).await.unwrap();
    }
    ask(&store, &maker, &mut random, &live).await;
    place.analyse().await;
    let mut gone = Vec::new();
    live.retain(|row| {
        let is_gone = random.below(9) == 0;
        gone.extend(is_gone.then(|| delete(row)));
        !is_gone
    });
    store.commit(unit(gone)).await.unwrap();
    ask(&store, &maker, &mut random, &live).await;
}
