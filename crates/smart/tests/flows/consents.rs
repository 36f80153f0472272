//! A patient says who may see their record; a privacy officer closes what is to be reviewed.

use crate::answers::*;
use crate::asks::*;
use crate::house::*;
use serde_json::{Value, json};
use ward_smart::page::{ConsentForm, ConsentPreview, Consents, Form, Reviews};
use ward_smart::{Answer, Endpoint, Page};

async fn records(house: &House) {
    house.patient("ada", "Lovelace").await;
    house.patient("alan", "Turing").await;
    let doctor = json!({ "resourceType": "Practitioner", "id": "hopper",
        "name": [{ "prefix": ["Dr."], "given": ["Grace"], "family": "Hopper" }] });
    house.put(doctor).await;
    for (id, patient) in [("o1", "ada"), ("o2", "alan")] {
        house
            .put(json!({ "resourceType": "Observation", "id": id, "status": "final",
                "code": { "text": "pulse" }, "subject": { "reference": format!("Patient/{patient}") } }))
            .await;
    }
}

async fn get(house: &House, cookie: &str, query: &str) -> Answer {
    house
        .ask(Endpoint::Consents, &Ask::get(query).cookie(cookie))
        .await
}

async fn post(house: &House, cookie: &str, form: &Form, fields: &[(&str, &str)]) -> Answer {
    let ask = Ask::post(fields).with("csrf", &form.csrf).cookie(cookie);
    house.ask(Endpoint::Consents, &ask).await
}

fn list(answer: Answer) -> Consents {
    match shown(answer) {
        Page::Consents(page) => page,
        other => panic!("{other:?}"),
    }
}

fn form(answer: Answer) -> ConsentForm {
    match shown(answer) {
        Page::ConsentForm(page) => page,
        other => panic!("{other:?}"),
    }
}

fn preview(answer: Answer) -> ConsentPreview {
    match shown(answer) {
        Page::ConsentPreview(page) => page,
        other => panic!("{other:?}"),
    }
}

/// The Consents that are stored of a patient.
async fn stored(house: &House, patient: &str) -> Vec<Value> {
    let found = house
        .search_own(patient, &format!("Consent?patient=Patient/{patient}"))
        .await;
    found["entry"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|e| e["resource"].clone())
        .collect()
}

fn fields(page: &ConsentPreview) -> Vec<(&str, &str)> {
    let fields = page
        .fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    fields
        .chain([("decision", page.decision.0.as_str())])
        .collect()
}

pub async fn c23_a_patient_keeps_something_private_and_withdraws_it(house: House) {
    records(&house).await;
    let ada = house.patient_account("ada").await;
    let empty = list(get(&house, &ada, "").await);
    assert!(empty.standing.is_empty() && empty.person.is_patient);

    let new = form(get(&house, &ada, "new=keep").await);
    let found = form(
        post(
            &house,
            &ada,
            &new.form,
            &[("new", "keep"), ("find", "hop"), ("decision", "find")],
        )
        .await,
    );
    let hopper = found
        .who
        .iter()
        .find(|(_, words)| words == "Dr. Grace Hopper");
    let (hopper, _) = hopper.unwrap_or_else(|| panic!("{:?}", found.who));
    let chosen = [
        ("new", "keep"),
        ("who", hopper),
        ("whole", "yes"),
        ("always", "yes"),
        ("decision", "preview"),
    ];
    let asked = preview(post(&house, &ada, &found.form, &chosen).await);
    assert_eq!(asked.question, "Keep this private?");
    assert!(
        asked
            .effects
            .iter()
            .any(|effect| effect.who.starts_with("Dr. Grace Hopper")),
        "{asked:?}"
    );
    // Nothing is saved by looking.
    assert!(stored(&house, "ada").await.is_empty());

    let said = list(post(&house, &ada, &asked.form, &fields(&asked)).await);
    assert!(said.notice.is_some());
    let [consent] = said.standing.as_slice() else {
        panic!("{said:?}");
    };
    assert_eq!(consent.title, "Kept from Dr. Grace Hopper");
    // The same form once more makes no second one.
    let again = list(post(&house, &ada, &asked.form, &fields(&asked)).await);
    assert_eq!(again.standing.len(), 1);
    let written = stored(&house, "ada").await;
    assert_eq!(written.len(), 1);
    assert_eq!(written[0]["provision"]["type"], "deny");
    assert_eq!(written[0]["performer"][0]["reference"], "Patient/ada");

    let withdraw = [("consent", consent.id.as_str()), ("decision", "withdraw")];
    let asked = preview(post(&house, &ada, &said.form, &withdraw).await);
    assert_eq!(asked.question, "Withdraw this consent?");
    assert_eq!(stored(&house, "ada").await[0]["status"], "active");
    let ended = list(post(&house, &ada, &asked.form, &fields(&asked)).await);
    assert!(ended.standing.is_empty());
    assert_eq!(ended.ended[0].state, "withdrawn");
    assert_eq!(stored(&house, "ada").await[0]["status"], "inactive");
    // Once more it is not there to be withdrawn.
    let late = post(&house, &ada, &asked.form, &fields(&asked)).await;
    assert_eq!(late.status(), 400);
    let decided: Vec<String> = on_record(&house, "consents");
    assert!(
        decided.iter().any(|query| query.contains("decision=keep")),
        "{decided:?}"
    );
    assert!(
        decided
            .iter()
            .any(|query| query.contains("decision=withdraw")),
        "{decided:?}"
    );
}

fn on_record(house: &House, interaction: &str) -> Vec<String> {
    let records = house.engine.log().records_from(1, 10_000).unwrap();
    let records = records.into_iter().map(|(_, record)| record);
    records
        .filter(|record| record.interaction == interaction)
        .map(|record| record.query)
        .collect()
}

pub async fn c23_a_form_says_what_is_missing(house: House) {
    records(&house).await;
    let ada = house.patient_account("ada").await;
    let new = form(get(&house, &ada, "new=allow").await);
    assert!(new.is_permit && new.errors.is_empty());
    let nothing = [
        ("new", "allow"),
        ("whole", "no"),
        ("until", "yesterday"),
        ("decision", "preview"),
    ];
    let answer = post(&house, &ada, &new.form, &nothing).await;
    assert_eq!(answer.status(), 400);
    let wrong = form(answer).errors;
    let wrong: Vec<&str> = wrong.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(wrong, ["who", "what", "purpose", "until"]);
}

/// The page is for one's own record, through this browser's own form.
pub async fn c1_consents_are_given_at_ones_own_page_only(house: House) {
    records(&house).await;
    let (ada, alan) = (
        house.patient_account("ada").await,
        house.patient_account("alan").await,
    );
    let clinician = house.clinician().await;
    assert_eq!(get(&house, &clinician, "").await.status(), 403);
    let anonymous = house.ask(Endpoint::Consents, &Ask::get("")).await;
    assert_eq!(anonymous.status(), 303);
    let page = form(get(&house, &ada, "new=keep").await);
    let chosen = [
        ("new", "keep"),
        ("who", "everybody"),
        ("decision", "preview"),
    ];
    let asked = preview(post(&house, &ada, &page.form, &chosen).await);
    list(post(&house, &ada, &asked.form, &fields(&asked)).await);
    let id = stored(&house, "ada").await[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    // Another patient neither sees nor withdraws it.
    let others = list(get(&house, &alan, "").await);
    assert!(others.standing.is_empty());
    let withdraw = [("consent", id.as_str()), ("decision", "end")];
    assert_eq!(
        post(&house, &alan, &others.form, &withdraw).await.status(),
        400
    );
    // And no other site sends the form.
    let foreign = Form::new("/auth/consents", "x");
    assert_eq!(post(&house, &ada, &foreign, &withdraw).await.status(), 400);
    assert_eq!(stored(&house, "ada").await[0]["status"], "active");
}

fn reviews(answer: Answer) -> Reviews {
    match shown(answer) {
        Page::Reviews(page) => page,
        other => panic!("{other:?}"),
    }
}

pub async fn r22_a_review_is_closed_with_what_was_found(house: House) {
    records(&house).await;
    house
        .put(json!({ "resourceType": "Task", "id": "t1", "status": "requested", "intent": "order",
            "code": { "coding": [{ "system": "urn:ward:task", "code": "break-glass-review", "display": "Review of a broken glass" }] },
            "for": { "reference": "Patient/ada" }, "requester": { "reference": "Practitioner/hopper" },
            "authoredOn": "2023-11-14T20:00:00Z", "reasonCode": { "text": "Unconscious" } }))
        .await;
    let officer = house
        .signed_in(|session| {
            session.roles = vec!["privacy-officer".to_owned()];
            session.fhir_user = Some("Practitioner/officer".to_owned());
        })
        .await;
    let ask = async |ask: Ask| {
        let ask = ask.cookie(&officer);
        house.ask(Endpoint::Reviews, &ask).await
    };
    let page = reviews(ask(Ask::get("")).await);
    assert!(page.person.reviews);
    let [review] = page.parts[0].reviews.as_slice() else {
        panic!("{page:?}");
    };
    assert!(
        review
            .facts
            .contains(&("Patient".into(), "Ada Lovelace (Patient/ada)".into())),
        "{review:?}"
    );
    assert!(review.facts.contains(&(
        "Who".into(),
        "Dr. Grace Hopper (Practitioner/hopper)".into()
    )));
    let close = |note: &str| {
        Ask::post(&[("review", "t1"), ("note", note), ("decision", "close")])
            .with("csrf", &page.form.csrf)
    };
    assert_eq!(ask(close("fine")).await.status(), 400);
    let closed = reviews(ask(close("Looked at: it was an emergency.")).await);
    assert!(closed.notice.is_some() && closed.parts[0].reviews.is_empty());
    let task = house.search_privacy("Task?_id=t1").await["entry"][0]["resource"].clone();
    assert_eq!(task["status"], "completed");
    assert_eq!(task["note"][0]["text"], "Looked at: it was an emergency.");
    // Nobody else sees the page.
    let clinician = house.clinician().await;
    let answer = house
        .ask(Endpoint::Reviews, &Ask::get("").cookie(&clinician))
        .await;
    assert_eq!(answer.status(), 403);
}
