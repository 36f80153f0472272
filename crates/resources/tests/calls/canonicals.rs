//! Canonicals name a version of what has a url. <https://hl7.org/fhir/R4/references.html#canonical>

use crate::house::{House, loader};
use serde_json::{Value, json as value};

const URL: &str = "http://my.example.org/q";

fn questionnaire(id: &str, version: &str) -> Value {
    value!({ "resourceType": "Questionnaire", "id": id, "status": "active", "url": URL, "version": version })
}

fn response(id: &str, canonical: &str) -> Value {
    value!({ "resourceType": "QuestionnaireResponse", "id": id, "status": "completed", "questionnaire": canonical })
}

async fn stored(house: &House) {
    for body in [
        questionnaire("q1", "1.0-A"),
        questionnaire("q2", "2.0"),
        value!({ "resourceType": "Questionnaire", "id": "q3", "status": "active", "url": URL }),
        response("r1", &format!("{URL}|1.0-A")),
        response("r2", &format!("{URL}|2.0")),
        response("any", &format!("{URL}#item")),
        value!({ "resourceType": "Library", "id": "l", "status": "active", "url": URL, "version": "2.0",
            "type": { "text": "x" } }),
    ] {
        house.put(&body).await;
    }
}

async fn found(house: &House, query: &str) -> Vec<String> {
    house.found(&loader(), &query.replace('|', "%7C")).await
}

pub async fn a_url_may_name_a_version(house: House) {
    stored(&house).await;
    for (query, expected) in [
        (format!("Questionnaire?url={URL}"), &["q1", "q2", "q3"][..]),
        (format!("Questionnaire?url={URL}|2.0"), &["q2"]),
        (format!("Questionnaire?url={URL}|1.0-a"), &["q1"]),
        (format!("Questionnaire?url={URL}|3"), &[]),
        (format!("Questionnaire?url={URL}|3,{URL}|1.0-A"), &["q1"]),
        (format!("Questionnaire?url={URL}\\|2.0"), &[]),
        (
            format!("?_type=Questionnaire,Library&url={URL}|2.0"),
            &["l", "q2"],
        ),
    ] {
        assert_eq!(found(&house, &query).await, expected, "{query}");
    }
}

pub async fn a_reverse_include_keeps_to_the_version(house: House) {
    stored(&house).await;
    for (query, expected) in [
        ("Questionnaire?_id=q1", &["any", "q1", "r1"][..]),
        ("Questionnaire?_id=q2", &["any", "q2", "r2"]),
        ("Questionnaire?_id=q3", &["any", "q3"]),
        ("Questionnaire?_id=q1,q2", &["any", "q1", "q2", "r1", "r2"]),
    ] {
        for include in ["QuestionnaireResponse:questionnaire", "*"] {
            let query = format!("{query}&_revinclude={include}");
            assert_eq!(found(&house, &query).await, expected, "{query}");
        }
    }
}
