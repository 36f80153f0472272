//! Which questions are costly.

use super::small::read;
use crate::cost::is_costly;

#[test]
fn what_an_index_bounds_is_not_costly() {
    for (query, expected) in [
        ("Patient?", false),
        ("Patient?family=a&birthdate=gt2000", false),
        ("Patient?identifier=a,b&active:not=true", false),
        ("Patient?gender:not=male", true),
        ("Patient?gender:not=male&active:not=true", true),
        ("Patient?family=a&gender:not=male,female", false),
        ("Patient?family:contains=a", true),
        ("Patient?family=a&_content=pain", true),
        ("Patient?_text=pain", true),
        ("Patient?_filter=family ew \"a\"", true),
        (
            "Patient?_filter=family eq \"a\" or not(gender eq male)",
            true,
        ),
        ("Observation?code:text=pain", true),
        ("Observation?subject:Patient.family=a", false),
        ("Observation?subject:Patient.family:contains=a", true),
        ("Observation?code=a&subject:Patient.gender:not=male", true),
        ("Patient?_has:Observation:subject:code=a", false),
        ("Location?partof:below=1", true),
        ("Patient?_contained=true&family=a", true),
    ] {
        let (plan, _) = read(query, true).unwrap();
        assert_eq!(
            is_costly(&plan.filter),
            expected,
            "{query}: {:?}",
            plan.filter
        );
    }
}
