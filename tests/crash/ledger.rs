//! What was acknowledged so far, and what must hold of it in a server that was started again.

use super::Random;
use super::load::{TAGS, Visit};
use serde_json::Value;
use std::collections::BTreeMap;
use ward_testkit::{Answer, Client};

/// Resources of earlier rounds that a client goes on changing.
const OLD_RESOURCES: usize = 4;

/// A resource as it was acknowledged last.
#[derive(Clone)]
pub struct Kept {
    pub path: String,
    pub family: String,
    pub version: u64,
    pub is_deleted: bool,
    /// By an observation of its transaction: it cannot be deleted.
    pub is_referred_to: bool,
    /// A write that was sent and is not acknowledged yet.
    pub attempted: Option<Attempt>,
}

#[derive(Clone)]
pub enum Attempt {
    /// An update or patch: the new family.
    Change(String),
    Delete,
}

pub struct Transaction {
    pub tag: String,
    pub entries: u64,
    pub is_acknowledged: bool,
}

/// A resource that was to be created once, whoever asked for it.
pub struct Keyed {
    key: String,
    /// As the server told it.
    pub id: Option<String>,
}

impl Keyed {
    pub fn attempted(key: &str) -> Keyed {
        Keyed {
            key: key.to_owned(),
            id: None,
        }
    }
}

/// All that was acknowledged so far.
#[derive(Default)]
pub struct Ledger {
    kept: Vec<Kept>,
    keyed: BTreeMap<String, Option<String>>,
    pub writes: usize,
    pub transactions: usize,
    pub deletions: usize,
    /// Request ids of all that was acknowledged.
    pub answered: Vec<[u8; 16]>,
}

impl Ledger {
    /// Some earlier resources for client `n` of `of`; no other client gets them.
    pub fn some(&self, n: u64, of: u64) -> Vec<Kept> {
        let own = self.kept.iter().rev().skip(n as usize).step_by(of as usize);
        own.take(OLD_RESOURCES).cloned().collect()
    }

    /// Compares the clients' notes of one round with what the restarted server has.
    pub fn settle(&mut self, visits: Vec<Visit>, ward: &Client) {
        let mut keyed = BTreeMap::new();
        for visit in visits {
            for transaction in &visit.transactions {
                transaction.check(ward);
            }
            let acknowledged = visit.transactions.iter().filter(|t| t.is_acknowledged);
            self.transactions += acknowledged.count();
            self.writes += visit.writes;
            self.answered.extend(&visit.answered);
            for mut kept in visit.kept.into_iter().chain(visit.made) {
                kept.check(ward);
                kept.check_history(ward);
                self.deletions += usize::from(kept.is_deleted);
                self.kept.retain(|k| k.path != kept.path);
                self.kept.push(kept);
            }
            visit.keyed.into_iter().for_each(|k| note(&mut keyed, k));
        }
        for (key, id) in &mut keyed {
            check_key(ward, key, id);
        }
        self.keyed.extend(keyed);
    }

    /// Looks at some resources of all rounds.
    pub fn check_again(&mut self, ward: &Client, max: usize, random: &mut Random) {
        for _ in 0..self.kept.len().min(max) {
            let chosen = random.between(0, self.kept.len() as u64) as usize;
            self.kept[chosen].check(ward);
        }
        for (key, id) in self.keyed.iter_mut().rev().take(max) {
            check_key(ward, key, id);
        }
    }

    /// Resources that were created once on condition that they are not there.
    pub fn created_once(&self) -> usize {
        self.keyed.values().flatten().count()
    }
}

/// All who were told which resource it is were told the same.
fn note(keyed: &mut BTreeMap<String, Option<String>>, attempt: Keyed) {
    let known = keyed.entry(attempt.key).or_default();
    match (&known, attempt.id) {
        (Some(known), Some(id)) => assert_eq!(*known, id, "two for one condition"),
        (None, told) => *known = told,
        (Some(_), None) => {}
    }
}

/// One resource has the key, the one that was acknowledged; none only where none was. What is found is there from then on.
fn check_key(ward: &Client, key: &str, id: &mut Option<String>) {
    let found = ward.get(&format!("Patient?identifier={TAGS}|{key}"));
    let found = found.expect(200).json();
    let entries = found["entry"].as_array().map_or(&[][..], Vec::as_slice);
    let ids: Vec<&str> = entries
        .iter()
        .map(|e| e["resource"]["id"].as_str().unwrap())
        .collect();
    match id {
        Some(id) => assert_eq!(ids, [id.as_str()], "{key}"),
        None => {
            assert!(ids.len() <= 1, "{key}: {ids:?}");
            *id = ids.first().map(|id| (*id).to_owned());
        }
    }
}

impl Kept {
    pub fn new(id: &str, family: String) -> Kept {
        Kept {
            path: format!("Patient/{id}"),
            family,
            version: 1,
            is_deleted: false,
            is_referred_to: false,
            attempted: None,
        }
    }

    pub fn id(&self) -> &str {
        self.path.split_once('/').unwrap().1
    }

    /// The attempted write took place.
    pub fn acknowledge(&mut self) {
        self.version += 1;
        self.is_deleted = match self.attempted.take().unwrap() {
            Attempt::Delete => true,
            Attempt::Change(family) => {
                self.family = family;
                false
            }
        };
    }

    /// The acknowledged content, or what the one write whose answer did not arrive made of it.
    fn check(&mut self, ward: &Client) {
        let answer = ward.get(&self.path);
        let took_place = match &self.attempted {
            Some(Attempt::Delete) => answer.status == 410,
            Some(Attempt::Change(attempted)) => {
                answer.status == 200 && family(&answer.json()) == attempted
            }
            None => false,
        };
        if took_place {
            self.acknowledge();
        }
        self.attempted = None;
        self.compare(&answer);
    }

    /// What was read is the acknowledged content.
    pub fn compare(&self, answer: &Answer) {
        let status = if self.is_deleted { 410 } else { 200 };
        assert_eq!(answer.status, status, "{}: {}", self.path, answer.text());
        if !self.is_deleted {
            let read = answer.json();
            assert_eq!(
                (family(&read), version(&read)),
                (self.family.as_str(), self.version),
                "{}",
                self.path
            );
        }
    }

    /// Every version from the first on, none twice; the last is a deletion or is none.
    fn check_history(&self, ward: &Client) {
        let history = ward.get(&format!("{}/_history?_count=1000", self.path));
        let history = history.expect(200).json();
        let entries = history["entry"].as_array().unwrap();
        let versions: Vec<String> = entries
            .iter()
            .map(|e| e["response"]["etag"].as_str().unwrap().to_owned())
            .collect();
        let expected: Vec<String> = (1..=self.version)
            .rev()
            .map(|version| format!("W/\"{version}\""))
            .collect();
        assert_eq!(versions, expected, "{}", self.path);
        let is_deletion = entries[0]["request"]["method"] == "DELETE";
        assert_eq!(is_deletion, self.is_deleted, "{}", self.path);
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
        let whole = found == self.entries || (found == 0 && !self.is_acknowledged);
        assert!(
            whole,
            "{found} of {} entries of transaction {} (acknowledged: {})",
            self.entries, self.tag, self.is_acknowledged
        );
    }
}

pub fn family(patient: &Value) -> &str {
    patient["name"][0]["family"].as_str().unwrap_or_default()
}

pub fn version(resource: &Value) -> u64 {
    resource["meta"]["versionId"]
        .as_str()
        .unwrap_or_default()
        .parse()
        .unwrap()
}
