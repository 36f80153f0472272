use super::sample::{document, extractor};
use super::small::{Small, kind, read, refusal};
use crate::plan::Filter;
use crate::query::{Include, Including};
use ward_fhir::schema::r4;
use ward_fhir::{Kind, TypeId};

fn ty(name: &str) -> TypeId {
    r4().resource_type(name).unwrap()
}

#[test]
fn includes_are_read() {
    let includes = |query: &str| read(query, true).unwrap().1.includes;
    let include = Include {
        iterate: false,
        reverse: false,
        source: Some(ty("Observation")),
        param: Some("subject".into()),
        target: None,
    };
    assert_eq!(
        includes("Observation?_include=Observation:subject"),
        std::slice::from_ref(&include)
    );
    let target = Some(ty("Patient"));
    let narrow = Include {
        target,
        ..include.clone()
    };
    assert_eq!(
        includes("Observation?_include=Observation:subject:Patient"),
        [narrow]
    );
    let all = Include {
        param: None,
        ..include.clone()
    };
    assert_eq!(includes("Observation?_include=Observation:*"), [all]);
    let any = Include {
        param: None,
        source: None,
        ..include.clone()
    };
    assert_eq!(includes("Observation?_include=*"), [any]);
    let iterate = Include {
        iterate: true,
        source: Some(ty("Patient")),
        param: Some("organization".into()),
        ..include.clone()
    };
    assert_eq!(
        includes("Observation?_include:iterate=Patient:organization"),
        [iterate]
    );
    let reverse = Include {
        reverse: true,
        source: Some(ty("Provenance")),
        param: Some("target".into()),
        ..include
    };
    assert_eq!(
        includes("Observation?_revinclude=Provenance:target"),
        [reverse]
    );

    let (kind_of, text) = refusal("Observation?_include:recurse=Observation:subject");
    assert!(kind_of == Kind::NotSupported && text.contains(":iterate"));
    for (query, expected) in [
        ("Observation?_include=subject", Kind::Invalid),
        ("Observation?_include=Nothing:subject", Kind::Invalid),
        ("Observation?_include=Patient:organization", Kind::Invalid),
        (
            "Observation?_include=Observation:subject:Practitioner",
            Kind::Invalid,
        ),
        (
            "Observation?_include=Observation:subject:Patient:x",
            Kind::Invalid,
        ),
        ("Observation?_include=Observation:code", Kind::NotSupported),
        (
            "Observation?_include:wrong=Observation:subject",
            Kind::Invalid,
        ),
        (
            "Observation?_revinclude=Patient:organization",
            Kind::Invalid,
        ),
    ] {
        assert_eq!(kind(query), expected, "{query}");
    }
    let many = "&_include=Observation:subject".repeat(21);
    assert_eq!(
        kind(&format!("Observation?{}", &many[1..])),
        Kind::TooCostly
    );
    let (_, used) = read("Observation?_include=Observation:subjct", false).unwrap();
    assert_eq!(used.ignored[0].nearest, ["subject"]);
    assert!(used.includes.is_empty() && used.pairs.is_empty());
}

#[test]
fn includes_find_both_ways() {
    let observation = document(
        r#"{"resourceType":"Observation","id":"b","status":"final","code":{"text":"x"},"subject":{"reference":"http://ward.test/fhir/Patient/1/_history/2"},
            "performer":[{"reference":"Practitioner/2"},{"reference":"http://elsewhere.test/Practitioner/3"}],"specimen":{"display":"x"}}"#,
    );
    let include = |query: &str| read(query, true).unwrap().1.includes.remove(0);
    let targets = |query: &str| include(query).targets(&extractor(), observation.root());
    let resource = |name: &str, id: &str, version: Option<&str>| Including::Resource {
        ty: ty(name),
        id: id.to_owned(),
        version: version.map(str::to_owned),
    };
    let patient = resource("Patient", "1", Some("2"));
    let practitioner = resource("Practitioner", "2", None);
    assert_eq!(
        targets("Observation?_include=Observation:subject"),
        std::slice::from_ref(&patient)
    );
    assert_eq!(
        targets("Observation?_include=Observation:patient"),
        std::slice::from_ref(&patient)
    );
    assert_eq!(
        targets("Observation?_include=Observation:subject:Group"),
        []
    );
    assert_eq!(
        targets("Observation?_include=Observation:performer"),
        std::slice::from_ref(&practitioner)
    );
    let mut both = vec![patient, practitioner];
    both.sort();
    assert_eq!(targets("Observation?_include=Observation:*"), both);
    assert_eq!(targets("Observation?_include=*"), both);
    let answers = document(
        r#"{"resourceType":"QuestionnaireResponse","status":"completed","questionnaire":"http://q|2"}"#,
    );
    let canonical = include("QuestionnaireResponse?_include=QuestionnaireResponse:questionnaire");
    assert_eq!(
        canonical.targets(&extractor(), answers.root()),
        [Including::Canonical("http://q|2".into())]
    );

    let small = Small::new(&[
        r#"{"resourceType":"Observation","id":"b","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/1"}}"#,
        r#"{"resourceType":"Observation","id":"c","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/9"}}"#,
        r#"{"resourceType":"Condition","id":"d","subject":{"reference":"Patient/1"}}"#,
    ]);
    let hit = document(r#"{"resourceType":"Patient","id":"1"}"#);
    let referring = |query: &str| {
        let parts = include(query).referring(&extractor(), &[hit.root()]);
        let found = parts
            .into_iter()
            .map(|(ty, _, terms)| small.matching(&[ty], &Filter::AnyTerm(terms)));
        found.filter(|f| !f.is_empty()).collect::<Vec<_>>()
    };
    assert_eq!(
        referring("Patient?_revinclude=Observation:subject"),
        ["Observation/b"]
    );
    assert_eq!(
        referring("Patient?_revinclude=Observation:patient"),
        ["Observation/b"]
    );
    assert_eq!(
        referring("Patient?_revinclude=Observation:subject:Group"),
        Vec::<String>::new()
    );
    let mut all = referring("Patient?_revinclude=*");
    all.sort();
    assert_eq!(all, ["Condition/d", "Observation/b"]);
    assert!(
        include("Patient?_include=Patient:organization")
            .referring(&extractor(), &[hit.root()])
            .is_empty()
    );
}
