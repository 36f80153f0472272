//! Records of many patients: a search of the log looks at few of their events, and lets others go on meanwhile.

use crate::audit_events::auditor;
use crate::audited::{FROM_US, Ward, entity, store};
use crate::house::{House, json, text};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use ward_audit::{Detail, Entity, Outcome, Record};
use ward_resources::Settings;
use ward_resources::route::Method::Get;

/// Records, and patients that each has found something of.
const RECORDS: i64 = 6;
const PATIENTS: i64 = 2_000;
/// Records that a search may look at: of events it is so many times more.
const LOOKED_AT: usize = 1_000;

/// A search by `user` that has found something of a patient and of many others, whoever they are.
fn population(n: i64, user: &str, patient: i64) -> Record {
    let others = (1..PATIENTS).map(|n| entity("Observation", 5_000_000 + n, 9_000_000 + n));
    let own = entity("Observation", 4_999_999, patient);
    let entities: Vec<Entity> = others.chain([own]).collect();
    Record {
        at_us: FROM_US + 1_000 * n,
        request_id: [n as u8; 16],
        interaction: "search-type".into(),
        client_id: "desk".into(),
        user: user.into(),
        purpose: "TREAT".into(),
        source: "10.0.0.1".into(),
        outcome: Outcome::Success,
        status: 200,
        query: "code".into(),
        entities,
        decision: ward_audit::Decision::default(),
        detail: Detail::default(),
    }
}

pub async fn the_events_of_others_are_not_looked_at(house: House) {
    let settings = Settings {
        rows_examined_max: LOOKED_AT,
        ..Settings::default()
    };
    let house = house.restarted(settings).await;
    let ward = Ward::furnish(&house).await;
    let (patient, rid) = ward.patients[0].clone();
    let users = ["Practitioner/p1", "Practitioner/p2"];
    let record = |n: i64| population(n, users[n as usize % 2], rid);
    let records: Vec<Record> = (0..RECORDS).map(record).collect();
    store(&house, "one", &records).await;
    let auditor = auditor();
    let about = format!("patient={patient}&agent-name:contains=Adler");
    for (asked, total) in [
        (format!("patient={patient}&subtype=search-type"), RECORDS),
        (format!("entity={patient}&subtype=search-type"), RECORDS),
        (format!("patient={patient}&agent={}", users[0]), RECORDS / 2),
        (about, RECORDS / 2),
        // Who acted did so in all of them.
        (format!("agent={}&_count=40", users[1]), -1),
    ] {
        let total_asked = if total < 0 { "" } else { "&_total=accurate" };
        let url = format!("AuditEvent?{asked}{total_asked}");
        let reply = house.ask(&auditor, Get, &url, None).await;
        assert_eq!(reply.status, 200, "{url}: {}", text(&reply));
        let bundle = json(&reply);
        let found = bundle["entry"].as_array().map_or(0, Vec::len) as i64;
        let expected = if total < 0 { 40 } else { total };
        assert_eq!(found, expected, "{url}");
        assert_eq!(bundle["total"].as_i64(), (total >= 0).then_some(total));
    }
    // Of those there are more events than may be looked at.
    for asked in ["policy=urn:none", "_sort=agent-name", "altid=none"] {
        let url = format!("AuditEvent?{asked}");
        let reply = house.ask(&auditor, Get, &url, None).await;
        assert_eq!(reply.status, 400, "{url}");
        assert!(text(&reply).contains("5000 events"), "{}", text(&reply));
    }
}

pub async fn others_go_on_while_many_events_are_looked_at(house: House) {
    let records = [population(0, "Practitioner/p1", 9_000_000)];
    store(&house, "one", &records).await;
    let done = AtomicBool::new(false);
    let asked = async {
        let auditor = auditor();
        let url = "AuditEvent?policy=urn:none&_total=accurate";
        let reply = house.ask(&auditor, Get, url, None).await;
        done.store(true, Ordering::Relaxed);
        assert_eq!(reply.status, 200, "{}", text(&reply));
    };
    // Names are looked up for some events at a time: others see how far it is.
    let others = async {
        let mut seen = BTreeSet::new();
        while !done.load(Ordering::Relaxed) {
            seen.insert(house.engine.store().statements());
            tokio::task::yield_now().await;
        }
        seen.len()
    };
    let ((), seen) = tokio::join!(asked, others);
    // Looked at all at once, they would see it as it begins, as it has found its Records, and as it ends.
    assert!(seen > 3, "{seen}");
}
