//! The server is killed while it builds an index, again and again: it goes on by itself, and every answer is exact.

use super::Random;
use crate::rest::reindex::{definition, people, person, wait_until_built};
use std::collections::BTreeSet;
use std::time::Duration;
use ward_testkit::{Backend, Client, Server, Start, backends};

/// Enough that building takes longer than a start, and those who are red stay fewer than a page holds.
const PATIENTS: usize = 1_800;
const LOADED_AT_ONCE: usize = 300;
/// Kills that must meet a building, and kills that may be needed for them.
pub const CUT_OFF: usize = 3;
pub const KILLS_MAX: usize = 40;

#[test]
fn an_index_is_whole_however_often_its_building_is_cut_off_on_sqlite() {
    if backends().contains(&Backend::Sqlite) {
        survive(Backend::Sqlite);
    }
}

#[test]
fn an_index_is_whole_however_often_its_building_is_cut_off_on_postgres() {
    if backends().contains(&Backend::Postgres) {
        survive(Backend::Postgres);
    }
}

fn survive(backend: Backend) {
    let mut server = Server::start(Start::empty(backend));
    let mut people = People::load(&server.client("loader"), 7);
    let (mut cut_off, mut defined) = (0, 0);
    for _ in 0..KILLS_MAX {
        let ward = server.client("loader");
        if cut_off == CUT_OFF {
            break;
        }
        // What has been built cannot be cut off: another one is begun.
        if ward.get("$reindex").status == 200 {
            defined += 1;
            let (code, mut colour) = (code(defined), definition("colour", "token"));
            for (name, value) in [
                ("id", code.clone()),
                ("url", format!("http://example.org/{code}")),
                ("code", code.clone()),
            ] {
                colour[name] = value.into();
            }
            ward.put(&format!("SearchParameter/{code}"), &colour)
                .expect(201);
        }
        cut_off += usize::from(people.is_building(&ward));
        let (start, home) = server.kill();
        server = Server::start_in(start, home);
        let ward = server.client("loader");
        people.change(&ward);
        people.demand(&ward, &format!("{}=red", code(defined)));
    }
    assert_eq!(cut_off, CUT_OFF, "too few were cut off");
    let ward = server.client("loader");
    wait_until_built(&ward, "$reindex");
    for at in 1..=defined {
        let asked = format!("{}=red", code(at));
        assert!(is_by_index(&ward, &asked), "{asked}");
        people.demand(&ward, &asked);
    }
}

fn code(at: usize) -> String {
    format!("colour{at}")
}

/// Whether the question is answered without looking at a resource.
pub fn is_by_index(ward: &Client, asked: &str) -> bool {
    let explained = ward.get(&format!("Patient?{asked}&explain=true"));
    let lines = explained.expect(200).text();
    lines.contains("looking at each resource: nothing")
}

/// Patients with a colour, who change it.
pub struct People {
    random: Random,
    red: BTreeSet<usize>,
}

impl People {
    pub fn load(ward: &Client, seed: u64) -> People {
        for first in (0..PATIENTS).step_by(LOADED_AT_ONCE) {
            ward.post("", &people(first..first + LOADED_AT_ONCE))
                .expect(200);
        }
        let red = (0..PATIENTS).filter(|at| at % 3 == 0).collect();
        People {
            random: Random(seed),
            red,
        }
    }

    /// After a while of another length each time.
    pub fn is_building(&mut self, ward: &Client) -> bool {
        std::thread::sleep(Duration::from_millis(self.random.between(0, 100)));
        ward.get("$reindex").status == 202
    }

    pub fn change(&mut self, ward: &Client) {
        for _ in 0..8 {
            let at = self.random.between(0, PATIENTS as u64) as usize;
            let colour = ["red", "blue"][at % 2];
            ward.put(&format!("Patient/p{at}"), &person(at, colour))
                .expect(200);
            match at % 2 {
                0 => self.red.insert(at),
                _ => self.red.remove(&at),
            };
        }
    }

    /// Those who are red, all of them and nobody else.
    pub fn demand(&self, ward: &Client, asked: &str) {
        let page = ward.get(&format!("Patient?{asked}&_count=1000&_total=accurate"));
        let page = page.expect(200).json();
        assert_eq!(page["total"], self.red.len(), "{asked}");
        let entries = page["entry"].as_array().unwrap().iter();
        let ids = entries.map(|e| e["resource"]["id"].as_str().unwrap()[1..].parse().unwrap());
        assert_eq!(ids.collect::<BTreeSet<usize>>(), self.red, "{asked}");
    }
}
