//! The Records that a server has left: read from its store, with its key, when it has stopped.

use std::collections::BTreeMap;
use ward_audit::Record;
use ward_seal::{MasterKey, MasterSource};
use ward_storage::{RecordQuestion, Store, StoreSettings};
use ward_testkit::Home;

pub struct Left {
    /// In the order in which they came.
    pub records: Vec<Record>,
    /// Places of those of one request, by its id.
    by_request: BTreeMap<[u8; 16], Vec<usize>>,
}

impl Left {
    pub fn of(home: &Home) -> Left {
        let records = read(home);
        let mut by_request: BTreeMap<[u8; 16], Vec<usize>> = BTreeMap::new();
        for (at, record) in records.iter().enumerate() {
            by_request.entry(record.request_id).or_default().push(at);
        }
        Left {
            records,
            by_request,
        }
    }

    /// What a request left that the client named so.
    pub fn named(&self, client_request_id: &str) -> Vec<&Record> {
        let named = |record: &&Record| record.detail.client_request_id == client_request_id;
        self.records.iter().filter(named).collect()
    }

    /// All of the request that left this one.
    pub fn with(&self, record: &Record) -> Vec<&Record> {
        let places = self.by_request.get(&record.request_id);
        let places = places.into_iter().flatten();
        places.map(|at| &self.records[*at]).collect()
    }
}

/// Every Record of a store that no server runs on.
pub fn read(home: &Home) -> Vec<Record> {
    let folder = home.folder.path();
    let settings = match &home.database {
        None => StoreSettings::sqlite(folder.join("ward.db")),
        Some(database) => StoreSettings::postgres(&database.url),
    };
    let key = MasterKey::load(&MasterSource::File {
        path: folder.join("master.key"),
        create: false,
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = Store::open(settings, key.unwrap()).await.unwrap();
        let mut records = Vec::new();
        let mut after = None;
        loop {
            let question = RecordQuestion {
                after,
                limit: PAGE,
                ..RecordQuestion::default()
            };
            let page = store.records(&question).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            records.extend(page.into_iter().map(|stored| stored.record));
        }
        store.close().await;
        records
    })
}

const PAGE: usize = 1_000;
