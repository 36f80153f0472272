//! More entries of the index than a statement combines: what rows in reach have of them counts, and the question is told which part
//! of it they fit. What others have refuses nothing.

use crate::place::{Place, all, app, commit, create, found, only, patient, plan, terms, ty};
use ward_access::Access;
use ward_search::entries::{FormEntry, PhraseEntry};
use ward_search::plan::{Filter, NumberTest, PhraseTest, Prefix, Tuple, TupleEnd};
use ward_storage::{Store, StoreError, Write};

const PHRASES: i64 = 4_001;
const CODES: i64 = 201;
const FORM: i64 = 500;

fn phrase(n: i64) -> PhraseEntry {
    PhraseEntry {
        param: 3,
        value: format!("qqww {n}"),
        term: n,
    }
}

fn words(value: &str) -> Filter {
    Filter::Phrase {
        param: 3,
        test: PhraseTest::Words,
        value: value.into(),
    }
}

/// With phrases of these numbers, each of a term that it has.
fn said(store: &Store, home: i64, numbers: std::ops::Range<i64>) -> Write {
    let list: Vec<i64> = numbers.clone().collect();
    let place = (home != 0).then_some(home);
    let mut write = Write {
        entries: terms(&list),
        ..create(ty("Observation"), store.allocate(place), home, "{}")
    };
    write.entries.phrases = numbers.map(phrase).collect();
    write.entries.phrases.sort_unstable();
    write
}

pub async fn what_too_many_phrases_fit_is_told(place: Place) {
    let store = place.open().await;
    let (one, other) = (patient(&store).await, patient(&store).await);
    commit(&store, &said(&store, one, 1..PHRASES))
        .await
        .unwrap();
    let search = async |access: &Access, filter: Filter| {
        let page = store.search(access, &plan(ty("Observation"), filter)).await;
        page.map(|page| page.rows.len())
    };
    assert_eq!(search(&all(), words("qqww")).await, Ok(1));
    let hidden = Write {
        visibility: 7,
        ..said(&store, other, PHRASES..2 * PHRASES)
    };
    commit(&store, &hidden).await.unwrap();
    let wide = Err(StoreError::Wide(1));
    assert_eq!(search(&all(), words("qqww")).await, wide);
    assert_eq!(search(&all(), words("qqww 3999")).await, Ok(1), "few fit");
    // What others have refuses nothing: bound to a patient, by what is visible, and where nothing is.
    let [of_one, of_other] = [one, other].map(|patient| app(&store, patient));
    assert_eq!(search(&of_one, words("qqww")).await, Ok(1));
    assert_eq!(search(&of_other, words("qqww")).await, wide);
    assert_eq!(search(&only(&[0]), words("qqww")).await, Ok(1));
    assert_eq!(search(&only(&[9]), words("qqww")).await, Ok(0));
    let not = |filter| Filter::Not(Box::new(filter));
    let both = Filter::And(vec![
        words("qqww 3999"),
        Filter::Or(vec![not(words("qqww")), words("qqww")]),
    ]);
    assert_eq!(
        search(&all(), both.clone()).await,
        Err(StoreError::Wide(0b110))
    );
    assert_eq!(search(&of_one, both).await, Ok(1));
    let chain = |target: &str| {
        let chain = Filter::Chain {
            param: 4,
            target: ty(target),
            filter: Box::new(words("qqww")),
        };
        Filter::And(vec![words("none"), chain])
    };
    assert_eq!(
        search(&all(), chain("Observation")).await,
        Err(StoreError::Wide(0b10))
    );
    assert_eq!(search(&of_one, chain("Observation")).await, Ok(0));
    assert_eq!(
        search(&all(), chain("Patient")).await,
        Ok(0),
        "no Patient has one"
    );
}

pub async fn what_too_many_codes_of_a_tuple_fit_is_told(place: Place) {
    let store = place.open().await;
    let coded = |codes: std::ops::Range<i64>, visibility: i32| {
        let list: Vec<i64> = codes.clone().map(|n| 100 + n).collect();
        let mut write = Write {
            entries: terms(&list),
            visibility,
            ..create(ty("Observation"), store.allocate(None), 0, "{}")
        };
        let form = |n| FormEntry {
            form: FORM,
            term: 100 + n,
        };
        write.entries.vocabulary = codes.map(form).collect();
        write
    };
    let first = coded(1..CODES, 0);
    commit(&store, &first).await.unwrap();
    let tuple = Filter::Tuple(Tuple {
        param: 9,
        first: Box::new(Filter::AnyForm(vec![FORM])),
        has_first: true,
        has_second: false,
        second: TupleEnd::Quantity {
            unit: 1,
            test: NumberTest {
                prefix: Prefix::Gt,
                low: 0.0,
                high: 0.0,
            },
        },
    });
    let asked = plan(ty("Observation"), tuple);
    assert_eq!(found(&store, &all(), &asked).await, [0; 0]);
    let another = coded(CODES..CODES + 1, 7);
    commit(&store, &another).await.unwrap();
    let page = store.search(&all(), &asked).await;
    assert_eq!(page.unwrap_err(), StoreError::Wide(1));
    assert_eq!(
        found(&store, &only(&[0]), &asked).await,
        [0; 0],
        "others have it"
    );
    // What is asked for by another form of it is not touched.
    let codes = plan(ty("Observation"), Filter::AnyForm(vec![FORM]));
    assert_eq!(
        found(&store, &all(), &codes).await,
        [another.rid, first.rid]
    );
}
