//! Labels that mask elements for who is not cleared for them, in place of hiding the resource.

use super::*;
use std::collections::BTreeSet;

/// The example of `docs/guide/labels.md`, and one that takes more.
const RULES: &str = "ward-labels 1
label ward:RESULT N
  about results that only those see who treat
  mask value note
rule results ward:RESULT
  in Observation
  code loinc 718-7 Hemoglobin
label ward:WHERE N
  redact contact
label HIV R
  mask value
";

fn rules() -> RuleSet {
    RuleSet::compile(&[STARTER, RULES], &|_| None).expect("rules")
}

fn lacking(labels: &[(&str, &str)], level: Confidentiality, clearance: &[&str]) -> Lacking {
    let label = |(system, code): &(&str, &str)| Label::new(system, code);
    let class = RowClass {
        level,
        labels: labels.iter().map(label).collect(),
    };
    let clearance = Clearance {
        level: Confidentiality::Normal,
        labels: clearance.iter().map(|code| Label::act(code)).collect(),
    };
    clearance.lacking(&class, &rules())
}

fn groups(groups: &[Group]) -> BTreeSet<Group> {
    groups.iter().copied().collect()
}

#[test]
fn r15_a_label_that_masks_hides_no_resource() {
    let of = |labels: &[(&str, &str)], level| lacking(labels, level, &[]).masking(&rules());
    let (result, place) = ((WARD_LABEL, "RESULT"), (WARD_LABEL, "WHERE"));
    let normal = Confidentiality::Normal;
    assert_eq!(of(&[], normal), Some(Masking::default()));
    let masked = of(&[result], normal).expect("it is seen");
    assert_eq!(masked.masked, groups(&[Group::Value, Group::Note]));
    let both = of(&[result, place], normal).expect("it is seen");
    assert_eq!(both.redacted, groups(&[Group::Contact]));
    assert_eq!(both.masked, masked.masked);
    // Beside one that hides, above the level, and where nobody has said what the label is.
    assert_eq!(of(&[result, (ACT_CODE, "PSY")], normal), None);
    assert_eq!(of(&[result], Confidentiality::Restricted), None);
    assert_eq!(of(&[result, ("urn:x", "y")], normal), None);
    assert_eq!(of(&[(ACT_CODE, "HIV")], Confidentiality::Restricted), None);
    // Who is cleared gets it whole.
    let cleared = lacking(&[(ACT_CODE, "HIV")], normal, &["HIV"]);
    assert_eq!(cleared.masking(&rules()), Some(Masking::default()));
}

#[test]
fn r15_what_is_no_group_is_a_mistake() {
    let text = "ward-labels 1\nlabel ward:A N\n  mask value colour\n";
    let mistakes = RuleSet::compile(&[STARTER, text], &|_| None).err();
    let mistakes = mistakes.expect("a mistake");
    assert_eq!((mistakes[0].text, mistakes[0].line), (1, 3));
    assert_eq!(mistakes[0].what, "'colour' is no group of elements");
    assert!(rules().definitions().all(|d| {
        let own = [
            (WARD_LABEL, "RESULT"),
            (WARD_LABEL, "WHERE"),
            (ACT_CODE, "HIV"),
        ];
        let is_own = own
            .iter()
            .any(|(system, code)| d.label == Label::new(system, code));
        is_own || d.masking.is_empty()
    }));
}
