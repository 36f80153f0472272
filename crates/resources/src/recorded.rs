//! The Record of a Call: what is remembered of it once it is known how it ended. <https://hl7.org/fhir/R4/auditevent.html>

use crate::audit_events;
use crate::call::{Call, Interaction};
use crate::engine::Engine;
use crate::operations;
use crate::read::NO_ROW;
use crate::reply::{Content, Reply};
use crate::search::encode_query;
use ward_access::{Action, Caller, Maintenance, maintenance};
use ward_audit::{Decision, Detail, Entity, Outcome, Record, version_hash};
use ward_fhir::TypeId;
use ward_fhir::schema::r4;
use ward_storage::{Current, Op, Rid, Write};

/// How a Call ended.
#[derive(Clone, Copy, Default)]
pub(crate) struct Ended<'a> {
    /// HTTP status.
    pub status: u16,
    /// What it turned out to be, where its interaction alone does not say it.
    pub turned_out: Option<&'static str>,
    pub entities: &'a [Entity],
    /// Of the versions among them that were created or updated.
    pub hashes: &'a [[u8; 32]],
    /// Of the answer's body, where it is known.
    pub bytes_out: Option<u64>,
    /// Entries of a Bundle that was taken.
    pub entries: Option<u32>,
    /// Whom it was about, of whom nothing was disclosed. 0: nobody.
    pub patient: Rid,
}

impl<'a> Ended<'a> {
    pub fn with(reply: &'a Reply) -> Ended<'a> {
        let bytes_out = match &reply.content {
            Content::Empty => 0,
            Content::Resource(bytes) | Content::Raw { bytes, .. } => bytes.len(),
        };
        Ended {
            status: reply.status,
            turned_out: reply.interaction,
            entities: &reply.entities,
            bytes_out: Some(bytes_out as u64),
            entries: reply.entries,
            ..Ended::default()
        }
    }
}

/// Cost: some allocations, a microsecond at most.
pub(crate) fn compose_record(at_us: i64, caller: &Caller, call: &Call, ended: Ended<'_>) -> Record {
    let turned_out = ended.turned_out;
    Record {
        at_us,
        request_id: call.request_id,
        interaction: turned_out
            .unwrap_or_else(|| call.interaction.code())
            .to_owned(),
        client_id: caller.client_id.clone(),
        user: caller.fhir_user.as_deref().unwrap_or_default().to_owned(),
        purpose: caller.acts_for().to_string(),
        source: call.source.to_string(),
        outcome: outcome(ended.status),
        status: ended.status,
        query: parameter_names(call),
        entities: ended.entities.to_vec(),
        decision: Decision {
            break_glass: call.break_glass.is_some(),
            ..Decision::default()
        },
        detail: detail(caller, call, &ended),
    }
}

fn detail(caller: &Caller, call: &Call, ended: &Ended<'_>) -> Detail {
    let listed = call.interaction.lists() && ended.status < 300;
    let elapsed = call.begun.elapsed().as_micros();
    Detail {
        client_request_id: call.client_request_id.as_deref().unwrap_or_default().into(),
        token_id: caller.token_id.clone(),
        session: caller.session.clone().unwrap_or_default(),
        workstation: caller.workstation.clone().unwrap_or_default(),
        roles: caller.roles.join(" "),
        authenticated: caller.authenticated.clone().unwrap_or_default(),
        subtype: subtype(call),
        request: request(call, ended.status),
        results: match listed {
            true => Some(u32::try_from(ended.entities.len()).unwrap_or(u32::MAX)),
            false => ended.entries,
        },
        bytes_out: ended.bytes_out,
        elapsed_us: Some(u64::try_from(elapsed).unwrap_or(u64::MAX)),
        patient: ended.patient,
        hashes: ended.hashes.to_vec(),
        received: Vec::new(),
        is_delegate: caller.client.acts_for && caller.is_user(),
    }
}

/// Words of our own only: there are few contexts of Records.
fn subtype(call: &Call) -> String {
    let of_the_log = audit_events::subtype(call);
    if !of_the_log.is_empty() {
        return of_the_log.to_owned();
    }
    let is_consent = |ty: &TypeId| r4().ty(*ty).name == "Consent";
    let word = match &call.interaction {
        Interaction::Operation { name, .. } => {
            let mut served = operations::SERVED.iter();
            return match served.any(|served| served.name == name) {
                true => format!("${name}"),
                false => String::new(),
            };
        }
        Interaction::Create { ty }
        | Interaction::Update { ty, .. }
        | Interaction::ConditionalUpdate { ty }
        | Interaction::Patch { ty, .. }
        | Interaction::ConditionalPatch { ty }
        | Interaction::Delete { ty, .. }
        | Interaction::ConditionalDelete { ty }
            if is_consent(ty) =>
        {
            "consent-change"
        }
        Interaction::Create { .. } if call.conditions.if_none_exist.is_some() => "conditional",
        Interaction::ConditionalUpdate { .. }
        | Interaction::ConditionalPatch { .. }
        | Interaction::ConditionalDelete { .. } => "conditional",
        Interaction::SearchCompartment { .. } => "compartment",
        Interaction::OpenApi => "openapi",
        _ => "",
    };
    word.to_owned()
}

/// What was asked of many as it was asked; of what was refused the one resource that was asked for.
fn request(call: &Call, status: u16) -> String {
    if !call.asked.is_empty() {
        return call.asked.clone();
    }
    let target = || match call.interaction.target() {
        Some((ty, id)) => format!("{}/{id}", r4().ty(ty).name),
        None => String::new(),
    };
    // What our own pages ask comes with no path.
    match &call.interaction {
        Interaction::SearchType { ty } => {
            format!("{}?{}", r4().ty(*ty).name, encode_query(&call.parameters))
        }
        _ if status >= 400 => target(),
        _ => String::new(),
    }
}

fn outcome(status: u16) -> Outcome {
    match status {
        0..=399 => Outcome::Success,
        400..=499 => Outcome::Minor,
        503 => Outcome::Major,
        _ => Outcome::Serious,
    }
}

/// Names only: values of search parameters are clinical data. What is no parameter name of the specification's form is dropped.
fn parameter_names(call: &Call) -> String {
    const NAMES_BYTES_MAX: usize = 256;
    let mut names = String::new();
    for (name, _) in &call.parameters {
        let plain = name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-:.".contains(&b));
        if plain && names.len() + name.len() < NAMES_BYTES_MAX {
            if !names.is_empty() {
                names.push('&');
            }
            names.push_str(name);
        }
    }
    names
}

/// What the Record of a change commits to. `None`: a deletion has no body.
pub(crate) fn hash(write: &Write) -> Option<[u8; 32]> {
    let name = r4().ty(write.ty).name;
    let is_version = write.op != Op::Delete;
    is_version.then(|| version_hash(name, write.rid, write.version, &write.body))
}

impl Engine {
    /// Whom a Call was about that shows nothing: the patient of the resource that was refused, or whom a search names that found
    /// nothing. 0: nobody. It goes into the Record alone, and takes the same statements whether the resource is hidden or was never there.
    pub(crate) async fn undisclosed(&self, caller: &Caller, call: &Call, reply: &Reply) -> Rid {
        let refused = matches!(reply.status, 401 | 403 | 404 | 410);
        if refused && let Some((ty, id)) = call.interaction.target() {
            // Whoever has no token may ask as often as they like: what that costs the store is bounded.
            let place = self.strangers.try_acquire();
            if reply.status == 401 && place.is_err() {
                return 0;
            }
            let (rid, patient) = self.home_of(ty, id).await;
            if patient != 0 && reply.status == 404 {
                self.decisions.refused(caller, call, (ty, rid), patient);
            }
            return patient;
        }
        let is_empty = reply.status == 200 && reply.entities.is_empty();
        match call.named_patient().filter(|_| is_empty) {
            Some(id) => self.row_of(patient_type(), id).await.unwrap_or(0),
            None => 0,
        }
    }

    /// Row id, and that of its home patient.
    async fn home_of(&self, ty: TypeId, id: &str) -> (Rid, Rid) {
        let access = maintenance(Maintenance::Refused);
        if self.store.decode_id(id).is_some() {
            // An id that is not ours is looked up first: neither is told from the other by what it costs.
            let _ = self.store.read(&access, Action::Read, ty, NO_ROW).await;
        }
        let rid = self.row_of(ty, id).await.unwrap_or(NO_ROW);
        match self.store.read(&access, Action::Read, ty, rid).await {
            Ok(Current::Live(row) | Current::Deleted(row)) => (rid, row.patient),
            Ok(Current::Absent) => (rid, 0),
            Err(_) => {
                tracing::warn!("whom a refused request was about cannot be read");
                (rid, 0)
            }
        }
    }

    pub(crate) async fn row_of(&self, ty: TypeId, id: &str) -> Option<Rid> {
        if let Some(rid) = self.store.decode_id(id) {
            return Some(rid);
        }
        let found = self.store.locate(&[(ty, id)]).await;
        found.ok()?.first().copied().flatten()
    }
}

impl Call {
    /// Logical id of the patient whom a search names: by a compartment, or as the one value of a parameter.
    pub(crate) fn named_patient(&self) -> Option<&str> {
        let named = |(name, value): &'_ (String, String)| -> bool {
            let base = name.split(':').next();
            matches!(base, Some("patient" | "subject")) && !value.contains(',')
        };
        match &self.interaction {
            Interaction::SearchCompartment {
                compartment, id, ..
            } if *compartment == patient_type() => Some(id),
            Interaction::SearchType { ty } if *ty == patient_type() => {
                self.parameter("_id").filter(|id| !id.contains(','))
            }
            Interaction::SearchType { .. } | Interaction::SearchCompartment { .. } => {
                let (name, value) = self.parameters.iter().find(|pair| named(pair))?;
                match value.strip_prefix("Patient/") {
                    Some(id) => Some(id),
                    None => (name != "subject" && !value.contains('/')).then_some(value),
                }
            }
            _ => None,
        }
    }
}

fn patient_type() -> TypeId {
    crate::place::patient_type()
}
