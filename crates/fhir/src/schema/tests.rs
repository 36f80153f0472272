use super::*;

fn ty(name: &str) -> &'static TypeDef {
    r4().ty(r4()
        .type_id(name)
        .unwrap_or_else(|| panic!("no type {name}")))
}

fn member(owner: &str, json_name: &str) -> &'static Member {
    r4().find_member(ty(owner).id, json_name)
        .unwrap_or_else(|| panic!("no member {owner}.{json_name}"))
}

fn element(path: &str) -> &'static ElementDef {
    r4().elements
        .iter()
        .find(|e| e.path == path)
        .unwrap_or_else(|| panic!("no element {path}"))
}

fn type_of(owner: &str, json_name: &str) -> &'static str {
    r4().ty(member(owner, json_name).ty).name
}

#[test]
fn counts_are_those_of_the_official_package() {
    let s = r4();
    assert_eq!(
        (s.package.name, s.package.version),
        ("hl7.fhir.r4.core", "4.0.1")
    );
    let resources = s.types.iter().filter(|t| t.kind == TypeKind::Resource);
    assert_eq!(resources.clone().filter(|t| !t.is_abstract).count(), 146);
    assert_eq!(resources.filter(|t| t.is_abstract).count(), 2);
    assert_eq!(
        s.types
            .iter()
            .filter(|t| matches!(t.kind, TypeKind::Primitive(_)))
            .count(),
        20
    );
    assert_eq!(s.search_parameters.len(), 1400);
    assert_eq!(s.operations.len(), 47);
    assert_eq!(s.compartments.len(), 5);
    assert_eq!(s.type_names.len(), s.types.len());
}

#[test]
fn members_are_sorted_and_unique() {
    for t in &r4().types {
        let members = &r4().members[t.members.start as usize..t.members.end as usize];
        assert!(
            members.windows(2).all(|w| w[0].json_name < w[1].json_name),
            "{}",
            t.name
        );
        assert!(
            members
                .iter()
                .all(|m| r4().element(m.element).owner == t.id),
            "{}",
            t.name
        );
    }
}

#[test]
fn choices_are_expanded() {
    assert_eq!(type_of("Observation", "valueQuantity"), "Quantity");
    assert_eq!(type_of("Observation", "valueDateTime"), "dateTime");
    assert!(r4().find_member(ty("Observation").id, "value").is_none());
    assert_eq!(element("Observation.value[x]").name, "value");
    let of_extension = &ty("Extension").members;
    assert_eq!(
        of_extension.len(),
        50 + 3,
        "fifty types, id, extension and url"
    );
}

#[test]
fn system_types_become_fhir_types() {
    assert_eq!(type_of("Patient", "id"), "id");
    assert_eq!(type_of("Bundle", "id"), "id");
    assert_eq!(type_of("HumanName", "id"), "string");
    assert_eq!(type_of("Patient.contact", "id"), "string");
    assert_eq!(type_of("Extension", "url"), "uri");
    assert_eq!(type_of("Narrative", "div"), "xhtml");
    assert_eq!(type_of("string", "id"), "string");
    assert!(element("Extension.url").is_xml_attribute && element("HumanName.id").is_xml_attribute);
    assert!(!element("Patient.id").is_xml_attribute);
    assert!(r4().find_member(ty("string").id, "value").is_none());
    assert!(r4().find_member(ty("xhtml").id, "extension").is_none());
}

#[test]
fn inherited_elements_come_first_in_order() {
    let names: Vec<_> = r4()
        .elements_of(ty("Patient").id)
        .iter()
        .map(|e| e.name)
        .collect();
    let head = [
        "id",
        "meta",
        "implicitRules",
        "language",
        "text",
        "contained",
        "extension",
        "modifierExtension",
    ];
    assert_eq!(names[..9], [&head[..], &["identifier"]].concat());
    let contact: Vec<_> = r4()
        .elements_of(ty("Patient.contact").id)
        .iter()
        .map(|e| (e.order, e.name))
        .collect();
    assert_eq!(
        contact[..4],
        [
            (0, "id"),
            (1, "extension"),
            (2, "modifierExtension"),
            (3, "relationship")
        ]
    );
}

#[test]
fn backbones_and_content_references_have_types() {
    assert_eq!(type_of("Patient", "contact"), "Patient.contact");
    assert_eq!(ty("Patient.contact").base, Some(ty("BackboneElement").id));
    assert_eq!(type_of("Bundle.entry", "link"), "Bundle.link");
    assert_eq!(type_of("Questionnaire.item", "item"), "Questionnaire.item");
    assert_eq!(type_of("Timing", "repeat"), "Timing.repeat");
    assert_eq!(ty("Timing.repeat").base, Some(ty("Element").id));
    assert_eq!(type_of("Bundle.entry", "resource"), "Resource");
}

#[test]
fn cardinality_and_flags() {
    let status = element("Observation.status");
    assert_eq!((status.min, status.max), (1, Some(1)));
    assert!(status.is_modifier && status.is_summary && !member("Observation", "status").is_array);
    assert_eq!(element("Patient.name").max, None);
    assert!(member("Patient", "name").is_array);
}

#[test]
fn types_derive() {
    let s = r4();
    assert!(s.is_a(ty("code").id, ty("string").id));
    assert!(
        s.is_a(ty("Patient").id, ty("Resource").id)
            && s.is_a(ty("Patient").id, ty("DomainResource").id)
    );
    assert!(!s.is_a(ty("Bundle").id, ty("DomainResource").id));
    assert!(s.is_a(ty("Age").id, ty("Quantity").id));
    assert!(s.resource_type("Resource").is_none() && s.resource_type("Patient").is_some());
}

#[test]
fn references_name_their_targets() {
    let targets = |path: &str| -> Vec<_> {
        element(path).types[0]
            .targets
            .iter()
            .map(|t| r4().ty(*t).name)
            .collect()
    };
    assert_eq!(
        targets("Observation.subject"),
        ["Patient", "Group", "Device", "Location"]
    );
    assert_eq!(targets("Observation.focus"), [""; 0], "any");
    assert_eq!(targets("PlanDefinition.library"), ["Library"]);
}

#[test]
fn bindings_and_their_codes() {
    let s = r4();
    let gender = element("Patient.gender").binding.as_ref().expect("bound");
    assert_eq!(
        (gender.strength, gender.value_set),
        (
            Strength::Required,
            "http://hl7.org/fhir/ValueSet/administrative-gender"
        )
    );
    let codes = |name: &str| {
        s.value_set(&format!("http://hl7.org/fhir/ValueSet/{name}"))
            .and_then(|v| v.codes.as_ref())
    };
    let system = "http://hl7.org/fhir/administrative-gender";
    let expected = ["female", "male", "other", "unknown"].map(|code| (system, code));
    assert_eq!(
        codes("administrative-gender").map(Vec::as_slice),
        Some(&expected[..])
    );
    assert!(codes("mimetypes").is_none() && codes("currencies").is_none());
    assert!(
        s.value_sets
            .iter()
            .filter_map(|v| v.codes.as_ref())
            .all(|c| c.is_sorted() && !c.is_empty())
    );
    let required = s
        .elements
        .iter()
        .filter_map(|e| e.binding.as_ref())
        .filter(|b| b.strength == Strength::Required);
    assert!(
        required
            .into_iter()
            .all(|b| s.value_set(b.value_set).is_some())
    );
}

#[test]
fn invariants_stand_where_they_belong() {
    let keys = |numbers: &[u16]| -> Vec<_> {
        numbers
            .iter()
            .map(|n| r4().invariants[*n as usize].key)
            .collect()
    };
    assert_eq!(keys(&ty("Period").invariants), ["ele-1", "per-1"]);
    assert_eq!(
        keys(&element("Patient.name").invariants),
        [""; 0],
        "ele-1 is demanded by the type"
    );
    assert_eq!(
        keys(&element("Observation.referenceRange.low").invariants),
        ["sqty-1"]
    );
    assert!(keys(&ty("Patient").invariants).contains(&"dom-2"));
    assert!(keys(&ty("Patient.contact").invariants).contains(&"pat-1"));
    assert!(
        r4().invariants
            .iter()
            .any(|i| i.key == "dom-6" && !i.is_error)
    );
}

#[test]
fn search_parameters_operations_compartments() {
    let s = r4();
    let code = s
        .search_parameters
        .iter()
        .find(|p| p.url.ends_with("/SearchParameter/clinical-code"))
        .expect("present");
    assert_eq!((code.code, code.ty), ("code", SearchType::Token));
    assert!(
        code.bases.contains(&ty("Observation").id) && code.expression.contains("Observation.code")
    );
    let composite = s
        .search_parameters
        .iter()
        .find(|p| p.url.ends_with("/Observation-code-value-quantity"));
    assert_eq!(composite.map(|p| p.components.len()), Some(2));
    assert!(
        s.search_parameters
            .iter()
            .enumerate()
            .all(|(i, p)| p.id as usize == i)
    );
    let everything = s
        .operations
        .iter()
        .find(|o| o.url.ends_with("/Patient-everything"))
        .expect("present");
    assert!(everything.instance && everything.type_level && !everything.system);
    let patient = s
        .compartments
        .iter()
        .find(|c| c.code == "Patient")
        .expect("present");
    let observation = patient
        .members
        .iter()
        .find(|(t, _)| *t == ty("Observation").id)
        .map(|(_, p)| p.as_slice());
    assert_eq!(observation, Some(&["subject", "performer"][..]));
}

#[test]
fn a_damaged_table_is_refused() {
    assert!(table::load(b"nothing").is_err());
    let other = zstd::bulk::compress(b"ward-table\t0\ta\tb\tc\n", 1).expect("compresses");
    assert!(table::load(&other).is_err());
    let dangling = zstd::bulk::compress(b"ward-table\t1\ta\tb\tc\nT\tA\tC\t0\t7\t0\t0\t\n", 1)
        .expect("compresses");
    assert!(table::load(&dangling).is_err());
}

#[test]
fn code_systems_say_whether_case_counts() {
    let is = |system| r4().is_case_sensitive(system);
    for exact in [
        "http://hl7.org/fhir/administrative-gender",
        "http://terminology.hl7.org/CodeSystem/v3-ActCode",
        "http://dicom.nema.org/resources/ontology/DCM",
        "http://unitsofmeasure.org",
    ] {
        assert!(is(exact), "{exact}");
    }
    for folded in [
        "",
        "http://terminology.hl7.org/CodeSystem/v2-0203",
        "http://snomed.info/sct",
        "http://loinc.org",
        "urn:ietf:bcp:47",
        "http://hl7.org/fhir/Administrative-gender",
    ] {
        assert!(!is(folded), "{folded}");
    }
    assert_eq!(r4().case_sensitive_systems.len(), 636);
}
