//! What a request to the authorization server costs, and who pays: the client that proves who it is, else the address. (C17, X74)

use crate::rate_limits::{Exceeded, RateLimits, cost_of};
use crate::server::Service;
use actix_web::HttpRequest;
use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use ward_smart::{Endpoint, Meter};

pub struct Metered {
    limits: Arc<RateLimits>,
    source: String,
    units: NonZeroU32,
}

impl Metered {
    pub fn of(request: &HttpRequest, service: &Service, endpoint: Endpoint) -> Metered {
        Metered {
            limits: service.rate_limits.clone(),
            source: super::source(request),
            units: cost_of(endpoint),
        }
    }

    /// What is taken before anything is looked at: of the address in any case what all of its requests share, and what nobody has
    /// proved where no client does so.
    pub fn take_before(&self, endpoint: Endpoint) -> Result<(), Exceeded> {
        self.limits.take_of_address(&self.source, self.units)?;
        match endpoint.is_for_known_clients() {
            true => Ok(()),
            false => self.limits.take_unauthenticated(&self.source, self.units),
        }
    }
}

impl Meter for Metered {
    fn take_of_client(&self, client_id: &str, budget: Option<u32>) -> Result<(), i64> {
        waits(self.limits.take_of_client(client_id, budget, self.units))
    }

    fn take_of_address(&self) -> Result<(), i64> {
        waits(self.limits.take_unauthenticated(&self.source, self.units))
    }
}

fn waits(taken: Result<(), Exceeded>) -> Result<(), i64> {
    taken.map_err(|exceeded| i64::try_from(exceeded.wait_s).unwrap_or(i64::MAX))
}

impl fmt::Debug for Metered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metered")
            .field("units", &self.units)
            .finish_non_exhaustive()
    }
}
