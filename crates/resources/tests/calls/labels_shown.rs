//! Labels on the way out, through every door: who is not to see them is shown the level, may not ask by more, and loses none by writing.
//! R16, L2, T50 and T57 of consents and labels, `docs/guide/labels.md`

use crate::house::{House, blind, call, json, loader, text};
use serde_json::{Value, json};
use ward_access::{Caller, Scopes};
use ward_resources::route::Method;
use ward_resources::{Body, Format, Reply, Return};
use ward_testkit::{Backend, backends};

const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
const LEVEL: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";

/// Patient `p` with a result about HIV, `hiv`, and one that a client called restricted, `other`.
struct Labelled {
    house: House,
    blind: Caller,
}

impl Labelled {
    async fn on(backend: Backend) -> Labelled {
        let house = match backend {
            Backend::Sqlite => House::sqlite().await,
            Backend::Postgres => House::postgres().await.unwrap(),
        };
        house
            .put(&json!({ "resourceType": "Patient", "id": "p" }))
            .await;
        house.put(&lab("hiv", "20447-9", &[])).await;
        house.put(&lab("other", "2345-7", &[(LEVEL, "R")])).await;
        Labelled {
            house,
            blind: blind("system/*.cruds"),
        }
    }

    async fn ask(&self, method: Method, url: &str, sent: Option<&Value>) -> Reply {
        let mut call = call(method, url, sent);
        call.prefer.returns = Some(Return::Representation);
        self.house.engine.answer(&self.blind, &call).await
    }

    /// Ids of what matches, in order.
    async fn found(&self, url: &str) -> Vec<String> {
        let reply = self.ask(Method::Get, url, None).await;
        let bundle = answered(&reply);
        let entries = bundle["entry"].as_array().into_iter().flatten();
        let matches = entries.filter(|entry| entry["search"]["mode"] == "match");
        let ids = matches.map(|entry| entry["resource"]["id"].as_str().unwrap().to_owned());
        let mut ids: Vec<String> = ids.collect();
        ids.sort();
        ids
    }

    async fn labels(&self, path: &str) -> Vec<String> {
        let reply = self.house.ask(&loader(), Method::Get, path, None).await;
        codes(&json(&reply))
    }
}

fn lab(id: &str, code: &str, labels: &[(&str, &str)]) -> Value {
    let mut body = json!({ "resourceType": "Observation", "id": id, "status": "final",
        "subject": { "reference": "Patient/p" },
        "code": { "coding": [{ "system": "http://loinc.org", "code": code }] } });
    if !labels.is_empty() {
        body["meta"]["security"] = security(labels);
    }
    body
}

fn security(labels: &[(&str, &str)]) -> Value {
    labels
        .iter()
        .map(|(system, code)| json!({ "system": system, "code": code }))
        .collect()
}

fn codes(resource: &Value) -> Vec<String> {
    let all = resource["meta"]["security"]
        .as_array()
        .into_iter()
        .flatten();
    let mut codes: Vec<String> = all
        .map(|label| label["code"].as_str().unwrap().to_owned())
        .collect();
    codes.sort();
    codes
}

fn answered(reply: &Reply) -> Value {
    assert!(reply.status < 300, "{}", text(reply));
    json(reply)
}

#[tokio::test]
async fn r16_no_way_out_tells_a_sensitivity() {
    for backend in backends() {
        let ward = Labelled::on(backend).await;
        let body = lab("hiv", "20447-9", &[]);
        let bundle = |kind: &str| {
            json!({ "resourceType": "Bundle", "type": kind, "entry": [
                { "request": { "method": "GET", "url": "Observation/hiv" } },
                { "request": { "method": "GET", "url": "Observation?patient=p" } },
                { "resource": body, "request": { "method": "PUT", "url": "Observation/hiv" } }] })
        };
        let (batch, transaction) = (bundle("batch"), bundle("transaction"));
        for (method, url, sent) in [
            (Method::Get, "Observation/hiv", None),
            (Method::Get, "Observation/hiv?_elements=status", None),
            (Method::Get, "Observation/hiv/_history/1", None),
            (Method::Put, "Observation/hiv", Some(&body)),
            (Method::Get, "Observation/hiv/$meta", None),
            (Method::Get, "Observation/$meta", None),
            (Method::Get, "Observation/hiv/_history", None),
            (Method::Get, "_history", None),
            (Method::Get, "Observation?patient=p", None),
            (Method::Get, "Observation?patient=p&_summary=true", None),
            (
                Method::Get,
                "Patient?_id=p&_revinclude=Observation:patient",
                None,
            ),
            (Method::Get, "Patient/p/Observation", None),
            (Method::Get, "Patient/p/$everything", None),
            (Method::Post, "", Some(&batch)),
            (Method::Post, "", Some(&transaction)),
        ] {
            let reply = ward.ask(method, url, sent).await;
            let told = answered(&reply);
            let said = text(&reply);
            assert!(!said.contains("HIV"), "{url}: {said}");
            assert!(!said.contains("labelling"), "{url}: {said}");
            assert!(!said.contains("meta\":{}"), "{url}: {said}");
            assert!(said.contains(r#""code":"R""#), "{url}: {said}");
            if told["resourceType"] == "Bundle" {
                assert_eq!(codes(&told), ["R"], "{url}");
            }
            let caller = loader();
            let all = ward
                .house
                .ask(&caller, Method::Get, "Observation?patient=p", None);
            let all = json(&all.await);
            assert_eq!(codes(&all), ["HIV", "R"]);
            assert_eq!(
                codes(&all["entry"][0]["resource"]).len()
                    + codes(&all["entry"][1]["resource"]).len(),
                3
            );
        }
        // Of what has no labels nothing is said, and a Bundle that is stored has its own.
        let plain = answered(&ward.ask(Method::Get, "Patient?_id=p", None).await);
        assert_eq!(plain.get("meta"), None, "{plain}");
        let inner = lab("inner", "2345-7", &[(ACT_CODE, "HIV")]);
        let stored = json!({ "resourceType": "Bundle", "id": "b", "type": "collection",
            "entry": [{ "fullUrl": "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a", "resource": inner }] });
        ward.house.put(&stored).await;
        let told = answered(&ward.ask(Method::Get, "Bundle/b", None).await);
        assert!(!told.to_string().contains("HIV"), "{told}");
        assert_eq!(told["entry"][0]["resource"].get("meta"), None);
    }
}

/// The transaction's own answers to searches are Bundles with their own marks.
#[tokio::test]
async fn r16_bundles_within_bundles_carry_their_marks() {
    for backend in backends() {
        let ward = Labelled::on(backend).await;
        for kind in ["batch", "transaction"] {
            let bundle = json!({ "resourceType": "Bundle", "type": kind, "entry": [
                { "request": { "method": "GET", "url": "Observation?patient=p" } },
                { "request": { "method": "GET", "url": "Patient?_id=p" } }] });
            let told = answered(&ward.ask(Method::Post, "", Some(&bundle)).await);
            assert_eq!(codes(&told), ["R"], "{told}");
            let inner = |at: usize| codes(&told["entry"][at]["resource"]);
            assert_eq!((inner(0), inner(1)), (vec!["R".to_owned()], Vec::new()));
        }
    }
}

#[tokio::test]
async fn l2_what_was_read_without_labels_comes_back_without_harm() {
    for backend in backends() {
        let ward = Labelled::on(backend).await;
        let path = "Observation/hiv";
        let meta = json!({ "resourceType": "Parameters", "parameter": [{ "name": "meta",
            "valueMeta": { "security": security(&[(ACT_CODE, "STD")]) } }] });
        let url = format!("{path}/$meta-add");
        let reply = ward
            .house
            .ask(&loader(), Method::Post, &url, Some(&meta))
            .await;
        assert_eq!(reply.status, 200);
        let read = answered(&ward.ask(Method::Get, path, None).await);
        assert_eq!(codes(&read), ["R"]);
        assert!(!read.to_string().contains("SUBSETTED"));
        let reply = ward.ask(Method::Put, path, Some(&read)).await;
        assert_eq!(codes(&answered(&reply)), ["R"]);
        assert_eq!(ward.labels(path).await, ["HIV", "R", "STD"]);
        // Nor does the level become the client's: with the code and what was stated it goes.
        let stored = ward.house.ask(&loader(), Method::Get, path, None).await;
        assert!(text(&stored).contains("labelling"), "{}", text(&stored));
    }
}

async fn patched(ward: &Labelled, path: &str, format: Format, patch: &Value) -> Reply {
    let mut call = call(Method::Patch, path, None);
    call.prefer.returns = Some(Return::Representation);
    call.body = Some(Body {
        bytes: patch.to_string().into(),
        format,
    });
    ward.house.engine.answer(&ward.blind, &call).await
}

/// To a patch what is not shown is not there: it answers the same whatever else a resource is labelled with.
#[tokio::test]
async fn t57_a_patch_tells_no_label_and_takes_none_away() {
    for backend in backends() {
        let ward = Labelled::on(backend).await;
        let hiv = json!({ "system": ACT_CODE, "code": "HIV" });
        let by_path = |path: &str| {
            json!({ "resourceType": "Parameters", "parameter": [{ "name": "operation", "part": [
                { "name": "type", "valueCode": "delete" }, { "name": "path", "valueString": path }] }] })
        };
        let mut answers = Vec::new();
        for id in ["hiv", "other"] {
            let path = format!("Observation/{id}");
            let mut said = Vec::new();
            for patch in [
                json!([{ "op": "test", "path": "/meta/security/1/code", "value": "HIV" }]),
                json!([{ "op": "remove", "path": "/meta/security/1" }]),
                json!([{ "op": "remove", "path": "/meta/security/0" }]),
                json!([{ "op": "remove", "path": "/meta/security" }]),
                json!([{ "op": "replace", "path": "/meta/security/0/code", "value": "N" }]),
                json!([{ "op": "copy", "from": "/meta/security/1", "path": "/meta/tag/0" }]),
                json!([{ "op": "replace", "path": "/status", "value": "amended" }]),
                json!([{ "op": "add", "path": "/meta/security/-", "value": hiv }]),
            ] {
                let reply = patched(&ward, &path, Format::JsonPatch, &patch).await;
                said.push((reply.status, text(&reply).contains("HIV")));
            }
            for at in [
                "Observation.meta.security.where(code = 'HIV')",
                "Observation.meta.security.where(code = 'R')",
            ] {
                let reply = patched(&ward, &path, Format::Json, &by_path(at)).await;
                said.push((reply.status, text(&reply).contains("\"HIV\"")));
            }
            let url = format!("{path}/$meta-delete");
            let meta = json!({ "resourceType": "Parameters", "parameter": [{ "name": "meta",
                "valueMeta": { "security": [hiv] } }] });
            let reply = ward.ask(Method::Post, &url, Some(&meta)).await;
            said.push((reply.status, text(&reply).contains("HIV")));
            answers.push(said);
            assert_eq!(ward.labels(&path).await, ["HIV", "R"], "{path}");
        }
        assert_eq!(answers[0], answers[1]);
        assert!(
            answers[0]
                .iter()
                .filter(|(status, _)| *status == 403)
                .count()
                >= 2,
            "{answers:?}"
        );
        assert!(answers[0].contains(&(200, false)), "{answers:?}");
    }
}

#[tokio::test]
async fn t50_l4_who_is_not_shown_labels_asks_by_none() {
    for backend in backends() {
        let ward = Labelled::on(backend).await;
        let custom = json!({ "resourceType": "SearchParameter", "id": "s", "url": "http://example.org/s", "name": "S",
            "status": "active", "description": "d", "code": "sensitive", "base": ["Observation"], "type": "token",
            "expression": "Observation.meta.security" });
        ward.house.put(&custom).await;
        let everything = ward.found("Observation?patient=p").await;
        assert_eq!(everything, ["hiv", "other"]);
        for asked in [
            "Observation?patient=p&_security=HIV",
            "Observation?patient=p&_security=R",
            "Observation?patient=p&_security=ACT|HIV",
            "Observation?patient=p&_security=ACT|",
            "Observation?patient=p&_security=|HIV",
            "Observation?patient=p&_security=LEVEL|R,ACT|HIV",
            "Observation?patient=p&_security:not=ACT|HIV",
            "Observation?patient=p&_security:text=HIV",
            "Observation?patient=p&_security:below=ACT|_InformationSensitivityPolicy",
            "Observation?patient=p&_security:in=http://example.org/v",
            "Observation?patient=p&sensitive=HIV",
            "Observation?patient=p&sensitive:missing=false",
            "Observation?patient=p&_sort=_security",
            "Observation?patient=p&_sort=-sensitive",
            "Observation?patient=p&patient._has:Observation:patient:_security=HIV",
        ] {
            let url = asked.replace("ACT", ACT_CODE).replace("LEVEL", LEVEL);
            let lenient = ward.ask(Method::Get, &url, None).await;
            let told = json(&lenient);
            assert!(
                lenient.status == 200 || lenient.status == 400,
                "{url}: {told}"
            );
            if lenient.status == 200 {
                assert_eq!(ward.found(&url).await, everything, "{url}");
                assert!(
                    told.to_string().contains("OperationOutcome"),
                    "{url}: {told}"
                );
                let link = told["link"][0]["url"].as_str().unwrap();
                assert!(
                    !link.contains("security") && !link.contains("sensitive"),
                    "{link}"
                );
            }
            let mut strict = call(Method::Get, &url, None);
            strict.prefer.strict = true;
            let strict = ward.house.engine.answer(&ward.blind, &strict).await;
            assert_eq!(strict.status, 400, "{url}: {}", text(&strict));
        }
        for refused in [
            "_filter=_security eq HIV",
            "_filter=not (_security eq HIV)",
            "_filter=_security sw HI",
        ] {
            let url = format!("Observation?{refused}");
            let reply = ward.ask(Method::Get, &url, None).await;
            assert_eq!(reply.status, 400, "{}", text(&reply));
        }
        let patients = "Patient?_has:Observation:patient:_security=HIV";
        assert_eq!(ward.found(patients).await, ["p"]);
        let level = format!("{LEVEL}|R");
        for (asked, found) in [
            (format!("Observation?_security={level}"), 2),
            (format!("Observation?_security:not={level}"), 0),
            ("Observation?_security:missing=false".to_owned(), 2),
            (format!("Observation?_filter=_security eq {level}"), 2),
            (
                format!("Patient?_has:Observation:patient:_security={level}"),
                1,
            ),
            ("Observation?_content=HIV".to_owned(), 0),
            ("Observation?_content=loinc".to_owned(), 2),
            ("Observation?_content=loinc NOT HIV".to_owned(), 2),
        ] {
            let ids = ward.found(&asked).await;
            assert_eq!(ids.len(), found, "{asked}: {ids:?}");
        }
        for asked in ["_security=HIV", "sensitive=HIV", "_content=HIV"] {
            let url = format!("Observation?{asked}");
            assert_eq!(ward.house.found(&loader(), &url).await, ["hiv"], "{url}");
        }
    }
}

/// What is conditional asks as a search does, and a scope by labels opens nothing.
#[tokio::test]
async fn t50_neither_conditions_nor_scopes_ask_by_labels() {
    for backend in backends() {
        let ward = Labelled::on(backend).await;
        let reply = ward
            .ask(Method::Delete, "Observation?_security=HIV", None)
            .await;
        assert_eq!(reply.status, 400, "{}", text(&reply));
        let scope = format!("system/Observation.rs?_security={ACT_CODE}|HIV");
        assert!(Scopes::parse(&scope).is_ok());
        let reply = ward
            .house
            .ask(&blind(&scope), Method::Get, "Observation", None)
            .await;
        assert!(!text(&reply).contains("20447-9"), "{}", text(&reply));
        let by_level = blind(&format!("system/Observation.rs?_security={LEVEL}|R"));
        assert_eq!(ward.house.found(&by_level, "Observation").await.len(), 2);
        let sees = crate::house::system(&scope);
        assert_eq!(ward.house.found(&sees, "Observation").await, ["hiv"]);
    }
}
