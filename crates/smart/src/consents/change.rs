//! The forms: what is kept private or allowed, what that changes, and taking it back.

use super::choice::{CATEGORIES, Choice, ELSEWHERE, EVERYBODY, Errors, Filled, PURPOSES};
use super::effect::{self, Effects};
use super::list::{self, Said};
use super::own::Own;
use super::words;
use super::{EDIT, END, Kind, SAVE};
use crate::answer::{Answer, OAuthError};
use crate::dates;
use crate::endpoints::Endpoint;
use crate::page::{ConsentForm, ConsentPreview, Page};
use crate::trail::Trail;
use serde_json::{Value, json};

/// Digits of the id of a choice.
const ID_DIGITS: usize = 32;

/// The form, with what was filled in before.
pub(super) async fn form(own: &Own<'_>, kind: Kind) -> Result<Answer, OAuthError> {
    let filled = Filled::of(&own.request.parameters, kind);
    show(own, kind, filled, Errors::new()).await
}

async fn show(
    own: &Own<'_>,
    kind: Kind,
    filled: Filled,
    errors: Errors,
) -> Result<Answer, OAuthError> {
    let found = match filled.sought.is_empty() {
        true => None,
        false => Some(own.find(&filled.sought).await?),
    };
    let mut who = general(kind);
    if filled.who.contains('/')
        && let Some(name) = own.name(&filled.who).await?
    {
        who.push((filled.who.clone(), name));
    }
    for (reference, name) in found.iter().flatten() {
        if !who.iter().any(|(known, _)| known == reference) {
            who.push((reference.clone(), name.clone()));
        }
    }
    let pair = |(value, words): (&str, &str)| (value.to_owned(), words.to_owned());
    let page = ConsentForm {
        form: form_of(own),
        person: own.session.person(),
        is_permit: kind == Kind::Allow,
        who,
        chosen_who: filled.who,
        sought: filled.sought,
        found: found.map(|found| !found.is_empty()),
        is_whole: filled.is_whole,
        categories: CATEGORIES.iter().map(|c| pair((c.code, c.words))).collect(),
        chosen_categories: filled.categories,
        is_always: filled.is_always,
        purposes: PURPOSES.into_iter().map(pair).collect(),
        chosen_purposes: filled.purposes,
        until: filled.until,
        earliest: dates::iso_day(own.request.now_s),
        back: Endpoint::Consents.path().to_owned(),
        errors,
    };
    let status = if page.errors.is_empty() { 200 } else { 400 };
    Ok(Answer::page(status, Page::ConsentForm(page)))
}

/// What the form says, and whom it is about by name.
async fn chosen(own: &Own<'_>, kind: Kind) -> Result<(Filled, Result<Choice, Errors>), OAuthError> {
    let filled = Filled::of(&own.request.parameters, kind);
    let name = match filled.who.contains('/') {
        true => own.name(&filled.who).await?,
        false => None,
    };
    let choice = filled.choice(kind, name, own.request.now_s);
    Ok((filled, choice))
}

pub(super) async fn preview(own: &Own<'_>, kind: Kind) -> Result<Answer, OAuthError> {
    let (filled, choice) = chosen(own, kind).await?;
    let choice = match choice {
        Ok(choice) => choice,
        Err(errors) => return show(own, kind, filled, errors).await,
    };
    let id = new_id();
    let consent = choice.consent(own.patient(), &id, own.request.now_s);
    let effects = match own.impact(&consent).await? {
        Ok(parameters) => read(own, &parameters).await?,
        Err(why) => return show(own, kind, filled, vec![("who".to_owned(), why)]).await,
    };
    let (question, save) = match kind {
        Kind::Keep => ("Keep this private?", "Keep it private"),
        Kind::Allow => ("Allow this?", "Allow it"),
    };
    let mut fields = filled.fields(kind);
    fields.push(("choice".to_owned(), id));
    let asked = Question {
        question,
        decision: (SAVE, save),
        edit: Some(EDIT),
        fields,
    };
    ask(own, &consent, effects, asked).await
}

pub(super) async fn save(
    own: &Own<'_>,
    kind: Kind,
    trail: &mut Trail,
) -> Result<Answer, OAuthError> {
    let (filled, choice) = chosen(own, kind).await?;
    let id = own.request.parameters.get("choice").filter(|id| is_id(id));
    let (choice, id) = match (choice, id) {
        (Ok(choice), Some(id)) => (choice, id),
        (Ok(_), None) => return show(own, kind, filled, Errors::new()).await,
        (Err(errors), _) => return show(own, kind, filled, errors).await,
    };
    let consent = choice.consent(own.patient(), id, own.request.now_s);
    trail.decided("decision", kind.word());
    match own.create(&consent, id).await? {
        Ok(written) => {
            trail.decided("consent", written["id"].as_str().unwrap_or_default());
            let notice = match kind {
                Kind::Keep => "It is kept private from now on.",
                Kind::Allow => "It is allowed from now on.",
            };
            list::show(own, Said::Notice(notice)).await
        }
        Err(why) => {
            trail.refused();
            show(own, kind, filled, vec![("who".to_owned(), why)]).await
        }
    }
}

pub(super) async fn preview_withdrawal(own: &Own<'_>) -> Result<Answer, OAuthError> {
    let Some(consent) = asked_for(own).await? else {
        return list::show(own, Said::Error(GONE.to_owned())).await;
    };
    let effects = match own.impact(&withdrawn(&consent)).await? {
        Ok(parameters) => read(own, &parameters).await?,
        Err(why) => return list::show(own, Said::Error(why)).await,
    };
    let id = consent["id"].as_str().unwrap_or_default().to_owned();
    let asked = Question {
        question: "Withdraw this consent?",
        decision: (END, "Withdraw it"),
        edit: None,
        fields: vec![("consent".to_owned(), id)],
    };
    ask(own, &consent, effects, asked).await
}

pub(super) async fn withdraw(own: &Own<'_>, trail: &mut Trail) -> Result<Answer, OAuthError> {
    trail.decided("decision", "withdraw");
    let Some(consent) = asked_for(own).await? else {
        trail.refused();
        return list::show(own, Said::Error(GONE.to_owned())).await;
    };
    trail.decided("consent", consent["id"].as_str().unwrap_or_default());
    match own.update(&withdrawn(&consent)).await? {
        Ok(_) => list::show(own, Said::Notice("It is withdrawn, and counts no longer.")).await,
        Err(why) => {
            trail.refused();
            list::show(own, Said::Error(why)).await
        }
    }
}

/// What the preview asks.
struct Question {
    question: &'static str,
    /// Value of `decision` and its words.
    decision: (&'static str, &'static str),
    edit: Option<&'static str>,
    fields: Vec<(String, String)>,
}

async fn ask(
    own: &Own<'_>,
    consent: &Value,
    effects: Effects,
    asked: Question,
) -> Result<Answer, OAuthError> {
    let site = own.server.engine().settings();
    let Some(read) = words::read(consent, site) else {
        return list::show(own, Said::Error(GONE.to_owned())).await;
    };
    let names = list::names(own, words::named(&read).into_iter()).await?;
    let (value, said) = asked.decision;
    let mut shown = words::shown(consent, &read, &names, false, own.request.now_s);
    if asked.edit.is_some() {
        shown.state = "not saved yet".to_owned();
        shown.is_in_force = false;
    }
    let page = ConsentPreview {
        form: form_of(own),
        person: own.session.person(),
        question: asked.question.to_owned(),
        consent: shown,
        effects: effects.changed,
        unchanged: effects.unchanged,
        entries: effects.entries,
        fields: asked.fields,
        decision: (value.to_owned(), said.to_owned()),
        edit: asked.edit.map(str::to_owned),
        back: Endpoint::Consents.path().to_owned(),
    };
    Ok(Answer::page(200, Page::ConsentPreview(page)))
}

async fn read(own: &Own<'_>, parameters: &Value) -> Result<Effects, OAuthError> {
    let names = list::names(own, effect::named(parameters).into_iter()).await?;
    Ok(effect::effects(parameters, &names))
}

/// The consent that the form names, if it still counts.
async fn asked_for(own: &Own<'_>) -> Result<Option<Value>, OAuthError> {
    let Some(id) = own.request.parameters.get("consent") else {
        return Ok(None);
    };
    let found = own.consent(id).await?;
    Ok(found.filter(|consent| consent["status"] == "active"))
}

fn withdrawn(consent: &Value) -> Value {
    let mut consent = consent.clone();
    consent["status"] = json!("inactive");
    consent
}

fn general(kind: Kind) -> Vec<(String, String)> {
    let everybody = match kind {
        Kind::Keep => "Everybody but you: also those who treat you here",
        Kind::Allow => "Everybody who asks for what is ticked below",
    };
    let mut who = vec![(EVERYBODY.to_owned(), everybody.to_owned())];
    if kind == Kind::Keep {
        let words = "Other organizations: everybody outside the one that keeps an entry";
        who.push((ELSEWHERE.to_owned(), words.to_owned()));
    }
    who
}

fn form_of(own: &Own<'_>) -> crate::page::Form {
    let cookie = own.request.session.unwrap_or_default();
    own.server.forms().form(cookie, Endpoint::Consents.path())
}

/// Of the choice, in the form and in the policy of the Consent.
fn new_id() -> String {
    let mut bytes = [0; ID_DIGITS / 2];
    ward_seal::random::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_id(text: &str) -> bool {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == ID_DIGITS && text.bytes().all(is_digit)
}

const GONE: &str = "This consent does not count any more.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_known_by_their_form() {
        assert!(is_id(&new_id()));
        assert_ne!(new_id(), new_id());
        for bad in ["", "g0", &"A".repeat(ID_DIGITS), &format!("{}|", new_id())] {
            assert!(!is_id(bad));
        }
    }
}
