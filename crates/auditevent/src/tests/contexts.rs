//! Whatever a parameter can match in an event that its context decides is in the rendering of the context.

use super::kinds;
use super::{event, names};
use crate::render_context;
use serde_json::Value;
use std::collections::BTreeSet;
use ward_audit::{Alert, ConsentVersion, Detail, Entity, Outcome, Record};

const SEED: u64 = 20_261_130;
const RECORDS: usize = 4_000;

/// As the store keeps it.
fn context_of(record: &Record) -> Record {
    let kinds: BTreeSet<(u16, u8, bool)> = record
        .entities
        .iter()
        .map(|e| (e.ty, e.action, e.patient != 0))
        .collect();
    let entity = |(ty, action, has_patient)| Entity {
        ty,
        rid: 0,
        version: 0,
        patient: i64::from(has_patient),
        action,
    };
    let mut decision = record.decision.clone();
    decision.consents.clear();
    Record {
        at_us: 0,
        request_id: [0; 16],
        user: String::new(),
        source: String::new(),
        query: String::new(),
        entities: kinds.into_iter().map(entity).collect(),
        decision,
        detail: Detail {
            roles: record.detail.roles.clone(),
            subtype: record.detail.subtype.clone(),
            patient: i64::from(record.detail.patient != 0),
            ..Detail::default()
        },
        ..record.clone()
    }
}

#[test]
fn a_context_has_what_its_events_have() {
    println!("seed {SEED}");
    let mut random = Random(SEED);
    let kinds: Vec<Record> = kinds::all().into_iter().map(|(_, record)| record).collect();
    for n in 0..RECORDS + kinds.len() {
        let record = match kinds.get(n) {
            Some(record) => record.clone(),
            None => random.record(&kinds),
        };
        let context = render_context(&context_of(&record), &names());
        let context: Value = serde_json::from_slice(&context).unwrap();
        for nth in 0..record.events() {
            let event = event(&record, nth);
            for (parameter, path) in PARAMETERS {
                let (of_event, of_context) = (values(&event, path), values(&context, path));
                let missing: Vec<&String> = of_event.difference(&of_context).collect();
                assert!(
                    missing.is_empty(),
                    "{parameter}: {missing:?} of {record:?}\n{context:#}"
                );
            }
        }
    }
}

const PARAMETERS: [(&str, &[&str]); 10] = [
    ("type", &["type"]),
    ("subtype", &["subtype"]),
    ("action", &["action"]),
    ("outcome", &["outcome"]),
    ("agent-role", &["agent", "role", "coding"]),
    ("site", &["source", "site"]),
    ("source", &["source", "observer"]),
    ("entity-type", &["entity", "type"]),
    ("entity-role", &["entity", "role"]),
    ("purpose", &["purposeOfEvent", "coding"]),
];

fn values(value: &Value, path: &[&str]) -> BTreeSet<String> {
    let Some((name, rest)) = path.split_first() else {
        return match value {
            Value::Array(items) => items.iter().map(Value::to_string).collect(),
            Value::Null => BTreeSet::new(),
            one => [one.to_string()].into(),
        };
    };
    match value {
        Value::Array(items) => items.iter().flat_map(|item| values(item, path)).collect(),
        one => values(&one[*name], rest),
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// Parts of all kinds, put together at random.
    fn record(&mut self, kinds: &[Record]) -> Record {
        let (a, b, c) = (self.of(kinds), self.of(kinds), self.of(kinds));
        let words = [
            "",
            "$everything",
            "audit-log",
            "login",
            "AuthZ-Consent",
            "AuthZ-Role",
            "label-change",
        ];
        let mut record = Record {
            interaction: a.interaction,
            status: b.status,
            outcome: self.of(&[
                Outcome::Success,
                Outcome::Minor,
                Outcome::Serious,
                Outcome::Major,
            ]),
            client_id: c.client_id,
            user: self
                .of(&["", "Practitioner/p1", "Patient/p", "somebody"])
                .into(),
            purpose: self.of(&["", "TREAT", "TREAT HPAYMT"]).into(),
            entities: (0..self.below(5)).map(|_| self.entity()).collect(),
            ..b
        };
        record.decision.break_glass = self.below(4) == 0;
        record.decision.alert = self.of(&[None, None, Some(Alert::BREAK_GLASS)]);
        record.decision.consents = match self.below(3) {
            0 => vec![ConsentVersion {
                rid: kinds::CONSENT,
                version: 1,
            }],
            _ => Vec::new(),
        };
        record.detail.subtype = self.of(&words).into();
        record.detail.roles = self.of(&["", "nurse", "nurse clinician"]).into();
        record.detail.patient = self.below(2) as i64;
        record.detail.request = self
            .of(&["", "Observation/o1", "Observation?code=x"])
            .into();
        record.detail.token_id = self.of(&["", "5f2c"]).into();
        record
    }

    fn entity(&mut self) -> Entity {
        let ty = self.of(&[
            "Observation",
            "Patient",
            "Consent",
            "Organization",
            "AuditEvent",
        ]);
        let (rid, patient) = (1 + self.below(6) as i64, self.below(3) as i64);
        let action = self.of(b"CRUDE");
        kinds::entity(ty, rid, patient, action)
    }
}
