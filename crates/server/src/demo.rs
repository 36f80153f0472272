//! The demo hospital: filled on first start through the same door as every other write, and whole after a crash too. Then its
//! callers are registered.

pub mod callers;
mod greeting;

pub use greeting::greeting;

use crate::command_line::{self, Done};
use crate::data_folder::{self, DemoFile};
use crate::wiring::clock_us;
use callers::CallerFiles;
use std::path::Path;
use std::sync::Arc;
use tokio::task::{JoinError, JoinSet};
use ward_access::Caller;
use ward_hospital::{ENTRIES_PER_PATIENT, Hospital, SHARED_BUNDLES};
use ward_resources::reindex::Indexer;
use ward_resources::{Body, Call, Engine, Format, Interaction, Reply};
use ward_smart::AuthorizationServer;
use ward_smart::demo::{self, DemoPatient};
use ward_smart::state::PersonSecret;

const HOSPITAL: Hospital = Hospital {
    seed: 1,
    patients: PATIENTS,
    entries_per_patient: ENTRIES_PER_PATIENT,
};
const PATIENTS: usize = 100;
/// Types that the demo's hospital indexes by their words, unless the configuration names others.
pub const FULL_TEXT: [&str; 3] = ["Condition", "Observation", "Patient"];
/// Transactions under way while the store is filled.
const BUNDLES_AT_ONCE: usize = 8;

/// Who fills which store.
pub struct Demo<'a> {
    pub engine: &'a Arc<Engine>,
    pub auth: &'a AuthorizationServer,
    pub loader: &'a Arc<Caller>,
    pub data: &'a Path,
    pub base: &'a str,
}

/// A demo that is ready to be served.
pub struct Prepared {
    pub filled: Filled,
    /// Those who have an account.
    pub people: Vec<PersonSecret>,
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
    /// Marks the folder as a demo store, fills the store unless `empty`, and registers the callers that `ward token` signs in.
    /// A mark stands before the first resource, so that a start after a crash knows that the rest is to come.
    pub async fn prepare(&self, empty: bool) -> Result<Prepared, String> {
        let known = data_folder::read_demo(self.data)?;
        let (filled, patient) = if empty {
            let known = known.unwrap_or_default();
            self.mark(known.filling, known.patient.clone())?;
            (Filled::Before, known.patient)
        } else {
            let filled = self.filled(known.as_ref()).await?;
            let patient = match known.and_then(|k| k.patient) {
                Some(patient) => Some(patient),
                None => self.patient(0).await?.map(|patient| patient.id),
            };
            self.mark(false, patient.clone())?;
            (filled, patient)
        };
        let people = self.registered(patient.is_some()).await?;
        Ok(Prepared { filled, people })
    }

    async fn filled(&self, known: Option<&DemoFile>) -> Result<Filled, String> {
        Ok(match known {
            Some(demo) if demo.filling => self.complete().await?,
            Some(demo) if demo.patient.is_some() => Filled::Before,
            Some(_) if self.holds_resources().await? => Filled::Before,
            None if self.holds_resources().await? => return Err(self.not_a_demo()),
            _ => {
                self.mark(true, None)?;
                // So that what is stored has its words from the first on; if it fails, they come afterwards.
                let _ = self.engine.index(&mut Indexer::default()).await;
                let all: Vec<usize> = (0..PATIENTS).collect();
                Filled::Now(self.fill(&all).await?)
            }
        })
    }

    /// Sees to it that the callers are registered, and that the data folder has what they sign in with.
    async fn registered(&self, has_patient: bool) -> Result<Vec<PersonSecret>, String> {
        let patient = match has_patient {
            true => self.patient(0).await?,
            false => None,
        };
        let registered = demo::register(self.auth, patient.as_ref(), clock_us() / 1_000_000)
            .await
            .map_err(|_| "store: the demo's callers cannot be registered".to_owned())?;
        if registered.changed {
            let done = Done {
                by: "ward serve --demo",
                what: "register",
                succeeded: true,
            };
            command_line::record(self.engine, done).await?;
        }
        CallerFiles::of(self.data).write(&registered.secrets)?;
        let people = registered.secrets.people.into_iter();
        Ok(people
            .filter(|person| patient.is_some() || person.username != demo::PATIENT)
            .collect())
    }

    fn mark(&self, filling: bool, patient: Option<String>) -> Result<(), String> {
        let demo = DemoFile {
            base: self.base.to_owned(),
            patient,
            filling,
        };
        data_folder::write_demo(self.data, &demo)
    }

    fn not_a_demo(&self) -> String {
        format!(
            "the store of {} holds resources and is no demo store; --demo would mix them with a synthetic hospital. \
             Give another --data folder. (--demo --empty adds no resource to it, but makes it a demo store: \
             whoever can read the folder can then sign in to what it holds.)",
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

    /// A patient of the hospital. The first is the one whose app is shown.
    async fn patient(&self, index: usize) -> Result<Option<DemoPatient>, String> {
        let ty = ward_fhir::schema::r4()
            .resource_type("Patient")
            .ok_or("the definitions have no Patient")?;
        let identifier = ward_hospital::patient_identifier(index);
        let reply = self
            .search(Interaction::SearchType { ty }, ("identifier", &identifier))
            .await?;
        let bundle: serde_json::Value = serde_json::from_slice(reply.json().unwrap_or_default())
            .map_err(|_| "the store's answer is not JSON")?;
        let patient = &bundle["entry"][0]["resource"];
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let name = &patient["name"][0];
        Ok(patient["id"].as_str().map(|id| DemoPatient {
            id: id.to_owned(),
            name: format!("{} {}", text(&name["given"][0]), text(&name["family"])),
        }))
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
