use super::*;
use ward_access::{Caller, Facts, Identity, Mask, Scopes, decide};

/// A billing clerk.
fn clerk() -> Access {
    let caller = Caller::new(Identity {
        subject: "someone".into(),
        client_id: "desk".into(),
        fhir_user: Some("Practitioner/1".into()),
        roles: vec!["billing-clerk".into()],
        scopes: Scopes::parse("user/*.cruds").unwrap(),
        ..Identity::default()
    });
    decide(&caller, &Facts::of(Mask::every()))
}

const TAG: &str =
    r#"{"system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue","code":"SUBSETTED"}"#;
const CONDITION: &str = r#"{"resourceType":"Condition","id":"1","meta":{"versionId":"1"},"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">s</div>"},"code":{"text":"a","extension":[{"url":"http://e","valueDecimal":1.10}]},"subject":{"reference":"Patient/1"},"onsetDateTime":"2020","note":[{"text":"secret"}]}"#;

fn cut_of(interaction: Interaction, json: &str) -> Reply {
    let call = Call::new(interaction, [0; 16], "test".into());
    cut(&clerk(), &call, Reply::resource(200, json.to_owned()))
}

fn found(json: &str) -> String {
    let reply = cut_of(Interaction::SearchSystem, json);
    String::from_utf8(reply.json().unwrap().to_vec()).unwrap()
}

fn is_cut(text: &str) -> bool {
    let expected = format!(
        r#"{{"resourceType":"Condition","id":"1","meta":{{"versionId":"1","tag":[{TAG}]}},"code":{{"text":"a","extension":[{{"url":"http://e","valueDecimal":1.10}}]}},"subject":{{"reference":"Patient/1"}},"onsetDateTime":"2020"}}"#
    );
    text.contains(&expected) && !text.contains("secret")
}

#[test]
fn a_resource_is_cut_wherever_it_stands() {
    assert!(is_cut(&found(CONDITION)), "{}", found(CONDITION));
    for (around, inside) in [
        (
            r#"{"resourceType":"Bundle","type":"searchset","total":1,"entry":[{"fullUrl":"http://x/Condition/1","resource":@,"search":{"mode":"match","score":0.5000}}]}"#,
            true,
        ),
        (
            r#"{"resourceType":"Bundle","type":"batch-response","entry":[{"resource":{"resourceType":"Bundle","type":"history","entry":[{"resource":@}]},"response":{"status":"200 OK"}}]}"#,
            true,
        ),
        (
            r#"{"resourceType":"Parameters","parameter":[{"name":"return","part":[{"name":"x","resource":@}]}]}"#,
            true,
        ),
        (
            r#"{"resourceType":"Claim","status":"active","contained":[@]}"#,
            true,
        ),
        (
            r#"{"resourceType":"Encounter","id":"2","status":"finished","class":{},"contained":[@]}"#,
            false,
        ),
    ] {
        let around = around.replace(r#""class":{}"#, r#""class":{"code":"a"}"#);
        let text = found(&around.replace('@', CONDITION));
        assert_eq!(is_cut(&text), inside, "{text}");
        assert!(!text.contains("secret"), "{text}");
        // What is around it is as it was.
        if inside {
            let (before, after) = around.split_once('@').unwrap();
            assert!(text.starts_with(before) && text.ends_with(after), "{text}");
        }
    }
}

#[test]
fn what_is_seen_whole_is_not_touched() {
    let observation = r#"{"resourceType":"Observation","id":"1","status":"final","code":{"text":"a"},"note":[{"text":"n"}]}"#;
    assert_eq!(found(observation), observation);
    let twice = found(&found(CONDITION));
    assert_eq!(twice, found(CONDITION));
    let unmarked = CONDITION.replace(r#""meta":{"versionId":"1"},"#, "");
    assert!(found(&unmarked).contains(&format!(r#""meta":{{"tag":[{TAG}]}}"#)));
}

#[test]
fn a_view_carries_no_mark() {
    let seen = view(&clerk(), CONDITION.as_bytes()).unwrap();
    let text = leaving::written(seen.root(), CONDITION.len());
    let text = String::from_utf8(text.to_vec()).unwrap();
    assert!(!text.contains("secret") && !text.contains("SUBSETTED") && text.contains("onset"));
}

#[test]
fn what_cannot_be_cut_does_not_leave() {
    let reply = cut_of(
        Interaction::SearchSystem,
        r#"{"resourceType":"Nothing","note":"secret"}"#,
    );
    assert_eq!(reply.refused, Some(Kind::Internal));
    assert!(!String::from_utf8_lossy(reply.json().unwrap()).contains("secret"));
    // Of the server's own making, and of no resource.
    let reply = cut_of(Interaction::OpenApi, r#"{"openapi":"3.1.0"}"#);
    assert_eq!(reply.status, 200);
}
