use super::small::{Small, kind, read, refusal};
use crate::plan::Filter;
use ward_fhir::Kind;

fn small() -> Small {
    Small::new(&[
        r#"{"resourceType":"Organization","id":"o1","name":"North Clinic","active":true}"#,
        r#"{"resourceType":"Organization","id":"o2","name":"South Clinic","partOf":{"reference":"Organization/o1"}}"#,
        r#"{"resourceType":"Patient","id":"p1","gender":"female","name":[{"family":"Peters"}],
            "managingOrganization":{"reference":"Organization/o2"}}"#,
        r#"{"resourceType":"Patient","id":"p2","gender":"male","name":[{"family":"Quill"}],
            "generalPractitioner":[{"reference":"Practitioner/d1"}]}"#,
        r#"{"resourceType":"Patient","id":"p3","name":[{"family":"Rand"}]}"#,
        r#"{"resourceType":"Practitioner","id":"d1","name":[{"family":"Peters"}]}"#,
        r#"{"resourceType":"Location","id":"l1","name":"Peters Bay"}"#,
        r#"{"resourceType":"Observation","id":"b1","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"1-8"}]},
            "subject":{"reference":"Patient/p1"},"performer":[{"reference":"Practitioner/d1"}]}"#,
        r#"{"resourceType":"Observation","id":"b2","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2-6"}]},
            "subject":{"reference":"http://ward.test/fhir/Patient/p2/_history/4"}}"#,
        r#"{"resourceType":"Observation","id":"b3","status":"final","code":{"text":"x"},"subject":{"reference":"Location/l1"}}"#,
        r#"{"resourceType":"Observation","id":"b4","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/p3"},
            "hasMember":[{"reference":"Observation/b1"}]}"#,
        r#"{"resourceType":"Observation","id":"b5","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/gone"}}"#,
        r#"{"resourceType":"AuditEvent","id":"a1","type":{"code":"rest"},"recorded":"2020-01-01T00:00:00Z",
            "agent":[{"requestor":true}],"source":{"observer":{"display":"x"}},"entity":[{"what":{"reference":"Observation/b1"}}]}"#,
        r#"{"resourceType":"Group","id":"g1","type":"person","actual":true,"member":[{"entity":{"reference":"Patient/p2"}}]}"#,
    ])
}

#[test]
fn chains_reach_what_they_should() {
    let small = small();
    for (query, found) in [
        (
            "Observation?subject:Patient.family=peters",
            "Observation/b1",
        ),
        ("Observation?patient.gender=male", "Observation/b2"),
        // Every target that knows the name.
        (
            "Observation?subject.name=peters",
            "Observation/b1 Observation/b3",
        ),
        ("Observation?patient.name=peters", "Observation/b1"),
        (
            "Observation?patient.organization.name=south",
            "Observation/b1",
        ),
        (
            "Observation?patient.organization.partof.name=north",
            "Observation/b1",
        ),
        (
            "Observation?subject:Patient.organization:Organization.partof:Organization.active=true",
            "Observation/b1",
        ),
        ("Observation?patient._id=p3", "Observation/b4"),
        (
            "Observation?has-member.patient.gender=female",
            "Observation/b4",
        ),
        (
            "Observation?performer:Practitioner.family=peters&patient.gender=female",
            "Observation/b1",
        ),
        ("Observation?patient.family:exact=Quill", "Observation/b2"),
        // Modifiers hold for the target: it must exist.
        (
            "Observation?patient.gender:not=male",
            "Observation/b1 Observation/b4",
        ),
        ("Observation?patient.gender:missing=true", "Observation/b4"),
        (
            "Observation?patient.organization:missing=true",
            "Observation/b2 Observation/b4",
        ),
        ("Observation?patient.gender=other", ""),
    ] {
        assert_eq!(small.find(query), found, "{query}");
    }
}

#[test]
fn reverse_chains_nest_and_combine() {
    let small = small();
    for (query, found) in [
        (
            "Patient?_has:Observation:patient:code=http://loinc.org|1-8",
            "Patient/p1",
        ),
        ("Patient?_has:Observation:subject:code=2-6", "Patient/p2"),
        (
            "Patient?_has:Observation:patient:_has:AuditEvent:entity:type=rest",
            "Patient/p1",
        ),
        (
            "Patient?_has:Observation:patient:performer:Practitioner.family=peters",
            "Patient/p1",
        ),
        (
            "Observation?patient._has:Group:member:_id=g1",
            "Observation/b2",
        ),
        (
            "Organization?_has:Patient:organization:_has:Observation:patient:code=1-8",
            "Organization/o2",
        ),
        ("Patient?_has:Observation:patient:status:not=final", ""),
        (
            "Patient?_has:Observation:patient:performer:missing=true",
            "Patient/p2 Patient/p3",
        ),
        (
            "Location?_has:Observation:subject:status=final",
            "Location/l1",
        ),
        ("?_has:Group:member:type=person", "Patient/p2"),
        ("?_has:Observation:patient:code=1-8", "Patient/p1"),
    ] {
        assert_eq!(small.find(query), found, "{query}");
    }
}

#[test]
fn chains_that_lead_nowhere_are_refused() {
    let (kind_of, text) = refusal("Observation?subject.nonsense=x");
    assert_eq!(kind_of, Kind::NotSupported);
    assert!(text.contains("subject.nonsense"), "{text}");
    let (_, text) = refusal("Observation?patient.genderr=x");
    assert!(text.contains("gender"), "{text}");
    for (query, expected) in [
        ("Observation?subject:Practitioner.name=x", Kind::Invalid),
        ("Observation?subject:Nothing.name=x", Kind::Invalid),
        ("Observation?code.name=x", Kind::Invalid),
        ("Observation?nothing.name=x", Kind::NotSupported),
        ("Observation?patient.birthdate=yesterday", Kind::Invalid),
        (
            "QuestionnaireResponse?questionnaire.title=x",
            Kind::NotSupported,
        ),
        ("Patient?_has:Observation:code:status=x", Kind::Invalid),
        ("Patient?_has:Observation:patient=x", Kind::Invalid),
        ("Patient?_has:Nothing:patient:code=x", Kind::Invalid),
        ("Patient?_has:Observation:encounter:code=x", Kind::Invalid),
        ("Patient?_has=x", Kind::Invalid),
        (
            "Patient?_has:Observation:nothing:code=x",
            Kind::NotSupported,
        ),
    ] {
        assert_eq!(kind(query), expected, "{query}");
    }
    let deep = format!("Observation?{}status=final", "has-member.".repeat(12));
    assert_eq!(kind(&deep), Kind::TooCostly);
    // Every hop fans out over many types.
    assert_eq!(
        kind("Provenance?target.subject.subject.subject.focus.status=x"),
        Kind::TooCostly
    );
    let (plan, used) = read("Observation?subject.nonsense=x", false).unwrap();
    assert!(matches!(plan.filter, Filter::All) && used.pairs.is_empty());
    assert_eq!(used.ignored[0].name, "subject.nonsense");
}

#[test]
fn several_types_may_mean_different_things() {
    let small = small();
    for (query, found) in [
        (
            "?_type=Patient,Practitioner&family=peters",
            "Patient/p1 Practitioner/d1",
        ),
        ("?_type=Patient,Practitioner&family:missing=true", ""),
        (
            "?_type=Patient,Practitioner&gender:not=male",
            "Patient/p1 Patient/p3 Practitioner/d1",
        ),
        (
            "?_type=Observation,Group&_id=g1,b3",
            "Observation/b3 Group/g1",
        ),
        ("?_type=Location,Organization&name=north", "Organization/o1"),
    ] {
        assert_eq!(small.find(query), found, "{query}");
    }
}
