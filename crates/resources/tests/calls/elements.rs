//! Who sees a part of a type: what they write, and what they are shown of it.

use crate::house::{House, Policy, call, in_role, json, loader, text};
use crate::placement::{entry, transaction};
use serde_json::{Value, json as value};
use ward_access::Caller;
use ward_fhir::Kind;
use ward_resources::route::Method::{Get, Patch, Post, Put};
use ward_resources::{Body, Content, Format, Reply};

const WRITTEN: &[&str] = &["create", "read", "update", "search-type"];
pub const READ: &[&str] = &["read", "search-type"];

/// Codes what others have written: sees and sets code and severity of conditions, and the whole of claims.
fn coder() -> Caller {
    let policies: [Policy<'_>; 2] = [
        ("Condition", &["code", "severity", "category"], WRITTEN),
        ("Claim", &[], WRITTEN),
    ];
    in_role(&policies, "user/*.cruds")
}

pub fn condition(id: &str) -> Value {
    value!({ "resourceType": "Condition", "id": id, "subject": { "reference": "Patient/1" },
        "code": { "coding": [{ "system": "http://a", "code": "old" }] }, "severity": { "text": "mild" },
        "onsetDateTime": "2020-01-02", "asserter": { "reference": "Practitioner/dr" },
        "note": [{ "text": "the secret" }] })
}

async fn whole(house: &House, path: &str) -> Value {
    json(&house.ask(&loader(), Get, path, None).await)
}

/// Nothing of the rest is in the answer, and it says that there is a rest.
fn seen(reply: &Reply) -> Value {
    let text = text(reply);
    // A refusal names what was sent.
    let names: &[&str] = if reply.status < 300 {
        &["onset", "asserter"]
    } else {
        &[]
    };
    for hidden in ["the secret", "2020-01-02", "Practitioner/dr"]
        .iter()
        .chain(names)
    {
        assert!(!text.contains(hidden), "{text}");
    }
    assert!(reply.status >= 300 || text.contains("SUBSETTED"), "{text}");
    json(reply)
}

pub fn refused(reply: &Reply) -> (u16, Option<Kind>) {
    (reply.status, reply.refused)
}

pub const HIDDEN: (u16, Option<Kind>) = (403, Some(Kind::HiddenElement));

pub async fn a_part_is_changed_and_the_rest_stays(house: House) {
    let path = house.put(&condition("c")).await;
    let coder = coder();
    let mut body = seen(&house.ask(&coder, Get, &path, None).await);
    body["code"] = value!({ "text": "new" });
    body.as_object_mut().unwrap().remove("severity");
    let reply = house.ask(&coder, Put, &path, Some(&body)).await;
    assert_eq!(
        (reply.status, reply.version),
        (200, Some(2)),
        "{}",
        text(&reply)
    );
    seen(&reply);
    let mut expected = condition("c");
    expected["code"] = value!({ "text": "new" });
    expected.as_object_mut().unwrap().remove("severity");
    let mut stored = whole(&house, &path).await;
    assert_eq!(stored["meta"].get("tag"), None, "{stored}");
    stored.as_object_mut().unwrap().remove("meta");
    assert_eq!(stored, expected);
    // By condition too, and nothing by what is not seen.
    let by = "Condition?_id=c";
    let reply = house.ask(&coder, Put, by, Some(&body)).await;
    assert_eq!(reply.status, 200, "{}", text(&reply));
    assert_eq!(whole(&house, &path).await["note"], expected["note"]);
    let by = "Condition?asserter=Practitioner/dr";
    let reply = house.ask(&coder, Put, by, Some(&body)).await;
    assert_eq!(refused(&reply), HIDDEN, "{}", text(&reply));
    // Marks are everybody's; a mark that was there before stays.
    let tag = value!({ "resourceType": "Parameters", "parameter": [{ "name": "meta", "valueMeta": { "tag": [{ "code": "t" }] } }] });
    let url = format!("{path}/$meta-add");
    let reply = house.ask(&coder, Post, &url, Some(&tag)).await;
    assert_eq!(reply.status, 200, "{}", text(&reply));
    let stored = whole(&house, &path).await;
    assert!(stored["note"] == expected["note"] && stored["meta"]["tag"][0]["code"] == "t");
    // What is wrong is told of what was sent, whatever the rest.
    body["note"] = value!([{ "text": "mine" }]);
    for method in [
        (Put, path.as_str()),
        (Post, "Condition"),
        (Put, "Condition/new"),
    ] {
        if method.1 == "Condition/new" {
            body["id"] = value!("new");
        }
        let reply = house.ask(&coder, method.0, method.1, Some(&body)).await;
        assert_eq!(refused(&reply), HIDDEN, "{}", text(&reply));
        assert!(
            text(&reply).contains("Condition.note[0]"),
            "{}",
            text(&reply)
        );
    }
    assert_eq!(whole(&house, &path).await["note"], expected["note"]);
    let mut new = condition("made");
    for name in ["onsetDateTime", "asserter", "note"] {
        new.as_object_mut().unwrap().remove(name);
    }
    let reply = house.ask(&coder, Put, "Condition/made", Some(&new)).await;
    assert_eq!(reply.status, 201, "{}", text(&reply));
    seen(&reply);
}

fn fhirpath(kind: &str, path: &str) -> Value {
    let mut part = vec![
        value!({ "name": "type", "valueCode": kind }),
        value!({ "name": "path", "valueString": path }),
    ];
    if kind == "replace" {
        part.push(value!({ "name": "value", "valueCodeableConcept": { "text": "patched" } }));
    }
    value!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": part }] })
}

async fn patch(house: &House, path: &str, format: Format, bytes: &str) -> Reply {
    let mut asked = call(Patch, path, None);
    asked.body = Some(Body {
        bytes: bytes.to_owned().into(),
        format,
    });
    house.engine.answer(&coder(), &asked).await
}

/// X40: the same is said of a resource that has it and of one that has not.
pub async fn a_patch_meets_what_is_seen(house: House) {
    let with = house.put(&condition("with")).await;
    let mut bare = condition("without");
    for name in ["onsetDateTime", "asserter", "note"] {
        bare.as_object_mut().unwrap().remove(name);
    }
    let without = house.put(&bare).await;
    let json = |operations: &Value| (Format::JsonPatch, operations.to_string());
    let path = |kind: &str, path: &str| (Format::Json, fhirpath(kind, path).to_string());
    let xml = |text: &str| {
        (
            Format::XmlPatch,
            format!("<diff xmlns=\"http://hl7.org/fhir\">{text}</diff>"),
        )
    };
    for ((format, bytes), status) in [
        (
            json(&value!([{ "op": "test", "path": "/note/0/text", "value": "the secret" }])),
            422,
        ),
        (
            json(&value!([{ "op": "test", "path": "/note/0/text", "value": "another" }])),
            422,
        ),
        (json(&value!([{ "op": "remove", "path": "/note" }])), 422),
        (
            json(&value!([{ "op": "replace", "path": "/onsetDateTime", "value": "2021" }])),
            422,
        ),
        (
            json(&value!([{ "op": "copy", "from": "/note/0/text", "path": "/code/text" }])),
            422,
        ),
        (
            json(&value!([{ "op": "move", "from": "/asserter", "path": "/recorder" }])),
            422,
        ),
        (
            json(&value!([{ "op": "add", "path": "/note", "value": [{ "text": "mine" }] }])),
            403,
        ),
        (
            json(&value!([{ "op": "add", "path": "/onsetDateTime", "value": "2021" }])),
            403,
        ),
        (path("replace", "Condition.asserter"), 422),
        (
            path("replace", "Condition.where(note.exists()).severity"),
            422,
        ),
        (
            path("replace", "Condition.where(onset > @2019).severity"),
            422,
        ),
        // Deleting what is not there is no mistake.
        (path("delete", "Condition.note"), 200),
        (xml("<remove sel=\"Condition/note\"/>"), 422),
        (
            xml("<replace sel=\"Condition/note/text/@value\">mine</replace>"),
            422,
        ),
    ] {
        let mut said = Vec::new();
        for path in [&with, &without] {
            let reply = patch(&house, path, format.clone(), &bytes).await;
            assert_eq!(reply.status, status, "{bytes}: {}", text(&reply));
            assert_eq!(reply.refused == Some(Kind::HiddenElement), status == 403);
            seen(&reply);
            let own = path.trim_start_matches("Condition/");
            said.push(text(&reply).replace(&format!("\"id\":\"{own}\""), "\"id\":\"\""));
        }
        let time = |text: &str| text.split("\"lastUpdated\"").next().map(str::to_owned);
        assert_eq!(time(&said[0]), time(&said[1]), "{bytes}");
    }
    for (format, bytes) in [
        json(&value!([{ "op": "replace", "path": "/code", "value": { "text": "patched" } }])),
        path("replace", "Condition.severity"),
        xml("<remove sel=\"Condition/severity\"/>"),
    ] {
        let reply = patch(&house, &with, format, &bytes).await;
        assert_eq!(reply.status, 200, "{bytes}: {}", text(&reply));
        seen(&reply);
        let stored = whole(&house, &with).await;
        let before = condition("with");
        for name in ["note", "asserter", "onsetDateTime", "subject"] {
            assert_eq!(stored[name], before[name], "{bytes}");
        }
    }
    assert_eq!(
        whole(&house, &with).await["code"],
        value!({ "text": "patched" })
    );
}

pub async fn a_unit_keeps_the_rest_as_well(house: House) {
    let (one, other) = (
        house.put(&condition("one")).await,
        house.put(&condition("other")).await,
    );
    let mut changed = condition("one");
    for name in ["onsetDateTime", "asserter", "note"] {
        changed.as_object_mut().unwrap().remove(name);
    }
    changed["severity"] = value!({ "text": "severe" });
    let patch = fhirpath("replace", "Condition.severity");
    let mut bundle = transaction(vec![
        entry("PUT", &one, changed.clone()),
        entry("PATCH", &other, patch),
        value!({ "request": { "method": "GET", "url": &other } }),
        value!({ "request": { "method": "GET", "url": "Condition?code=http://a|old" } }),
    ]);
    for kind in ["transaction", "batch"] {
        bundle["type"] = value!(kind);
        let mut asked = call(Post, "", Some(&bundle));
        asked.prefer.returns = Some(ward_resources::Return::Representation);
        let reply = house.engine.answer(&coder(), &asked).await;
        let answer = seen(&reply);
        let entries = answer["entry"].as_array().unwrap();
        assert_eq!(entries.len(), 4, "{answer}");
        for entry in entries {
            let status = entry["response"]["status"].as_str().unwrap();
            assert!(status.starts_with("200"), "{answer}");
            assert!(
                entry["resource"].to_string().contains("SUBSETTED"),
                "{answer}"
            );
        }
        for path in [&one, &other] {
            let stored = whole(&house, path).await;
            assert_eq!(stored["note"], condition("one")["note"]);
            assert_ne!(stored["severity"], condition("one")["severity"]);
            assert_eq!(stored["meta"].get("tag"), None);
        }
    }
    changed["note"] = value!([{ "text": "mine" }]);
    let reply = house
        .ask(
            &coder(),
            Post,
            "",
            Some(&transaction(vec![entry("PUT", &one, changed)])),
        )
        .await;
    assert_eq!(refused(&reply), HIDDEN, "{}", text(&reply));
    // A claim is seen whole, but not what it contains: a change would lose that.
    let mut inside = condition("x");
    inside.as_object_mut().unwrap().remove("asserter");
    let claim = value!({ "resourceType": "Claim", "id": "k", "status": "draft", "use": "claim", "created": "2020",
        "type": { "text": "t" }, "patient": { "reference": "Patient/1" }, "provider": { "display": "p" },
        "priority": { "text": "n" }, "insurance": [{ "sequence": 1, "focal": true, "coverage": { "display": "c" } }],
        "diagnosis": [{ "sequence": 1, "diagnosisReference": { "reference": "#x" } }], "contained": [inside] });
    let path = house.put(&claim).await;
    let shown = seen(&house.ask(&coder(), Get, &path, None).await);
    let reply = house.ask(&coder(), Put, &path, Some(&shown)).await;
    assert_eq!(refused(&reply), HIDDEN, "{}", text(&reply));
}

pub async fn nothing_is_made_of_what_is_not_seen(house: House) {
    let path = house.put(&condition("c")).await;
    let coder = coder();
    // A check of the whole would name what is wrong with the rest.
    let reply = house
        .ask(&coder, Get, &format!("{path}/$validate"), None)
        .await;
    assert_eq!(reply.status, 200);
    assert!(!text(&reply).contains("secret"));
    // How a search is understood is for whoever sees all.
    let reply = house
        .ask(&coder, Get, "Condition?code=x&explain=true", None)
        .await;
    assert!(
        text(&reply).contains("Unknown search parameter 'explain'"),
        "{}",
        text(&reply)
    );
    // Deletion would take the rest along.
    let reply = house
        .ask(&coder, ward_resources::route::Method::Delete, &path, None)
        .await;
    assert_eq!(refused(&reply), (403, Some(Kind::Forbidden)));
    for shape in [
        "_elements=note,code",
        "_summary=true",
        "_summary=data",
        "_summary=text",
    ] {
        for url in [
            format!("{path}?{shape}"),
            format!("Condition?_id=c&{shape}"),
        ] {
            let reply = house.ask(&coder, Get, &url, None).await;
            assert_eq!(reply.status, 200, "{url}");
            seen(&reply);
        }
    }
    let reply = house
        .ask(&coder, Get, "Condition?_summary=count", None)
        .await;
    assert_eq!(json(&reply)["total"], 1);
    let mut asked = call(Get, &path, None);
    asked.conditions.if_none_match = Some("W/\"1\"".into());
    let reply = house.engine.answer(&coder, &asked).await;
    assert!(reply.status == 304 && matches!(reply.content, Content::Empty));
}

pub async fn a_binary_of_which_a_part_is_seen_is_not_given_raw(house: House) {
    let binary = value!({ "resourceType": "Binary", "id": "b", "contentType": "text/plain", "data": "c2VjcmV0" });
    house.put(&binary).await;
    let clerk = in_role(&[("Binary", &["securityContext"], READ)], "user/*.rs");
    let mut asked = call(Get, "Binary/b", None);
    let reply = house.engine.answer(&clerk, &asked).await;
    assert!(
        reply.status == 200 && !text(&reply).contains("c2VjcmV0"),
        "{}",
        text(&reply)
    );
    asked.raw_accepted = true;
    let reply = house.engine.answer(&clerk, &asked).await;
    assert_eq!(refused(&reply), HIDDEN, "{}", text(&reply));
    let whole = in_role(&[("Binary", &[], READ)], "user/*.rs");
    let reply = house.engine.answer(&whole, &asked).await;
    assert!(matches!(&reply.content, Content::Raw { bytes, .. } if bytes[..] == *b"secret"));
}
