//! What one client does until the server dies, and what must hold afterwards.

use super::Random;
use serde_json::{Value, json};
use ward_testkit::{Answer, Client};

const TAGS: &str = "urn:ward:crash";
/// Resources of earlier rounds that a client goes on changing.
const OLD_RESOURCES: usize = 4;

/// A resource as it was acknowledged last.
#[derive(Clone)]
pub struct Kept {
    path: String,
    family: String,
    version: u64,
    /// The family of an update that was sent and not acknowledged.
    attempted: Option<String>,
}

struct Transaction {
    tag: String,
    entries: u64,
    acknowledged: bool,
}

/// One client between two kills. Each client changes only resources of its own.
pub struct Visit {
    name: String,
    random: Random,
    steps: usize,
    kept: Vec<Kept>,
    /// Made by a transaction of this visit, and left alone for as long: their tags are counted.
    made: Vec<Kept>,
    transactions: Vec<Transaction>,
    writes: usize,
    reads: Vec<[u8; 16]>,
}

impl Visit {
    pub fn new(name: String, kept: Vec<Kept>, random: Random) -> Visit {
        Visit {
            name,
            random,
            steps: 0,
            kept,
            made: Vec::new(),
            transactions: Vec::new(),
            writes: 0,
            reads: Vec::new(),
        }
    }

    /// One request; `None` when the server is gone.
    pub fn step(&mut self, ward: &Client) -> Option<()> {
        self.steps += 1;
        match (self.random.between(0, 10), self.kept.is_empty()) {
            (0..=3, _) | (_, true) => self.create(ward),
            (4..=6, _) => self.update(ward),
            (7, _) => self.read(ward),
            _ => self.transaction(ward),
        }
    }

    fn name(&self) -> String {
        format!("{}n{}", self.name, self.steps)
    }

    fn create(&mut self, ward: &Client) -> Option<()> {
        let family = self.name();
        let answer = ward
            .request("POST", "Patient")
            .json(&patient(&family))
            .try_send()?
            .expect(201);
        self.writes += 1;
        self.kept.push(Kept {
            path: format!("Patient/{}", answer.id()),
            family,
            version: 1,
            attempted: None,
        });
        Some(())
    }

    fn update(&mut self, ward: &Client) -> Option<()> {
        let family = self.name();
        let chosen = self.random.between(0, self.kept.len() as u64) as usize;
        let kept = &mut self.kept[chosen];
        kept.attempted = Some(family.clone());
        let mut body = patient(&family);
        body["id"] = json!(kept.path.split_once('/').unwrap().1);
        let answer = ward
            .request("PUT", &kept.path)
            .json(&body)
            .try_send()?
            .expect(200);
        kept.version += 1;
        kept.family = family;
        kept.attempted = None;
        assert_eq!(version(&answer.json()), kept.version);
        self.writes += 1;
        Some(())
    }

    fn read(&mut self, ward: &Client) -> Option<()> {
        let chosen = self.random.between(0, self.kept.len() as u64) as usize;
        let answer = ward
            .request("GET", &self.kept[chosen].path)
            .try_send()?
            .expect(200);
        assert_eq!(family(&answer.json()), self.kept[chosen].family);
        self.reads.push(request_id(&answer));
        Some(())
    }

    /// A patient and 1 to 6 observations of it, all with a tag of their own.
    fn transaction(&mut self, ward: &Client) -> Option<()> {
        let tag = self.name();
        let observations = self.random.between(1, 7);
        self.transactions.push(Transaction {
            tag: tag.clone(),
            entries: observations + 1,
            acknowledged: false,
        });
        let answer = ward
            .request("POST", "")
            .json(&bundle(&tag, observations))
            .try_send()?
            .expect(200);
        let location = answer.json()["entry"][0]["response"]["location"]
            .as_str()
            .unwrap()
            .to_owned();
        let id = location
            .split("/_history/")
            .next()
            .unwrap()
            .rsplit('/')
            .next()
            .unwrap();
        self.made.push(Kept {
            path: format!("Patient/{id}"),
            family: tag,
            version: 1,
            attempted: None,
        });
        self.transactions.last_mut().unwrap().acknowledged = true;
        self.writes += 1;
        Some(())
    }
}

/// All that was acknowledged so far.
#[derive(Default)]
pub struct Ledger {
    kept: Vec<Kept>,
    pub writes: usize,
    pub transactions: usize,
    /// Request ids of acknowledged reads.
    pub reads: Vec<[u8; 16]>,
}

impl Ledger {
    /// Some earlier resources for client `n` of `of`; no other client gets them.
    pub fn some(&self, n: u64, of: u64) -> Vec<Kept> {
        let own = self.kept.iter().rev().skip(n as usize).step_by(of as usize);
        own.take(OLD_RESOURCES).cloned().collect()
    }

    /// Compares a client's notes with what the restarted server has.
    pub fn settle(&mut self, visit: Visit, ward: &Client) {
        for transaction in &visit.transactions {
            transaction.check(ward);
        }
        self.transactions += visit.transactions.iter().filter(|t| t.acknowledged).count();
        self.writes += visit.writes;
        self.reads.extend(&visit.reads);
        for mut kept in visit.kept.into_iter().chain(visit.made) {
            kept.check(ward);
            kept.check_history(ward);
            self.kept.retain(|k| k.path != kept.path);
            self.kept.push(kept);
        }
    }

    /// Looks at some resources of all rounds.
    pub fn check_again(&mut self, ward: &Client, max: usize, random: &mut Random) {
        for _ in 0..self.kept.len().min(max) {
            let chosen = random.between(0, self.kept.len() as u64) as usize;
            self.kept[chosen].check(ward);
        }
    }
}

impl Kept {
    /// The acknowledged content, or that of the one update whose answer did not arrive.
    fn check(&mut self, ward: &Client) {
        let stored = ward.get(&self.path).expect(200).json();
        if let Some(attempted) = self.attempted.take()
            && family(&stored) == attempted
        {
            self.family = attempted;
            self.version += 1;
        }
        assert_eq!(
            (family(&stored), version(&stored)),
            (self.family.as_str(), self.version),
            "{}",
            self.path
        );
    }

    /// Every version from the first on, none twice.
    fn check_history(&self, ward: &Client) {
        let history = ward
            .get(&format!("{}/_history?_count=1000", self.path))
            .expect(200)
            .json();
        let versions: Vec<u64> = history["entry"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| version(&e["resource"]))
            .collect();
        let expected: Vec<u64> = (1..=self.version).rev().collect();
        assert_eq!(versions, expected, "{}", self.path);
    }
}

impl Transaction {
    fn check(&self, ward: &Client) {
        let count = |ty: &str| {
            let found = ward
                .get(&format!("{ty}?_tag={TAGS}|{}&_summary=count", self.tag))
                .expect(200)
                .json();
            found["total"].as_u64().unwrap()
        };
        let found = count("Patient") + count("Observation");
        let whole = found == self.entries || (found == 0 && !self.acknowledged);
        assert!(
            whole,
            "{found} of {} entries of transaction {} (acknowledged: {})",
            self.entries, self.tag, self.acknowledged
        );
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

fn family(patient: &Value) -> &str {
    patient["name"][0]["family"].as_str().unwrap_or_default()
}

fn version(resource: &Value) -> u64 {
    resource["meta"]["versionId"]
        .as_str()
        .unwrap_or_default()
        .parse()
        .unwrap()
}

/// 32 hexadecimal digits in the header.
fn request_id(answer: &Answer) -> [u8; 16] {
    let number = u128::from_str_radix(answer.header("x-request-id").unwrap(), 16).unwrap();
    number.to_be_bytes()
}
