//! Following the audit log: every Record comes once and in order, also one whose transaction ends late.

use crate::place::*;
use crate::records::sample;
use std::time::Duration;
use ward_audit::Record;
use ward_storage::{RecordPlace, Store, StoreError};

async fn kept(store: &Store, count: i64) -> Vec<i64> {
    let record = |n| Record {
        at_us: 1_700_000_000_000_000 + n,
        ..sample()
    };
    let records = (0..count).map(|n| store.new_record(&record(n)));
    store.keep_records(records.collect()).await.unwrap()
}

/// At most two at once. Transactions of other tests hold up what is followed.
async fn after(store: &Store, place: &mut RecordPlace) -> Vec<i64> {
    let (found, next) = match store.records_after(place, 2).await {
        Err(StoreError::Timeout) => return Vec::new(),
        done => done.unwrap(),
    };
    *place = next;
    found.into_iter().map(|stored| stored.id).collect()
}

async fn demand(store: &Store, place: &mut RecordPlace, ids: &[i64]) {
    let mut all = Vec::new();
    for _ in 0..1_000 {
        let found = after(store, place).await;
        if found.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        all.extend(found);
        if all.len() >= ids.len() {
            break;
        }
    }
    assert_eq!(all, ids);
}

pub async fn each_comes_once_and_in_order(place: Place) {
    let store = place.open().await;
    let mut at = RecordPlace::default();
    assert_eq!(after(&store, &mut at).await, [0; 0]);
    assert_eq!(kept(&store, 5).await, [1, 2, 3, 4, 5]);
    demand(&store, &mut at, &[1, 2, 3, 4, 5]).await;
    assert_eq!(kept(&store, 0).await, [0; 0]);
    assert_eq!(kept(&store, 1).await, [6]);
    // As a row keeps it over a restart.
    let mut again = RecordPlace::from_bytes(at.to_bytes());
    demand(&store, &mut again, &[6]).await;
    assert_eq!(after(&store, &mut again).await, [0; 0]);
    let mut first = RecordPlace::default();
    demand(&store, &mut first, &[1, 2, 3, 4, 5, 6]).await;
    store.close().await;
}

/// A number that was taken early and committed late is not left out. The embedded store has one writer.
pub async fn one_that_is_committed_late_comes_too(place: Place) {
    let Place::Postgres(database) = &place else {
        return;
    };
    let store = place.open().await;
    let mut at = RecordPlace::default();
    kept(&store, 2).await;
    demand(&store, &mut at, &[1, 2]).await;
    let connected = tokio_postgres::connect(&database.url, tokio_postgres::NoTls);
    let (client, driver) = connected.await.unwrap();
    let driving = tokio::spawn(driver);
    let late = "begin; insert into record (id, at_us, ctx, actor, patient, events, sealed) \
        select nextval('record_id'), at_us, ctx, actor, patient, events, sealed from record where id = 1";
    client.batch_execute(late).await.unwrap();
    assert_eq!(kept(&store, 1).await, [4]);
    assert_eq!(after(&store, &mut at).await, [0; 0], "3 may still come");
    client.batch_execute("commit").await.unwrap();
    demand(&store, &mut at, &[3, 4]).await;
    drop(client);
    driving.abort();
    store.close().await;
}
