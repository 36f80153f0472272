//! What one client does until the server dies: every kind of write, and reads between them.

use super::Random;
use super::ledger::{Attempt, Kept, Keyed, Transaction, version};
use serde_json::{Value, json};
use ward_testkit::{Answer, Client};

pub const TAGS: &str = "urn:ward:crash";
/// Conditional creates of one round have so many criteria between them, so that clients meet.
const KEYS_PER_ROUND: u64 = 4;

/// One client between two kills. Each client changes only resources of its own.
pub struct Visit {
    name: String,
    random: Random,
    steps: usize,
    pub kept: Vec<Kept>,
    /// Made by a transaction of this visit, and left alone for as long: their tags are counted.
    pub made: Vec<Kept>,
    pub transactions: Vec<Transaction>,
    /// What was created under a condition that other clients have too.
    pub keyed: Vec<Keyed>,
    pub writes: usize,
    /// Request ids of all that was acknowledged.
    pub answered: Vec<[u8; 16]>,
}

impl Visit {
    pub fn new(round: usize, client: u64, kept: Vec<Kept>, random: Random) -> Visit {
        Visit {
            name: format!("r{round}c{client}"),
            random,
            steps: 0,
            kept,
            made: Vec::new(),
            transactions: Vec::new(),
            keyed: Vec::new(),
            writes: 0,
            answered: Vec::new(),
        }
    }

    /// One request; `None` when the server is gone.
    pub fn step(&mut self, ward: &Client) -> Option<()> {
        self.steps += 1;
        match (self.random.between(0, 16), self.kept.is_empty()) {
            (0..=3, _) => self.create(ward),
            (4..=5, _) => self.conditional_create(ward),
            (6..=8, _) => self.transaction(ward),
            (_, true) => self.create(ward),
            (9..=10, _) => self.update(ward),
            (11..=12, _) => self.patch(ward),
            (13, _) => self.delete(ward),
            _ => self.read(ward),
        }
    }

    fn name(&self) -> String {
        format!("{}n{}", self.name, self.steps)
    }

    fn choose(&mut self) -> &mut Kept {
        let chosen = self.random.between(0, self.kept.len() as u64) as usize;
        &mut self.kept[chosen]
    }

    fn create(&mut self, ward: &Client) -> Option<()> {
        let family = self.name();
        let request = ward.request("POST", "Patient").json(&patient(&family));
        let answer = request.try_send()?.expect(201);
        self.writes += 1;
        self.answered.push(request_id(&answer));
        self.kept.push(Kept::new(&answer.id(), family));
        Some(())
    }

    /// Several clients send the same, now and later: one resource is made, and all are told which.
    fn conditional_create(&mut self, ward: &Client) -> Option<()> {
        let round = self.name.split('c').next().unwrap();
        let key = format!("{round}k{}", self.random.between(0, KEYS_PER_ROUND));
        self.keyed.push(Keyed::attempted(&key));
        let mut body = patient(&key);
        body["identifier"] = json!([{ "system": TAGS, "value": key }]);
        let request = ward
            .request("POST", "Patient")
            .header("If-None-Exist", &format!("identifier={TAGS}|{key}"));
        let answer = request.json(&body).try_send()?;
        assert!(matches!(answer.status, 200 | 201), "{}", answer.text());
        self.writes += usize::from(answer.status == 201);
        self.answered.push(request_id(&answer));
        self.keyed.last_mut().unwrap().id = Some(answer.id());
        Some(())
    }

    /// What was deleted comes back by an update.
    fn update(&mut self, ward: &Client) -> Option<()> {
        let family = self.name();
        let kept = self.choose();
        let mut body = patient(&family);
        body["id"] = json!(kept.id());
        kept.attempted = Some(Attempt::Change(family));
        let status = if kept.is_deleted { 201 } else { 200 };
        let request = ward.request("PUT", &kept.path).json(&body);
        let answer = request.try_send()?.expect(status);
        kept.acknowledge();
        assert_eq!(version(&answer.json()), kept.version);
        self.writes += 1;
        self.answered.push(request_id(&answer));
        Some(())
    }

    fn patch(&mut self, ward: &Client) -> Option<()> {
        let family = self.name();
        let kept = self.choose();
        if kept.is_deleted {
            return self.update(ward);
        }
        let patch = json!([{ "op": "replace", "path": "/name/0/family", "value": family }]);
        kept.attempted = Some(Attempt::Change(family));
        let request = ward.request("PATCH", &kept.path);
        let patch = patch.to_string().into_bytes();
        let answer = request.body("application/json-patch+json", patch);
        let answer = answer.try_send()?.expect(200);
        kept.acknowledge();
        assert_eq!(version(&answer.json()), kept.version);
        self.writes += 1;
        self.answered.push(request_id(&answer));
        Some(())
    }

    fn delete(&mut self, ward: &Client) -> Option<()> {
        let kept = self.choose();
        if kept.is_deleted || kept.is_referred_to {
            return self.update(ward);
        }
        kept.attempted = Some(Attempt::Delete);
        let answer = ward.request("DELETE", &kept.path).try_send()?.expect(204);
        kept.acknowledge();
        self.writes += 1;
        self.answered.push(request_id(&answer));
        Some(())
    }

    fn read(&mut self, ward: &Client) -> Option<()> {
        let kept = self.choose();
        let answer = ward.request("GET", &kept.path).try_send()?;
        kept.compare(&answer);
        self.answered.push(request_id(&answer));
        Some(())
    }

    /// A patient and 1 to 6 observations of it, all with a tag of their own.
    fn transaction(&mut self, ward: &Client) -> Option<()> {
        let tag = self.name();
        let observations = self.random.between(1, 7);
        self.transactions.push(Transaction {
            tag: tag.clone(),
            entries: observations + 1,
            is_acknowledged: false,
        });
        let request = ward.request("POST", "").json(&bundle(&tag, observations));
        let answer = request.try_send()?.expect(200);
        self.answered.push(request_id(&answer));
        let answer = answer.json();
        let location = answer["entry"][0]["response"]["location"].as_str();
        let (version_less, _) = location.unwrap().split_once("/_history/").unwrap();
        let (_, id) = version_less.rsplit_once('/').unwrap();
        let made = Kept::new(id, tag);
        self.made.push(Kept {
            is_referred_to: true,
            ..made
        });
        self.transactions.last_mut().unwrap().is_acknowledged = true;
        self.writes += 1;
        Some(())
    }
}

fn patient(family: &str) -> Value {
    json!({ "resourceType": "Patient", "name": [{ "family": family }], "gender": "unknown" })
}

fn bundle(tag: &str, observations: u64) -> Value {
    let meta = json!({ "tag": [{ "system": TAGS, "code": tag }] });
    let subject = "urn:uuid:5c1f3f0c-7d57-4c70-9c0d-0e0f6f6f7c1a";
    let mut first = patient(tag);
    first["meta"] = meta.clone();
    let mut entry = vec![
        json!({ "fullUrl": subject, "resource": first, "request": { "method": "POST", "url": "Patient" } }),
    ];
    for n in 0..observations {
        let observation = json!({ "resourceType": "Observation", "meta": meta, "status": "final", "code": { "text": format!("n{n}") },
            "subject": { "reference": subject } });
        entry.push(json!({ "resource": observation, "request": { "method": "POST", "url": "Observation" } }));
    }
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entry })
}

/// 32 hexadecimal digits in the header.
fn request_id(answer: &Answer) -> [u8; 16] {
    let number = u128::from_str_radix(answer.header("x-request-id").unwrap(), 16).unwrap();
    number.to_be_bytes()
}
