//! The one door: a Call becomes a Reply, and leaves exactly one Record that is durable before the Reply leaves.
//!
//! A write's Record commits with its data; every other outcome goes to the local log. If neither is possible the
//! answer is 503 and nothing of the data leaves.

use crate::call::{Call, Interaction};
use crate::engine::{Context, Engine};
use crate::record_budget::Budgeted;
use crate::recorded::{Ended, compose_record};
use crate::reply::{Content, Reply};
use crate::visibility::Sees;
use crate::{
    audit_events, bundle, capabilities, create, delete, history, labelled_output, masked, moment,
    openapi, operations, patch_interaction, read, referred, search, seen, update,
};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ward_access::{Access, Caller, Facts, PatientKey, decide};
use ward_audit::Alert;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};
use ward_storage::View;

/// How long an answer of 404 takes, or a multiple of it: how much work it was to find out tells less of whether something is hidden or was
/// never there (T49).
pub const ABSENT_STEP: Duration = Duration::from_millis(2);

impl Engine {
    /// Answers one Call. Never fails: refusals are Replies too. What is not found is answered in steps of [`ABSENT_STEP`].
    pub async fn answer(&self, caller: &Caller, call: &Call) -> Reply {
        let begun = Instant::now();
        in_steps(begun, self.answered(caller, call).await).await
    }

    async fn answered(&self, caller: &Caller, call: &Call) -> Reply {
        let unrecorded = Unrecorded::new(self, caller, call);
        let admitted = self.admit(caller, call).await;
        unrecorded.recorded();
        match admitted {
            Ok((in_force, access)) => {
                let caller = in_force.as_deref().unwrap_or(caller);
                self.answer_within(caller, &access, call, false).await
            }
            Err(failure) => {
                let reply = Reply::failure(&failure);
                self.record_refused(caller, call, reply.into(), false).await
            }
        }
    }

    /// The same within an Access that is there already: what a bench compares the whole chain with.
    #[cfg(feature = "bench")]
    pub async fn answer_decided(&self, caller: &Caller, access: &Access, call: &Call) -> Reply {
        self.answer_within(caller, access, call, false).await
    }

    /// A Call that never became an interaction (no token, wrong media type, unknown path): recorded all the same.
    pub async fn refuse(
        &self,
        caller: &Caller,
        call: &Call,
        failure: &Failure,
        challenge: Option<String>,
    ) -> Reply {
        let begun = Instant::now();
        let reply = Reply {
            challenge,
            ..Reply::failure(failure)
        };
        let reply = self.record_refused(caller, call, reply.into(), false);
        let reply = reply.await;
        in_steps(begun, reply).await
    }

    /// In which roles this caller acts now, where that is not the token's to say, and what they may see and do. What is published
    /// is for everybody at all hours.
    async fn admit(&self, caller: &Caller, call: &Call) -> Result<(Option<Arc<Caller>>, Access)> {
        let in_force = match call.interaction.is_public() {
            true => None,
            false => self.on_duty(caller).await?,
        };
        let acting = in_force.as_deref().unwrap_or(caller);
        if acting.is_out_of_purpose() && !call.interaction.is_public() {
            return Err(out_of_purpose(acting));
        }
        let is_public = call.interaction.is_public();
        let sees = match is_public || !call.is_judged() {
            true => Sees::everything(),
            false => self.mask(acting).await?,
        };
        let access = self.access(acting, sees).await?;
        let Some(glass) = call.break_glass.as_ref().filter(|_| !is_public) else {
            return Ok((in_force, access));
        };
        let (caller, opened) = self.behind_glass(acting, &access, call, glass).await?;
        Ok((Some(caller), opened))
    }

    /// An answer that was made without the store of resources, and shows nobody's record: recorded like any other, before it leaves.
    pub async fn recorded(&self, caller: &Caller, call: &Call, reply: Reply) -> Reply {
        self.record(caller, call, reply.into(), (0, false)).await
    }

    /// What this caller may see and do now, of what consents and labels leave.
    pub(crate) async fn access(&self, caller: &Caller, sees: Sees) -> Result<Access> {
        let patient = match &caller.patient {
            None => None,
            Some(id) => self.launch_patient(id).await?,
        };
        let access = decide(
            caller,
            &Facts {
                patient,
                criteria: self.criteria.of(caller, self),
                mask: sees.mask,
                changeable: sees.changeable,
            },
        );
        Ok(self.without_closed(access))
    }

    pub(crate) fn patient_key(&self, rid: i64) -> PatientKey {
        PatientKey {
            rid,
            membership: self.store.term_key().membership(rid),
        }
    }

    pub(crate) async fn answer_within(
        &self,
        caller: &Caller,
        access: &Access,
        call: &Call,
        in_bundle: bool,
    ) -> Reply {
        let context = Context {
            engine: self,
            caller,
            access,
            call,
            view: View::committed(&self.store),
            in_bundle,
        };
        let unrecorded = Unrecorded::new(self, caller, call);
        let reply = match dispatch(context).await {
            Ok(reply) => {
                let reply = seen::cut(access, call, masked::cut(access, call, reply));
                let reply = referred::settle(context, reply).await;
                labelled_output::settle(context, reply).await
            }
            Err(failure) => Reply::failure(&failure),
        };
        let budgeted = self.within_budget(caller, call, reply).await;
        unrecorded.recorded();
        let hides = access.hides_records();
        self.record_refused(caller, call, budgeted, hides).await
    }

    /// With whom it was about, where that is not shown. `hides`: something of somebody's record may have been kept from the caller.
    async fn record_refused(
        &self,
        caller: &Caller,
        call: &Call,
        mut budgeted: Budgeted,
        hides: bool,
    ) -> Reply {
        let unrecorded = Unrecorded::new(self, caller, call);
        let patient = match budgeted.reply.recorded {
            true => 0,
            false => self.undisclosed(caller, call, &budgeted.reply).await,
        };
        unrecorded.recorded();
        budgeted.reply.in_steps |=
            matches!(budgeted.reply.status, 401 | 403) && call.interaction.target().is_some();
        self.record(caller, call, budgeted, (patient, hides)).await
    }

    async fn record(
        &self,
        caller: &Caller,
        call: &Call,
        budgeted: Budgeted,
        (patient, hides): (i64, bool),
    ) -> Reply {
        if let Some(notice) = budgeted.notice {
            let waiting = Unrecorded::new(self, caller, call);
            let noted = self.log.append(&notice).await;
            waiting.recorded();
            if noted.is_err() {
                return Reply::failure(&unrecorded());
            }
        }
        let reply = budgeted.reply;
        // What a write discloses is known when its Record is committed: it has another one.
        if reply.recorded && reply.disclosed_by.is_empty() || !call.is_recorded() {
            return reply;
        }
        let ended = Ended {
            patient,
            ..Ended::with(&reply)
        };
        let mut record = compose_record(self.now_us(), caller, call, ended);
        record.decision.consents.clone_from(&reply.disclosed_by);
        if reply.refused == Some(Kind::LabelRemoval) {
            record.decision.alert = Some(Alert::LABEL_LOWERED);
        }
        match self.log.append(&record).await {
            Ok(_) => {
                self.decisions.permitted(caller, call, &reply.entities);
                if hides {
                    self.decisions.searched(caller, call, &reply, patient);
                }
                reply
            }
            Err(_) => Reply::failure(&unrecorded()),
        }
    }
}

/// Waits where it would tell something when it is answered.
pub(crate) async fn in_steps(begun: Instant, reply: Reply) -> Reply {
    if reply.in_steps || reply.status == Kind::NotFound.status() {
        let steps = begun.elapsed().as_micros() / ABSENT_STEP.as_micros() + 1;
        let steps = u32::try_from(steps).unwrap_or(1);
        moment::until(begun + ABSENT_STEP * steps).await;
    }
    reply
}

/// Why nothing opens, in plain words: told to whose token and roles it is about. (C23)
fn out_of_purpose(caller: &Caller) -> Failure {
    let text = format!(
        "none of your roles ({}) acts for the purpose of use of this token ({}); authorize the app for another purpose",
        caller.roles.join(", "),
        caller.acts_for()
    );
    Failure::new(Kind::OutOfPurpose, text)
}

/// Nothing leaves without its Record.
pub(crate) fn unrecorded() -> Failure {
    tracing::error!("audit record could not be made durable; answer withheld");
    Failure::new(
        Kind::Unavailable,
        "the audit record could not be written; nothing is answered without it",
    )
}

/// A Call on its way to its Record. A client that goes away has the future of its read dropped, wherever that waits; then
/// this leaves the Record, without a task of its own for every read.
///
/// No data can leave before the Record: bytes are made of the Reply, and the Reply comes out of `record`, which waits for the
/// disk. Three places are left where a read may be dropped. Before `record`: this leaves a Record with [`BROKEN_OFF`]. In
/// `record`: the entry is in the log's queue from the first poll on, and is written whether or not somebody waits. After it:
/// it is on disk. What may write is not dropped at all (`http` runs it in a task); a unit that commits all the same has
/// a Record too many, never one too few.
struct Unrecorded<'a> {
    engine: &'a Engine,
    caller: &'a Caller,
    call: &'a Call,
}

/// Status of the Record of a Call that was not answered because its client went away. Never sent.
pub const BROKEN_OFF: u16 = 499;

impl<'a> Unrecorded<'a> {
    fn new(engine: &'a Engine, caller: &'a Caller, call: &'a Call) -> Self {
        Self {
            engine,
            caller,
            call,
        }
    }

    /// What follows, without a wait in between, leaves the Record.
    fn recorded(self) {
        std::mem::forget(self);
    }
}

impl Drop for Unrecorded<'_> {
    fn drop(&mut self) {
        let at_us = self.engine.now_us();
        let ended = Ended {
            status: BROKEN_OFF,
            ..Ended::default()
        };
        let record = compose_record(at_us, self.caller, self.call, ended);
        if self.engine.log.offer(&record).is_err() {
            tracing::error!("audit record of a request that was broken off could not be queued");
        }
    }
}

/// A read among the entries of a transaction, answered from the state that the transaction makes. The transaction's Record
/// names what it shows.
pub(crate) async fn read_within<'a>(
    cx: Context<'a>,
    call: &'a Call,
    view: View<'a>,
) -> Result<Reply> {
    let cx = Context {
        call,
        view,
        in_bundle: true,
        ..cx
    };
    labelled_output::marked(cx, dispatch(cx).await?)
}

/// An answer that leaves to nobody, and is not recorded: what a search would have shown within another Access.
pub(crate) async fn asked_again(cx: Context<'_>) -> Result<Reply> {
    dispatch(cx).await
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Reply>> + 'a>>;

/// What is changed must be the caller's to change, and is as good as not there else.
fn dispatch(cx: Context<'_>) -> Answer<'_> {
    if !cx.call.interaction.changes() || cx.access.changes_what_it_sees() {
        return interaction(cx);
    }
    Box::pin(async move {
        let access = cx.access.to_change();
        interaction(Context {
            access: &access,
            ..cx
        })
        .await
    })
}

/// The registry of interactions: what is not here does not exist.
fn interaction(cx: Context<'_>) -> Answer<'_> {
    if let Some(answer) = audit_events::interaction(cx) {
        return answer;
    }
    match &cx.call.interaction {
        Interaction::Read { ty, id } => Box::pin(read::read(cx, *ty, id)),
        Interaction::Vread { ty, id, version } => Box::pin(read::vread(cx, *ty, id, version)),
        Interaction::Create { ty } => Box::pin(create::create(cx, *ty)),
        Interaction::Update { ty, id } => Box::pin(update::update(cx, *ty, id)),
        Interaction::ConditionalUpdate { ty } => Box::pin(update::conditional_update(cx, *ty)),
        Interaction::Patch { ty, id } => Box::pin(patch_interaction::patch(cx, *ty, id)),
        Interaction::ConditionalPatch { ty } => {
            Box::pin(patch_interaction::conditional_patch(cx, *ty))
        }
        Interaction::Delete { ty, id } => Box::pin(delete::delete(cx, *ty, id)),
        Interaction::ConditionalDelete { ty } => Box::pin(delete::conditional_delete(cx, *ty)),
        Interaction::HistoryInstance { ty, id } => Box::pin(history::instance(cx, *ty, id)),
        Interaction::HistoryType { ty } => Box::pin(history::on_type(cx, *ty)),
        Interaction::HistorySystem => Box::pin(history::system(cx)),
        Interaction::SearchType { ty } => Box::pin(search::on_type(cx, *ty)),
        Interaction::SearchSystem => Box::pin(search::system(cx)),
        Interaction::SearchCompartment {
            compartment,
            id,
            ty,
        } => Box::pin(search::compartment(cx, *compartment, id, *ty)),
        Interaction::Capabilities => Box::pin(capabilities::capabilities(cx)),
        Interaction::Unknown => Box::pin(std::future::ready(Err(Failure::new(
            Kind::NotFound,
            "no interaction of the FHIR RESTful API was understood",
        )))),
        Interaction::OpenApi => Box::pin(openapi::openapi(cx)),
        Interaction::Bundle if cx.in_bundle => Box::pin(std::future::ready(Err(Failure::new(
            Kind::Invalid,
            "a Bundle entry cannot be a batch or transaction itself",
        )))),
        Interaction::Bundle => Box::pin(bundle::bundle(cx)),
        Interaction::Operation {
            name,
            target,
            posted,
        } => Box::pin(operations::invoke(cx, name, target, *posted)),
    }
}

impl Reply {
    /// Bytes of the JSON resource, when there is one.
    pub fn json(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Resource(json) => Some(json),
            _ => None,
        }
    }
}
