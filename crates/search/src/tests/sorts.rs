//! Orders over several types.

use super::small::{read, refusal};
use crate::plan::SortKey;
use ward_fhir::Kind;
use ward_fhir::schema::r4;

fn sort(query: &str) -> Vec<SortKey> {
    read(query, true).unwrap().0.sort
}

#[test]
fn several_types_are_sorted_by_what_they_share() {
    // One definition for both, whatever element it reads.
    assert!(matches!(
        sort("?_type=Encounter,Observation&_sort=-date")[..],
        [SortKey::Date {
            descending: true,
            ..
        }]
    ));
    let ty = |name: &str| r4().resource_type(name).unwrap();
    let keys = sort("?_type=Patient,Practitioner,Organization&_sort=name,identifier");
    let [
        SortKey::Each { keys, .. },
        SortKey::Each { keys: tokens, .. },
    ] = &keys[..]
    else {
        panic!("{keys:?}");
    };
    for name in ["Patient", "Practitioner", "Organization"] {
        let key = |keys: &[(_, SortKey)]| keys.iter().find(|(of, _)| *of == ty(name)).cloned();
        assert!(
            matches!(key(keys), Some((_, SortKey::String { .. }))),
            "{name}"
        );
        assert!(
            matches!(key(tokens), Some((_, SortKey::Text { .. }))),
            "{name}"
        );
    }
    let names =
        |query: &str| -> Vec<String> { sort(query).iter().map(crate::shape::sort).collect() };
    assert_eq!(
        names("?_type=Patient,Practitioner&_sort=-name,_id,-_lastUpdated"),
        ["-name", "_id", "-_lastUpdated"]
    );
    assert_eq!(
        sort("?_type=Patient,Practitioner&_sort=-name")[0].of_type(ty("Group")),
        SortKey::Absent {
            text: true,
            descending: true
        }
    );
}

#[test]
fn what_has_no_order_together_is_refused_with_names_that_have() {
    let said = |query: &str| {
        let (kind, text) = refusal(query);
        assert_eq!(kind, Kind::NotSupported, "{query}");
        text
    };
    assert_eq!(
        said("?_type=DocumentReference,Encounter&_sort=location"),
        "The search cannot be sorted by 'location': it is a URI of DocumentReference and a reference of Encounter. \
         It can be sorted by _lastUpdated."
    );
    let text = said("?_type=Patient,Observation&_sort=-dat");
    assert!(!text.contains("date"), "{text}");
    assert_eq!(
        said("?_type=Patient,Observation&_sort=-date"),
        "Unknown sort parameter 'date' is not supported here: Patient has none."
    );
    assert_eq!(
        said("?_type=Encounter,Observation&_sort=dates"),
        "Unknown sort parameter 'dates' is not supported here. Did you mean date?"
    );
    assert!(said("?_type=Condition,Observation&_sort=code-value-quantity").contains("has none"));
    // Nothing is known of all types but what each resource has.
    assert!(said("?_sort=-date").starts_with("The sort parameter 'date'"));
    let (plan, used) = read("?_type=Patient,Observation&_sort=-date,_id", false).unwrap();
    assert_eq!(plan.sort.len(), 1);
    assert!(used.pairs.contains(&("_sort".to_owned(), "_id".to_owned())));
    assert_eq!(used.ignored[0].lacking, Some("Patient"));
}
