//! Walks in page order against the naive evaluator: dated, undated, long and open rows; quantities that are points and ranges.

use crate::hops::{Seen, param};
use crate::place::*;
use crate::plans::Maker;
use crate::search::paged_for;
use std::cmp::Reverse;
use std::collections::HashMap;
use ward_access::Access;
use ward_search::plan::{Plan, SortKey, Total};
use ward_storage::{Op, Rid, Store, Write};
use ward_testkit::Random;

/// More than a store sorts without a walk, and fewer.
const CODES: [(&str, usize); 2] = [("many", 260), ("few", 60)];
const QUESTIONS: [&str; 20] = [
    "",
    "code=many",
    "code=few",
    "code=many,few",
    "date=2024-01-07",
    "date=ne2024-01-07",
    "date=ge2024-01-12",
    "date=gt2024-01-12",
    "date=sa2024-01-12",
    "date=lt2024-01-05",
    "date=le2024-01-05",
    "date=eb2024-01-05",
    "date=ge2024-01-04&date=lt2024-01-09",
    "code=many&date=ge2024-01-06&date=le2024-01-10T09:00:00Z",
    "code=few&date=gt2024-01-06",
    "code=many&date=2024-01",
    "date=ge2024-01-04,lt2024-01-02",
    "date=2024-01-03,2024-01-06T09:00:00Z",
    "code=many&date=2024-01-09,2024-01-03,eb2024-01-02",
    "status=final&date=sa2024-01-09T12:00:00Z",
];
/// The first ones match more rows than a store gathers lightly.
const QUANTITIES: [&str; 21] = [
    "value-quantity=gt1",
    "value-quantity=le14",
    "value-quantity=ne7",
    "code=many&value-quantity=ge2",
    "code=few&value-quantity=lt12",
    "value-quantity=lt15&date=ge2024-01-06",
    "value-quantity=gt1&status=final",
    "value-quantity=gt1,lt9",
    "value-quantity=7",
    "value-quantity=sa13",
    "value-quantity=eb2",
    "value-quantity=gt1&value-quantity=lt3",
    "combo-value-quantity=gt1",
    "combo-value-quantity=sa14",
    "code=many&value-quantity=ne7",
    "code=many&value-quantity=lt2",
    "code=few&value-quantity=7&date=ge2024-01-06",
    "code-value-quantity=many$lt2",
    "combo-code-value-quantity=few$gt12",
    "combo-code-value-quantity=many$ge2&status=final",
    "value-quantity=gt1&_has:DiagnosticReport:result:category=of-no-report",
];
const SORTS: [&str; 3] = ["", "_sort=-date", "_sort=date"];

/// How far the dates of a round's rows reach.
#[derive(Clone, Copy)]
enum Reach {
    Day,
    Long,
    Open,
}

struct World<'a> {
    maker: Maker<'a>,
    homes: Vec<Rid>,
    rows: Vec<Write>,
    /// Clinical date of each row.
    dates: HashMap<Rid, i64>,
}

impl<'a> World<'a> {
    /// Two patients, and rows of both codes.
    async fn new(store: &'a Store, random: &mut Random, times: usize) -> World<'a> {
        let mut world = World {
            maker: Maker::new(store),
            homes: vec![patient(store).await, patient(store).await, 0],
            rows: Vec::new(),
            dates: HashMap::new(),
        };
        for (code, rows) in CODES {
            world.add(random, rows * times, code, Reach::Day).await;
        }
        world
    }

    /// An Observation of one of the patients, or of nobody.
    fn observation(&self, random: &mut Random, rid: Rid, code: &str, reach: Reach) -> Write {
        let home = self.homes[random.below(self.homes.len())];
        let subject = match home {
            0 => String::new(),
            _ => format!(
                r#""subject":{{"reference":"Patient/{}"}},"#,
                self.maker.store.public_id(home)
            ),
        };
        let (day, hour) = (1 + random.below(15), random.below(24));
        let effective = match (reach, random.below(4)) {
            (Reach::Day, 0) => String::new(),
            (Reach::Day, 1) => format!(r#""effectiveDateTime":"2024-01-{day:02}","#),
            (Reach::Day, 2) => format!(
                r#""effectivePeriod":{{"start":"2024-01-{day:02}T00:30:00Z","end":"2024-01-{day:02}T{hour:02}:31:00Z"}},"#
            ),
            (Reach::Day, _) => {
                format!(r#""effectiveDateTime":"2024-01-{day:02}T{hour:02}:00:00Z","#)
            }
            (Reach::Long, 0) => r#""effectiveDateTime":"2024-01","#.into(),
            (Reach::Long, 1) => format!(
                r#""effectiveTiming":{{"event":["2024-01-{:02}","2024-01-{day:02}"]}},"#,
                day + 9
            ),
            (Reach::Long, _) => format!(
                r#""effectivePeriod":{{"start":"2024-01-{day:02}","end":"2024-02-{day:02}"}},"#
            ),
            (Reach::Open, 0) => {
                format!(r#""effectivePeriod":{{"start":"2024-01-{day:02}"}},"#)
            }
            (Reach::Open, _) => format!(r#""effectivePeriod":{{"end":"2024-01-{day:02}"}},"#),
        };
        let (whole, tenth) = (random.below(16), random.below(10));
        let value = match random.below(12) {
            0 => String::new(),
            1 => format!(r#""valueQuantity":{{"value":{whole},"comparator":"<"}},"#),
            2 => format!(r#""valueQuantity":{{"value":{whole}.0,"comparator":">="}},"#),
            3 => format!(r#""valueQuantity":{{"value":{whole}}},"#),
            _ => format!(r#""valueQuantity":{{"value":{whole}.{tenth}}},"#),
        };
        let codings = match code {
            "both" => r#"{"code":"few"},{"code":"many"}"#.into(),
            _ => format!(r#"{{"code":"{code}"}}"#),
        };
        let text = format!(
            r#"{{"resourceType":"Observation","status":"final",{subject}{effective}{value}"code":{{"coding":[{codings}]}}}}"#
        );
        Write {
            visibility: random.below(3) as i32,
            ..self.maker.make("Observation", rid, home, &text)
        }
    }

    async fn add(&mut self, random: &mut Random, rows: usize, code: &str, reach: Reach) {
        let make = |_| {
            let rid = self.maker.store.allocate(None);
            self.observation(random, rid, code, reach)
        };
        let writes: Vec<Write> = (0..rows).map(make).collect();
        self.maker.store.commit(unit(writes.clone())).await.unwrap();
        for write in writes {
            let date = write.entries.date_us.unwrap_or(write.updated_us);
            self.dates.insert(write.rid, date);
            self.rows.push(write);
        }
    }

    /// Some rows are given other dates or deleted; with `all`, every long and open one.
    async fn change(&mut self, random: &mut Random, all: bool) {
        let mut changes = Vec::new();
        for at in 0..self.rows.len() {
            let row = &self.rows[at];
            let is_marked = marked(row);
            if row.op == Op::Delete || !(all && is_marked || random.below(8) == 0) {
                continue;
            }
            let next = match random.below(3) {
                0 => delete(row),
                _ => {
                    let code = if random.coin() { "many" } else { "few" };
                    let new = self.observation(random, row.rid, code, Reach::Day);
                    Write {
                        visibility: new.visibility,
                        patient: row.patient,
                        ..update(row, "{}", new.entries)
                    }
                }
            };
            // A row that loses its date gets that of the change; one without keeps its own.
            let kept = match row.entries.date_us {
                None => self.dates[&row.rid],
                Some(_) => next.updated_us,
            };
            self.dates
                .insert(row.rid, next.entries.date_us.unwrap_or(kept));
            changes.push(next.clone());
            self.rows[at] = next;
        }
        self.maker.store.commit(unit(changes)).await.unwrap();
        assert!(
            !all || self
                .rows
                .iter()
                .all(|row| row.op == Op::Delete || !marked(row))
        );
    }

    fn expected(&self, access: &Access, plan: &Plan) -> Vec<Rid> {
        let live: Vec<Write> = self
            .rows
            .iter()
            .filter(|w| w.op != Op::Delete)
            .cloned()
            .collect();
        let seen = Seen::new(self.maker.store, access, &live);
        let mut hits = seen.matching(ty("Observation"), &plan.filter);
        let date = param("Observation", "date");
        let ends = |w: &Write| {
            let of = |e: &&ward_search::entries::DateEntry| e.param == date;
            let low = w.entries.dates.iter().filter(of).map(|e| e.low_us).min();
            let high = w.entries.dates.iter().filter(of).map(|e| e.high_us).max();
            (low, high)
        };
        match plan.sort.as_slice() {
            [] => hits.sort_by_key(|w| Reverse((self.dates[&w.rid], w.rid))),
            [
                SortKey::Date {
                    descending: true, ..
                },
            ] => {
                hits.sort_by_key(|w| (ends(w).1.is_none(), Reverse((ends(w).1, w.rid))));
            }
            _ => hits.sort_by_key(|w| (ends(w).0.is_none(), ends(w).0, Reverse(w.rid))),
        }
        hits.iter().map(|w| w.rid).collect()
    }

    async fn ask(&self, random: &mut Random, questions: &[&str]) {
        self.ask_of(self.maker.store, random, questions).await;
    }

    async fn ask_of(&self, store: &Store, random: &mut Random, questions: &[&str]) {
        let callers = [
            ("all", all()),
            ("some", only(&[0, 2])),
            ("an app", app(store, self.homes[0])),
        ];
        for at in 0..questions.len() * SORTS.len() {
            let (criteria, sort) = (questions[at / SORTS.len()], SORTS[at % SORTS.len()]);
            let parts: Vec<&str> = [criteria, sort]
                .into_iter()
                .filter(|p| !p.is_empty())
                .collect();
            let question = format!("Observation?{}", parts.join("&"));
            let (caller, access) = &callers[random.below(callers.len())];
            let plan = Plan {
                count: [4, 20, 500][random.below(3)],
                total: Total::None,
                ..self.maker.plan(&question)
            };
            let expected = self.expected(access, &plan);
            let told = format!("{question} for {caller}, {} a page", plan.count);
            // The total first: a page would tell what has changed.
            let counted = Plan {
                count: 0,
                total: Total::Accurate,
                ..plan.clone()
            };
            let total = store.search(access, &counted).await.unwrap().total;
            assert_eq!(total, Some(expected.len() as u64), "{told}");
            let found = paged_for(store, access, &plan).await;
            assert_eq!(found, expected, "{told}");
        }
    }
}

/// Whether its dates reach further than a day, or begin nowhere.
fn marked(row: &Write) -> bool {
    let date = param("Observation", "date");
    let reaches = |e: &ward_search::entries::DateEntry| {
        e.param == date
            && (e.low_us == i64::MIN || e.high_us.saturating_sub(e.low_us) > 86_400_000_000)
    };
    let mut dates = row.entries.dates.iter();
    dates.clone().filter(|e| e.param == date).count() > 1 || dates.any(reaches)
}

pub async fn dates_are_whole_in_every_order(place: Place) {
    let store = place.open().await;
    let mut random = Random::seeded();
    let mut world = World::new(&store, &mut random, 1).await;
    world.ask(&mut random, &QUESTIONS).await;
    place.analyse().await;
    world.change(&mut random, false).await;
    world.ask(&mut random, &QUESTIONS).await;
    for (code, _) in CODES {
        world.add(&mut random, 8, code, Reach::Long).await;
    }
    world.ask(&mut random, &QUESTIONS).await;
    for (code, _) in CODES {
        world.add(&mut random, 4, code, Reach::Open).await;
    }
    world.ask(&mut random, &QUESTIONS).await;
    world.change(&mut random, true).await;
    world.ask(&mut random, &QUESTIONS).await;
}

pub async fn quantities_are_whole_however_many_match(place: Place) {
    let store = place.open().await;
    let mut random = Random::seeded();
    let mut world = World::new(&store, &mut random, 5).await;
    world.ask(&mut random, &QUANTITIES).await;
    place.analyse().await;
    world.change(&mut random, false).await;
    world.ask(&mut random, &QUANTITIES).await;
    for (code, _) in CODES {
        world.add(&mut random, 8, code, Reach::Long).await;
    }
    world.ask(&mut random, &QUANTITIES).await;
}

/// Counters are summed while no row has two of the codes.
pub async fn several_codes_are_counted_and_walked_once(place: Place) {
    const CODES: [&str; 5] = [
        "code=many,few",
        "code=few,none",
        "code=none,nothing",
        "code=many,few,none&status=final",
        "code=many,few&value-quantity=lt3",
    ];
    let store = place.open().await;
    let mut random = Random::seeded();
    let mut world = World::new(&store, &mut random, 1).await;
    world.ask(&mut random, &CODES).await;
    world.add(&mut random, 9, "both", Reach::Day).await;
    place.analyse().await;
    world.ask(&mut random, &CODES).await;
    world.change(&mut random, false).await;
    world.ask(&mut random, &CODES).await;
}

/// What a process remembers of counters and codes is as old as its last question; its answers are not.
pub async fn what_another_process_writes_is_found_at_once(place: Place) {
    const ASKED: [&str; 8] = [
        "code=many",
        "code=both",
        "code=many,few&status=final",
        "date=ge2024-01-12",
        "date=lt2024-01-05",
        "code=few&date=ge2024-01-04",
        "code=few&value-quantity=lt12",
        "combo-code-value-quantity=many$ge2",
    ];
    let (store, other) = (place.open().await, place.open().await);
    let mut random = Random::seeded();
    let mut world = World::new(&store, &mut random, 1).await;
    world.ask_of(&other, &mut random, &ASKED).await;
    for (code, reach) in [
        ("both", Reach::Day),
        ("many", Reach::Long),
        ("few", Reach::Open),
    ] {
        world.add(&mut random, 6, code, reach).await;
        world.ask_of(&other, &mut random, &ASKED).await;
    }
    world.change(&mut random, true).await;
    world.ask_of(&other, &mut random, &ASKED).await;
}
