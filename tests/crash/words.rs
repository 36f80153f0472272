//! The server is killed while it builds the index of words, and while it takes it away: it goes on by itself, and every answer is exact.

use super::indexing::{CUT_OFF, KILLS_MAX, People, is_by_index};
use crate::rest::reindex::wait_until_built;
use ward_testkit::{Backend, Server, Start, backends};

const ASKED: &str = "_content=red";

#[test]
fn words_are_whole_however_often_their_building_is_cut_off_on_sqlite() {
    if backends().contains(&Backend::Sqlite) {
        survive(Backend::Sqlite);
    }
}

#[test]
fn words_are_whole_however_often_their_building_is_cut_off_on_postgres() {
    if backends().contains(&Backend::Postgres) {
        survive(Backend::Postgres);
    }
}

fn survive(backend: Backend) {
    let mut server = Server::start(Start::empty(backend));
    let mut people = People::load(&server.client("loader"), 11);
    // Built, and taken away.
    for wanted in [true, false] {
        server = cut_off(server, wanted, &mut people);
        let ward = server.client("loader");
        wait_until_built(&ward, "$reindex");
        assert_eq!(is_by_index(&ward, ASKED), wanted);
        people.demand(&ward, ASKED);
    }
}

/// Killed in the middle, with changes between.
fn cut_off(server: Server, wanted: bool, people: &mut People) -> Server {
    let mut server = restarted(server, wanted);
    let mut cut_off = 0;
    for _ in 0..KILLS_MAX {
        if cut_off == CUT_OFF {
            return server;
        }
        if people.is_building(&server.client("loader")) {
            cut_off += 1;
            server = restarted(server, wanted);
            let ward = server.client("loader");
            people.change(&ward);
            people.demand(&ward, ASKED);
        } else {
            // It was there before it could be cut off: undone, and begun again.
            server = restarted(server, !wanted);
            wait_until_built(&server.client("loader"), "$reindex");
            server = restarted(server, wanted);
        }
    }
    panic!("cut off {cut_off} times only")
}

fn restarted(server: Server, wanted: bool) -> Server {
    let (start, home) = server.kill();
    let types = if wanted { "[\"Patient\"]" } else { "[]" };
    Server::start_in(start.with("search.full_text", types), home)
}
