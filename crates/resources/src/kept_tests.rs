use super::*;
use bytes::Bytes;
use ward_access::{Caller, Facts, Identity, Mask, RolePolicy, Roles, Scopes, decide};
use ward_fhir::Kind;
use ward_fhir::json::{self, Stamp};
use ward_fhir::schema::r4;
use ward_fhir::tree::Limits;
use ward_storage::Row;

/// Whoever codes diagnoses: sees and sets code and severity of conditions.
fn coder() -> Access {
    let policy = r#"{"resourceType":"CapabilityStatement","name":"coder","status":"active","date":"2026","kind":"requirements",
        "fhirVersion":"4.0.1","format":["json"],"rest":[{"mode":"server","resource":[{"type":"Claim","interaction":[{"code":"update"}]},
        {"type":"Condition","extension":[{"url":"urn:ward:role:element","valueString":"code"},{"url":"urn:ward:role:element","valueString":"severity"}],
        "interaction":[{"code":"create"},{"code":"read"},{"code":"update"}]}]}]}"#;
    let roles = Roles::of([RolePolicy::read(policy.as_bytes()).unwrap()]);
    let identity = Identity {
        subject: "someone".into(),
        client_id: "desk".into(),
        fhir_user: Some("Practitioner/1".into()),
        roles: vec!["coder".into()],
        scopes: Scopes::parse("user/*.cruds").unwrap(),
        ..Identity::default()
    };
    decide(
        &Caller::in_roles(identity, &roles),
        &Facts::of(Mask::every()),
    )
}

fn document(text: &str) -> Document {
    json::read(text.as_bytes(), None, &Limits::default()).unwrap()
}

fn stored(text: &str) -> Replaced {
    Replaced::Version(Row {
        ty: r4().resource_type("Condition").unwrap(),
        rid: 1,
        id: "1".into(),
        version: 1,
        updated_us: 1,
        op: Op::Create,
        patient: 0,
        body: Bytes::from(text.to_owned()),
        generation: 0,
        visibility: 0,
    })
}

fn text(document: &Document) -> String {
    let mut text = Vec::new();
    json::write(document.root(), Stamp::default(), &mut text);
    String::from_utf8(text).unwrap()
}

const SUBJECT: &str = r#""subject":{"reference":"Patient/1"}"#;
const TAG: &str =
    r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}"#;

fn condition(rest: &str) -> String {
    format!(r#"{{"resourceType":"Condition","id":"1",{rest}}}"#)
}

#[test]
fn the_rest_stays_and_the_mark_goes() {
    let before = stored(&condition(&format!(
        r#""code":{{"text":"old"}},{SUBJECT},"severity":{{"text":"s"}},"onsetAge":{{"value":1.10}},"note":[{{"text":"n"}}]"#
    )));
    let sent = document(&condition(&format!(
        r#""meta":{{"versionId":"1","tag":[{{"code":"a"}},{TAG}]}},"code":{{"text":"new"}},{SUBJECT}"#
    )));
    let merged = merged(&coder(), sent.root(), &before).unwrap().unwrap();
    // What is seen is as it was sent, and so without severity; what is not seen is as it was.
    let expected = condition(&format!(
        r#""meta":{{"versionId":"1","tag":[{{"code":"a"}}]}},"code":{{"text":"new"}},{SUBJECT},"onsetAge":{{"value":1.10}},"note":[{{"text":"n"}}]"#
    ));
    assert_eq!(text(&merged), expected);
    let only = document(&condition(&format!(
        r#""meta":{{"tag":[{TAG}]}},{SUBJECT}"#
    )));
    let merged = super::merged(&coder(), only.root(), &Replaced::Nothing);
    assert_eq!(text(&merged.unwrap().unwrap()), condition(SUBJECT));
}

#[test]
fn what_is_not_seen_is_not_sent() {
    let refusal = |sent: &str, before: &Replaced| {
        let sent = document(sent);
        let failure = merged(&coder(), sent.root(), before)
            .map(|_| ())
            .unwrap_err();
        assert_eq!(failure.kind, Kind::HiddenElement);
        let issue = failure.issues.into_iter().next().unwrap();
        (issue.diagnostics, issue.expression.unwrap_or_default())
    };
    let before = stored(&condition(SUBJECT));
    for replaced in [&before, &Replaced::Nothing] {
        let noted = condition(&format!(r#"{SUBJECT},"note":[{{"text":"n"}}]"#));
        let (text, expression) = refusal(&noted, replaced);
        assert!(text.contains("'note' of Condition"), "{text}");
        assert_eq!(expression, "Condition.note[0]");
        let (_, expression) = refusal(
            &condition(&format!(r#"{SUBJECT},"onsetString":"x""#)),
            replaced,
        );
        assert_eq!(expression, "Condition.onset");
    }
    let contained = |note: &str| {
        let inside = format!(r#"{{"resourceType":"Condition","id":"c",{SUBJECT}{note}}}"#);
        format!(r#"{{"resourceType":"Claim","id":"1","status":"active","contained":[{inside}]}}"#)
    };
    refusal(&contained(r#","note":[{"text":"n"}]"#), &Replaced::Nothing);
    refusal(
        r#"{"resourceType":"Claim","id":"1","status":"active"}"#,
        &stored(&contained("")),
    );
    let whole = document(r#"{"resourceType":"Claim","id":"1","status":"active"}"#);
    let claim = stored(r#"{"resourceType":"Claim","id":"1","status":"draft"}"#);
    assert!(merged(&coder(), whole.root(), &claim).unwrap().is_none());
}
