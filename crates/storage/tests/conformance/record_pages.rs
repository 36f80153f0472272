//! Pages of large records end with their bytes, and go on behind them; records by their numbers are one statement.

use crate::place::*;
use crate::records::sample;
use ward_audit::{Detail, Record};
use ward_storage::{RecordQuestion, Store, Unit};

const LARGE_BYTES: usize = 50_000;

/// Every fifth is large.
async fn filled(place: &Place) -> (Store, Vec<i64>) {
    let store = place.open().await;
    let mut ids = Vec::new();
    for n in 0..30 {
        let received = match n % 5 {
            0 => vec![b'x'; LARGE_BYTES],
            _ => Vec::new(),
        };
        let record = Record {
            query: format!("n{n}"),
            detail: Detail {
                received,
                ..Detail::default()
            },
            ..sample()
        };
        let unit = Unit {
            records: vec![store.new_record(&record)],
            ..Unit::default()
        };
        store.commit(unit).await.unwrap();
    }
    let all = RecordQuestion {
        limit: 100,
        ..RecordQuestion::default()
    };
    ids.extend(store.records(&all).await.unwrap().iter().map(|row| row.id));
    assert_eq!(ids.len(), 30);
    (store, ids)
}

pub async fn a_page_ends_with_its_bytes(place: Place) {
    let (store, ids) = filled(&place).await;
    let patients = [None, Some(vec![4_000])];
    let lists = patients.iter().flat_map(|p| [(p, true), (p, false)]);
    for (patients, newest_first) in lists {
        let mut question = RecordQuestion {
            patients: patients.clone(),
            newest_first,
            limit: 20,
            bytes_max: Some(LARGE_BYTES + 1_000),
            ..RecordQuestion::default()
        };
        let mut paged = Vec::new();
        loop {
            let page = store.records(&question).await.unwrap();
            let Some(last) = page.last() else { break };
            question.after = Some(last.id);
            paged.extend(page.iter().map(|row| row.id));
            let before = &page[..page.len() - 1];
            let large = |row: &&ward_storage::StoredRecord| row.bytes.len() > LARGE_BYTES;
            assert!(before.iter().filter(large).count() <= 1, "{}", page.len());
            assert_eq!(
                question.is_full(&page),
                page.iter().filter(large).count() == 2,
                "those that end early say so"
            );
        }
        if newest_first {
            paged.reverse();
        }
        assert_eq!(paged, ids);
        // One that is larger than a page is a page.
        question.after = None;
        question.bytes_max = Some(1);
        assert_eq!(store.records(&question).await.unwrap().len(), 1);
    }
}

pub async fn those_of_some_numbers_are_one_statement(place: Place) {
    let (store, ids) = filled(&place).await;
    let some = [ids[7], i64::MAX, ids[3], ids[3], -1];
    let before = store.statements();
    let found = store.records_by_id(&some).await.unwrap();
    assert_eq!(store.statements() - before, 1);
    let numbers: Vec<i64> = found.iter().map(|row| row.id).collect();
    assert_eq!(numbers, [ids[3], ids[7]]);
    let one = store.record(ids[3]).await.unwrap();
    assert_eq!(found.first(), one.as_ref());
    assert_eq!(store.records_by_id(&[]).await.unwrap(), []);
}
