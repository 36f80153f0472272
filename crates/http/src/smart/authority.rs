//! The authorization server as this crate asks it.

use std::future::Future;
use std::pin::Pin;
use ward_smart::{Answer, AuthorizationServer, Endpoint, Request};

pub trait Authority: Send + Sync {
    /// Never fails, and leaves one audit record.
    fn answer<'a>(&'a self, endpoint: Endpoint, request: Request<'a>) -> Answering<'a>;

    /// Whether scripts of this origin are of a registered client (S12).
    fn allows_origin(&self, origin: &str) -> bool;
}

impl Authority for AuthorizationServer {
    fn answer<'a>(&'a self, endpoint: Endpoint, request: Request<'a>) -> Answering<'a> {
        Box::pin(AuthorizationServer::answer(self, endpoint, request))
    }

    fn allows_origin(&self, origin: &str) -> bool {
        self.registry().allows_origin(origin)
    }
}

/// The pending answer of [`Authority::answer`].
pub type Answering<'a> = Pin<Box<dyn Future<Output = Answer> + 'a>>;
