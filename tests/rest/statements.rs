//! The number of store statements per interaction is written down in `statements.tsv` and depends on nothing else: not on
//! the number of entries of a transaction. Counted by one client; the least of several tries, because audit records are
//! moved into the store by statements of their own now and then.

use serde_json::{Value, json};
use std::fmt::Write;
use ward_testkit::{Answer, Client, Server, Start, backends};

const EXPECTED: &str = include_str!("statements.tsv");
const TRIES: usize = 40;

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
            server: &server,
        };
        columns.push((format!("{backend:?}").to_lowercase(), meter.all()));
    }
    for (name, counted) in columns {
        let expected: Vec<(&str, u64)> = column(&name);
        let mut table = String::new();
        for (interaction, count) in &counted {
            writeln!(table, "{interaction}\t{count}").unwrap();
        }
        // Commits of a batch's entries share what the moment lets them share.
        let is_like = |(found, n): &(&str, u64), (wanted, m): &(&str, u64)| {
            found == wanted && (n == m || (*found == "batch-of-10" && n.abs_diff(*m) <= 5))
        };
        let mut pairs = counted.iter().zip(&expected);
        let is_as_written = counted.len() == expected.len() && pairs.all(|(a, b)| is_like(a, b));
        assert!(is_as_written, "on {name}:\n{table}");
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

struct Meter<'a> {
    ward: Client,
    server: &'a Server,
}

type Counts = Vec<(&'static str, u64)>;

impl Meter<'_> {
    fn all(&self) -> Counts {
        let subject = self.subject();
        let groups = [
            self.writes(&subject),
            self.reads(&subject),
            self.app_reads(&subject),
            self.searches(),
            self.operations(&subject),
            self.conditional_writes(),
            self.deletions(),
            self.bundles(),
        ];
        groups.concat()
    }

    /// A patient with five observations and two versions.
    fn subject(&self) -> String {
        let id = self.ward.post("Patient", &patient()).expect(201).id();
        let path = format!("Patient/{id}");
        for _ in 0..5 {
            let observed = json!({ "resourceType": "Observation", "status": "final", "subject": { "reference": path },
                "code": { "coding": [{ "code": "counted" }] } });
            self.ward.post("Observation", &observed).expect(201);
        }
        path
    }

    fn writes(&self, path: &str) -> Counts {
        let mut body = patient();
        body["id"] = json!(path.split('/').next_back());
        // Every update changes something: one that changes nothing may be answered without a write.
        let update = |n: usize| {
            let mut changed = body.clone();
            changed["birthDate"] = json!(format!("19{:02}", 10 + n));
            self.ward.put(path, &changed).expect(200);
        };
        vec![
            (
                "create",
                self.least(|_| drop(self.ward.post("Patient", &patient()).expect(201))),
            ),
            ("update", self.least(update)),
            (
                "patch",
                self.least(|n| drop(self.patch(path, n).expect(200))),
            ),
        ]
    }

    fn conditional_writes(&self) -> Counts {
        let mut body = identified("conditional");
        let id = self.ward.post("Patient", &body).expect(201).id();
        body["id"] = json!(id);
        let unless = |value: &str| {
            let request = self.ward.request("POST", "Patient");
            let request = request.header("If-None-Exist", &criteria(value));
            request.json(&identified(value)).send()
        };
        let by_criteria = format!("Patient?{}", criteria("conditional"));
        let update = |n: usize| {
            let mut changed = body.clone();
            changed["birthDate"] = json!(format!("18{:02}", 10 + n));
            self.ward.put(&by_criteria, &changed).expect(200);
        };
        vec![
            (
                "conditional-create",
                self.least(|n| drop(unless(&format!("new-{n}")).expect(201))),
            ),
            (
                "conditional-create-found",
                self.least(|_| drop(unless("conditional").expect(200))),
            ),
            ("conditional-update", self.least(update)),
            (
                "conditional-patch",
                self.least(|n| drop(self.patch(&by_criteria, n).expect(200))),
            ),
        ]
    }

    fn patch(&self, path: &str, n: usize) -> Answer {
        let patch =
            json!([{ "op": "replace", "path": "/birthDate", "value": format!("20{:02}", 10 + n) }]);
        let request = self.ward.request("PATCH", path);
        let patch = patch.to_string().into_bytes();
        request.body("application/json-patch+json", patch).send()
    }

    fn reads(&self, path: &str) -> Counts {
        let asked = [
            ("read", path.to_owned()),
            ("vread", format!("{path}/_history/1")),
            ("history-instance", format!("{path}/_history")),
            ("history-type", "Patient/_history?_count=5".into()),
            ("history-system", "_history?_count=5".into()),
        ];
        asked.map(|(name, url)| (name, self.of_get(&url))).into()
    }

    /// By an app whose token is bound to the patient: as many as by anybody.
    fn app_reads(&self, path: &str) -> Counts {
        let app = self.server.app(path.trim_start_matches("Patient/"));
        let read = self.least(|_| drop(app.get(path).expect(200)));
        vec![("read-by-app", read)]
    }

    fn searches(&self) -> Counts {
        let asked = [
            ("search-type", "Patient?family=Counted&_count=5"),
            (
                "search-with-include",
                "Observation?code=counted&_include=Observation:subject&_count=5",
            ),
            (
                "search-with-revinclude",
                "Patient?family=Counted&_revinclude=Observation:subject&_count=5",
            ),
            (
                "search-by-chain",
                "Observation?subject:Patient.family=Counted&_count=5",
            ),
            (
                "search-by-has",
                "Patient?_has:Observation:subject:code=counted&_count=5",
            ),
            (
                "search-sorted",
                "Patient?family=Counted&_sort=-birthdate&_count=5",
            ),
            (
                "search-with-total",
                "Patient?family=Counted&_total=accurate&_count=5",
            ),
        ];
        // What is included is counted with the rest: without any there would be less to count.
        for (name, url) in &asked[1..3] {
            let page = self.ward.get(url).expect(200).text();
            assert!(page.contains("\"mode\":\"include\""), "{name}");
        }
        asked.map(|(name, url)| (name, self.of_get(url))).into()
    }

    fn operations(&self, path: &str) -> Counts {
        let validate = |_| drop(self.ward.post("Patient/$validate", &patient()).expect(200));
        vec![
            ("$everything", self.of_get(&format!("{path}/$everything"))),
            (
                "$everything-of-all",
                self.of_get("Patient/$everything?_count=5"),
            ),
            ("$meta", self.of_get(&format!("{path}/$meta"))),
            ("$validate", self.least(validate)),
        ]
    }

    fn deletions(&self) -> Counts {
        let created = || {
            self.ward
                .post("Patient", &identified("deleted"))
                .expect(201)
                .id()
        };
        let by_criteria = format!("Patient?{}", criteria("deleted"));
        vec![
            (
                "delete",
                self.least_with(created, |id| {
                    drop(self.ward.delete(&format!("Patient/{id}")).expect(204));
                }),
            ),
            (
                "conditional-delete",
                self.least_with(created, |_| {
                    drop(self.ward.delete(&by_criteria).expect(204))
                }),
            ),
        ]
    }

    fn bundles(&self) -> Counts {
        let send = |kind: &str, entries| {
            self.least(|_| drop(self.ward.post("", &bundle(kind, entries)).expect(200)))
        };
        vec![
            ("batch-of-10", send("batch", 10)),
            ("transaction-of-10", send("transaction", 10)),
            ("transaction-of-100", send("transaction", 100)),
        ]
    }

    fn of_get(&self, url: &str) -> u64 {
        self.least(|_| drop(self.ward.get(url).expect(200)))
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
        let text = self.server.metrics();
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

fn identified(value: &str) -> Value {
    let mut body = patient();
    body["identifier"] = json!([{ "system": "http://example.org/counted", "value": value }]);
    body
}

fn criteria(value: &str) -> String {
    format!("identifier=http://example.org/counted|{value}")
}

/// A patient and observations; in a batch, which knows no identities of its own, they are about nobody.
fn bundle(kind: &str, entries: usize) -> Value {
    let subject = "urn:uuid:0d9a3a3c-5f0e-4b6e-8d57-1f6c3e8f2b11";
    let mut observation =
        json!({ "resourceType": "Observation", "status": "final", "code": { "text": "x" } });
    if kind == "transaction" {
        observation["subject"] = json!({ "reference": subject });
    }
    let mut entry = vec![
        json!({ "fullUrl": subject, "resource": patient(), "request": { "method": "POST", "url": "Patient" } }),
    ];
    entry.resize(
        entries,
        json!({ "resource": observation, "request": { "method": "POST", "url": "Observation" } }),
    );
    json!({ "resourceType": "Bundle", "type": kind, "entry": entry })
}
