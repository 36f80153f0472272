use super::sample::{KEY, document, extractor};
use super::small::read;
use crate::contained::{Container, refers_to};
use crate::plan::Filter;
use crate::query::{ContainedChains, contained_chains, hops, replace_contained_chains};
use ward_fhir::schema::r4;

const OBSERVATION: &str = r##"{"resourceType":"Observation","id":"b","status":"final","code":{"text":"x"},
    "contained":[
        {"resourceType":"Patient","id":"p","name":[{"family":"Inner"}],"managingOrganization":{"reference":"Organization/o1"},
            "generalPractitioner":[{"reference":"#d"}]},
        {"resourceType":"Practitioner","id":"d","name":[{"family":"Beside"}]},
        {"resourceType":"Observation","id":"o","status":"amended","code":{"text":"x"},"derivedFrom":[{"reference":"#"}]}],
    "subject":{"reference":"#p"},"hasMember":[{"reference":"#o"}],"performer":[{"reference":"Practitioner/p1"}]}"##;

fn group(query: &str, hops: usize) -> Option<ContainedChains> {
    let (plan, _) = read(query, true).unwrap();
    contained_chains(&plan.filter, &plan.types, &KEY, hops)
}

/// Whether a chain leads into the resource; `found`: what it goes on to in the store.
fn leads(query: &str, found: &[&str]) -> bool {
    let (extractor, document) = (extractor(), document(OBSERVATION));
    let container = Container::read(&extractor, document.root());
    let found: Vec<String> = found.iter().map(|id| (*id).to_owned()).collect();
    let chains = group(query, 0).unwrap().chains;
    let with = chains.iter().map(|chain| {
        let each = vec![found.clone(); chain.onward().len()];
        chain.with(&KEY, &each)
    });
    with.into_iter().any(|chain| container.leads(&chain))
}

#[test]
fn a_container_decides_for_what_it_contains() {
    for (query, expected) in [
        ("Observation?subject.family=inner", true),
        ("Observation?patient.family=inner", true),
        ("Observation?subject.family=outer", false),
        ("Observation?subject:Patient.family:missing=true", false),
        // What it refers to elsewhere is not in it.
        ("Observation?performer:Practitioner.family=beside", false),
        (
            "Observation?subject:Patient.general-practitioner:Practitioner.family=beside",
            true,
        ),
        (
            "Observation?subject:Patient.general-practitioner:Practitioner.family=inner",
            false,
        ),
        // Back to the container.
        (
            "Observation?has-member:Observation.derived-from:Observation.status=final",
            true,
        ),
        (
            "Observation?has-member:Observation.derived-from:Observation.status=amended",
            false,
        ),
        (
            "Observation?subject:Patient._has:Observation:subject:status=final",
            true,
        ),
        (
            "Observation?subject:Patient._has:Observation:subject:status=amended",
            false,
        ),
        ("Observation?subject:Patient._id=p", false),
        ("Observation?subject:Patient._lastUpdated=lt2100", false),
    ] {
        assert_eq!(leads(query, &[]), expected, "{query}");
    }
}

#[test]
fn a_chain_goes_on_to_the_store() {
    let query = "Observation?subject:Patient.organization.name=north";
    let onward = group(query, 0).unwrap().chains[0].onward();
    assert_eq!(r4().ty(onward[0].target).name, "Organization");
    let document = document(OBSERVATION);
    let ids = refers_to(&extractor(), document.root(), onward[0].target);
    assert_eq!(ids.into_iter().collect::<Vec<_>>(), ["o1"]);
    assert!(leads(query, &["o1"]));
    assert!(!leads(query, &["o2"]));
}

#[test]
fn chains_are_told_by_where_they_begin() {
    let depth = |query: &str| hops(&read(query, true).unwrap().0.filter);
    assert_eq!(depth("Observation?status=final"), None);
    assert_eq!(depth("Observation?subject=Patient/1"), None);
    assert_eq!(depth("Observation?subject.family=a"), Some(0));
    assert_eq!(
        depth("Observation?subject:Patient.organization.name=a"),
        Some(1)
    );
    assert_eq!(
        depth("Patient?_has:Observation:subject:performer:Practitioner.family=a"),
        Some(1)
    );
    let names = |group: ContainedChains| -> Vec<&str> {
        group.types.iter().map(|ty| r4().ty(*ty).name).collect()
    };
    let two = "Observation?subject:Patient.organization.name=a&status=final";
    assert_eq!(names(group(two, 0).unwrap()), ["Observation"]);
    assert_eq!(names(group(two, 1).unwrap()), ["Patient"]);
    assert!(group(two, 2).is_none());
    // What else is asked narrows what is looked at, and another chain does not.
    let Filter::And(all) = group(two, 0).unwrap().candidates else {
        panic!()
    };
    assert_eq!(all.len(), 2);
    let Filter::And(all) = group("Observation?subject.family=a&encounter.class=b", 0)
        .unwrap()
        .candidates
    else {
        panic!()
    };
    assert_eq!(all.len(), 1);
}

#[test]
fn what_is_found_stands_beside_the_chain() {
    let (plan, _) = read("Observation?subject.family=a&patient.family=b", true).unwrap();
    let observation = plan.types[0];
    let found = [Vec::new(), vec![(observation, "b".to_owned())]];
    let replaced = replace_contained_chains(plan.filter, &plan.types, 0, &found);
    let Filter::And(list) = replaced else {
        panic!()
    };
    assert!(matches!(list[0], Filter::Chain { .. }));
    let Filter::Or(either) = &list[1] else {
        panic!()
    };
    assert!(matches!(either[0], Filter::Chain { .. }));
}
