//! The number of store statements per interaction is written down in `statements.tsv` and depends on nothing else: not on
//! the number of entries of a transaction. Counted by one client; the least of several tries, because audit records are
//! moved into the store by statements of their own now and then.

use serde_json::{Value, json};
use std::fmt::Write;
use ward_testkit::{Client, Server, Start, backends};

const EXPECTED: &str = include_str!("statements.tsv");
const TRIES: usize = 8;

#[test]
fn statements_per_interaction_are_as_written_down() {
    let mut columns = Vec::new();
    for backend in backends() {
        let server = Server::start(
            Start::empty(backend)
                .with("server.metrics_listen", "127.0.0.1:0")
                .with("log.format", "json"),
        );
        let meter = Meter {
            ward: server.client("loader"),
            metrics: server.anonymous(),
            address: metrics_address(&server),
        };
        columns.push((format!("{backend:?}").to_lowercase(), meter.all()));
    }
    for (name, counted) in columns {
        let expected: Vec<(&str, u64)> = column(&name);
        let mut table = String::new();
        for (interaction, count) in &counted {
            writeln!(table, "{interaction}\t{count}").unwrap();
        }
        assert_eq!(counted, expected, "on {name}:\n{table}");
    }
}

/// The rows of `statements.tsv` for one store.
fn column(name: &str) -> Vec<(&'static str, u64)> {
    let mut rows = EXPECTED
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>());
    let place = rows
        .next()
        .unwrap()
        .iter()
        .position(|n| *n == name)
        .unwrap();
    rows.map(|row| (row[0], row[place].parse().unwrap()))
        .collect()
}

/// The listener says in the log which port it got.
fn metrics_address(server: &Server) -> String {
    let log = std::fs::read_to_string(server.data().join("server.log")).unwrap();
    let lines = log
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut told = lines.filter(|line| line["fields"]["message"] == "serving metrics");
    told.next().unwrap()["fields"]["address"]
        .as_str()
        .unwrap()
        .to_owned()
}

struct Meter {
    ward: Client,
    metrics: Client,
    address: String,
}

impl Meter {
    fn all(&self) -> Vec<(&'static str, u64)> {
        let id = self.ward.post("Patient", &patient()).expect(201).id();
        let path = format!("Patient/{id}");
        for _ in 0..5 {
            let observed = json!({ "resourceType": "Observation", "status": "final", "subject": { "reference": path },
                "code": { "coding": [{ "code": "counted" }] } });
            self.ward.post("Observation", &observed).expect(201);
        }
        let mut body = patient();
        body["id"] = json!(id);
        // Every update changes something: one that changes nothing may be answered without a write.
        let update = |n: usize| {
            let mut changed = body.clone();
            changed["birthDate"] = json!(format!("19{:02}", 10 + n));
            self.ward.put(&path, &changed).expect(200);
        };
        vec![
            (
                "create",
                self.least(|_| drop(self.ward.post("Patient", &patient()).expect(201))),
            ),
            ("update", self.least(update)),
            (
                "read",
                self.least(|_| drop(self.ward.get(&path).expect(200))),
            ),
            (
                "vread",
                self.least(|_| drop(self.ward.get(&format!("{path}/_history/1")).expect(200))),
            ),
            (
                "history-instance",
                self.least(|_| drop(self.ward.get(&format!("{path}/_history")).expect(200))),
            ),
            (
                "search-type",
                self.least(|_| drop(self.ward.get("Patient?family=Counted&_count=5").expect(200))),
            ),
            (
                "search-with-include",
                self.least(|_| {
                    drop(
                        self.ward
                            .get("Observation?code=counted&_include=Observation:subject&_count=5")
                            .expect(200),
                    )
                }),
            ),
            (
                "search-with-revinclude",
                self.least(|_| {
                    drop(
                        self.ward
                            .get("Patient?family=Counted&_revinclude=Observation:subject&_count=5")
                            .expect(200),
                    )
                }),
            ),
            (
                "delete",
                self.least_with(
                    || self.ward.post("Patient", &patient()).expect(201).id(),
                    |id| drop(self.ward.delete(&format!("Patient/{id}")).expect(204)),
                ),
            ),
            (
                "transaction-of-10",
                self.least(|_| drop(self.ward.post("", &bundle(10)).expect(200))),
            ),
            (
                "transaction-of-100",
                self.least(|_| drop(self.ward.post("", &bundle(100)).expect(200))),
            ),
        ]
    }

    fn least(&self, mut act: impl FnMut(usize)) -> u64 {
        let count = |n| {
            let before = self.statements();
            act(n);
            self.statements() - before
        };
        (0..TRIES).map(count).min().unwrap()
    }

    /// The preparation is not counted.
    fn least_with(&self, prepare: impl Fn() -> String, act: impl Fn(String)) -> u64 {
        let count = |_| {
            let prepared = prepare();
            let before = self.statements();
            act(prepared);
            self.statements() - before
        };
        (0..TRIES).map(count).min().unwrap()
    }

    fn statements(&self) -> u64 {
        let text = self
            .metrics
            .get(&format!("http://{}/metrics", self.address))
            .expect(200)
            .text();
        let line = text
            .lines()
            .find_map(|l| l.strip_prefix("ward_store_statements_total "));
        line.unwrap_or_else(|| panic!("no count of statements:\n{text}"))
            .parse()
            .unwrap()
    }
}

fn patient() -> Value {
    json!({ "resourceType": "Patient", "name": [{ "family": "Counted" }], "birthDate": "1970" })
}

fn bundle(entries: usize) -> Value {
    let subject = "urn:uuid:0d9a3a3c-5f0e-4b6e-8d57-1f6c3e8f2b11";
    let observation = json!({ "resourceType": "Observation", "status": "final", "code": { "text": "x" }, "subject": { "reference": subject } });
    let mut entry = vec![
        json!({ "fullUrl": subject, "resource": patient(), "request": { "method": "POST", "url": "Patient" } }),
    ];
    entry.resize(
        entries,
        json!({ "resource": observation, "request": { "method": "POST", "url": "Observation" } }),
    );
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entry })
}
