use super::*;
use std::collections::BTreeSet;
use ward_fhir::TypeId;
use ward_fhir::schema::r4;

fn groups_of(json: &str) -> Vec<String> {
    let document = document(json);
    let nodes = document.root().descendants_and_self();
    let lines = nodes.flat_map(|node| {
        let word = move |group: Group| format!("{} {}", node.expression(), group.word());
        Group::of(node).into_iter().map(word)
    });
    lines.collect()
}

fn read_by(ty: &str, code: &str) -> Vec<&'static str> {
    let id = r4().resource_type(ty).expect("a type");
    let of = |p: &&ward_fhir::schema::SearchParameterDef| p.code == code && p.bases.contains(&id);
    let found = r4().search_parameters.iter().find(of).expect("a parameter");
    Group::read_by(ty, found)
        .into_iter()
        .map(Group::word)
        .collect()
}

/// An element of the type by its path without choices' types.
fn exists(ty: TypeId, path: &str) -> bool {
    let mut at = vec![ty];
    for name in path.split('.') {
        let elements = at.iter().flat_map(|ty| r4().elements_of(*ty));
        at = elements
            .filter(|e| e.name == name)
            .flat_map(|e| e.types.iter().map(|t| t.ty))
            .collect();
    }
    !at.is_empty()
}

#[test]
fn every_path_is_an_element_of_r4() {
    for path in Group::ALL.into_iter().flat_map(Group::paths) {
        let (ty, rest) = path.split_once('.').expect("a type and an element");
        let mut types = r4()
            .types
            .iter()
            .filter(|t| r4().resource_type(t.name).is_some());
        let found = match ty {
            "*" => types.any(|ty| exists(ty.id, rest)),
            name => exists(r4().resource_type(name).expect("a type"), rest),
        };
        assert!(found, "{path}");
    }
    for group in Group::ALL {
        assert_eq!(Group::of_word(group.word()), Some(group));
        assert!(!group.paths().is_empty());
    }
}

#[test]
fn r15_elements_belong_to_their_groups() {
    let json = r#"{"resourceType":"Observation","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"},"identifier":[{"value":"1"}],"status":"final","code":{"text":"a"},"performer":[{"display":"d"}],"valueQuantity":{"value":5.0},"note":[{"text":"n"}],"component":[{"code":{"text":"b"},"valueString":"v"}]}"#;
    let expected = [
        "Observation.text narrative",
        "Observation.identifier[0] identifier",
        "Observation.performer[0] performer",
        "Observation.value value",
        "Observation.note[0] note",
        "Observation.component[0].value value",
    ];
    assert_eq!(groups_of(json), expected);
}

#[test]
fn r15_what_becomes_of_an_element() {
    let document = document(
        r#"{"resourceType":"Observation","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"},"status":"final","code":{"text":"a"},"valueQuantity":{"value":5.0},"note":[{"text":"n"}]}"#,
    );
    let treated = |masking: &Masking, name: &str| {
        let node = document.root().get(name).expect("an element");
        masking.treatment(node)
    };
    let none = Masking::default();
    let masked = Masking {
        masked: [Group::Value, Group::Note].into(),
        ..Masking::default()
    };
    let redacted = Masking {
        redacted: [Group::Value].into(),
        ..masked.clone()
    };
    for name in ["text", "status", "code", "value", "note"] {
        assert_eq!(treated(&none, name), Treatment::Keep);
    }
    assert_eq!(
        treated(&masked, "value"),
        Treatment::MaskBeside("dataAbsentReason")
    );
    assert_eq!(treated(&masked, "note"), Treatment::Mask);
    assert_eq!(treated(&redacted, "value"), Treatment::Remove);
    // Text tells what was taken out.
    assert_eq!(treated(&masked, "text"), Treatment::Remove);
    assert_eq!(treated(&masked, "code"), Treatment::Keep);
    assert!(none.is_empty() && !masked.is_empty());
}

/// What must be there is masked even where it should go.
#[test]
fn r15_a_required_element_is_masked_not_removed() {
    let note = document(
        r#"{"resourceType":"DocumentReference","status":"current","content":[{"attachment":{"url":"Binary/b"}}]}"#,
    );
    let all = Masking {
        redacted: [Group::Attachment].into(),
        ..Masking::default()
    };
    let content = note.root().get("content").expect("an element");
    assert_eq!(all.treatment(content), Treatment::Mask);
}

/// `value-quantity=gt1000` must not find what is masked.
#[test]
fn t52_parameters_tell_which_groups_they_read() {
    let none: Vec<&str> = Vec::new();
    assert_eq!(read_by("Observation", "value-quantity"), ["value"]);
    assert_eq!(read_by("Observation", "code-value-quantity"), ["value"]);
    assert_eq!(read_by("Observation", "component-value-concept"), ["value"]);
    assert_eq!(read_by("Observation", "combo-value-quantity"), ["value"]);
    assert_eq!(read_by("Observation", "code"), none);
    assert_eq!(read_by("Observation", "date"), none);
    assert_eq!(read_by("Observation", "identifier"), ["identifier"]);
    assert_eq!(read_by("Observation", "performer"), ["performer"]);
    assert_eq!(read_by("Patient", "identifier"), ["identifier"]);
    assert_eq!(read_by("Patient", "telecom"), ["contact"]);
    assert_eq!(read_by("Patient", "address-city"), ["contact"]);
    assert_eq!(read_by("Encounter", "reason-reference"), ["reason"]);
    assert_eq!(read_by("DocumentReference", "location"), ["attachment"]);
    assert_eq!(read_by("Patient", "gender"), none);
}

#[test]
fn t51_words_are_read_by_every_group() {
    let of = |code: &str| {
        let found = r4().search_parameters.iter().find(|p| p.code == code);
        let found = found.expect("a parameter");
        Group::read_by("Observation", found)
    };
    let all: BTreeSet<Group> = Group::ALL.into_iter().collect();
    assert_eq!(of("_content"), all);
    assert_eq!(of("_text"), all);
    let masked = Masking {
        masked: [Group::Value].into(),
        ..Masking::default()
    };
    let quantity = r4()
        .search_parameters
        .iter()
        .find(|p| p.code == "value-quantity");
    assert!(!masked.allow("Observation", quantity.expect("a parameter")));
    let status = r4().search_parameters.iter().find(|p| p.code == "_id");
    assert!(masked.allow("Observation", status.expect("a parameter")));
}
