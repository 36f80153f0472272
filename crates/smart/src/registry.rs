//! The registered clients in the memory of every node: what is asked for every request (budgets, origins), not only for
//! tokens. Read anew when the state revision rises.

use crate::state::{self, Client, ClientState, Row};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use ward_storage::{Store, StoreError};

/// Clients of one installation; further ones cannot be registered.
pub const CLIENTS_MAX: usize = 10_000;

/// Clients of one installation that wait for approval.
pub const PENDING_MAX: usize = 1_000;

#[derive(Default)]
pub struct Registry {
    clients: RwLock<Arc<Known>>,
}

#[derive(Default)]
struct Known {
    by_id: HashMap<String, Arc<Client>>,
    /// Origins of active clients.
    origins: std::collections::HashSet<String>,
}

impl Registry {
    pub(crate) async fn reread(&self, store: &Store, now_s: i64) -> Result<(), StoreError> {
        let mut known = Known::default();
        for client in state::list::<Client>(store, None, CLIENTS_MAX, now_s).await? {
            if client.state == ClientState::Active {
                known.origins.extend(client.origins.iter().cloned());
            }
            known
                .by_id
                .insert(client.client_id.clone(), Arc::new(client.row));
        }
        *self.clients.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(known);
        Ok(())
    }

    /// As of half a second ago.
    pub fn client(&self, client_id: &str) -> Option<Arc<Client>> {
        self.known().by_id.get(client_id).cloned()
    }

    /// Whether scripts from this origin may read what a client's token gives (S12).
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.known().origins.contains(origin)
    }

    /// By name.
    pub fn all(&self) -> Vec<Arc<Client>> {
        let mut all: Vec<_> = self.known().by_id.values().cloned().collect();
        all.sort_by(|a, b| (&a.name, &a.client_id).cmp(&(&b.name, &b.client_id)));
        all
    }

    /// Whether one more may wait for approval: those that wait leave the installation room for others.
    pub fn is_full(&self, now_s: i64) -> bool {
        let known = self.known();
        let held = || known.by_id.values().filter(move |c| c.expires_s() > now_s);
        let pending = held().filter(|c| c.state == ClientState::Pending);
        held().count() >= CLIENTS_MAX || pending.count() >= PENDING_MAX
    }

    fn known(&self) -> Arc<Known> {
        self.clients
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}
