//! The server is killed while it builds an index, again and again: it goes on by itself, and every answer is exact.

use super::Random;
use crate::rest::reindex::{definition, people, person, wait_until_built};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;
use ward_testkit::{Backend, Client, Server, Start, backends};

const PATIENTS: usize = 600;
const KILLS: usize = 5;

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
    let mut random = Random(7);
    let mut server = Server::start(Start::empty(backend));
    let mut ward = server.client("loader");
    for first in (0..PATIENTS).step_by(300) {
        ward.post("", &people(first..first + 300)).expect(200);
    }
    let mut red: BTreeSet<usize> = (0..PATIENTS).filter(|at| at % 3 == 0).collect();
    ward.put("SearchParameter/colour", &definition("colour", "token"))
        .expect(201);
    let mut cut_off = 0;
    for _ in 0..KILLS {
        std::thread::sleep(Duration::from_millis(random.between(50, 350)));
        cut_off += usize::from(ward.get("$reindex").status == 202);
        let (start, home) = server.kill();
        server = Server::start_in(start, home);
        ward = server.client("loader");
        for _ in 0..8 {
            let at = random.between(0, PATIENTS as u64) as usize;
            let colour = ["red", "blue"][at % 2];
            ward.put(&format!("Patient/p{at}"), &person(at, colour))
                .expect(200);
            match at % 2 {
                0 => red.insert(at),
                _ => red.remove(&at),
            };
        }
        assert_eq!(total(&ward), red.len(), "while it is built");
    }
    assert!(cut_off > 0, "nothing was cut off");
    wait_until_built(&ward, "$reindex");
    let explained = ward.get("Patient?colour=red&explain=true").expect(200);
    let lines = explained.text();
    assert!(
        lines.contains("looking at each resource: nothing"),
        "{lines}"
    );
    assert_eq!(total(&ward), red.len());
    let page = ward
        .get("Patient?colour=red&_count=1000")
        .expect(200)
        .json();
    let entries = page["entry"].as_array().unwrap().iter();
    let found: BTreeSet<usize> = entries.map(|e| number(&e["resource"]["id"])).collect();
    assert_eq!(found, red);
    println!("{backend:?}: cut off {cut_off} times");
}

fn total(ward: &Client) -> usize {
    let page = ward.get("Patient?colour=red&_count=0&_total=accurate");
    page.expect(200).json()["total"].as_u64().unwrap() as usize
}

fn number(id: &Value) -> usize {
    id.as_str().unwrap()[1..].parse().unwrap()
}
