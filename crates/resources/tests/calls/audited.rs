//! A log of random Records, for tests of what is found in it.

use crate::house::{House, json, text, type_id};
use crate::placement::observation;
use serde_json::{Value, json as value};
use ward_access::Caller;
use ward_audit::{Alert, ConsentVersion, Decision, Detail, Entity, Outcome, Record};
use ward_resources::route::Method::Get;
use ward_testkit::Random;

/// When the first Record was made; the others within the hour after it, in milliseconds.
pub const FROM_US: i64 = 1_750_000_000_000_000;

/// Rows that Records are about, by what they are called, each with its patient's.
pub struct Ward {
    pub patients: Vec<(String, i64)>,
    pub rows: Vec<(String, Entity)>,
}

impl Ward {
    /// Two practitioners, four patients, and two observations of each, some under ids that clients chose.
    pub async fn furnish(house: &House) -> Ward {
        for (id, family) in [("p1", "Adler"), ("p2", "Brandt")] {
            house
                .put(&value!({ "resourceType": "Practitioner", "id": id, "name": [{ "family": family, "given": ["Kim"] }],
                    "identifier": [{ "system": "urn:staff", "value": format!("staff-{id}") }] }))
                .await;
        }
        let mut ward = Ward {
            patients: Vec::new(),
            rows: Vec::new(),
        };
        for id in ["a", "b", "c", "d"] {
            let body = value!({ "resourceType": "Patient", "id": id, "name": [{ "family": format!("Family{id}") }],
                "identifier": [{ "system": "urn:mrn", "value": id }] });
            let path = house.put(&body).await;
            let own = row_of(house, &path).await;
            ward.patients.push((path.clone(), own));
            ward.rows.push((path.clone(), entity("Patient", own, own)));
            let mut named = observation(&path);
            named["id"] = value!(format!("of-{id}"));
            for observed in [
                house.put(&named).await,
                house.create(&observation(&path)).await,
            ] {
                let rid = row_of(house, &observed).await;
                ward.rows.push((observed, entity("Observation", rid, own)));
            }
        }
        let shared = row_of(house, "Practitioner/p2").await;
        ward.rows
            .push(("Practitioner/p2".into(), entity("Practitioner", shared, 0)));
        ward
    }

    /// As the server writes them, and as another sends them.
    pub fn record(&self, random: &mut Random) -> Record {
        let (interaction, action) = INTERACTIONS[random.below(INTERACTIONS.len())];
        let is_refused = random.once_in(6);
        let mut entities = Vec::new();
        for _ in 0..random.below(4) {
            let (_, row) = &self.rows[random.below(self.rows.len())];
            entities.push(Entity { action, ..*row });
        }
        let (asked, row) = &self.rows[random.below(self.rows.len())];
        let mut detail = Detail {
            roles: random
                .one_of(&["", "nurse", "physician", "nurse physician"])
                .into(),
            token_id: random.one_of(&["", "jti-1"]).into(),
            subtype: random.one_of(&["", "", "", "$everything"]).into(),
            ..Detail::default()
        };
        if interaction.starts_with("search") && random.coin() {
            detail.request = "/fhir/Observation?patient=a".into();
        }
        if is_refused {
            entities.clear();
            detail.request.clone_from(asked);
            detail.patient = if random.coin() { row.patient } else { 0 };
        }
        // About nobody yet.
        if interaction == "token" {
            entities.clear();
            detail.patient = 0;
        }
        if random.once_in(12) {
            detail.received = self.sent(random).to_string().into_bytes();
        }
        Record {
            at_us: FROM_US + 1_000 * random.below(3_600_000) as i64,
            request_id: [random.below(250) as u8; 16],
            interaction: interaction.into(),
            client_id: random.one_of(&["", "lab", "desk"]).into(),
            user: random
                .one_of(&[
                    "",
                    "Practitioner/p1",
                    "Practitioner/p2",
                    "Patient/a",
                    "someone",
                ])
                .into(),
            purpose: random.one_of(&["TREAT", "HCOMPL", "ETREAT"]).into(),
            source: random
                .one_of(&["10.0.0.1", "10.0.0.2", "ward.example"])
                .into(),
            outcome: if is_refused {
                Outcome::Minor
            } else {
                Outcome::Success
            },
            status: if is_refused {
                [401, 403, 404][random.below(3)]
            } else {
                200
            },
            query: random.one_of(&["", "code&date"]).into(),
            entities,
            decision: self.decision(random),
            detail,
        }
    }

    fn decision(&self, random: &mut Random) -> Decision {
        let consent = ConsentVersion {
            rid: self.rows[0].1.rid,
            version: 1,
        };
        Decision {
            break_glass: random.once_in(15),
            alert: random.once_in(15).then_some(Alert::UNEVALUABLE_CONSENT),
            consents: if random.once_in(10) {
                vec![consent]
            } else {
                Vec::new()
            },
        }
    }

    fn sent(&self, random: &mut Random) -> Value {
        let (patient, _) = &self.patients[random.below(self.patients.len())];
        value!({ "resourceType": "AuditEvent", "type": { "system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110106" },
            "action": random.one_of(&["C", "R"]), "recorded": "2024-01-01T00:00:00Z", "outcome": "0",
            "agent": [{ "requestor": true, "who": { "reference": random.one_of(&["Practitioner/p1", "http://elsewhere.example/Practitioner/9"]) },
                "name": "Somebody Else" }],
            "source": { "site": "elsewhere", "observer": { "display": "PACS" } },
            "entity": [{ "what": { "reference": patient } }] })
    }
}

const INTERACTIONS: [(&str, u8); 12] = [
    ("read", b'R'),
    ("read", b'R'),
    ("vread", b'R'),
    ("search-type", b'R'),
    ("search-type", b'R'),
    ("history-instance", b'R'),
    ("create", b'C'),
    ("update", b'U'),
    ("delete", b'D'),
    ("transaction", b'U'),
    ("operation", b'R'),
    ("token", b'R'),
];

pub fn entity(ty: &str, rid: i64, patient: i64) -> Entity {
    Entity {
        ty: type_id(ty).0,
        rid,
        version: 1,
        patient,
        action: b'R',
    }
}

pub async fn row_of(house: &House, path: &str) -> i64 {
    let (ty, id) = path.split_once('/').unwrap();
    let located = house.engine.store().locate(&[(type_id(ty), id)]).await;
    located.unwrap()[0].unwrap()
}

/// As if drained from the log of a node.
pub async fn store(house: &House, node: &str, records: &[Record]) {
    let key = house.engine.store().record_key();
    let sealed: Vec<(u64, Vec<u8>)> = (1..).zip(records.iter().map(|r| key.seal(r))).collect();
    house
        .engine
        .store()
        .store_records(node, &sealed)
        .await
        .unwrap();
}

/// The resources of all pages, and the total that the first one tells.
pub async fn pages(house: &House, caller: &Caller, url: &str) -> (Vec<Value>, Option<u64>) {
    let (mut found, mut total, mut next) = (Vec::new(), None, Some(url.to_owned()));
    let mut count = 0;
    while let Some(url) = next {
        let reply = house.ask(caller, Get, &url, None).await;
        assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
        let bundle = json(&reply);
        if count == 0 {
            total = bundle["total"].as_u64();
        }
        let entries = bundle["entry"].as_array().into_iter().flatten();
        let matches = entries.filter(|entry| entry["search"]["mode"] == "match");
        found.extend(matches.map(|entry| entry["resource"].clone()));
        let links = bundle["link"].as_array().into_iter().flatten();
        let mut onward = links.filter(|link| link["relation"] == "next");
        next = onward.next().map(|link| {
            let url = link["url"].as_str().unwrap();
            url.split_once("/fhir/").unwrap().1.to_owned()
        });
        count += 1;
        assert!(count < 2_000, "pages without end");
    }
    (found, total)
}

pub fn ids(events: &[Value]) -> Vec<String> {
    let ids = events
        .iter()
        .map(|event| event["id"].as_str().unwrap().to_owned());
    ids.collect()
}
