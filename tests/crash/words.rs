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
    // Of taking it away, and of building it.
    let (mut cut_off, mut wanted) = ([0; 2], false);
    for _ in 0..KILLS_MAX {
        let ward = server.client("loader");
        if cut_off.iter().all(|&times| times >= CUT_OFF) {
            break;
        }
        if people.is_building(&ward) {
            cut_off[usize::from(wanted)] += 1;
        } else {
            wanted = !wanted;
        }
        let (start, home) = server.kill();
        let types = if wanted { "[\"Patient\"]" } else { "[]" };
        server = Server::start_in(start.with("search.full_text", types), home);
        let ward = server.client("loader");
        // Half of the time it is killed before anything else is done.
        if cut_off[usize::from(wanted)] % 2 == 1 {
            people.change(&ward);
            people.demand(&ward, ASKED);
        }
    }
    let enough = cut_off.iter().all(|&times| times >= CUT_OFF);
    assert!(enough, "too few were cut off: {cut_off:?}");
    let ward = server.client("loader");
    wait_until_built(&ward, "$reindex");
    assert_eq!(is_by_index(&ward, ASKED), wanted);
    people.demand(&ward, ASKED);
}
