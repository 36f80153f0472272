//! Pages of names, few and many of the rows of their type, in page order and whole, against the naive evaluator.

use crate::hops::Seen;
use crate::place::*;
use crate::plans::Maker;
use crate::search::paged_for;
use ward_search::plan::{Plan, Total};
use ward_storage::{Op, Rid, Write};
use ward_testkit::Random;

/// Family names and how many patients have each: a few pages, more than are put into a set, and one.
const FAMILIES: [(&str, usize); 4] = [("Often", 150), ("Most", 2_100), ("Once", 1), ("Otter", 40)];
const QUESTIONS: [&str; 9] = [
    "Patient?name=often",
    "Patient?family=ot",
    "Patient?family=o",
    "Patient?family=most",
    "Patient?name=once",
    "Patient?name=nobody",
    "Patient?family:exact=Often",
    "Patient?gender=female&family=often",
    "Patient?gender=female&family=most",
];
const UNITS: usize = 400;

fn patient(maker: &Maker<'_>, random: &mut Random, family: &str) -> Write {
    let rid = maker.store.allocate(None);
    let gender = random.one_of(&["female", "male"]);
    // A second name of the same beginning: the row stands twice in the range.
    let second = match random.below(4) {
        0 => format!(r#","given":["{family}"]"#),
        _ => String::new(),
    };
    let text = format!(
        r#"{{"resourceType":"Patient","gender":"{gender}","name":[{{"family":"{family}"{second}}}]}}"#
    );
    Write {
        visibility: random.below(3) as i32,
        ..maker.make("Patient", rid, rid, &text)
    }
}

/// In any order, so that each name is spread over the dates.
fn families(random: &mut Random) -> Vec<&'static str> {
    let mut names: Vec<&str> = FAMILIES
        .iter()
        .flat_map(|(family, rows)| std::iter::repeat_n(*family, *rows))
        .collect();
    for at in (1..names.len()).rev() {
        names.swap(at, random.below(at + 1));
    }
    names
}

pub async fn names_are_whole_in_page_order_however_many_match(place: Place) {
    let store = place.open().await;
    let mut random = Random::seeded();
    let maker = Maker::new(&store);
    let names = families(&mut random);
    let mut rows: Vec<Write> = names
        .into_iter()
        .map(|family| patient(&maker, &mut random, family))
        .collect();
    for some in rows.chunks(UNITS) {
        store.commit(unit(some.to_vec())).await.unwrap();
    }
    for round in 0..2 {
        let live: Vec<Write> = rows
            .iter()
            .filter(|w| w.op != Op::Delete)
            .cloned()
            .collect();
        let callers = [("all", all()), ("some", only(&[0, 2]))];
        for (question, (caller, access)) in QUESTIONS
            .iter()
            .flat_map(|question| callers.iter().map(move |caller| (question, caller)))
        {
            let plan = Plan {
                count: [4, 20, 500][random.below(3)],
                total: Total::None,
                ..maker.plan(question)
            };
            let expected: Vec<Rid> =
                Seen::new(&store, access, &live).expected(ty("Patient"), &plan.filter);
            let told = format!(
                "{question} for {caller}, {} a page, round {round}",
                plan.count
            );
            assert_eq!(paged_for(&store, access, &plan).await, expected, "{told}");
        }
        // What was counted a moment ago is not so any more.
        let mut gone = Vec::new();
        for row in rows.iter_mut().filter(|row| row.op != Op::Delete) {
            if random.below(3) == 0 {
                *row = delete(row);
                gone.push(row.clone());
            }
        }
        store.commit(unit(gone)).await.unwrap();
        place.analyse().await;
    }
}
