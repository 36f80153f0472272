use super::*;

fn with(later: &str) -> RuleSet {
    let none = |_: &str| None;
    let later = format!("ward-labels 1\n{later}");
    RuleSet::compile(&[STARTER, &later], &none).expect("no mistakes")
}

fn code(system: &str, code: &str) -> Signal {
    let (system, code) = (system.into(), code.into());
    Signal::Code { system, code }
}

#[test]
fn l6_the_same_rules_affect_nothing() {
    assert!(Affected::between(starter(), &RuleSet::starter()).is_empty());
    let renamed = with(
        "without rule hiv-services\nrule other HIV\n  code act HIVAIDS other words\n  code service 245\n",
    );
    assert!(Affected::between(starter(), &renamed).is_empty());
}

#[test]
fn l6_only_changed_codes_are_affected() {
    let next = with(
        "rule more HIV\n  code loinc 24467-3 CD4 cells\n  canonical http://a.example/p\n  reference Location/l\n  code icd10cm Z99*\n",
    );
    let affected = Affected::between(starter(), &next);
    let oid = "urn:oid:2.16.840.1.113883.6.";
    let expected = [
        code(LOINC, "24467-3"),
        code(&format!("{oid}1"), "24467-3"),
        code(ICD, "Z99*"),
        code(&format!("{oid}90"), "Z99*"),
        Signal::Canonical("http://a.example/p".into()),
        Signal::Reference("Location/l".into()),
    ];
    assert_eq!(affected.signals, expected.into());
    assert!(affected.labels.is_empty() && affected.types.is_empty());
    assert_eq!(Affected::between(&next, starter()), affected);
}

#[test]
fn l6_a_label_that_means_something_else_is_affected() {
    let next = with("label HIV V\ncatalog Group\nlabel ADOL R\n  default hidden-from-proxies\n");
    let affected = Affected::between(starter(), &next);
    assert_eq!(affected.labels, [Label::act("HIV")].into());
    assert_eq!(affected.types, ["Group"].into());
    assert!(affected.signals.is_empty(), "{:?}", affected.signals);
}

/// The list of signals names every resource whose labels differ.
#[test]
fn l6_whatever_differs_is_on_the_list() {
    let next =
        with("without rule std-tests\nrule more GDIS\n  in Observation\n  code loinc 2339-0\n");
    let affected = Affected::between(starter(), &next);
    for of in [GLUCOSE, VIRAL_LOAD, "20507-0", "1-8"] {
        let document = document(&observation("", LOINC, of));
        let touched = Affected::touches(document.root(), starter(), &next);
        assert_eq!(touched, affected.signals.contains(&code(LOINC, of)), "{of}");
    }
}

/// Labels of such a system stop or begin to hide, whatever level is stated beside them.
#[test]
fn l6_systems_that_become_handling_are_affected() {
    let next = with("handling urn:x\n");
    let affected = Affected::between(starter(), &next);
    assert_eq!(affected.systems, ["urn:x".into()].into());
    assert!(!affected.is_empty() && affected.labels.is_empty());
    assert_eq!(Affected::between(&next, starter()), affected);
    let meta = security(&[(CONFIDENTIALITY, "R"), ("urn:x", "y")]);
    for (meta, is_touched) in [(&*meta, true), ("", false)] {
        let document = stored(&observation(meta, LOINC, GLUCOSE));
        let touched = Affected::touches(document.root(), starter(), &next);
        assert_eq!(touched, is_touched, "{meta}");
    }
}
