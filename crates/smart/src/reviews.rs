//! What privacy officers have to look at: accesses in emergencies, consents that cannot be evaluated, changed labels. What is to be
//! reviewed is an open Task; it is closed with a note of what was found (R22, A24).

use crate::answer::{Answer, ErrorCode, OAuthError};
use crate::dates;
use crate::endpoints::Endpoint;
use crate::page::{Page, Review, ReviewPart, Reviews};
use crate::people::session::Session;
use crate::records::{Records, cursor_of, matches};
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::trail::Trail;
use crate::visitor::Visitor;
use serde_json::{Value, json};
use std::collections::HashMap;
use ward_consent::Fault;
use ward_fhir::schema::r4;
use ward_fhir::tree::Limits;

/// Open Tasks that are shown, those that wait longest first.
const TASKS_MAX: usize = 100;
/// Consents that are looked at for faults, those changed last first.
const CONSENTS_MAX: usize = 2_000;
const CONSENTS_AT_ONCE: usize = 200;
/// Consents with faults that are shown.
const FAULTY_MAX: usize = 50;
/// Characters of a note.
const NOTE_CHARS: std::ops::RangeInclusive<usize> = 10..=2_000;

pub(crate) async fn answer(visitor: Visitor<'_>, trail: &mut Trail) -> Result<Answer, OAuthError> {
    let (server, request, session) = visitor.parts();
    if !session.reviews() {
        return Err(OAuthError::new(
            ErrorCode::AccessDenied,
            "reviews are for privacy officers",
        ));
    }
    let records = Records::by_role(server, request, session, SCOPES);
    let officer = Officer {
        server,
        request,
        session,
        records,
    };
    if !visitor.sends()? {
        return officer.show(200, None, None).await;
    }
    match officer.close(trail).await? {
        Ok(()) => {
            let notice = "The review is closed. What you found is kept with it.";
            officer.show(200, Some(notice), None).await
        }
        Err(why) => {
            trail.refused();
            officer.show(400, None, Some(why)).await
        }
    }
}

/// A privacy officer at the page.
struct Officer<'a> {
    server: &'a AuthorizationServer,
    request: &'a Request<'a>,
    session: &'a Session,
    records: Records<'a>,
}

/// What a Task of ours is about.
struct Subject {
    code: &'static str,
    title: &'static str,
    lead: &'static str,
    nothing: &'static str,
}

/// Names that were looked up.
type Names = HashMap<String, Option<String>>;

impl Officer<'_> {
    async fn show(
        &self,
        status: u16,
        notice: Option<&str>,
        error: Option<String>,
    ) -> Result<Answer, OAuthError> {
        let mut names = Names::new();
        let most = TASKS_MAX.to_string();
        let code = format!("{REVIEW}|");
        let open = [
            ("status", OPEN),
            ("code", &code),
            ("_sort", "_lastUpdated"),
            ("_count", &most),
        ];
        let tasks = self.records.search("Task", &open).await?;
        let is_full = tasks.len() == TASKS_MAX;
        let mut parts = Vec::new();
        for subject in &SUBJECTS {
            let mut part = ReviewPart {
                title: subject.title.to_owned(),
                lead: subject.lead.to_owned(),
                nothing: subject.nothing.to_owned(),
                reviews: Vec::new(),
                more: is_full.then(|| format!("Only the {TASKS_MAX} that wait longest are shown.")),
            };
            for task in tasks.iter().filter(|task| code_of(task) == subject.code) {
                part.reviews.push(self.review(task, &mut names).await?);
            }
            if subject.code == CONSENT {
                self.faulty(&mut part, &mut names).await?;
            }
            parts.push(part);
        }
        let cookie = self.request.session.unwrap_or_default();
        let form = self.server.forms().form(cookie, Endpoint::Reviews.path());
        let page = Reviews {
            form,
            person: self.session.person(),
            parts,
            notice: notice.map(str::to_owned),
            error,
        };
        Ok(Answer::page(status, Page::Reviews(page)))
    }

    async fn review(&self, task: &Value, names: &mut Names) -> Result<Review, OAuthError> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut facts = Vec::new();
        let people = [
            ("Patient", &task["for"]),
            ("Who", &task["requester"]),
            ("About", &task["focus"]),
        ];
        for (label, reference) in people {
            if let Some(words) = self.named(reference, names).await? {
                facts.push((label.to_owned(), words));
            }
        }
        let moments = [
            ("When", &task["authoredOn"]),
            // It may have been ended before.
            ("At most until", &task["restriction"]["period"]["end"]),
        ];
        for (label, moment) in moments {
            facts.extend(text(moment).map(|moment| (label.to_owned(), at(&moment))));
        }
        let reason = &task["reasonCode"];
        let said = [&reason["coding"][0]["display"], &reason["text"]];
        let said: Vec<String> = said.into_iter().filter_map(text).collect();
        if !said.is_empty() {
            facts.push(("Reason".to_owned(), said.join(": ")));
        }
        if code_of(task) != ward_resources::REVIEW_CODE {
            facts.extend(text(&task["description"]).map(|why| ("Why".to_owned(), why)));
        }
        for input in task["input"].as_array().into_iter().flatten() {
            let label = text(&input["type"]["text"]);
            let mut value = text(&input["valueString"])
                .or_else(|| text(&input["valueInstant"]).map(|i| at(&i)));
            if value.is_none() {
                value = self.named(&input["valueReference"], names).await?;
            }
            facts.extend(label.zip(value));
        }
        Ok(Review {
            id: task["id"].as_str().unwrap_or_default().to_owned(),
            title: text(&task["code"]["coding"][0]["display"])
                .unwrap_or_else(|| "To be reviewed".to_owned()),
            facts,
            closes: closes(task),
        })
    }

    /// Consents in force that cannot be evaluated: each denies all that it is about until it is mended.
    async fn faulty(&self, part: &mut ReviewPart, names: &mut Names) -> Result<(), OAuthError> {
        let most = CONSENTS_AT_ONCE.to_string();
        let (mut looked_at, mut cursor) = (0, String::new());
        loop {
            let mut parameters = vec![
                ("status", "active"),
                ("_sort", "-_lastUpdated"),
                ("_count", &*most),
            ];
            if !cursor.is_empty() {
                parameters.push(("_cursor", &cursor));
            }
            let page = self.records.page("Consent", &parameters).await?;
            let consents = matches(&page);
            looked_at += consents.len();
            for consent in &consents {
                let faults = self.faults(consent);
                if faults.is_empty() {
                    continue;
                }
                if part.reviews.len() >= FAULTY_MAX {
                    part.more = Some(format!("Only the first {FAULTY_MAX} are shown."));
                    return Ok(());
                }
                part.reviews
                    .push(self.faulty_consent(consent, &faults, names).await?);
            }
            match cursor_of(&page, "next") {
                Some(next) if looked_at < CONSENTS_MAX => cursor = next,
                Some(_) => {
                    let more =
                        format!("The {looked_at} consents that were changed last were looked at.");
                    part.more = Some(more);
                    return Ok(());
                }
                None => return Ok(()),
            }
        }
    }

    fn faults(&self, consent: &Value) -> Vec<Fault> {
        let text = consent.to_string();
        let ty = r4().resource_type("Consent");
        let read = ward_fhir::json::read(text.as_bytes(), ty, &Limits::default());
        let site = self.server.engine().settings();
        read.map_or_else(
            |_| Vec::new(),
            |document| {
                ward_consent::read(document.root(), &site.consent.rules, Some(&site.base)).faults
            },
        )
    }

    async fn faulty_consent(
        &self,
        consent: &Value,
        faults: &[Fault],
        names: &mut Names,
    ) -> Result<Review, OAuthError> {
        let id = consent["id"].as_str().unwrap_or_default();
        let mut facts = vec![("Consent".to_owned(), format!("Consent/{id}"))];
        if let Some(patient) = self.named(&consent["patient"], names).await? {
            facts.insert(0, ("Patient".to_owned(), patient));
        }
        for fault in faults.iter().take(3) {
            facts.push((fault.expression.clone(), fault.reason.text().to_owned()));
        }
        Ok(Review {
            id: String::new(),
            title: "It keeps all that it is about from everybody but the patient".to_owned(),
            facts,
            closes: Vec::new(),
        })
    }

    /// Name and reference of whoever a Reference leads to.
    async fn named(
        &self,
        reference: &Value,
        names: &mut Names,
    ) -> Result<Option<String>, OAuthError> {
        let display = reference["display"].as_str().map(str::to_owned);
        let Some(reference) = reference["reference"].as_str() else {
            return Ok(display);
        };
        if !names.contains_key(reference) {
            let name = self.records.name(reference).await?;
            names.insert(reference.to_owned(), name);
        }
        Ok(Some(match names.get(reference).cloned().flatten() {
            Some(name) => format!("{name} ({reference})"),
            None => reference.to_owned(),
        }))
    }

    /// Closes one with what was found. Error: why not, in words.
    async fn close(&self, trail: &mut Trail) -> Result<Result<(), String>, OAuthError> {
        let decision = self.request.parameters.get("decision");
        let note = self
            .request
            .parameters
            .get("note")
            .unwrap_or_default()
            .trim();
        if !NOTE_CHARS.contains(&note.chars().count()) {
            let (least, most) = (NOTE_CHARS.start(), NOTE_CHARS.end());
            return Ok(Err(format!(
                "Say in {least} to {most} characters what you found, and what was done."
            )));
        }
        let id = self.request.parameters.get("review").unwrap_or_default();
        let Some(mut task) = self.records.read("Task", id).await?.filter(is_open) else {
            return Ok(Err("This review is not open any more.".to_owned()));
        };
        let closed = closes(&task).into_iter().map(|(decision, _)| decision);
        let Some(decision) = closed.into_iter().find(|one| decision == Some(*one)) else {
            return Ok(Err("Say whether there was a reason.".to_owned()));
        };
        trail.decided("decision", decision);
        trail.decided("review", id);
        if code_of(&task) == MISUSE {
            task["businessStatus"] = json!({ "coding": [{ "system": REVIEW, "code": decision }] });
        }
        let now = dates::instant(self.request.now_s);
        let mut notes = task["note"].as_array().cloned().unwrap_or_default();
        let mut note = json!({ "time": now, "text": note });
        match &self.session.fhir_user {
            Some(user) => note["authorReference"] = json!({ "reference": user }),
            None => note["authorString"] = json!(self.session.account),
        }
        notes.push(note);
        task["note"] = notes.into();
        task["status"] = json!("completed");
        task["lastModified"] = json!(now);
        Ok(self.records.update(&task).await?.map(|_| ()))
    }
}

/// What may be decided of one, and in which words.
fn closes(task: &Value) -> Vec<(&'static str, &'static str)> {
    match code_of(task) {
        MISUSE => vec![
            (ward_resources::detection::CONFIRMED, "It was misuse"),
            (ward_resources::detection::EXPLAINED, "There was a reason"),
        ],
        _ => vec![("close", "Close this review")],
    }
}

/// One of ours that nobody has closed.
fn is_open(task: &Value) -> bool {
    let status = task["status"].as_str().unwrap_or_default();
    OPEN.split(',').any(|open| open == status) && !code_of(task).is_empty()
}

fn code_of(task: &Value) -> &str {
    let codings = task["code"]["coding"].as_array().into_iter().flatten();
    let mut ours = codings.filter(|coding| coding["system"] == REVIEW);
    ours.next()
        .and_then(|coding| coding["code"].as_str())
        .unwrap_or_default()
}

/// `2026-11-30T11:20:00Z` as pages write it; anything else as it is.
fn at(instant: &str) -> String {
    match ward_consent::Span::parse(instant) {
        Some(span) => dates::moment(span.low.div_euclid(1_000_000)),
        None => instant.to_owned(),
    }
}

const SCOPES: &str = "user/Task.rus user/Consent.rs user/Patient.rs user/Practitioner.rs user/PractitionerRole.rs \
                      user/Organization.rs user/RelatedPerson.rs user/Device.rs";
/// System of the codes of Tasks that are reviews.
const REVIEW: &str = ward_resources::REVIEW_SYSTEM;
const OPEN: &str = "requested,received,accepted,ready,in-progress,on-hold";
const CONSENT: &str = ward_resources::visibility::CONSENT_REVIEW;
const MISUSE: &str = ward_resources::detection::MISUSE_REVIEW_CODE;

const SUBJECTS: [Subject; 4] = [
    Subject {
        code: ward_resources::REVIEW_CODE,
        title: "Accesses in emergencies",
        lead: "Somebody broke the glass: they saw a record that would have been closed to them, for the reason that they gave.",
        nothing: "No access in an emergency waits for a review.",
    },
    Subject {
        code: MISUSE,
        title: "Accesses without a reason",
        lead: "Nothing in the records explains what somebody did here. What you decide teaches the detection what is misuse in this house and what is not.",
        nothing: "No access without a reason waits for a review.",
    },
    Subject {
        code: CONSENT,
        title: "Consents that cannot be evaluated",
        lead: "The server cannot decide by these, so they keep all that they are about from everybody but the patient until they are mended.",
        nothing: "Every consent in force can be evaluated.",
    },
    Subject {
        code: ward_resources::visibility::LABEL_REVIEW,
        title: "Changed labels",
        lead: "What a resource is marked as decides who sees it. Somebody who may has marked these as less sensitive than before, or the rules have changed by which all are marked.",
        nothing: "No changed label waits for a review.",
    },
];
