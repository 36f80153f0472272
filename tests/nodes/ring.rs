//! The keys of running servers grow old: a third process over the same database moves the moments from which they sign, as only
//! months would do otherwise. Everything else about them is the server's own doing.

use std::time::{SystemTime, UNIX_EPOCH};
use tokio::runtime::Runtime;
use ward_seal::{MasterKey, MasterSource};
use ward_smart::signing_keys::SigningKeys;
use ward_smart::state::{self, Changes, KeyRing, Refused};
use ward_storage::{Store, StoreSettings};
use ward_testkit::Server;

pub struct Ring {
    store: Store,
    runtime: Runtime,
}

impl Ring {
    /// Of a server on PostgreSQL that has a master key of its own.
    pub fn of(server: &Server) -> Ring {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let master = MasterKey::load(&MasterSource::File {
            path: server.data().join("master.key"),
            create: false,
        });
        let settings = StoreSettings::postgres(&server.home.database.as_ref().unwrap().url);
        let store = runtime.block_on(Store::open(settings, master.unwrap()));
        Ring {
            store: store.unwrap(),
            runtime,
        }
    }

    /// All keys are so much older, which every node learns.
    pub fn age(&self, by_s: i64) {
        self.runtime.block_on(async {
            loop {
                let found = state::get::<KeyRing>(&self.store, "ring", now_s()).await;
                let mut ring = found.unwrap().unwrap();
                for key in &mut ring.row.keys {
                    key.signs_from_s -= by_s;
                }
                let changes = Changes::new().replace(&ring).announced();
                match state::commit(&self.store, changes, now_s()).await {
                    Ok(()) => return,
                    // A node was there at the same moment.
                    Err(Refused::Conflict(_)) => {}
                    Err(Refused::Unavailable) => panic!("the keys cannot be written"),
                }
            }
        });
    }

    /// What each node does every hour.
    pub fn tend(&self) {
        let keys = SigningKeys::empty();
        self.runtime
            .block_on(keys.tend(&self.store, now_s()))
            .unwrap();
    }
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}
