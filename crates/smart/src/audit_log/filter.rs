//! What of the log is looked for: as it was typed, as search parameters of AuditEvent, and as a link to the page.
//! <https://hl7.org/fhir/R4/auditevent.html#search>

use crate::authorize::percent_encode;
use crate::dates;
use crate::endpoints::Endpoint;
use crate::page::{AUDIT_KINDS, AUDIT_OUTCOMES, AuditFilter};
use crate::request::Request;

/// The questions that the log is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Search parameters without dates.
    pub(super) parameters: Vec<(String, String)>,
    /// Seconds since 1970, the second not included.
    pub(super) from_s: i64,
    pub(super) to_s: i64,
}

pub(super) fn typed(request: &Request<'_>) -> AuditFilter {
    let field = |name: &str| {
        let value = request.parameters.get(name).unwrap_or_default();
        value.trim().to_owned()
    };
    AuditFilter {
        patient: field("patient"),
        user: field("user"),
        client: field("client"),
        kind: field("kind"),
        outcome: field("outcome"),
        from: field("from"),
        to: field("to"),
        way: field("way"),
    }
}

/// The page with this filter and some fields more.
pub(super) fn link(filter: &AuditFilter, more: &[(&str, &str)]) -> String {
    let query = query(filter, more);
    let path = Endpoint::AuditLog.path();
    match query.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{query}"),
    }
}

pub(super) fn query(filter: &AuditFilter, more: &[(&str, &str)]) -> String {
    let fields = [
        ("patient", filter.patient.as_str()),
        ("user", &filter.user),
        ("client", &filter.client),
        ("kind", &filter.kind),
        ("outcome", &filter.outcome),
        ("from", &filter.from),
        ("to", &filter.to),
        ("way", &filter.way),
    ];
    let mut query = String::new();
    for (name, value) in fields.iter().chain(more) {
        if !value.is_empty() {
            if !query.is_empty() {
                query.push('&');
            }
            query.push_str(name);
            query.push('=');
            percent_encode(value, &mut query);
        }
    }
    query
}

impl Asked {
    /// Without dates the last week. Error: fields and what is wrong with them.
    pub(super) fn of(filter: &AuditFilter, now_s: i64) -> Result<Asked, Vec<(String, String)>> {
        let mut errors = Vec::new();
        let mut parameters = Vec::new();
        let mut add = |name: &str, value: String| parameters.push((name.to_owned(), value));
        if !filter.patient.is_empty() {
            match reference(&filter.patient, &["Patient"]) {
                Some(patient) => add("patient", patient),
                None => errors.push(wrong(
                    "patient",
                    "Give the patient's id, such as Patient/123.",
                )),
            }
        }
        if !filter.user.is_empty() {
            match reference(&filter.user, &PEOPLE) {
                Some(user) => add("agent", user),
                None => errors.push(wrong(
                    "user",
                    "Give the person's id, such as Practitioner/123.",
                )),
            }
        }
        if !filter.client.is_empty() {
            add("agent:identifier", escaped(&filter.client));
        }
        match AUDIT_KINDS.iter().find(|(kind, ..)| *kind == filter.kind) {
            Some((_, _, "", _)) => {}
            Some((_, _, parameter, value)) => add(parameter, (*value).to_owned()),
            None => errors.push(wrong("kind", "There is no such kind.")),
        }
        match AUDIT_OUTCOMES
            .iter()
            .find(|(outcome, ..)| *outcome == filter.outcome)
        {
            Some((_, _, "", _)) => {}
            Some((_, _, parameter, value)) => add(parameter, (*value).to_owned()),
            None => errors.push(wrong("outcome", "There is no such outcome.")),
        }
        let mut day = |field: &str, text: &str| match dates::from_iso_day(text) {
            None if text.is_empty() => None,
            None => {
                errors.push(wrong(field, "Give a day such as 2026-11-30."));
                None
            }
            day => day,
        };
        let from = day("from", &filter.from);
        let to = day("to", &filter.to).map(|day| day + DAY_S);
        let to_s = to.unwrap_or_else(|| (now_s / DAY_S + 1) * DAY_S);
        let from_s = from.unwrap_or(to_s - USUAL_DAYS * DAY_S);
        if errors.is_empty() && from_s >= to_s {
            errors.push(wrong("to", "It is before the first day."));
        }
        match errors.is_empty() {
            true => Ok(Asked {
                parameters,
                from_s,
                to_s,
            }),
            false => Err(errors),
        }
    }

    /// The search, of a part of the time.
    pub(super) fn between(
        &self,
        (from_s, to_s): (i64, i64),
        more: &[(&str, &str)],
    ) -> Vec<(String, String)> {
        let mut all = self.parameters.clone();
        let mut add = |name: &str, value: String| all.push((name.to_owned(), value));
        add("date", format!("ge{}", dates::instant(from_s)));
        add("date", format!("lt{}", dates::instant(to_s)));
        for (name, value) in more {
            add(name, (*value).to_owned());
        }
        all
    }

    pub(super) fn search(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        self.between((self.from_s, self.to_s), more)
    }
}

fn wrong(field: &str, why: &str) -> (String, String) {
    (field.to_owned(), why.to_owned())
}

/// `Type/id`, or an id alone of the first type.
fn reference(text: &str, types: &[&str]) -> Option<String> {
    let (ty, id) = text.split_once('/').unwrap_or((types[0], text));
    let is_known = types.contains(&ty) && ward_fhir::reference::is_id(id);
    is_known.then(|| format!("{ty}/{id}"))
}

/// A value in which nothing separates. <https://hl7.org/fhir/R4/search.html#escaping>
fn escaped(text: &str) -> String {
    let mut out = String::from("|");
    for character in text.chars() {
        if matches!(character, '\\' | ',' | '|' | '$') {
            out.push('\\');
        }
        out.push(character);
    }
    out
}

pub(super) const DAY_S: i64 = 86_400;
const USUAL_DAYS: i64 = 7;
const PEOPLE: [&str; 5] = [
    "Practitioner",
    "PractitionerRole",
    "Patient",
    "RelatedPerson",
    "Person",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn filter() -> AuditFilter {
        AuditFilter {
            patient: "p1".into(),
            user: "Practitioner/d".into(),
            client: "a|b".into(),
            kind: "read".into(),
            outcome: "failure".into(),
            from: "2026-11-01".into(),
            to: "2026-11-02".into(),
            way: "map".into(),
        }
    }

    #[test]
    fn a_filter_is_a_search() {
        let asked = Asked::of(&filter(), 0).unwrap();
        let pairs = asked.search(&[("_count", "5")]);
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| format!("{n}={v}")).collect();
        let expected = [
            "patient=Patient/p1",
            "agent=Practitioner/d",
            "agent:identifier=|a\\|b",
            "subtype=read,vread,history-instance,history-type,history-system",
            "outcome=4,8,12",
            "date=ge2026-11-01T00:00:00Z",
            "date=lt2026-11-03T00:00:00Z",
            "_count=5",
        ];
        assert_eq!(pairs, expected);
    }

    #[test]
    fn without_days_it_is_the_last_week() {
        let asked = Asked::of(&AuditFilter::default(), 10 * DAY_S + 5).unwrap();
        assert_eq!((asked.from_s, asked.to_s), (4 * DAY_S, 11 * DAY_S));
        assert!(asked.parameters.is_empty());
    }

    #[test]
    fn what_cannot_be_asked_is_told_by_field() {
        let bad = AuditFilter {
            patient: "Group/1".into(),
            user: "a b".into(),
            client: String::new(),
            kind: "x".into(),
            outcome: "y".into(),
            from: "2026-02-30".into(),
            to: String::new(),
            way: String::new(),
        };
        let errors = Asked::of(&bad, 0).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["patient", "user", "kind", "outcome", "from"]);
        let turned = AuditFilter {
            from: "2026-11-02".into(),
            to: "2026-11-01".into(),
            ..AuditFilter::default()
        };
        assert_eq!(Asked::of(&turned, 0).unwrap_err()[0].0, "to");
    }

    #[test]
    fn links_keep_the_filter() {
        let link = link(&filter(), &[("event", "e 1")]);
        assert!(link.starts_with("/auth/audit?patient=p1&user=Practitioner%2Fd&client=a%7Cb"));
        assert!(link.ends_with("&way=map&event=e%201"), "{link}");
        assert_eq!(super::link(&AuditFilter::default(), &[]), "/auth/audit");
    }
}
