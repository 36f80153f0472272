//! HTTP: routes, negotiation, headers, limits. The only user of actix-web.
//!
//! This crate must *not* know: what an interaction does, SQL, or who may see what.

mod accept;
mod accept_encoding;
mod answers;
mod bearer;
mod body;
mod break_glass;
mod cors;
mod demo_app;
mod fhir;
mod headers;
mod metrics;
mod pages;
mod rate_limits;
mod request;
mod respond;
mod server;
mod smart;
mod tls;
mod weight;
mod witness;

pub use answers::{Answers, CLASSES};
pub use metrics::Metrics;
pub use pages::read::ReadPage;
pub use rate_limits::{PerMinute, RateLimits};
pub use server::{Running, ServerSettings, Service, start, start_metrics};
pub use smart::{Answering, Authority};
pub use tls::{HANDSHAKE_TIMEOUT, client_certificate};

/// Runs a future on the runtime that the listeners need.
pub fn block_on<F: std::future::Future>(future: F) -> F::Output {
    actix_web::rt::System::new().block_on(future)
}
