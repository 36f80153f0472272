use super::sample::{document, extractor, registry};
use super::small::{Small, kind, read, refusal};
use crate::check::split;
use crate::plan::{Filter, Hierarchy, Listed, SortKey, Total};
use crate::query::{Rendered, held, lists, parent, part, referring, replace_lists, sort_text};
use ward_fhir::schema::{TypeKind, r4};
use ward_fhir::{Kind, TypeId};

fn ty(name: &str) -> TypeId {
    r4().resource_type(name).unwrap()
}

#[test]
fn near_is_a_real_distance() {
    let place = |id: &str, latitude: f64, longitude: f64| {
        format!(
            r#"{{"resourceType":"Location","id":"{id}","position":{{"latitude":{latitude},"longitude":{longitude}}}}}"#
        )
    };
    let small = Small::new(&[
        &place("munich", 48.1372, 11.5756),
        &place("augsburg", 48.3717, 10.8983),
        &place("fiji", -17.0, 179.95),
        // In the box around Munich, not in the circle.
        &place("corner", 48.5, 12.1),
        r#"{"resourceType":"Location","id":"nowhere"}"#,
    ]);
    for (query, found) in [
        ("Location?near=48.1372|11.5756", "Location/munich"),
        (
            "Location?near=48.1372|11.5756|60|km",
            "Location/munich Location/augsburg Location/corner",
        ),
        ("Location?near=48.1372|11.5756|55", "Location/munich"),
        (
            "Location?near=48.1372|11.5756|40|[mi_us]",
            "Location/munich Location/augsburg Location/corner",
        ),
        ("Location?near=-17|-179.95|20", "Location/fiji"),
        (
            "Location?near=-17|-179.95|20,48.1|11.5|20",
            "Location/munich Location/fiji",
        ),
        ("Location?near:missing=true", "Location/nowhere"),
        ("Location?near=0|0|1", ""),
    ] {
        assert_eq!(small.find(query), found, "{query}");
        assert_eq!(small.find_split(query), found, "{query}, split");
    }
    for bad in ["x", "91|0", "1|2|3|parsec", "1", "1|2|-1"] {
        assert_eq!(
            kind(&format!("Location?near={bad}")),
            Kind::Invalid,
            "{bad}"
        );
    }
}

#[test]
fn checks_are_split_from_the_index() {
    let filter = |query: &str| read(query, true).unwrap().0.filter;
    let parts = |query: &str| split(filter(query), &extractor()).map(|s| s.checks.len());
    assert_eq!(parts("Patient?family=x").unwrap(), 0);
    assert_eq!(parts("Patient?family=x&_text=y").unwrap(), 1);
    assert_eq!(parts("Condition?code:text=x&_content=y").unwrap(), 2);
    // What the index is asked for holds no check, and nothing that changes nothing.
    let index = |query: &str| split(filter(query), &extractor()).unwrap().index;
    assert!(matches!(
        index("Condition?code:text=x&_content=y"),
        Filter::Phrase { .. }
    ));
    assert!(matches!(index("Condition?code:text=x,y"), Filter::Or(any) if any.len() == 2));
    assert!(matches!(index("Patient?_content=y"), Filter::All));
    // Under `or` the whole of it becomes one check, and the index is asked for no less.
    assert_eq!(parts("Condition?code:text=x,y").unwrap(), 1);
    assert_eq!(
        parts("Patient?_has:Observation:patient:code=1&_text=y").unwrap(),
        1
    );
    let inside = parts("Observation?patient._text=y").unwrap_err();
    assert!(inside.kind == Kind::TooCostly && inside.issues[0].diagnostics.contains("_text"));
    assert!(
        parts("Patient?_filter=identifier co x or _has:Observation:patient:code eq 1").is_err()
    );
}

#[test]
fn contained_resources() {
    let small = Small::new(&[
        r##"{"resourceType":"MedicationRequest","id":"r1","status":"active","intent":"order","subject":{"reference":"Patient/1"},
            "medicationReference":{"reference":"#m"},"contained":[{"resourceType":"Medication","id":"m","code":{"coding":[{"code":"aspirin"}]}},
            {"resourceType":"Medication","id":"n","code":{"coding":[{"code":"other"}]}}]}"##,
        r#"{"resourceType":"Medication","id":"m1","code":{"coding":[{"code":"aspirin"}]}}"#,
    ]);
    for (query, found) in [
        ("Medication?code=aspirin", "Medication/m1"),
        ("Medication?code=aspirin&_contained=false", "Medication/m1"),
        (
            "Medication?code=aspirin&_contained=true",
            "MedicationRequest/r1",
        ),
        (
            "Medication?code=aspirin&_contained=both",
            "MedicationRequest/r1 Medication/m1",
        ),
        ("Medication?code=nothing&_contained=true", ""),
        ("Substance?code=aspirin&_contained=true", ""),
    ] {
        assert_eq!(small.find(query), found, "{query}");
        assert_eq!(small.find_split(query), found, "{query}, split");
    }
    let query = "Medication?code=aspirin&_contained=true&_containedType=contained";
    let contained = read(query, true).unwrap().1.contained.unwrap();
    assert_eq!(
        (contained.rendered, contained.both),
        (Rendered::Contained, false)
    );
    let document = document(
        r#"{"resourceType":"Basic","code":{"text":"x"},"contained":[{"resourceType":"Medication","id":"m","code":{"coding":[{"code":"aspirin"}]}},
            {"resourceType":"Medication","id":"n"}]}"#,
    );
    let root = document.root();
    assert_eq!(contained.parts(root), [1]);
    let id = |at| part(root, at).map(|node| node.text("id"));
    assert_eq!([id(0), id(1), id(3)], [Some(None), Some(Some("m")), None]);
    assert_eq!(kind("?_id=x&_contained=true"), Kind::Invalid);
    assert_eq!(kind("Medication?_contained=maybe"), Kind::Invalid);
    assert_eq!(
        kind("Medication?manufacturer.name=x&_contained=true"),
        Kind::TooCostly
    );
    assert_eq!(
        kind("Medication?_contained=true&_sort=code"),
        Kind::NotSupported
    );
}

#[test]
fn lists_are_replaced_by_their_members() {
    let filter = read("Patient?_list=42,List/43", true).unwrap().0.filter;
    let listed = |id: &str| Listed::Members(id.to_owned());
    assert_eq!(lists(&filter), [&listed("42"), &listed("43")]);
    let small = Small::new(&[
        r#"{"resourceType":"Patient","id":"1"}"#,
        r#"{"resourceType":"Group","id":"1","type":"person","actual":true}"#,
    ]);
    let members = |list: &Listed| match list {
        list if *list == listed("42") => held(&[(ty("Patient"), "1".to_owned())]),
        _ => held(&[]),
    };
    let replaced = replace_lists(filter, &members);
    assert_eq!(small.matching(&[], &replaced), "Patient/1");
    let named = |query: &str| lists(&read(query, true).unwrap().0.filter).len();
    assert_eq!(named("Patient?_list=,42,"), 1);
    assert_eq!(named(&format!("Patient?_list={}", many(500))), 500);
    let more = format!("Patient?_list={}", many(501));
    assert_eq!(kind(&more), Kind::TooCostly);
    assert_eq!(kind("Patient?_list=$current-problems"), Kind::NotSupported);
    assert_eq!(kind("Patient?_list=a b"), Kind::Invalid);
    assert_eq!(kind("Patient?_list:not=a"), Kind::NotSupported);
}

/// A list of so many ids.
fn many(ids: usize) -> String {
    let each: Vec<String> = (0..ids).map(|id| id.to_string()).collect();
    each.join(",")
}

#[test]
fn references_into_a_hierarchy_are_replaced_by_what_is_in_it() {
    let small = Small::new(&[
        r#"{"resourceType":"Procedure","id":"1","status":"completed","subject":{"reference":"Patient/1"},"location":{"reference":"Location/room"}}"#,
        r#"{"resourceType":"Procedure","id":"2","status":"completed","subject":{"reference":"Patient/1"},"location":{"reference":"Location/42"}}"#,
        r#"{"resourceType":"Procedure","id":"3","status":"completed","subject":{"reference":"Patient/1"},"location":{"reference":"Location/other"}}"#,
    ]);
    let location = registry();
    let location = location.find(ty("Procedure"), "location").unwrap();
    let location = location.def.number();
    for query in [
        "Procedure?location:below=42",
        "Procedure?location:below=Location/42",
    ] {
        let filter = read(query, true).unwrap().0.filter;
        let wanted = Listed::Hierarchy(Hierarchy {
            params: vec![location],
            ty: ty("Location"),
            id: "42".into(),
            above: false,
        });
        assert_eq!(lists(&filter), [&wanted], "{query}");
        let found = |listed: &Listed| match listed {
            Listed::Hierarchy(asked) => {
                let ids = ["42", "room"].map(str::to_owned).into();
                referring(extractor().key(), asked, &ids)
            }
            Listed::Members(_) => held(&[]),
        };
        let replaced = replace_lists(filter, &found);
        assert_eq!(small.matching(&[], &replaced), "Procedure/1 Procedure/2");
    }
    // A bare id may be of several types; another type has no hierarchy there.
    let several = read("Task?owner:above=x", true).unwrap().0.filter;
    assert_eq!(lists(&several).len(), 1);
    let several = read("Communication?part-of:below=x", true)
        .unwrap()
        .0
        .filter;
    assert!(lists(&several).len() > 5);
    let none = read("Procedure?location:below=Patient/1", true)
        .unwrap()
        .0
        .filter;
    assert!(matches!(none, Filter::Nothing));
    assert_eq!(kind("Procedure?location:below=a b"), Kind::Invalid);
    assert_eq!(
        kind("Procedure?location:below=Location/1/_history/2"),
        Kind::Invalid
    );
    assert_eq!(kind("Procedure?patient:below=1"), Kind::NotSupported);
    // The types that are taken are those with a parameter for it.
    let registry = registry();
    let types = r4().types.iter();
    for found in types.filter(|t| t.kind == TypeKind::Resource && !t.is_abstract) {
        let name = found.name;
        let query = format!("Communication?part-of:below={name}/1");
        let is_taken = !matches!(read(&query, true).unwrap().0.filter, Filter::Nothing);
        assert_eq!(is_taken, parent(&registry, found.id).is_some(), "{name}");
    }
}

#[test]
fn every_parameter_sorts_or_says_why_not() {
    let key = |query: &str| read(query, true).unwrap().0.sort;
    assert!(matches!(
        key("Observation?_sort=-value-quantity,code,subject,date")[..],
        [
            SortKey::Text {
                descending: true,
                ..
            },
            SortKey::Text { .. },
            SortKey::Text { .. },
            SortKey::Date { .. },
        ]
    ));
    assert!(matches!(
        key("RiskAssessment?_sort=probability")[..],
        [SortKey::Quantity { .. }]
    ));
    assert!(matches!(
        key("ValueSet?_sort=url,-_lastUpdated")[..],
        [SortKey::Text { .. }, SortKey::Updated { .. }]
    ));
    assert_eq!(kind("Location?_sort=near"), Kind::NotSupported);
    assert_eq!(
        kind("Observation?_sort=code-value-quantity"),
        Kind::NotSupported
    );
    assert_eq!(kind("Patient?_sort=nothing"), Kind::NotSupported);
    // By relevance where words give one; what is exactly what was asked for is equally relevant.
    for (query, expected) in [
        ("Patient?_text=pain&_sort=-_score,_id", "-_score _id"),
        ("Patient?_sort=_score&_content=pain", "_score"),
        ("Patient?_sort=_score,_id", "_id"),
        ("Patient?_sort=_score&_contained=true&name=a", ""),
    ] {
        let keys: Vec<String> = key(query).iter().map(crate::shape::sort).collect();
        assert_eq!(keys.join(" "), expected, "{query}");
    }
    assert_eq!(
        kind("Patient?_contained=true&_text=a&_sort=_score"),
        Kind::NotSupported
    );
    assert_eq!(
        kind("Patient?_sort=_id,_id,_id,_id,_id,_id,_id,_id,_id"),
        Kind::Invalid
    );
    let mut refused = Vec::new();
    for def in &r4().types {
        if r4().resource_type(def.name).is_none() {
            continue;
        }
        for parameter in registry().of(def.id).served() {
            let query = format!("{}?_sort={}", def.name, parameter.code());
            if let Err(failure) = read(&query, true) {
                refused.push((query, failure.issues[0].diagnostics.clone()));
            }
        }
    }
    refused.retain(|(query, text)| {
        !text.contains("no order")
            && !["_text", "_content", "_filter"]
                .iter()
                .any(|c| query.ends_with(c))
    });
    let names: Vec<&str> = refused.iter().map(|(q, _)| q.as_str()).collect();
    assert!(names.is_empty(), "{names:?}");
}

#[test]
fn texts_to_sort_by() {
    let text = |code: &str, descending: bool, json: &str| {
        let document = document(json);
        let registry = registry();
        let param = registry
            .find(document.root().ty(), code)
            .unwrap()
            .def
            .number();
        sort_text(&registry, param, descending, document.root())
    };
    let patient = r#"{"resourceType":"Patient","id":"1","gender":"male","identifier":[{"value":"b"},{"value":"a"}],
        "managingOrganization":{"reference":"Organization/7"}}"#;
    assert_eq!(text("gender", false, patient).as_deref(), Some("male"));
    assert_eq!(text("identifier", false, patient).as_deref(), Some("a"));
    assert_eq!(text("identifier", true, patient).as_deref(), Some("b"));
    assert_eq!(
        text("organization", false, patient).as_deref(),
        Some("Organization/7")
    );
    assert_eq!(text("language", false, patient), None);
    // What a truth is, as a search for it finds it: the element itself says something else, or is not there.
    for (deceased, expected) in [
        ("", "false"),
        (r#","deceasedBoolean":false"#, "false"),
        (r#","deceasedBoolean":true"#, "true"),
        (r#","deceasedDateTime":"2020-01-01""#, "true"),
    ] {
        let patient = format!(r#"{{"resourceType":"Patient","id":"1"{deceased}}}"#);
        for descending in [false, true] {
            let found = text("deceased", descending, &patient);
            assert_eq!(found.as_deref(), Some(expected), "{deceased}");
        }
    }
}

#[test]
fn quantities_sort_by_what_they_measure() {
    let parameter = registry();
    let parameter = parameter.find(ty("Observation"), "value-quantity").unwrap();
    let key = |quantity: &str, descending: bool| {
        let json = format!(
            r#"{{"resourceType":"Observation","id":"1","status":"final","code":{{"text":"x"}},"valueQuantity":{quantity}}}"#
        );
        let document = document(&json);
        let param = parameter.def.number();
        sort_text(&registry(), param, descending, document.root()).unwrap()
    };
    let ucum = |value: &str, code: &str| {
        format!(r#"{{"value":{value},"system":"http://unitsofmeasure.org","code":"{code}"}}"#)
    };
    let rising = [
        ucum("-3", "mg"),
        ucum("0", "mg"),
        ucum("5400", "ug"),
        ucum("100", "mg"),
        ucum("2e-3", "kg"),
        r#"{"value":3,"unit":"tablets"}"#.to_owned(),
        r#"{"value":5400,"system":"http://elsewhere","code":"ug"}"#.to_owned(),
    ];
    for pair in rising.windows(2) {
        assert!(key(&pair[0], false) < key(&pair[1], false), "{pair:?}");
    }
    assert_eq!(key(&ucum("1", "g"), false), key(&ucum("1000", "mg"), true));
    assert_eq!(key(&ucum("0", "g"), false), key(&ucum("-0.0", "mg"), false));
    let open = r#"{"value":5,"comparator":">","system":"http://unitsofmeasure.org","code":"g"}"#;
    assert!(key(open, false) > key(&ucum("5", "g"), false));
    assert!(key(open, true) > key(&ucum("5000", "kg"), true));
}

#[test]
fn elements_are_checked() {
    let (_, used) = read("Patient?_elements=id,name,Patient.birthDate", true).unwrap();
    assert_eq!(used.elements, ["id", "name", "Patient.birthDate"]);
    let (_, used) = read("Observation?_elements=value", true).unwrap();
    assert_eq!(used.elements, ["value"]);
    let (kind_of, text) = refusal("Patient?_elements=birthdate");
    assert!(
        kind_of == Kind::NotSupported && text.contains("birthDate"),
        "{text}"
    );
    let (_, used) = read("Patient?_elements=id,nothing", false).unwrap();
    assert_eq!((used.elements.len(), used.ignored.len()), (1, 1));
    let (plan, _) = read("Patient?_count=0", true).unwrap();
    assert_eq!((plan.count, plan.total), (0, Total::Accurate));
    assert!(matches!(
        read("?_type=Patient", true).unwrap().0.filter,
        Filter::All
    ));
}

#[test]
fn quantities_compare_across_units() {
    let weight = |id: &str, value: &str, unit: &str, code: &str| {
        format!(
            r#"{{"resourceType":"Observation","id":"{id}","status":"final","code":{{"text":"x"}},
            "valueQuantity":{{"value":{value},"unit":"{unit}","system":"http://unitsofmeasure.org","code":"{code}"}}}}"#
        )
    };
    let small = Small::new(&[
        &weight("g", "0.3", "gram", "g"),
        &weight("mg", "300", "mg", "mg"),
        &weight("kg", "1", "kg", "kg"),
        &weight("m", "300", "m", "m"),
        &weight("odd", "300", "odd", "odd!"),
    ]);
    const UCUM: &str = "http://unitsofmeasure.org";
    for (value, found) in [
        (format!("300|{UCUM}|mg"), "g mg"),
        (format!("0.3|{UCUM}|g"), "g mg"),
        (format!("0.30|{UCUM}|g"), "g mg"),
        (format!("gt300|{UCUM}|mg"), "kg"),
        (format!("ge300|{UCUM}|mg"), "g mg kg"),
        (format!("le0.0003|{UCUM}|kg"), "g mg"),
        ("300||mg".into(), "g mg"),
        ("0.3||gram".into(), "g"),
        ("300".into(), "mg m odd"),
        (format!("300|{UCUM}|odd!"), "odd"),
        (format!("300|{UCUM}|s"), ""),
        ("300|http://elsewhere|mg".into(), ""),
    ] {
        let names: Vec<String> = found
            .split_whitespace()
            .map(|id| format!("Observation/{id}"))
            .collect();
        let query = format!("Observation?value-quantity={value}");
        assert_eq!(small.find(&query), names.join(" "), "{query}");
    }
}
