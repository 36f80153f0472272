//! A patient's own page of who may see their record: what holds, what they keep private or allow, what a change would change before
//! it is made, and taking back. What is said becomes a Consent, written by the patient's own right (C21, C23; R1 to R12).

mod change;
mod choice;
mod effect;
mod list;
mod own;
mod words;

use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::endpoints::Endpoint;
use crate::trail::Trail;
use crate::visitor::Visitor;
use own::Own;

pub(crate) async fn answer(visitor: Visitor<'_>, trail: &mut Trail) -> Result<Answer, OAuthError> {
    let Some(own) = Own::of(visitor) else {
        return Err(OAuthError::new(
            ErrorCode::AccessDenied,
            "this page is for patients, who say here who may see their own record",
        ));
    };
    if visitor.sends()? {
        return posted(&own, trail).await;
    }
    match own.request.parameters.get("new").and_then(Kind::parse) {
        Some(kind) => change::form(&own, kind).await,
        None => list::show(&own, list::Said::Nothing).await,
    }
}

async fn posted(own: &Own<'_>, trail: &mut Trail) -> Result<Answer, OAuthError> {
    let decision = own.request.parameters.get("decision").unwrap_or_default();
    let kind = own.request.parameters.get("new").and_then(Kind::parse);
    match (decision, kind) {
        (EDIT | FIND, Some(kind)) => change::form(own, kind).await,
        (PREVIEW, Some(kind)) => change::preview(own, kind).await,
        (SAVE, Some(kind)) => change::save(own, kind, trail).await,
        (WITHDRAW, _) => change::preview_withdrawal(own).await,
        (END, _) => change::withdraw(own, trail).await,
        _ => list::show(own, list::Said::Nothing).await,
    }
}

/// What the form is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// To keep something private.
    Keep,
    Allow,
}

impl Kind {
    /// The value of the field `new`.
    fn word(self) -> &'static str {
        match self {
            Kind::Keep => "keep",
            Kind::Allow => "allow",
        }
    }

    fn parse(word: &str) -> Option<Kind> {
        [Kind::Keep, Kind::Allow]
            .into_iter()
            .find(|kind| kind.word() == word)
    }

    fn link(self) -> String {
        format!("{}?new={}", Endpoint::Consents.path(), self.word())
    }
}

/// Values of the field `decision`.
const FIND: &str = "find";
const EDIT: &str = "edit";
const PREVIEW: &str = "preview";
const SAVE: &str = "save";
const WITHDRAW: &str = "withdraw";
const END: &str = "end";
