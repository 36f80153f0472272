//! Tokens that will not do.

use crate::rest::backend_service::{BackendService, Holder};
use ward_testkit::{Backend, Server, Start, free_port};

/// A server, and tokens of the demo's loader that will not do there: of an hour ago, of the same server at another address,
/// taken back, and without the proof that they are bound to.
pub fn with_void_tokens(backend: Backend) -> (Server, Vec<(&'static str, String)>) {
    let here = Start::empty(backend)
        .at(free_port())
        .with("smart.open_registration", "true");
    let an_hour_ago = here
        .clone()
        .variable("LD_PRELOAD", FAKETIME)
        .variable("FAKETIME", "-3600s");
    let former = Server::start(an_hour_ago);
    let mut service = BackendService::of(&former);
    service.clock_s = -3600;
    let expired = service.token();
    let (_, home) = former.stop();
    let other = Server::start_in(Start::empty(backend), home);
    let elsewhere = BackendService::of(&other).token();
    let (_, home) = other.stop();
    let server = Server::start_in(here, home);
    let service = BackendService::of(&server);
    let revoked = service.token();
    service.revoke(&revoked);
    let bound = service.bound_token(&mut Holder::new());
    let void = [
        ("expired", expired),
        ("elsewhere", elsewhere),
        ("revoked", revoked),
        ("bound", bound),
    ];
    (server, void.into())
}

/// Debian's libfaketime: the process that has it sees another time.
const FAKETIME: &str = "/usr/$LIB/faketime/libfaketimeMT.so.1";
