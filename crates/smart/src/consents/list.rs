//! The page itself: what holds by itself, and what the patient has said.

use super::Kind;
use super::own::Own;
use super::words::{self, Names};
use crate::answer::{Answer, OAuthError};
use crate::endpoints::Endpoint;
use crate::page::{Consents, Page};
use serde_json::Value;
use ward_consent::{Consent, Default};

/// Names that are looked up for one page.
const NAMES_MAX: usize = 40;
/// Consents that are over and are still shown.
const ENDED_MAX: usize = 20;

pub(super) enum Said {
    Nothing,
    Notice(&'static str),
    Error(String),
}

pub(super) async fn show(own: &Own<'_>, said: Said) -> Result<Answer, OAuthError> {
    let now_s = own.request.now_s;
    let site = own.server.engine().settings();
    let resources = own.consents().await?;
    let read = |resource: Value| words::read(&resource, site).map(|consent| (resource, consent));
    let all: Vec<(Value, Consent)> = resources
        .into_iter()
        .filter(is_privacy)
        .filter_map(read)
        .collect();
    let names = names(
        own,
        all.iter().flat_map(|(_, consent)| words::named(consent)),
    )
    .await?;
    let (mut standing, mut ended) = (Vec::new(), Vec::new());
    for (resource, consent) in &all {
        let shown = words::shown(resource, consent, &names, is_replaced(consent, &all), now_s);
        match words::stands(consent, now_s) {
            true => standing.push(shown),
            false => ended.push(shown),
        }
    }
    ended.truncate(ENDED_MAX);
    let (status, notice, error) = match said {
        Said::Nothing => (200, None, None),
        Said::Notice(notice) => (200, Some(notice.to_owned()), None),
        Said::Error(why) => (400, None, Some(why)),
    };
    let cookie = own.request.session.unwrap_or_default();
    let forms = own.server.forms();
    Ok(Answer::page(
        status,
        Page::Consents(Consents {
            form: forms.form(cookie, Endpoint::Consents.path()),
            person: own.session.person(),
            defaults: defaults(site.consent.rules.default),
            standing,
            ended,
            keep: Kind::Keep.link(),
            allow: Kind::Allow.link(),
            notice,
            error,
        }),
    ))
}

/// Names of these, as far as the patient sees who they are.
pub(super) async fn names(
    own: &Own<'_>,
    references: impl Iterator<Item = impl ToString>,
) -> Result<Names, OAuthError> {
    let mut references: Vec<String> = references.map(|one| one.to_string()).collect();
    references.sort_unstable();
    references.dedup();
    let mut names = Names::new();
    for reference in references.into_iter().take(NAMES_MAX) {
        if let Some(name) = own.name(&reference).await? {
            names.insert(reference, name);
        }
    }
    Ok(names)
}

/// Consents to a treatment, to research or to an advance directive have pages of their own elsewhere.
fn is_privacy(resource: &Value) -> bool {
    let codings = resource["scope"]["coding"].as_array();
    codings.is_none_or(|all| all.iter().any(|one| one["code"] == "patient-privacy"))
}

/// Whether a newer one of the same kind is in force (R8).
fn is_replaced(consent: &Consent, all: &[(Value, Consent)]) -> bool {
    let Some(date) = consent.date else {
        return false;
    };
    let is_newer = |other: &Consent| {
        let same = other.group == consent.group && other.id != consent.id && other.is_active;
        same && other.date.is_some_and(|newer| newer.low > date.high)
    };
    all.iter().any(|(_, other)| is_newer(other))
}

/// What holds where no consent says anything (R9, R10).
fn defaults(default: Default) -> Vec<String> {
    let others = match default {
        Default::PermitTpo => {
            "Those who treat you, look after your bills or run the hospital see what they need for that. Research and other purposes need your consent."
        }
        Default::Deny => "Nobody else sees anything of it without your consent.",
    };
    [OWN, others, LABELS, DENIES].map(str::to_owned).to_vec()
}

const OWN: &str = "You see your own record, whatever you say here.";
const LABELS: &str = "What is about alcohol and drugs goes to no other organization without your consent. Notes of psychotherapy stay with who wrote them.";
const DENIES: &str = "What you keep private stays private even where you allow more elsewhere on this page. Every access is recorded.";
