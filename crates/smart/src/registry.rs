//! The registered clients in the memory of every node: what is asked for every request (budgets, origins), not only for
//! tokens. Read anew when the state revision rises.

use crate::state::{self, Client, ClientState, Row};
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use ward_resources::ClientNames;
use ward_storage::{Store, StoreError};

/// Clients of one installation; further ones cannot be registered.
pub const CLIENTS_MAX: usize = 10_000;

/// Registrations by anybody that wait for approval: with one more, the oldest of the network from which most wait is forgotten, so
/// that nobody fills the list for others.
pub const PENDING_MAX: usize = 1_000;
/// Those from one network ([`network`]).
pub const PENDING_OF_NETWORK_MAX: usize = 20;

/// Whether one more client can be registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Free,
    /// When the client of this id, which waits for approval, is forgotten.
    InPlaceOf(String),
    /// Too many of one network wait. In so many seconds the first of them is forgotten.
    Later(i64),
    None,
}

/// Whoever has one address may have those beside it: of IPv4 the /24, of IPv6 the /48.
pub(crate) fn network(source: &str) -> String {
    match source
        .parse::<IpAddr>()
        .map(|address| address.to_canonical())
    {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}::/48")
        }
        Err(_) => source.to_owned(),
    }
}

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

/// In AuditEvents.
impl ClientNames for Registry {
    fn name(&self, client_id: &str) -> Option<String> {
        Some(self.client(client_id)?.name.clone()).filter(|name| !name.is_empty())
    }
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

    /// Whether there is room for one more registration from a network (empty: of an administrator's), and what makes it.
    pub(crate) fn room(&self, network: &str, now_s: i64) -> Room {
        let known = self.known();
        let held = || known.by_id.values().filter(move |c| c.expires_s() > now_s);
        if held().count() >= CLIENTS_MAX {
            return Room::None;
        }
        if network.is_empty() {
            return Room::Free;
        }
        let mut waiting: BTreeMap<&str, Vec<&Client>> = BTreeMap::new();
        for client in held().filter(|client| client.waits_for_approval()) {
            let of_network = waiting.entry(&client.registered_from).or_default();
            of_network.push(client);
        }
        let own = waiting.get(network).map(Vec::as_slice).unwrap_or_default();
        if own.len() >= PENDING_OF_NETWORK_MAX {
            let first = own.iter().map(|client| client.expires_s()).min();
            return Room::Later(first.map_or(1, |expires_s| expires_s - now_s));
        }
        if waiting.values().map(Vec::len).sum::<usize>() < PENDING_MAX {
            return Room::Free;
        }
        let most = waiting.values().max_by_key(|clients| clients.len());
        let oldest = most.and_then(|clients| clients.iter().min_by_key(|client| client.created_s));
        oldest.map_or(Room::None, |client| {
            Room::InPlaceOf(client.client_id.clone())
        })
    }

    fn known(&self) -> Arc<Known> {
        self.clients
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::PENDING_LIFETIME_S;

    fn registry(clients: impl Iterator<Item = Client>) -> Registry {
        let by_id = clients.map(|client| (client.client_id.clone(), Arc::new(client)));
        let known = Known {
            by_id: by_id.collect(),
            ..Known::default()
        };
        Registry {
            clients: RwLock::new(Arc::new(known)),
        }
    }

    fn waiting(n: usize, network: &str) -> Client {
        Client {
            client_id: format!("{network} {n}"),
            registered_from: network.to_owned(),
            created_s: 1_000 + n as i64,
            ..Client::default()
        }
    }

    #[test]
    fn s117_nobody_fills_the_list_for_others() {
        let crowd = (0..PENDING_MAX / PENDING_OF_NETWORK_MAX).flat_map(|network| {
            let most = PENDING_OF_NETWORK_MAX - usize::from(network == 0);
            (0..most).map(move |n| waiting(n, &format!("network {network}")))
        });
        let crowd: Vec<Client> = crowd.collect();
        let almost = registry(crowd.iter().cloned());
        assert_eq!(almost.room("elsewhere", 2_000), Room::Free);
        assert_eq!(almost.room("network 0", 2_000), Room::Free);
        let later = Room::Later(PENDING_LIFETIME_S - 1_000);
        assert_eq!(almost.room("network 1", 2_000), later);
        let honest = waiting(0, "elsewhere");
        let full = registry(crowd.iter().cloned().chain([honest]));
        let Room::InPlaceOf(forgotten) = full.room("a third", 2_000) else {
            panic!("no room")
        };
        assert!(forgotten.ends_with(" 0") && !forgotten.contains("elsewhere"));
        assert_ne!(forgotten, "network 0 0", "fewer wait from there");
        // An administrator's own are not held up by them, and do not wait for anybody's network.
        assert_eq!(full.room("", 2_000), Room::Free);
        let own = registry((0..2_000).map(|n| waiting(n, "")));
        assert_eq!(own.room("elsewhere", 5_000), Room::Free);
        let forgotten_s = 2_000 + 2 * PENDING_LIFETIME_S;
        assert_eq!(full.room("network 1", forgotten_s), Room::Free);
        let active = (0..CLIENTS_MAX).map(|n| Client {
            state: ClientState::Active,
            ..waiting(n, "")
        });
        assert_eq!(registry(active).room("", 2_000), Room::None);
    }

    #[test]
    fn s117_networks_are_of_many_addresses() {
        assert_eq!(network("192.0.2.7"), "192.0.2.0/24");
        assert_eq!(network("::ffff:192.0.2.9"), "192.0.2.0/24");
        assert_eq!(network("2001:db8:1:2::3"), "2001:db8:1::/48");
    }
}
