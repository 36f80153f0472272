//! What is asked while the glass is broken (R22): of one patient's record, to read, by somebody whose role may do so at this moment. All else is
//! as if it did not exist. Who declared it, and why, is the asking side's to know.

use crate::call::Call;
use crate::detection::{ALERT_SYSTEM, MISUSE_REVIEW_CODE};
use crate::engine::{Context, Engine};
use crate::visibility::{CONSENT_REVIEW, LABEL_REVIEW};
use std::sync::Arc;
use ward_access::{Access, Caller};
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind, Node};

/// A broken glass that is in force for the caller of a Call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenGlass {
    /// Logical id.
    pub patient: String,
    /// Microseconds since 1970.
    pub until_us: i64,
}

/// `Task.code` of the review that each broken glass leaves.
pub const REVIEW_SYSTEM: &str = "urn:ward:task";
pub const REVIEW_CODE: &str = "break-glass-review";

impl Engine {
    /// Whether there is a patient of this logical id, whoever may see them. Two statements at most.
    pub async fn knows_patient(&self, id: &str) -> Result<bool> {
        Ok(self.launch_patient(id).await?.is_some())
    }

    /// The caller and what they may see while the glass is broken. Errors: the caller's roles in force have no right to it, the Call is
    /// more than a read, or there is nothing to open.
    pub(crate) async fn behind_glass(
        &self,
        caller: &Caller,
        access: &Access,
        call: &Call,
        glass: &BrokenGlass,
    ) -> Result<(Arc<Caller>, Access)> {
        if !caller.may_break_glass() {
            let text = "none of your roles may open a record in an emergency";
            return Err(Failure::new(Kind::BreakGlass, text));
        }
        if call.interaction.may_write() {
            let text = "what is opened in an emergency is for reading, one request at a time: leave the header Ward-Break-Glass out of this one";
            return Err(Failure::new(Kind::BreakGlass, text));
        }
        let patient = self.launch_patient(&glass.patient).await?;
        let patient = patient.filter(|_| self.now_us() < glass.until_us);
        let patient = patient.ok_or_else(over)?;
        let caller = Arc::new(caller.breaking_glass());
        let opened = self.break_glass(&caller, access, (patient, glass.until_us));
        let opened = opened.await?;
        Ok((caller, opened))
    }
}

/// Nothing is open by what a request names: it is over, or was never there for this caller.
pub fn over() -> Failure {
    Failure::new(
        Kind::NotFound,
        "nothing is open to you by what the header Ward-Break-Glass names: it is over, or of another person, session or app",
    )
}

/// Whether a resource is a review, between the privacy officer and the patient, or an alert of misuse or its review:
/// nobody else's to see.
pub(crate) fn is_review(node: Node<'_>) -> bool {
    let reviews = [
        REVIEW_CODE,
        CONSENT_REVIEW,
        LABEL_REVIEW,
        MISUSE_REVIEW_CODE,
    ];
    is_task(node, &reviews) || is_alert(node)
}

/// Refuses a review of misuse, an alert, and whatever bears a name that the server gives to its reviews, to whoever is not in the privacy
/// role: closed by somebody else it would be learnt from, and one that bears such a name would stand for one that is still to come.
pub(crate) fn demand_reviewer(cx: Context<'_>, node: Node<'_>) -> Result<()> {
    let is_named = || {
        let mut identifiers = node.children_named("identifier");
        identifiers.any(|one| matches!(one.text("system"), Some(REVIEW_SYSTEM | ALERT_SYSTEM)))
    };
    let is_kept = match node.type_name() {
        "Task" => is_task(node, &[MISUSE_REVIEW_CODE]) || is_named(),
        "DetectedIssue" => is_alert(node) || is_named(),
        _ => false,
    };
    let is_reviewer = cx.caller.is_user() && cx.caller.is_privacy_officer();
    if !is_kept || is_reviewer || cx.call.is_own {
        return Ok(());
    }
    let text = "reviews and alerts of the server are written by itself and by privacy officers";
    Err(Failure::new(Kind::Forbidden, text).at(node.type_name()))
}

fn is_task(node: Node<'_>, codes: &[&str]) -> bool {
    let is_one = |code: &str| codes.contains(&code);
    node.type_name() == "Task" && has_code(node, REVIEW_SYSTEM, is_one)
}

fn is_alert(node: Node<'_>) -> bool {
    node.type_name() == "DetectedIssue" && has_code(node, ALERT_SYSTEM, |_| true)
}

fn has_code(node: Node<'_>, system: &str, is_one: impl Fn(&str) -> bool) -> bool {
    let codings = node.get("code").into_iter();
    let mut codings = codings.flat_map(|code| code.children_named("coding"));
    codings.any(|coding| {
        coding.text("system") == Some(system) && is_one(coding.text("code").unwrap_or_default())
    })
}
