//! What every request leaves in the audit log, no more and no less: `docs/audit-events.md`, on both stores.

mod collector;
mod itself;
pub mod left;
mod people;
mod received;
mod routes;
mod stream;
mod syslog;
mod table;

use crate::rest::expect_document;
use ward_testkit::{Backend, Server, Start, backends};

#[test]
fn every_request_leaves_the_events_of_the_table() {
    let mut told: Option<(Backend, String)> = None;
    for backend in backends() {
        println!("on {backend:?}");
        let server = Server::start(start(backend));
        let mut table = table::Table::default();
        routes::ask_all(&server, &mut table);
        people::ask_all(&server, &mut table);
        let (_, home) = server.stop();
        let left = left::Left::of(&home);
        let text = table.written(&left);
        if let Some((first, before)) = &told {
            table::demand_same(before, &text, (first, &backend));
        }
        told = Some((backend, text));
    }
    let (_, text) = told.expect("some store");
    expect_document("docs/audit-events.md", &text);
}

#[test]
fn every_route_has_its_rows() {
    table::demand_complete(&crate::docs::text("docs/audit-events.md"));
}

fn start(backend: Backend) -> Start {
    // Limits are for other tests.
    Start::empty(backend).with("smart.open_registration", "true")
}
