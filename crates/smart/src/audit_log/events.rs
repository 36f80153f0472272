//! Events as a list, and one with everything that is recorded of it.

use super::filter::{Asked, link};
use super::{Auditor, proof};
use crate::answer::OAuthError;
use crate::dates;
use crate::page::{AuditDetail, AuditFilter, AuditList, AuditRow};
use crate::records::{cursor_of, matches};
use serde_json::Value;

/// Events on a page of the list.
const PAGE: &str = "50";

/// What a page says of an AuditEvent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) id: String,
    /// Seconds since 1970.
    pub(super) at_s: i64,
    /// Reference and name of the person; of what acts for nobody, of the client.
    pub(super) user: (String, String),
    pub(super) client: String,
    pub(super) what: String,
    /// Reference and name; empty: it is about nobody.
    pub(super) patient: (String, String),
    pub(super) outcome: String,
    pub(super) is_failed: bool,
    pub(super) is_emergency: bool,
}

pub(super) async fn list(
    auditor: &Auditor<'_>,
    filter: &AuditFilter,
    asked: &Asked,
) -> Result<Result<AuditList, String>, OAuthError> {
    let mut more = vec![("_count", PAGE), ("_total", "estimate"), ("_sort", "-date")];
    let cursor = auditor.request.parameters.get("cursor");
    more.extend(cursor.map(|cursor| ("_cursor", cursor)));
    let bundle = match auditor
        .records
        .bundle("AuditEvent", asked.search(&more))
        .await?
    {
        Ok(bundle) => bundle,
        Err(why) => return Ok(Err(why)),
    };
    let told: Vec<Told> = matches(&bundle).iter().map(told).collect();
    let next = cursor_of(&bundle, "next");
    Ok(Ok(AuditList {
        events: told.into_iter().map(|told| row(filter, told)).collect(),
        total: total(&bundle),
        first: cursor.map(|_| link(filter, &[])),
        next: next.map(|cursor| link(filter, &[("cursor", &cursor)])),
        ndjson: link(filter, &[("as", "ndjson")]),
        report: link(filter, &[("as", "pdf")]),
    }))
}

pub(super) async fn one(
    auditor: &Auditor<'_>,
    filter: &AuditFilter,
    id: &str,
) -> Result<Result<AuditDetail, String>, OAuthError> {
    let Some(event) = auditor.records.read("AuditEvent", id).await? else {
        return Ok(Err(
            "There is no such event, or it is not yours to see.".to_owned()
        ));
    };
    let told = told(&event);
    let pretty = serde_json::to_string_pretty(&event).unwrap_or_default();
    Ok(Ok(AuditDetail {
        title: told.what.clone(),
        facts: facts(&told, &event),
        proof: Some(proof::of(auditor, id).await?),
        json: pretty,
        back: link(filter, &[]),
    }))
}

fn row(filter: &AuditFilter, told: Told) -> AuditRow {
    AuditRow {
        link: link(filter, &[("event", &told.id)]),
        when: dates::moment(told.at_s),
        who: named(&told.user),
        client: told.client,
        what: told.what,
        patient: named(&told.patient),
        outcome: told.outcome,
        is_failed: told.is_failed,
        is_emergency: told.is_emergency,
    }
}

/// Name and reference.
pub(super) fn named((reference, name): &(String, String)) -> String {
    match (name.is_empty(), reference.is_empty()) {
        (true, _) => reference.clone(),
        (false, true) => name.clone(),
        (false, false) => format!("{name} ({reference})"),
    }
}

pub(super) fn told(event: &Value) -> Told {
    let text = |value: &Value| cut(value.as_str().unwrap_or_default());
    let agents = || event["agent"].as_array().into_iter().flatten();
    let user = agents().find(|agent| agent["requestor"] == true);
    // The client comes first; its place in the network is what it asked from.
    let client = agents().find(|agent| agent["requestor"] != true);
    let client = client.map_or_else(String::new, |agent| {
        let who = &agent["who"];
        named(&(text(&who["identifier"]["value"]), text(&who["display"])))
    });
    let user = user.map_or_else(Default::default, |agent| {
        let who = &agent["who"];
        let reference = text(&who["reference"]);
        let names = [&agent["name"], &who["display"], &who["identifier"]["value"]];
        let name = names.map(text).into_iter().find(|name| !name.is_empty());
        (reference, name.unwrap_or_default())
    });
    let outcome = event["outcome"].as_str().unwrap_or_default();
    let emergency = purposes(event).any(|code| EMERGENCY.contains(&code));
    Told {
        id: text(&event["id"]),
        at_s: moment_s(&event["recorded"]),
        what: what(event),
        patient: patient(event),
        user,
        client,
        outcome: outcome_words(outcome).to_owned(),
        is_failed: outcome != "0",
        is_emergency: emergency,
    }
}

/// The patient among the entities: role 1.
fn patient(event: &Value) -> (String, String) {
    let mut entities = event["entity"].as_array().into_iter().flatten();
    let of_patient = entities.find(|entity| entity["role"]["code"] == "1");
    of_patient.map_or_else(Default::default, |entity| {
        let what = &entity["what"];
        let reference = what["reference"].as_str().unwrap_or_default();
        let reference = reference.split("/_history/").next().unwrap_or_default();
        let name = what["display"].as_str().or_else(|| entity["name"].as_str());
        (cut(reference), cut(name.unwrap_or_default()))
    })
}

/// Of a line: whoever sends an event may write a book into it, which is there to be read in the event itself.
fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}...", &text[..at]),
    }
}

/// `read: Observation/1`.
fn what(event: &Value) -> String {
    let of = |coding: &Value| {
        let words = coding["display"]
            .as_str()
            .or_else(|| coding["code"].as_str());
        words.map(str::to_owned)
    };
    let subtypes = event["subtype"].as_array().into_iter().flatten();
    let mut words: Vec<String> = subtypes.filter_map(of).collect();
    if words.is_empty() {
        words.extend(of(&event["type"]));
    }
    let words = words.join(", ");
    let mut entities = event["entity"].as_array().into_iter().flatten();
    let data = entities.find_map(|entity| {
        let reference = entity["what"]["reference"].as_str()?;
        (entity["role"]["code"] != "1").then(|| reference.to_owned())
    });
    let said = match data {
        Some(data) => format!("{words}: {data}"),
        None => words,
    };
    match is_received(event) {
        true => format!("told by another system: {}", cut(&said)),
        false => cut(&said),
    }
}

/// Whether another system has sent it, and says in it what it likes: by the receipt that this server puts into such.
fn is_received(event: &Value) -> bool {
    let mut extensions = event["extension"].as_array().into_iter().flatten();
    extensions.any(|extension| extension["url"] == RECEIPT)
}

fn purposes(event: &Value) -> impl Iterator<Item = &str> {
    let concepts = event["purposeOfEvent"].as_array().into_iter().flatten();
    concepts
        .flat_map(|concept| concept["coding"].as_array().into_iter().flatten())
        .filter_map(|coding| coding["code"].as_str())
}

fn facts(told: &Told, event: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let purposes: Vec<&str> = purposes(event).collect();
    let facts = [
        ("When", dates::moment(told.at_s)),
        ("Who", named(&told.user)),
        ("By which client", told.client.clone()),
        ("Patient", named(&told.patient)),
        ("Outcome", told.outcome.clone()),
        ("Why", text(&event["outcomeDesc"])),
        ("For which purpose", purposes.join(", ")),
        ("Recorded by", text(&event["source"]["observer"]["display"])),
    ];
    let facts = facts.into_iter().filter(|(_, value)| !value.is_empty());
    facts
        .map(|(label, value)| (label.to_owned(), value))
        .collect()
}

fn outcome_words(code: &str) -> &'static str {
    match code {
        "0" => "Done",
        "4" => "Refused",
        "8" => "Failed",
        "12" => "Not available",
        _ => "Not known",
    }
}

fn moment_s(instant: &Value) -> i64 {
    let span = instant.as_str().and_then(ward_consent::Span::parse);
    span.map_or(0, |span| span.low.div_euclid(1_000_000))
}

fn total(bundle: &Value) -> String {
    match bundle["total"].as_u64() {
        Some(1) => "1 event".to_owned(),
        Some(total) => format!("{total} events"),
        None => String::new(),
    }
}

const RECEIPT: &str = "urn:ward:audit:receipt";
/// Of v3 ActReason: emergency treatment and breaking the glass.
const EMERGENCY: [&str; 2] = ["ETREAT", "BTG"];
const TEXT_CHARS_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_told_in_words() {
        let event = json!({
            "resourceType": "AuditEvent", "id": "e1", "recorded": "1970-01-02T00:00:01.5Z", "outcome": "0",
            "type": {"code": "rest"}, "subtype": [{"code": "read", "display": "read"}],
            "purposeOfEvent": [{"coding": [{"code": "BTG"}]}],
            "agent": [
                {"requestor": false, "who": {"display": "Growth chart", "identifier": {"value": "growth"}}},
                {"requestor": true, "name": "Dr. Ada", "who": {"reference": "Practitioner/p1"}}],
            "entity": [
                {"role": {"code": "4"}, "what": {"reference": "Observation/o/_history/1"}},
                {"role": {"code": "1"}, "what": {"reference": "Patient/p"}}],
        });
        let told = told(&event);
        assert_eq!(named(&told.user), "Dr. Ada (Practitioner/p1)");
        assert_eq!(
            (told.client.as_str(), told.at_s),
            ("Growth chart (growth)", 86_401)
        );
        assert_eq!(told.what, "read: Observation/o/_history/1");
        assert_eq!(named(&told.patient), "Patient/p");
        assert!(told.is_emergency && !told.is_failed);
    }

    #[test]
    fn what_another_system_says_is_told_apart() {
        let event = |extension: &str| json!({ "extension": [{ "url": extension }], "subtype": [{ "code": "read" }] });
        let of = |extension| told(&event(extension)).what;
        assert_eq!(of("urn:ward:audit:receipt"), "told by another system: read");
        assert_eq!(of("urn:ward:audit:results"), "read");
        let name = "é".repeat(TEXT_CHARS_MAX + 1);
        let long = json!({ "agent": [{ "requestor": true, "name": name }] });
        let cut = format!("{}...", "é".repeat(TEXT_CHARS_MAX));
        assert_eq!(told(&long).user.1, cut);
    }

    #[test]
    fn what_is_missing_is_left_out() {
        let told = told(&json!({"type": {"code": "110114"}, "outcome": "4"}));
        assert_eq!(
            (told.what.as_str(), told.outcome.as_str()),
            ("110114", "Refused")
        );
        assert!(told.is_failed && named(&told.user).is_empty() && told.client.is_empty());
    }

    #[test]
    fn a_bundle_goes_on_by_its_cursor() {
        let bundle = json!({"total": 1, "link": [{"relation": "next", "url": "http://x/AuditEvent?a=b&_cursor=c1"}]});
        assert_eq!(cursor_of(&bundle, "next").as_deref(), Some("c1"));
        assert_eq!(cursor_of(&bundle, "previous"), None);
        assert_eq!(total(&bundle), "1 event");
    }
}
