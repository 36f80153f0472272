//! Breaking the glass (R22): in an emergency somebody whose role may do so opens one patient's record to themselves, to read, for an
//! hour at most, with a reason, right after a second factor. Each time leaves an open Task for the privacy officer, a Record that is
//! an alert, and a line in the log.
//!
//! The Task is stored first: there is none of these grants without it. A grant is used by the header `Ward-Break-Glass`, which names it;
//! each request looks it up, so that one that was ended is void on every node at once.

mod grants;
mod page;
mod reason;
mod review;

use crate::answer::{ErrorCode, OAuthError};
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{self, BreakGlass, Changes, Held, OpenedGlass};
use crate::trail::Trail;
use reason::Reason;
use ward_access::Caller;
use ward_fhir::Kind;
use ward_resources::BrokenGlass;
use ward_storage::StoreError;

pub(crate) use grants::answer as answer_client;
pub(crate) use page::{answer as answer_person, sign_in};

/// Since when the person must have proved with two factors who they are.
pub const FRESH_S: i64 = 300;
/// Longest lifetime of one.
pub const MINUTES_MAX: u32 = 60;
/// In force at once for one person; before another is declared one has to be ended.
pub const GRANTS_MAX: usize = 16;

/// Who declares it.
struct Person<'a> {
    subject: &'a str,
    fhir_user: Option<&'a str>,
    /// `sid`
    session: &'a str,
    /// The app that asks for them.
    client_id: Option<&'a str>,
}

/// What is declared, as it was sent.
struct Declared<'a> {
    patient: &'a str,
    reason_code: Option<&'a str>,
    reason: Option<&'a str>,
}

/// The field that is wrong, and why.
type Wrong = (&'static str, String);

impl AuthorizationServer {
    /// What a grant that a request names opens to its caller now; `None`: it is over, was never there, or is of another person,
    /// session or app. One statement.
    pub async fn broken_glass(
        &self,
        caller: &Caller,
        id: &str,
        now_s: i64,
    ) -> Result<Option<BrokenGlass>, StoreError> {
        let found = state::get::<BreakGlass>(self.store(), id, now_s).await?;
        let own = found.filter(|glass| {
            let by_app = glass.client_id.as_ref();
            glass.subject == caller.subject
                && caller.session.as_ref() == Some(&glass.session)
                && by_app.is_none_or(|client| *client == caller.client_id)
        });
        Ok(own.map(|glass| BrokenGlass {
            patient: glass.patient.clone(),
            until_us: glass.expires_s.saturating_mul(1_000_000),
        }))
    }
}

/// Error: no role in which the person acts now may, or they are not on duty.
async fn demand_right(server: &AuthorizationServer, caller: &Caller) -> Result<(), OAuthError> {
    let denied = |why: String| OAuthError::new(ErrorCode::AccessDenied, why);
    let roles = server.engine().roles_in_force(caller).await;
    let roles = roles.map_err(|failure| match failure.kind {
        Kind::ShiftEnded => denied(crate::purposes::said(failure)),
        _ => OAuthError::unavailable(),
    })?;
    match caller.in_force(roles).may_break_glass() {
        true => Ok(()),
        false => Err(denied(
            "none of your roles may open a record in an emergency".into(),
        )),
    }
}

/// Whether the second factor is young enough.
fn is_fresh(auth_time_s: i64, now_s: i64) -> bool {
    now_s.saturating_sub(auth_time_s) <= FRESH_S
}

/// Makes the grant, and before it the Task. Errors inside: what to mend. Statements: some, and the Task's commit.
async fn declare(
    server: &AuthorizationServer,
    person: &Person<'_>,
    declared: &Declared<'_>,
    request: &Request<'_>,
    trail: &mut Trail,
) -> Result<Result<BreakGlass, Vec<Wrong>>, OAuthError> {
    trail.decided("decision", "declare");
    let reason = match Reason::of(declared.reason_code, declared.reason) {
        Ok(reason) if is_id(declared.patient) => reason,
        Ok(_) => return Ok(Err(vec![no_such_patient()])),
        Err(wrong) if is_id(declared.patient) => return Ok(Err(vec![wrong])),
        Err(wrong) => return Ok(Err(vec![no_such_patient(), wrong])),
    };
    trail.decided("patient", declared.patient);
    let known = server.engine().knows_patient(declared.patient).await;
    if !known.map_err(|_| OAuthError::unavailable())? {
        return Ok(Err(vec![no_such_patient()]));
    }
    let now_s = request.now_s;
    let all = in_force(server, person.subject, now_s).await?;
    if all.len() >= GRANTS_MAX {
        let first = all.iter().map(|held| held.expires_s).min();
        let wait_s = first.map_or(1, |expires_s| expires_s - now_s);
        let why = format!("{GRANTS_MAX} records are open to you in this way: end one first");
        return Err(OAuthError::too_many(wait_s, why));
    }
    let minutes = i64::from(server.settings().break_glass_minutes);
    let mut glass = BreakGlass {
        id: ward_seal::random::token(),
        subject: person.subject.to_owned(),
        session: person.session.to_owned(),
        client_id: person.client_id.map(str::to_owned),
        patient: declared.patient.to_owned(),
        task: String::new(),
        declared_s: now_s,
        expires_s: now_s + 60 * minutes,
    };
    let review = review::open(server, person, &glass, &reason, request).await?;
    glass.task = review.task;
    trail.decided("task", &glass.task);
    trail.broke_glass(review.entities);
    let opened = OpenedGlass {
        task: glass.task.clone(),
        subject: glass.subject.clone(),
        fhir_user: person.fhir_user.map(str::to_owned),
        client_id: glass.client_id.clone(),
        declared_s: now_s,
    };
    let changes = Changes::new().insert(&glass).insert(&opened);
    state::commit(server.store(), changes, now_s).await?;
    tracing::warn!(task = %glass.task, "a person has broken the glass of a record; its review waits");
    Ok(Ok(glass))
}

/// Ends one of a person's own. `false`: it was over.
async fn end(
    server: &AuthorizationServer,
    subject: &str,
    id: &str,
    now_s: i64,
    trail: &mut Trail,
) -> Result<bool, OAuthError> {
    trail.decided("decision", "end");
    let found = state::get::<BreakGlass>(server.store(), id, now_s).await?;
    let Some(glass) = found.filter(|glass| glass.subject == subject) else {
        return Ok(false);
    };
    trail.decided("patient", &glass.patient);
    trail.decided("task", &glass.task);
    trail.ended_glass();
    state::commit(
        server.store(),
        Changes::new().forget::<BreakGlass>(&glass.id),
        now_s,
    )
    .await?;
    Ok(true)
}

/// Those of a person, the oldest first.
async fn in_force(
    server: &AuthorizationServer,
    subject: &str,
    now_s: i64,
) -> Result<Vec<Held<BreakGlass>>, OAuthError> {
    Ok(state::list::<BreakGlass>(server.store(), Some(subject), GRANTS_MAX, now_s).await?)
}

fn no_such_patient() -> Wrong {
    (
        "patient",
        "There is no patient with this id. Take it from the app that you came from.".to_owned(),
    )
}

/// <https://hl7.org/fhir/R4/datatypes.html#id>
pub(crate) fn is_id(text: &str) -> bool {
    let is_of_ids = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    (1..=64).contains(&text.len()) && text.bytes().all(is_of_ids)
}
