//! How privacy officers closed reviews: what the detection learns at this site.

use super::Watch;
use super::alerts::{ALERT_SYSTEM, MISUSE_REVIEW_CODE};
use super::facts::key;
use crate::break_glass::REVIEW_SYSTEM;
use crate::engine::{Engine, stored};
use crate::place::patient_type;
use serde_json::Value;
use ward_access::{Maintenance, maintenance};
use ward_detection::{Feedback, Rule, Verdict};
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_search::plan::{Plan, SortKey, Total};
use ward_search::query::Options;
use ward_search::terminology::Embedded;
use ward_storage::Row;

/// Codes of `Task.businessStatus`, of [`REVIEW_SYSTEM`].
pub const CONFIRMED: &str = "confirmed";
pub const EXPLAINED: &str = "explained";

/// How often it is looked for.
const EVERY_US: i64 = 20_000_000;
/// Closed reviews that are read at once; of more the oldest are read the next time.
const AT_ONCE: u32 = 1_000;

impl Engine {
    /// What was closed since the last time. Statements: one now and then.
    pub(super) async fn learn_from_reviews(&self, watch: &mut Watch) -> Result<()> {
        let now_us = self.now_us();
        if now_us - watch.fed_us < EVERY_US {
            return Ok(());
        }
        watch.fed_us = now_us;
        let code = format!("{REVIEW_SYSTEM}|{MISUSE_REVIEW_CODE}");
        let since = ward_fhir::date::instant_text(watch.closed_us);
        let since = format!("ge{since}");
        let pairs = [
            ("code", &*code),
            ("status", "completed"),
            ("_lastUpdated", &*since),
        ];
        for row in tasks(self, &pairs).await? {
            if row.updated_us <= watch.closed_us {
                continue;
            }
            watch.closed_us = row.updated_us;
            if let Some(found) = read(self, &row).await {
                watch.detector.learn(&found);
            }
        }
        Ok(())
    }
}

/// The review of an alert with its version, if nobody has closed it.
pub(super) async fn open_task(engine: &Engine, alert: &str) -> Result<Option<(Value, u32)>> {
    let identifier = format!("{ALERT_SYSTEM}|{alert}");
    let pairs = [
        ("identifier", &*identifier),
        ("status", "requested,in-progress"),
    ];
    let row = tasks(engine, &pairs).await?.into_iter().next();
    Ok(row.and_then(|row| Some((serde_json::from_slice(&row.body).ok()?, row.version))))
}

async fn tasks(engine: &Engine, pairs: &[(&str, &str)]) -> Result<Vec<Row>> {
    let options = Options {
        strict: true,
        now_us: engine.now_us(),
        count_default: AT_ONCE,
        count_max: AT_ONCE,
        terminology: &Embedded,
    };
    let types: Vec<_> = r4().resource_type("Task").into_iter().collect();
    let (plan, _) = ward_search::query::parse(&engine.extractor, &types, pairs, &options)?;
    let plan = Plan {
        sort: vec![SortKey::Updated { descending: false }],
        total: Total::None,
        ..plan
    };
    let access = maintenance(Maintenance::Detection);
    Ok(stored(engine.store.search(&access, &plan).await)?.rows)
}

async fn read(engine: &Engine, row: &Row) -> Option<Feedback> {
    let task: Value = serde_json::from_slice(&row.body).ok()?;
    let status = task["businessStatus"]["coding"].as_array()?;
    let status = status.iter().find(|one| one["system"] == REVIEW_SYSTEM)?;
    let verdict = match status["code"].as_str()? {
        CONFIRMED => Verdict::Confirmed,
        EXPLAINED => Verdict::Explained,
        _ => return None,
    };
    let mut found = Feedback {
        at_s: row.updated_us.div_euclid(1_000_000),
        verdict,
        rules: Vec::new(),
        user: 0,
        patient: 0,
    };
    for input in task["input"].as_array().into_iter().flatten() {
        let code = input["type"]["coding"][0]["code"]
            .as_str()
            .unwrap_or_default();
        let reference = input["valueReference"]["reference"]
            .as_str()
            .unwrap_or_default();
        match code {
            "who" => found.user = key(reference),
            "patient" if found.patient == 0 => {
                let id = reference.strip_prefix("Patient/").unwrap_or_default();
                found.patient = engine.row_of(patient_type(), id).await.unwrap_or(0);
            }
            code => {
                let number = code
                    .strip_prefix('A')
                    .and_then(|number| number.parse().ok());
                found.rules.extend(number.and_then(Rule::of_number));
            }
        }
    }
    Some(found)
}
