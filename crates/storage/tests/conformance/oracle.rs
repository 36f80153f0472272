//! A naive evaluator in memory, and random resources and questions for it.

use crate::place::*;
use ward_search::entries::{DateEntry, Entries, QuantityEntry, StringEntry, TermEntry};
use ward_search::evaluate::{Candidate, World, matches};
use ward_search::plan::{DateTest, Filter, NumberTest, Prefix};
use ward_storage::{Op, Rid, Store, Write};
use ward_testkit::Random;

/// A dozen. Never 0, which stands for none in the hot columns.
pub fn some_terms() -> impl Iterator<Item = i64> {
    (0..12).map(|n| n * 2 - 11)
}

fn some_term(random: &mut Random) -> i64 {
    some_terms().nth(random.below(12)).expect("one of a dozen")
}

pub const PARAMS: [u16; 2] = [10, 11];
const WORDS: [&str; 8] = [
    "smith",
    "smythe",
    "smit",
    "sm",
    "ångström",
    "z\u{d7ff}a",
    "z\u{e000}",
    "\u{10ffff}",
];

pub fn entries(random: &mut Random) -> Entries {
    let mut entries = Entries {
        date_us: random.coin().then(|| day(random)),
        ..Entries::default()
    };
    for _ in 0..random.below(5) {
        let term = some_term(random);
        entries.add_term(TermEntry {
            term,
            param: 1,
            counted: term % 4 == 1,
        });
    }
    for _ in 0..random.below(3) {
        entries.strings.push(StringEntry {
            param: PARAMS[random.below(2)],
            value: WORDS[random.below(WORDS.len())].into(),
        });
    }
    for _ in 0..random.below(3) {
        let low = if random.below(8) == 0 {
            i64::MIN
        } else {
            day(random)
        };
        let high = if random.below(8) == 0 {
            i64::MAX
        } else {
            low.max(0).saturating_add(day(random) / 3)
        };
        entries.dates.push(DateEntry {
            param: PARAMS[random.below(2)],
            low_us: low,
            high_us: high,
        });
    }
    for _ in 0..random.below(3) {
        let low = random.below(8) as f64 / 2.0 - 1.0;
        let high = if random.below(6) == 0 {
            f64::INFINITY
        } else {
            low + random.below(3) as f64
        };
        entries.quantities.push(QuantityEntry {
            term: random.below(3) as i64,
            low,
            high,
            in_tuple: false,
        });
    }
    entries.strings.sort();
    entries.strings.dedup();
    entries.dates.sort();
    entries.dates.dedup();
    entries.quantities.sort_by(|a, b| a.partial_cmp(b).unwrap());
    entries.quantities.dedup();
    entries
}

fn day(random: &mut Random) -> i64 {
    random.below(12) as i64 * 86_400_000_000
}

const PREFIXES: [Prefix; 9] = [
    Prefix::Eq,
    Prefix::Ne,
    Prefix::Gt,
    Prefix::Lt,
    Prefix::Ge,
    Prefix::Le,
    Prefix::Sa,
    Prefix::Eb,
    Prefix::Ap,
];

pub fn filter(random: &mut Random, depth: usize, rows: &[Write], store: &Store) -> Filter {
    let prefix = PREFIXES[random.below(PREFIXES.len())];
    let param = PARAMS[random.below(2)];
    match random.below(if depth == 0 { 9 } else { 12 }) {
        0 => Filter::All,
        1 => Filter::AnyTerm((0..random.below(4)).map(|_| some_term(random)).collect()),
        2 => Filter::AnyTerm(vec![some_term(random)]),
        3 => Filter::StringPrefix {
            param,
            value: part(random),
        },
        4 => Filter::StringContains {
            param,
            value: part(random),
        },
        5 => {
            let low_us = day(random);
            Filter::Date {
                param,
                test: DateTest {
                    prefix,
                    low_us,
                    high_us: low_us + day(random) / 2,
                },
            }
        }
        6 => {
            let low_us = rows[random.below(rows.len())].updated_us;
            Filter::Updated(DateTest {
                prefix,
                low_us,
                high_us: low_us + random.below(20_000) as i64,
            })
        }
        7 => Filter::Ids(
            (0..random.below(3))
                .map(|_| store.public_id(rows[random.below(rows.len())].rid))
                .collect(),
        ),
        8 => {
            let low = random.below(8) as f64 / 2.0 - 1.0;
            Filter::Quantity {
                term: random.below(3) as i64,
                test: NumberTest {
                    prefix,
                    low,
                    high: low + random.below(2) as f64,
                },
            }
        }
        9 => Filter::Not(Box::new(filter(random, depth - 1, rows, store))),
        10 => Filter::Or(
            (0..random.below(3))
                .map(|_| filter(random, depth - 1, rows, store))
                .collect(),
        ),
        _ => Filter::And(
            (0..random.below(4))
                .map(|_| filter(random, depth - 1, rows, store))
                .collect(),
        ),
    }
}

fn part(random: &mut Random) -> String {
    let word: Vec<char> = WORDS[random.below(WORDS.len())].chars().collect();
    word[..=random.below(word.len())].iter().collect()
}

/// Row ids that match, in the natural order: clinical date (or when made) and row id descending.
pub fn expected(
    store: &Store,
    rows: &[Write],
    filter: &Filter,
    dates: &dyn Fn(&Write) -> i64,
) -> Vec<Rid> {
    let mut hits: Vec<&Write> = rows
        .iter()
        .filter(|write| {
            let id = store.public_id(write.rid);
            write.op != Op::Delete
                && matches(
                    filter,
                    Candidate {
                        id: &id,
                        ty: write.ty,
                        updated_us: write.updated_us,
                        entries: &write.entries,
                        node: None,
                    },
                    World::default(),
                )
                .unwrap()
        })
        .collect();
    hits.sort_by_key(|write| std::cmp::Reverse((dates(write), write.rid)));
    hits.iter().map(|write| write.rid).collect()
}

/// Random rows of a type with some updates and deletions, as they are at the end; and when each was made.
pub async fn populate(
    store: &Store,
    random: &mut Random,
    name: &str,
    count: usize,
) -> (Vec<Write>, std::collections::HashMap<Rid, i64>) {
    let mut rows: Vec<Write> = Vec::new();
    let mut dates = std::collections::HashMap::new();
    for _ in 0..count {
        let write = Write {
            entries: entries(random),
            ..create(ty(name), store.allocate(None), 0, "{}")
        };
        dates.insert(write.rid, write.entries.date_us.unwrap_or(write.updated_us));
        rows.push(write);
    }
    store.commit(unit(rows.clone())).await.unwrap();
    let mut changes = Vec::new();
    for row in &mut rows {
        match random.below(4) {
            0 => {
                let next = update(row, "{}", entries(random));
                // A type's undated rows keep the date of their making; one that loses its date gets that of the change.
                let date = next
                    .entries
                    .date_us
                    .unwrap_or(if row.entries.date_us.is_none() {
                        dates[&row.rid]
                    } else {
                        next.updated_us
                    });
                dates.insert(row.rid, date);
                *row = next;
            }
            1 if random.coin() => *row = delete(row),
            _ => continue,
        }
        changes.push(row.clone());
    }
    store.commit(unit(changes)).await.unwrap();
    (rows, dates)
}
