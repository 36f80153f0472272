//! Consents for a share of the patients that a server holds: what W4 and W5 are measured with where consents are asked for.

use super::search::{Pools, questions};
use crate::arguments::Consents;
use crate::client::Client;
use crate::record::{Phase, Record};
use crate::target::Target;
use serde_json::{Value, json};
use ward_hospital::Rng;

/// Stores one Consent, or two, for so many of a hundred patients; how many were stored.
pub async fn run(target: &Target, options: &Consents, seed: u64) -> Result<u64, String> {
    let mut client = Client::new(target, 0, Record::new(Phase::new(None)))?;
    let pools = Pools::harvest(&mut client, &questions(&["Patient/{patient}"])).await?;
    let mut rng = Rng::of(seed, 1);
    let mut stored = 0;
    for patient in pools.all("patient") {
        if rng.below(100) >= options.percent {
            continue;
        }
        for _ in 0..=rng.below(2) {
            let consent = consent(&mut rng, patient);
            if client
                .create("Consent", consent.to_string())
                .await
                .is_none()
            {
                return Err(format!("a consent: {:?}", client.record.failures));
            }
            stored += 1;
        }
    }
    Ok(stored)
}

/// One of the kinds that patients give: nearly all of it permitted, and something of it not, with exceptions from that.
fn consent(rng: &mut Rng, patient: &str) -> Value {
    let act = |code: &str| json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code });
    let label = match rng.below(4) {
        0 => {
            json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R" })
        }
        1 => act("HIV"),
        2 => act("PSY"),
        _ => act("SUD"),
    };
    let somebody = |n: u64| {
        let role = json!({ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP" }] });
        json!({ "role": role, "reference": { "reference": format!("urn:ward:client:other-{n}") } })
    };
    let purpose = |code: &str| json!({ "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": code });
    let provisions = json!([
        { "type": "deny", "securityLabel": [label], "provision": [{ "type": "permit", "purpose": [purpose("ETREAT")] }] },
        { "type": "deny", "purpose": [purpose("HRESCH"), purpose("HMARKT")] },
        { "type": "deny", "actor": [somebody(rng.below(5)), somebody(rng.below(50))] },
        { "type": "deny", "dataPeriod": { "start": "1990-01-01", "end": format!("{}-12-31", 1990 + rng.below(12)) },
          "class": [{ "system": "http://hl7.org/fhir/resource-types", "code": "Condition" }] },
    ]);
    let most = 1 + rng.below(4) as usize;
    let provisions: Vec<&Value> = provisions
        .as_array()
        .into_iter()
        .flatten()
        .take(most)
        .collect();
    json!({ "resourceType": "Consent", "status": "active", "dateTime": "2025-06-01T12:00:00Z",
        "patient": { "reference": format!("Patient/{patient}") },
        "scope": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "policyRule": { "coding": [act("OPTIN")] }, "provision": { "provision": provisions } })
}
