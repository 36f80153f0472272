use super::*;
use crate::consents::words;
use ward_consent::Effect;
use ward_resources::Settings;

const NOW_S: i64 = 1_796_000_000;
const ID: &str = "00112233445566778899aabbccddeeff";

fn filled(pairs: &[(&str, &str)], kind: Kind) -> Filled {
    let pairs = pairs
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    Filled::of(&Parameters::new(pairs.collect()), kind)
}

fn fields(errors: &Errors) -> Vec<&str> {
    errors.iter().map(|(field, _)| field.as_str()).collect()
}

#[test]
fn what_is_missing_is_told_by_its_field() {
    let empty = filled(
        &[("whole", "no"), ("always", "no"), ("until", "soon")],
        Kind::Keep,
    );
    let errors = empty.choice(Kind::Keep, None, NOW_S).unwrap_err();
    assert_eq!(fields(&errors), ["who", "what", "purpose", "until"]);
    let past = filled(&[("who", "everybody"), ("until", "2020-01-01")], Kind::Keep);
    let errors = past.choice(Kind::Keep, None, NOW_S).unwrap_err();
    assert_eq!(fields(&errors), ["until"]);
    // What is allowed is allowed for something, and to somebody who is known.
    let allowed = filled(&[("who", "elsewhere"), ("always", "yes")], Kind::Allow);
    let errors = allowed.choice(Kind::Allow, None, NOW_S).unwrap_err();
    assert_eq!(fields(&errors), ["who", "purpose"]);
    let unknown = filled(&[("who", "Practitioner/nobody")], Kind::Keep);
    assert!(unknown.choice(Kind::Keep, None, NOW_S).is_err());
}

#[test]
fn a_choice_is_a_consent_that_can_be_evaluated() {
    for kind in [Kind::Keep, Kind::Allow] {
        for who in ["everybody", "elsewhere", "Practitioner/x"] {
            let pairs = [
                ("who", who),
                ("whole", "no"),
                ("what", "violence"),
                ("what", "hiv"),
                ("always", "no"),
                ("purpose", "TREAT"),
                ("until", "2030-01-31"),
            ];
            let name = who.contains('/').then(|| "Dr. X".to_owned());
            let Ok(choice) = filled(&pairs, kind).choice(kind, name, NOW_S) else {
                assert_eq!((kind, who), (Kind::Allow, "elsewhere"));
                continue;
            };
            let consent = choice.consent("ada", ID, NOW_S);
            let read = words::read(&consent, &Settings::default()).unwrap();
            assert!(read.faults.is_empty() && read.doubts.is_empty(), "{read:?}");
            let is_deny = read.root.effect == Effect::Deny;
            assert_eq!(is_deny, kind == Kind::Keep);
            assert_eq!(read.root.criteria.labels.len(), 3);
            assert_eq!(read.group.matches("urn:ward:choice").count(), 1);
            assert_eq!(read.grantors, ["Patient/ada".into()]);
        }
    }
}

#[test]
fn two_choices_are_of_two_groups() {
    let choice = filled(&[("who", "everybody")], Kind::Keep).choice(Kind::Keep, None, NOW_S);
    let choice = choice.unwrap();
    let group = |id: &str| {
        let consent = choice.consent("ada", id, NOW_S);
        words::read(&consent, &Settings::default()).unwrap().group
    };
    assert_ne!(group(ID), group(&ID.replace('0', "1")));
    assert_eq!(group(ID), group(ID));
}

#[test]
fn a_form_is_sent_again_as_it_was() {
    let pairs = [
        ("new", "keep"),
        ("who", "Practitioner/x"),
        ("whole", "no"),
        ("what", "hiv"),
        ("what", "std"),
        ("always", "yes"),
        ("until", ""),
    ];
    let first = filled(&pairs, Kind::Keep);
    let again = first.fields(Kind::Keep);
    let again = Filled::of(&Parameters::new(again), Kind::Keep);
    assert_eq!(format!("{first:?}"), format!("{again:?}"));
}

/// What the starter set of labels knows nothing of would hide nothing.
#[test]
fn every_category_is_of_labels_that_rules_give() {
    let rules = ward_consent::labels::RuleSet::starter();
    for label in CATEGORIES.iter().flat_map(|category| category.labels) {
        let known = rules.definitions().any(|d| *d.label.code == **label);
        assert!(known, "{label}");
    }
}
