//! What the documents say, done as they say it.

mod auditing;
mod consent;
mod readme;
mod replay;
mod requests;
mod smart;
mod tables;

use ward_testkit::{Backend, Server, Start};

/// A server with the synthetic hospital, as `ward serve --demo` gives it.
fn demo(backend: Backend) -> Server {
    Server::start(Start {
        filled: true,
        ..Start::empty(backend)
    })
}

/// A file of the checkout.
pub fn text(path: &str) -> String {
    let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}
