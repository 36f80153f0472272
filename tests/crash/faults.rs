//! What cannot be recorded is not answered: with a full disk below the local log, and with the database gone.

use super::audit::check_recorded;
use serde_json::json;
use std::process::Command;
use std::time::{Duration, Instant};
use ward_testkit::{Answer, Backend, Home, Server, Start, backends};

/// Of the disk that the log gets: its first segment, and no room for the next.
const DISK: &str = "size=5m";
const REQUESTS_MAX: usize = 60_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// A small disk below the local log of a data folder.
struct Disk(String);

impl Disk {
    /// `None`: only root can mount one.
    fn below(home: &Home) -> Option<Disk> {
        let folder = home.folder.path().join("audit-log");
        std::fs::create_dir_all(&folder).unwrap();
        let folder = folder.display().to_string();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", DISK, "tmpfs", &folder])
            .status();
        match mounted.is_ok_and(|status| status.success()) {
            true => Some(Disk(folder)),
            false => {
                println!("no disk of its own can be mounted here: not shown");
                None
            }
        }
    }

    fn grow(&self) {
        let grown = Command::new("mount")
            .args(["-o", "remount,size=200m", &self.0])
            .status();
        assert!(grown.unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l", &self.0]).status();
    }
}

fn id(answer: &Answer) -> [u8; 16] {
    let number = u128::from_str_radix(answer.header("x-request-id").unwrap(), 16);
    number.unwrap().to_be_bytes()
}

/// Nothing of the data is in an answer that could not be recorded.
fn demand_withheld(answer: &Answer, word: &str) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(!answer.text().contains(word), "{}", answer.text());
}

#[test]
fn on_a_full_disk_nothing_is_answered_that_is_not_recorded() {
    for backend in backends() {
        let database =
            (backend == Backend::Postgres).then(ward_testkit::postgres::Database::create);
        let folder = tempfile::tempdir().unwrap();
        let home = Home { folder, database };
        // The folder gets its key; what was recorded by then lies in the store.
        let (start, home) = Server::start_in(Start::empty(backend), home).stop();
        let Some(disk) = Disk::below(&home) else {
            return;
        };
        let server = Server::start_in(start, home);
        let ward = server.client("loader");
        let person = json!({ "resourceType": "Patient", "name": [{ "family": "Fulldisk" }] });
        let made = ward.post("Patient", &person).expect(201);
        let path = format!("Patient/{}", made.id());
        let mut answered = vec![id(&made)];
        let begun = Instant::now();
        let refused = loop {
            // Long ones: the segment is full sooner.
            let asked = format!("Patient?_id={}&name={}", made.id(), "x".repeat(3_000));
            let answer = ward.get(&asked);
            match answer.status {
                200 => answered.push(id(&answer)),
                _ => break answer,
            }
            assert!(answered.len() < REQUESTS_MAX, "the disk is never full");
        };
        println!(
            "{backend:?}: full after {} answers, {:?}",
            answered.len(),
            begun.elapsed()
        );
        demand_withheld(&refused, "Fulldisk");
        for path in [
            path.as_str(),
            "Patient?_count=1",
            "Patient/absent",
            "metadata",
        ] {
            demand_withheld(&ward.get(path), "Fulldisk");
        }
        demand_withheld(&server.anonymous().get(&path), "Fulldisk");
        // A write is recorded where it is committed.
        let written = ward.post("Patient", &person);
        if written.status == 201 {
            answered.push(id(&written));
        }
        disk.grow();
        let (start, home) = server.kill();
        let server = Server::start_in(start, home);
        server.client("loader").get(&path).expect(200);
        let (_, home) = server.stop();
        check_recorded(&home, &answered);
        // Before the folder that it is mounted in.
        drop(disk);
    }
}

#[test]
fn while_the_database_is_gone_nothing_is_answered_that_is_not_recorded() {
    if !backends().contains(&Backend::Postgres) {
        return;
    }
    let server = Server::start(Start::empty(Backend::Postgres));
    let ward = server.client("loader");
    let person = json!({ "resourceType": "Patient", "name": [{ "family": "Nodatabase" }] });
    let path = format!("Patient/{}", ward.post("Patient", &person).expect(201).id());
    let mut answered = Vec::new();
    let mut ask = |expected: u16| {
        let answer = ward.get(&path);
        assert_eq!(answer.status, expected, "{}", answer.text());
        // That it was refused is recorded, too.
        answered.push(id(&answer));
        answer
    };
    ask(200);
    let database = server.home.database.as_ref().unwrap();
    database.close();
    for _ in 0..5 {
        demand_withheld(&ask(503), "Nodatabase");
    }
    assert_eq!(ward.post("Patient", &person).status, 503);
    // Long enough to be noticed as an outage.
    std::thread::sleep(Duration::from_secs(2));
    database.open();
    let begun = Instant::now();
    while ward.get(&path).status != 200 {
        assert!(
            begun.elapsed() < PATIENCE,
            "the database does not come back"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    std::thread::sleep(Duration::from_secs(1));
    let (_, home) = server.stop();
    check_recorded(&home, &answered);
    let records = crate::audit::left::read(&home);
    let told = |name: &str| records.iter().filter(|r| r.interaction == name).count();
    assert_eq!((told("outage"), told("back")), (1, 1));
}
