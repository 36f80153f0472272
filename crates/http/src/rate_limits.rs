//! How much one address, client or user may ask for in a minute, in units of cost (C17, X74). Each node of an installation
//! counts by itself, in memory.
//!
//! A limit is a bucket that holds a minute's units and fills steadily: who was quiet may ask for a minute's worth at once.

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use ward_access::Caller;
use ward_resources::call::Target;
use ward_resources::{Call, Interaction};
use ward_smart::Endpoint;

/// Units for each minute; 0: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerMinute {
    pub address: u32,
    /// Of one address at the endpoints of the authorization server, where no client proves who it is.
    pub unauthenticated: u32,
    pub client: u32,
    pub user: u32,
    /// Requests of one address without a token that will do. Those with one are not held up by them.
    pub failures: u32,
}

/// Too much was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    pub whose: &'static str,
    /// Until there is enough again for what was asked, rounded up; at least 1.
    pub wait_s: u64,
}

pub struct RateLimits {
    address: Option<Buckets>,
    unauthenticated: Option<Buckets>,
    client: Option<Buckets>,
    user: Option<Buckets>,
    failures: Option<Buckets>,
    /// Of clients with a budget of their own, by that budget.
    budgets: RwLock<HashMap<NonZeroU32, Arc<Buckets>>>,
    hasher: RandomState,
}

impl RateLimits {
    pub fn new(limits: PerMinute) -> RateLimits {
        let buckets = |units| NonZeroU32::new(units).map(Buckets::of);
        RateLimits {
            address: buckets(limits.address),
            unauthenticated: buckets(limits.unauthenticated),
            client: buckets(limits.client),
            user: buckets(limits.user),
            failures: buckets(limits.failures),
            budgets: RwLock::default(),
            hasher: RandomState::new(),
        }
    }

    /// Before it is known who asks.
    pub fn take_of_address(&self, source: &str, units: NonZeroU32) -> Result<(), Exceeded> {
        self.take(self.address.as_ref(), "address", &network(source), units)
    }

    /// At an endpoint of the authorization server, where nobody has proved which client asks.
    pub fn take_unauthenticated(&self, source: &str, units: NonZeroU32) -> Result<(), Exceeded> {
        let whose = "address (without proof of a client)";
        let buckets = self.unauthenticated.as_ref();
        self.take(buckets, whose, &network(source), units)
    }

    /// A request without a token that will do.
    pub fn take_failure(&self, source: &str) -> Result<(), Exceeded> {
        let whose = "address (without a token that will do)";
        self.take(
            self.failures.as_ref(),
            whose,
            &network(source),
            NonZeroU32::MIN,
        )
    }

    /// `budget`: the client's own, instead of the installation's; 0: it has no limit.
    pub fn take_of_caller(
        &self,
        caller: &Caller,
        budget: Option<u32>,
        units: NonZeroU32,
    ) -> Result<(), Exceeded> {
        // First the user: what they may not ask for takes nothing from others of the same client.
        if caller.is_user() {
            self.take(self.user.as_ref(), "user", &caller.subject, units)?;
        }
        self.take_of_client(&caller.client_id, budget, units)
    }

    /// The same where no user asks.
    pub fn take_of_client(
        &self,
        client_id: &str,
        budget: Option<u32>,
        units: NonZeroU32,
    ) -> Result<(), Exceeded> {
        let own = budget.map(|units| NonZeroU32::new(units).map(|units| self.budget(units)));
        let client = match &own {
            Some(own) => own.as_deref(),
            None => self.client.as_ref(),
        };
        self.take(client, "client", client_id, units)
    }

    fn take(
        &self,
        buckets: Option<&Buckets>,
        whose: &'static str,
        name: &str,
        units: NonZeroU32,
    ) -> Result<(), Exceeded> {
        let Some(buckets) = buckets else {
            return Ok(());
        };
        buckets
            .take(self.hasher.hash_one(name), units)
            .map_err(|wait_s| Exceeded { whose, wait_s })
    }

    fn budget(&self, units: NonZeroU32) -> Arc<Buckets> {
        let known = self.budgets.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(buckets) = known.get(&units) {
            return buckets.clone();
        }
        drop(known);
        let mut budgets = self.budgets.write().unwrap_or_else(PoisonError::into_inner);
        let made = budgets
            .entry(units)
            .or_insert_with(|| Arc::new(Buckets::of(units)));
        made.clone()
    }
}

/// Who has one address of IPv6 has the 64 bits of it that are not the network's.
fn network(source: &str) -> Cow<'_, str> {
    match source.parse() {
        Ok(IpAddr::V6(address)) => match address.to_canonical() {
            IpAddr::V6(address) => format!("{:x?}", &address.segments()[..4]).into(),
            IpAddr::V4(address) => address.to_string().into(),
        },
        _ => source.into(),
    }
}

/// Buckets of one size, by the hash of whose they are: a name of any length takes the same room.
struct Buckets {
    limiter: RateLimiter<u64, HashMapStateStore<u64>, DefaultClock>,
    units: NonZeroU32,
    /// Beyond so many, those that are full again are forgotten: they say nothing.
    sweep_beyond: AtomicUsize,
}

/// How many are kept before it is looked which can be forgotten.
const BUCKETS_KEPT: usize = 10_000;

impl Buckets {
    fn of(units: NonZeroU32) -> Buckets {
        Buckets {
            limiter: RateLimiter::hashmap(Quota::per_minute(units)),
            units,
            sweep_beyond: AtomicUsize::new(BUCKETS_KEPT),
        }
    }

    /// Looks at all buckets only when there are twice as many as were left the last time.
    fn sweep(&self) {
        if self.limiter.len() > self.sweep_beyond.load(Ordering::Relaxed) {
            self.limiter.retain_recent();
            let beyond = BUCKETS_KEPT.max(2 * self.limiter.len());
            self.sweep_beyond.store(beyond, Ordering::Relaxed);
        }
    }

    /// Err: seconds to wait. What costs more than a bucket holds takes a whole one.
    fn take(&self, key: u64, units: NonZeroU32) -> Result<(), u64> {
        let taken = self.limiter.check_key_n(&key, units.min(self.units));
        match taken {
            Ok(Ok(())) => {
                self.sweep();
                Ok(())
            }
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                Err(wait.as_secs() + 1)
            }
            // Never: no more than the bucket holds was asked for.
            Err(_) => Err(60),
        }
    }
}

/// What an interaction costs: about the processor time it may take, in reads.
pub fn cost(interaction: &Interaction) -> NonZeroU32 {
    let units = match interaction {
        Interaction::Read { .. }
        | Interaction::Vread { .. }
        | Interaction::Capabilities
        | Interaction::OpenApi
        | Interaction::Unknown => 1,
        Interaction::Create { .. }
        | Interaction::Update { .. }
        | Interaction::Patch { .. }
        | Interaction::Delete { .. }
        | Interaction::HistoryInstance { .. } => 5,
        Interaction::ConditionalUpdate { .. }
        | Interaction::ConditionalPatch { .. }
        | Interaction::ConditionalDelete { .. }
        | Interaction::HistoryType { .. }
        | Interaction::SearchType { .. } => 10,
        Interaction::SearchSystem
        | Interaction::SearchCompartment { .. }
        | Interaction::HistorySystem => 20,
        Interaction::Bundle => 50,
        Interaction::Operation {
            target: Target::Instance(..),
            ..
        } => 20,
        Interaction::Operation { .. } => 50,
    };
    NonZeroU32::new(units).unwrap_or(NonZeroU32::MIN)
}

/// What a Bundle costs besides, by its size, since its entries are not read before it is known whether they may be: one unit for each
/// whole KiB, which is about one for each entry. `None` for everything else.
pub fn cost_of_entries(call: &Call) -> Option<NonZeroU32> {
    let body = call
        .body
        .as_ref()
        .filter(|_| matches!(call.interaction, Interaction::Bundle))?;
    let units = u32::try_from(body.bytes.len() / 1024).unwrap_or(u32::MAX);
    NonZeroU32::new(units)
}

/// What an endpoint of the authorization server costs: those that check a signature or a password, or write, as much as a search.
pub fn cost_of(endpoint: Endpoint) -> NonZeroU32 {
    let units = if endpoint.is_published() { 1 } else { 10 };
    NonZeroU32::new(units).unwrap_or(NonZeroU32::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ward_access::Identity;
    use ward_resources::{Body, Format};

    fn units(n: u32) -> NonZeroU32 {
        NonZeroU32::new(n).unwrap()
    }

    fn caller(client: &str, subject: &str) -> Caller {
        Caller::new(Identity {
            client_id: client.into(),
            subject: subject.into(),
            fhir_user: (client != subject).then(|| "Practitioner/1".into()),
            ..Identity::default()
        })
    }

    #[test]
    fn x74_a_bucket_is_one_clients() {
        let limits = RateLimits::new(PerMinute {
            client: 10,
            ..PerMinute::default()
        });
        let (lab, billing) = (caller("lab", "lab"), caller("billing", "billing"));
        assert_eq!(limits.take_of_caller(&lab, None, units(9)), Ok(()));
        let refused = limits.take_of_caller(&lab, None, units(5)).unwrap_err();
        assert_eq!(refused.whose, "client");
        assert!((1..=60).contains(&refused.wait_s), "{refused:?}");
        assert_eq!(limits.take_of_caller(&lab, None, units(1)), Ok(()));
        assert_eq!(limits.take_of_caller(&billing, None, units(10)), Ok(()));
    }

    #[test]
    fn x74_a_bundle_costs_by_its_size() {
        let call = |interaction, bytes: usize| {
            let mut call = Call::new(interaction, [0; 16], "test".into());
            call.body = Some(Body {
                bytes: vec![b' '; bytes].into(),
                format: Format::Json,
            });
            cost_of_entries(&call).map(NonZeroU32::get)
        };
        assert_eq!(call(Interaction::Bundle, 3 << 20), Some(3 << 10));
        assert_eq!(call(Interaction::Bundle, 1000), None);
        assert_eq!(call(Interaction::SearchSystem, 3 << 20), None);
    }

    #[test]
    fn c17_a_budget_of_ones_own_takes_the_place_of_the_installations() {
        let limits = RateLimits::new(PerMinute {
            client: 1000,
            ..PerMinute::default()
        });
        let lab = caller("lab", "lab");
        assert_eq!(limits.take_of_caller(&lab, Some(10), units(10)), Ok(()));
        assert!(limits.take_of_caller(&lab, Some(10), units(1)).is_err());
        assert_eq!(limits.take_of_caller(&lab, Some(5000), units(2000)), Ok(()));
        assert_eq!(limits.take_of_caller(&lab, Some(0), units(9000)), Ok(()));
    }

    #[test]
    fn users_share_a_client_and_not_a_bucket() {
        let limits = RateLimits::new(PerMinute {
            user: 10,
            ..PerMinute::default()
        });
        let (one, other) = (caller("app", "okafor"), caller("app", "lindqvist"));
        assert_eq!(limits.take_of_caller(&one, None, units(10)), Ok(()));
        assert_eq!(
            limits
                .take_of_caller(&one, None, units(1))
                .unwrap_err()
                .whose,
            "user"
        );
        assert_eq!(limits.take_of_caller(&other, None, units(10)), Ok(()));
        let shared = RateLimits::new(PerMinute {
            user: 10,
            client: 21,
            ..PerMinute::default()
        });
        assert_eq!(shared.take_of_caller(&one, None, units(10)), Ok(()));
        assert!(shared.take_of_caller(&one, None, units(10)).is_err());
        assert_eq!(shared.take_of_caller(&other, None, units(10)), Ok(()));
        let system = caller("lab", "lab");
        assert_eq!(limits.take_of_caller(&system, None, units(1000)), Ok(()));
    }

    #[test]
    fn addresses_and_failures_are_counted_apart_and_what_is_large_takes_a_whole_bucket() {
        let limits = RateLimits::new(PerMinute {
            address: 5,
            failures: 1,
            ..PerMinute::default()
        });
        assert_eq!(limits.take_of_address("192.0.2.1", units(50)), Ok(()));
        assert!(limits.take_of_address("192.0.2.1", units(1)).is_err());
        assert_eq!(limits.take_of_address("192.0.2.2", units(1)), Ok(()));
        assert_eq!(limits.take_failure("192.0.2.1"), Ok(()));
        assert!(limits.take_failure("192.0.2.1").is_err());
        for same in ["2001:db8::1", "2001:db8:0:0:1::2"] {
            assert_eq!(network(same), network("2001:db8::9"));
        }
        assert_ne!(network("2001:db8:0:1::1"), network("2001:db8::1"));
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
        let limits = RateLimits::new(PerMinute {
            unauthenticated: 5,
            ..PerMinute::default()
        });
        assert_eq!(limits.take_unauthenticated("192.0.2.1", units(5)), Ok(()));
        assert!(limits.take_unauthenticated("192.0.2.1", units(1)).is_err());
        assert_eq!(limits.take_unauthenticated("192.0.2.2", units(1)), Ok(()));
        assert_eq!(limits.take_of_address("192.0.2.1", units(9)), Ok(()));
        let none = RateLimits::new(PerMinute::default());
        assert_eq!(none.take_of_address("192.0.2.1", units(u32::MAX)), Ok(()));
    }

    #[test]
    fn buckets_that_are_full_again_are_forgotten() {
        let buckets = Buckets::of(units(u32::MAX));
        for key in 0..2 * BUCKETS_KEPT as u64 {
            buckets.take(key, units(1)).unwrap();
        }
        assert!(buckets.limiter.len() <= BUCKETS_KEPT + 1);
    }
}
