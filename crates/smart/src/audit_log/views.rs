//! What somebody looks for again and again: a filter under a name of their own.

use super::filter::{query, typed};
use super::{Auditor, Said};
use crate::answer::OAuthError;
use crate::endpoints::Endpoint;
use crate::state::{self, Changes, SavedView};
use crate::trail::Trail;

/// Of one person.
const VIEWS_MAX: usize = 50;
const NAME_CHARS_MAX: usize = 80;

/// Name, link and id of each.
pub(super) async fn of(auditor: &Auditor<'_>) -> Result<Vec<(String, String, String)>, OAuthError> {
    let views = saved(auditor).await?;
    let path = Endpoint::AuditLog.path();
    let shown = views.into_iter().map(|held| {
        let view = held.row;
        let link = match view.query.is_empty() {
            true => path.to_owned(),
            false => format!("{path}?{}", view.query),
        };
        (view.name, link, view.id)
    });
    Ok(shown.collect())
}

pub(super) async fn decide(auditor: &Auditor<'_>, trail: &mut Trail) -> Result<Said, OAuthError> {
    let parameters = &auditor.request.parameters;
    let said = match parameters.get("decision") {
        Some("save") => {
            trail.decided("decision", "save");
            save(auditor).await?
        }
        Some("forget") => {
            trail.decided("decision", "forget");
            forget(auditor, parameters.get("view").unwrap_or_default()).await?
        }
        _ => Err("There is no such decision.".to_owned()),
    };
    if said.is_err() {
        trail.refused();
    }
    Ok(said)
}

async fn save(auditor: &Auditor<'_>) -> Result<Said, OAuthError> {
    let name = auditor
        .request
        .parameters
        .get("name")
        .unwrap_or_default()
        .trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return Ok(Err(format!(
            "Give the view a name of at most {NAME_CHARS_MAX} characters."
        )));
    }
    let saved = saved(auditor).await?;
    if saved.iter().any(|view| view.name == name) {
        return Ok(Err("You have a view of this name already.".to_owned()));
    }
    if saved.len() >= VIEWS_MAX {
        return Ok(Err(format!(
            "You have {VIEWS_MAX} views; remove one first."
        )));
    }
    let view = SavedView {
        id: ward_seal::random::token(),
        account: auditor.session.account.clone(),
        name: name.to_owned(),
        query: query(&typed(auditor.request), &[]),
    };
    let store = auditor.server.engine().store();
    state::commit(store, Changes::new().insert(&view), auditor.request.now_s).await?;
    Ok(Ok(Some(format!("The view {name} is saved."))))
}

async fn forget(auditor: &Auditor<'_>, id: &str) -> Result<Said, OAuthError> {
    let saved = saved(auditor).await?;
    let Some(view) = saved.iter().find(|view| view.id == id) else {
        return Ok(Err("This view is not there any more.".to_owned()));
    };
    let store = auditor.server.engine().store();
    state::commit(store, Changes::new().remove(view), auditor.request.now_s).await?;
    Ok(Ok(Some(format!("The view {} is removed.", view.name))))
}

async fn saved(auditor: &Auditor<'_>) -> Result<Vec<state::Held<SavedView>>, OAuthError> {
    let account = Some(auditor.session.account.as_str());
    let store = auditor.server.engine().store();
    let views = state::list(store, account, VIEWS_MAX, auditor.request.now_s).await;
    views.map_err(|_| OAuthError::unavailable())
}
