//! The demo hospital: filled on first start through the same door as every other write, and whole after a crash too.

use crate::config::Config;
use crate::data_folder::{self, DemoFile};
use crate::dev_certificates::DevFiles;
use std::path::Path;
use std::sync::Arc;
use tokio::task::{JoinError, JoinSet};
use ward_access::Caller;
use ward_hospital::{ENTRIES_PER_PATIENT, Hospital, SHARED_BUNDLES};
use ward_resources::{Body, Call, Engine, Format, Interaction, Reply};

const HOSPITAL: Hospital = Hospital {
    seed: 1,
    patients: PATIENTS,
    entries_per_patient: ENTRIES_PER_PATIENT,
};
const PATIENTS: usize = 100;
/// Transactions under way while the store is filled.
const BUNDLES_AT_ONCE: usize = 8;

/// Who fills which store.
pub struct Demo<'a> {
    pub engine: &'a Arc<Engine>,
    pub loader: &'a Arc<Caller>,
    pub data: &'a Path,
    pub base: &'a str,
}

/// What became of the hospital at this start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// Resources stored now.
    Now(usize),
    /// It was cut off earlier, and was completed now.
    Completed,
    Before,
}

impl Demo<'_> {
    /// Marks the folder as a demo store, so that `ward token` may mint tokens for it, and fills the store unless `empty`.
    /// A mark stands before the first resource, so that a start after a crash knows that the rest is to come.
    pub async fn prepare(&self, empty: bool) -> Result<Filled, String> {
        let known = data_folder::read_demo(self.data)?;
        if empty {
            let known = known.unwrap_or_default();
            self.mark(known.filling, known.patient)?;
            return Ok(Filled::Before);
        }
        let filled = match &known {
            Some(demo) if demo.filling => self.complete().await?,
            Some(demo) if demo.patient.is_some() => Filled::Before,
            Some(_) if self.holds_resources().await? => Filled::Before,
            None if self.holds_resources().await? => return Err(self.not_a_demo()),
            _ => {
                self.mark(true, None)?;
                let all: Vec<usize> = (0..PATIENTS).collect();
                Filled::Now(self.fill(&all).await?)
            }
        };
        let patient = match known.and_then(|k| k.patient) {
            Some(patient) => Some(patient),
            None => self.patient(0).await?,
        };
        self.mark(false, patient)?;
        Ok(filled)
    }

    fn mark(&self, filling: bool, patient: Option<String>) -> Result<(), String> {
        let base = self.base.to_owned();
        data_folder::write_demo(
            self.data,
            &DemoFile {
                base,
                patient,
                filling,
            },
        )
    }

    fn not_a_demo(&self) -> String {
        format!(
            "the store of {} holds resources and is no demo store; --demo would mix them with a synthetic hospital. \
             Give another --data folder. (--demo --empty adds nothing to it, but makes it a demo store: \
             whoever can read the folder can then mint tokens for what it holds.)",
            self.data.display()
        )
    }

    /// Each bundle is a transaction: of a patient, all is there or nothing.
    async fn complete(&self) -> Result<Filled, String> {
        let mut missing = Vec::new();
        for index in 0..PATIENTS {
            if self.patient(index).await?.is_none() {
                missing.push(index);
            }
        }
        tracing::info!(patients = missing.len(), "filling the demo store goes on");
        self.fill(&missing).await?;
        Ok(Filled::Completed)
    }

    /// Stores the `missing` patients, and before the first of all what they share; returns how many resources.
    /// Several at once, because the store commits together what waits together.
    async fn fill(&self, missing: &[usize]) -> Result<usize, String> {
        let mut stored = 0;
        if missing.len() == PATIENTS {
            for n in 0..SHARED_BUNDLES {
                stored += post(self.engine, self.loader, HOSPITAL.shared_bundle(n)).await?;
            }
        }
        let mut under_way = JoinSet::new();
        for index in missing {
            if under_way.len() == BUNDLES_AT_ONCE {
                stored += joined(under_way.join_next().await)?;
            }
            let (engine, loader) = (self.engine.clone(), self.loader.clone());
            let bundle = HOSPITAL.patient_bundle(*index);
            under_way.spawn_local(async move { post(&engine, &loader, bundle).await });
        }
        while !under_way.is_empty() {
            stored += joined(under_way.join_next().await)?;
        }
        Ok(stored)
    }

    /// Whether the store holds any resource: real data must never be mixed with the synthetic hospital.
    async fn holds_resources(&self) -> Result<bool, String> {
        let reply = self
            .search(Interaction::SearchSystem, ("_count", "1"))
            .await?;
        Ok(!reply.entities.is_empty())
    }

    /// Logical id of a patient of the hospital. The first is the one that the demo app is launched with.
    async fn patient(&self, index: usize) -> Result<Option<String>, String> {
        let ty = ward_fhir::schema::r4()
            .resource_type("Patient")
            .ok_or("the definitions have no Patient")?;
        let identifier = ward_hospital::patient_identifier(index);
        let reply = self
            .search(Interaction::SearchType { ty }, ("identifier", &identifier))
            .await?;
        let bundle: serde_json::Value = serde_json::from_slice(reply.json().unwrap_or_default())
            .map_err(|_| "the store's answer is not JSON")?;
        let id = &bundle["entry"][0]["resource"]["id"];
        Ok(id.as_str().map(str::to_owned))
    }

    async fn search(
        &self,
        what: Interaction,
        (name, value): (&str, &str),
    ) -> Result<Reply, String> {
        let mut call = Call::new(what, [0; 16], "demo".into());
        call.parameters = vec![(name.into(), value.into())];
        let reply = self.engine.answer(self.loader, &call).await;
        match reply.status {
            200 => Ok(reply),
            status => Err(format!("the store cannot be searched: {status}")),
        }
    }
}

type Posted = Result<usize, String>;

fn joined(task: Option<Result<Posted, JoinError>>) -> Posted {
    match task {
        Some(Ok(posted)) => posted,
        Some(Err(e)) => Err(format!("the demo hospital could not be stored: {e}")),
        None => Ok(0),
    }
}

async fn post(engine: &Engine, caller: &Caller, bundle: String) -> Posted {
    let mut request_id = [0; 16];
    ward_seal::random::fill(&mut request_id);
    let mut call = Call::new(Interaction::Bundle, request_id, "demo".into());
    call.body = Some(Body {
        bytes: bundle.into(),
        format: Format::Json,
    });
    let reply = engine.answer(caller, &call).await;
    if reply.status == 200 {
        return Ok(reply.entities.len());
    }
    let text = String::from_utf8_lossy(reply.json().unwrap_or_default());
    Err(format!("the demo hospital could not be stored: {text}"))
}

/// What a newcomer does next.
pub fn greeting(base: &str, config: &Config, filled: Filled) -> String {
    let trust = match config.tls.development {
        true => {
            let authority = DevFiles::of(&config.store.data).authority();
            format!("--cacert {} ", authority.display())
        }
        false => String::new(),
    };
    let data = config.store.data.display();
    let program =
        std::env::current_exe().map_or_else(|_| "ward".to_owned(), |p| p.display().to_string());
    let filled = match filled {
        Filled::Now(n) => {
            format!(" The synthetic hospital has {n} resources of {PATIENTS} patients.")
        }
        Filled::Completed => format!(
            " The synthetic hospital of {PATIENTS} patients is complete; its filling had been interrupted."
        ),
        Filled::Before => String::new(),
    };
    format!(
        "\nWard is ready at {base}.{filled}\n\
         Anyone may read {base}/metadata; everything else needs a token:\n\n\
         \x20 TOKEN=$({program} token --as clinician --data {data})\n\
         \x20 curl {trust}-H \"Authorization: Bearer $TOKEN\" '{base}/Patient?_count=2&_pretty=true'\n\n\
         Callers: clinician, lab, billing, app (one patient), auditor, admin, loader (all rights).\n\
         More requests: docs/requests/first.http. Stop with Ctrl-C.\n"
    )
}
