//! The server is killed while it builds the index of words, and while it takes it away: it goes on by itself, and every answer is exact.

use super::Random;
use crate::rest::reindex::{people, person, wait_until_built};
use std::collections::BTreeSet;
use std::time::Duration;
use ward_testkit::{Backend, Client, Home, Server, Start, backends};

const PATIENTS: usize = 600;
const KILLS: usize = 4;

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
    let server = Server::start(Start::empty(backend));
    let ward = server.client("loader");
    for first in (0..PATIENTS).step_by(300) {
        ward.post("", &people(first..first + 300)).expect(200);
    }
    let mut story = Story {
        random: Random(11),
        red: (0..PATIENTS).filter(|at| at % 3 == 0).collect(),
        cut_off: 0,
    };
    let (start, home) = server.kill();
    let start = start.with("search.full_text", "[\"Patient\"]");
    let server = story.kills(Server::start_in(start, home));
    wait_until_built(&server.client("loader"), "$reindex");
    assert!(is_by_index(&server.client("loader")));
    story.demand(&server.client("loader"));
    // No longer wanted.
    let (start, home) = server.kill();
    let start = start.with("search.full_text", "[]");
    let server = story.kills(Server::start_in(start, home));
    wait_until_built(&server.client("loader"), "$reindex");
    assert!(!is_by_index(&server.client("loader")));
    story.demand(&server.client("loader"));
    assert!(story.cut_off > 0, "nothing was cut off");
    println!("{backend:?}: cut off {} times", story.cut_off);
}

struct Story {
    random: Random,
    /// Numbers of those whose record has the word.
    red: BTreeSet<usize>,
    cut_off: usize,
}

impl Story {
    /// Ended again and again, with changes between.
    fn kills(&mut self, mut server: Server) -> Server {
        for _ in 0..KILLS {
            std::thread::sleep(Duration::from_millis(self.random.between(50, 350)));
            let building = server.client("loader").get("$reindex").status == 202;
            self.cut_off += usize::from(building);
            let (start, home): (Start, Home) = server.kill();
            server = Server::start_in(start, home);
            let ward = server.client("loader");
            for _ in 0..8 {
                self.change(&ward);
            }
            self.demand(&ward);
        }
        server
    }

    fn change(&mut self, ward: &Client) {
        let at = self.random.between(0, PATIENTS as u64) as usize;
        let colour = ["red", "blue"][at % 2];
        ward.put(&format!("Patient/p{at}"), &person(at, colour))
            .expect(200);
        match at % 2 {
            0 => self.red.insert(at),
            _ => self.red.remove(&at),
        };
    }

    fn demand(&self, ward: &Client) {
        let page = ward.get("Patient?_content=red&_count=1000&_total=accurate");
        let page = page.expect(200).json();
        assert_eq!(page["total"], self.red.len());
        let entries = page["entry"].as_array().unwrap().iter();
        let ids = entries.map(|e| e["resource"]["id"].as_str().unwrap()[1..].parse().unwrap());
        assert_eq!(ids.collect::<BTreeSet<usize>>(), self.red);
    }
}

fn is_by_index(ward: &Client) -> bool {
    let explained = ward.get("Patient?_content=red&explain=true").expect(200);
    explained
        .text()
        .contains("looking at each resource: nothing")
}
