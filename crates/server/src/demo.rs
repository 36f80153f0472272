//! The demo hospital: filled on first start through the same door as every other write.

use crate::data_folder::{self, DemoFile};
use std::path::Path;
use std::sync::Arc;
use ward_access::Caller;
use ward_resources::{Body, Call, Engine, Format, Interaction, Reply};

const SEED: u64 = 1;
pub const PATIENTS: usize = 100;

/// Fills an empty store with the synthetic hospital; returns how many resources were stored.
pub async fn fill(engine: &Arc<Engine>, caller: &Caller) -> Result<usize, String> {
    let mut stored = 0;
    for bundle in ward_hospital::bundles(SEED, PATIENTS) {
        let reply = post(engine, caller, bundle).await;
        if reply.status != 200 {
            return Err(format!(
                "the demo hospital could not be stored: {}",
                String::from_utf8_lossy(reply.json().unwrap_or_default())
            ));
        }
        stored += reply.entities.len();
    }
    Ok(stored)
}

/// Whether the store holds any resource: a store with real data must never be mixed with the synthetic hospital.
pub async fn holds_resources(engine: &Engine, caller: &Caller) -> bool {
    let mut call = Call::new(Interaction::SearchSystem, [0; 16], "demo".into());
    call.parameters = vec![("_count".into(), "1".into())];
    let reply = engine.answer(caller, &call).await;
    reply.status == 200 && !reply.entities.is_empty()
}

async fn post(engine: &Engine, caller: &Caller, bundle: String) -> Reply {
    let mut request_id = [0; 16];
    ward_seal::random::fill(&mut request_id);
    let mut call = Call::new(Interaction::Bundle, request_id, "demo".into());
    call.body = Some(Body {
        bytes: bundle.into(),
        format: Format::Json,
    });
    engine.answer(caller, &call).await
}

/// Logical id of the patient that the demo app is launched with.
pub async fn first_patient(engine: &Engine, caller: &Caller) -> Option<String> {
    let ty = ward_fhir::schema::r4().resource_type("Patient")?;
    let mut call = Call::new(Interaction::SearchType { ty }, [0; 16], "demo".into());
    call.parameters = vec![(
        "identifier".into(),
        ward_hospital::FIRST_PATIENT_IDENTIFIER.into(),
    )];
    let reply = engine.answer(caller, &call).await;
    let bundle: serde_json::Value = serde_json::from_slice(reply.json()?).ok()?;
    bundle["entry"][0]["resource"]["id"]
        .as_str()
        .map(str::to_owned)
}

/// Marks the folder as a demo store, so that `ward token` may mint tokens for it.
pub fn mark(data: &Path, base: &str, patient: Option<String>) -> Result<(), String> {
    data_folder::write_demo(
        data,
        &DemoFile {
            base: base.to_owned(),
            patient,
        },
    )
}

/// What a newcomer does next.
pub fn greeting(base: &str, data: &Path, stored: Option<usize>) -> String {
    let data = data.display();
    let program =
        std::env::current_exe().map_or_else(|_| "ward".to_owned(), |p| p.display().to_string());
    let filled = stored.map_or(String::new(), |n| {
        format!(" The synthetic hospital has {n} resources of {PATIENTS} patients.")
    });
    format!(
        "\nWard is ready at {base}.{filled}\n\
         Anyone may read {base}/metadata; everything else needs a token:\n\n\
         \x20 TOKEN=$({program} token --as clinician --data {data})\n\
         \x20 curl -H \"Authorization: Bearer $TOKEN\" '{base}/Patient?_count=2&_pretty=true'\n\n\
         Callers: clinician, lab, billing, app (one patient), auditor, admin, loader (all rights).\n\
         More requests: docs/requests/first.http. Stop with Ctrl-C.\n"
    )
}
