//! More entries of the index than a statement combines: the question is told which part of it they fit, and refused nothing else.

use crate::place::{Place, all, commit, create, found, plan, terms, ty};
use ward_search::entries::{FormEntry, PhraseEntry};
use ward_search::plan::{Filter, NumberTest, PhraseTest, Prefix, Tuple, TupleEnd};
use ward_storage::{StoreError, Write};

const PHRASES: i64 = 4_001;
const CODES: i64 = 201;
const FORM: i64 = 500;

pub async fn what_too_many_phrases_fit_is_told(place: Place) {
    let store = place.open().await;
    let mut write = Write {
        entries: terms(&[7]),
        ..create(ty("Observation"), store.allocate(None), 0, "{}")
    };
    let phrase = |n: i64| PhraseEntry {
        param: 3,
        value: format!("qqww {n}"),
        term: n,
    };
    write.entries.phrases = (1..PHRASES).map(phrase).collect();
    write.entries.phrases.sort_unstable();
    commit(&store, &write).await.unwrap();
    let words = |value: &str| Filter::Phrase {
        param: 3,
        test: PhraseTest::Words,
        value: value.into(),
    };
    let search = async |filter: Filter| {
        let page = store.search(&all(), &plan(ty("Observation"), filter)).await;
        page.map(|page| page.rows.len())
    };
    assert_eq!(search(words("qqww")).await, Ok(1));
    let mut another = create(ty("Observation"), store.allocate(None), 0, "{}");
    another.entries.phrases = vec![phrase(PHRASES)];
    commit(&store, &another).await.unwrap();
    assert_eq!(search(words("qqww")).await, Err(StoreError::Wide(1)));
    assert_eq!(search(words("qqww 7")).await, Ok(1), "few fit");
    let not = |filter| Filter::Not(Box::new(filter));
    let both = Filter::And(vec![
        words("qqww 7"),
        Filter::Or(vec![not(words("qqww")), words("qqww")]),
    ]);
    assert_eq!(search(both).await, Err(StoreError::Wide(0b110)));
    let chain = Filter::Chain {
        param: 4,
        target: ty("Patient"),
        filter: Box::new(words("qqww")),
    };
    assert_eq!(
        search(Filter::And(vec![words("none"), chain])).await,
        Err(StoreError::Wide(0b10))
    );
}

pub async fn what_too_many_codes_of_a_tuple_fit_is_told(place: Place) {
    let store = place.open().await;
    let mut write = Write {
        entries: terms(&[101]),
        ..create(ty("Observation"), store.allocate(None), 0, "{}")
    };
    write.entries.vocabulary = (1..CODES)
        .map(|n| FormEntry {
            form: FORM,
            term: 100 + n,
        })
        .collect();
    commit(&store, &write).await.unwrap();
    let tuple = Filter::Tuple(Tuple {
        param: 9,
        first: Box::new(Filter::AnyForm(vec![FORM])),
        has_first: true,
        second: TupleEnd::Quantity {
            unit: 1,
            test: NumberTest {
                prefix: Prefix::Gt,
                low: 0.0,
                high: 0.0,
            },
        },
    });
    assert_eq!(
        found(&store, &all(), &plan(ty("Observation"), tuple.clone())).await,
        [0; 0]
    );
    let mut another = create(ty("Observation"), store.allocate(None), 0, "{}");
    another.entries.vocabulary = vec![FormEntry {
        form: FORM,
        term: 100 + CODES,
    }];
    commit(&store, &another).await.unwrap();
    let page = store.search(&all(), &plan(ty("Observation"), tuple)).await;
    assert_eq!(page.unwrap_err(), StoreError::Wide(1));
    // What is asked for by another form of it is not touched.
    let codes = Filter::AnyForm(vec![FORM]);
    assert_eq!(
        found(&store, &all(), &plan(ty("Observation"), codes)).await,
        [write.rid]
    );
}
