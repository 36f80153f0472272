//! The RESTful API, interaction by interaction. <https://hl7.org/fhir/R4/http.html>

mod app_state;
mod as_long;
mod audit_events;
pub mod backend_service;
mod bad_input;
mod bearer;
mod break_glass;
mod bundles;
mod capabilities;
mod conditional;
mod cors;
mod crud;
mod elements;
mod everything;
mod fhir_user;
mod formats;
mod history;
mod labels;
mod operations;
mod patch;
mod published;
mod purposes;
mod rate_limits;
pub mod reindex;
pub mod routes;
mod scopes;
mod scopes_denied;
mod scopes_granular;
mod search;
mod search_cancel;
mod search_include;
mod search_limits;
mod search_operations;
mod search_places;
mod search_score;
mod search_shape;
mod search_tables;
mod shifts;
mod statements;
mod token_endpoint;
mod written_as;

pub use search_tables::encoded;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use ward_testkit::{Backend, Client, Server, Start, backends};

/// One shared server per store for tests that only add to it.
pub fn server(backend: Backend) -> &'static Server {
    static SQLITE: OnceLock<Server> = OnceLock::new();
    static POSTGRES: OnceLock<Server> = OnceLock::new();
    let cell = match backend {
        Backend::Sqlite => &SQLITE,
        Backend::Postgres => &POSTGRES,
    };
    cell.get_or_init(|| Server::start(Start::empty(backend)))
}

/// Runs a conversation on both stores, as the caller with all rights.
pub fn on_both(conversation: impl Fn(&Client)) {
    for backend in backends() {
        println!("on {backend:?}");
        conversation(&server(backend).client("loader"));
    }
}

/// Runs a conversation on a server of its own per store: for what needs settings, or counts what is there.
pub fn on_own(settings: &[(&str, &str)], conversation: impl Fn(&Server, &Client)) {
    for backend in backends() {
        println!("on {backend:?}");
        let start = settings
            .iter()
            .fold(Start::empty(backend), |start, (option, value)| {
                start.with(option, value)
            });
        let server = Server::start(start);
        conversation(&server, &server.client("loader"));
    }
}

/// A word that no other test uses, for identifiers that select one test's resources.
pub fn unique(word: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{word}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Compares with the checked-in file, or writes it when `WARD_BLESS` is set.
pub fn expect_file(name: &str, actual: &str) {
    expect_document(&format!("tests/rest/{name}"), actual);
}

/// The same of a file of the checkout.
pub fn expect_document(name: &str, actual: &str) {
    let path = format!("{}/../{name}", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("WARD_BLESS").is_some() {
        std::fs::write(&path, actual).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let differing: Vec<String> = expected
        .lines()
        .chain(actual.lines())
        .filter(|line| expected.contains(*line) != actual.contains(*line))
        .map(str::to_owned)
        .collect();
    assert!(
        expected == actual,
        "{name} differs (WARD_BLESS=1 rewrites it):\n{}",
        differing.join("\n")
    );
}
