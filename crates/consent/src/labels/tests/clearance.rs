use super::*;
use crate::LabelRule;

fn class(json: &str) -> RowClass {
    RowClass::of(&created(json), starter())
}

fn cleared(level: Confidentiality, codes: &[&str]) -> Clearance {
    let labels = codes.iter().map(|code| Label::act(code)).collect();
    Clearance { level, labels }
}

use Confidentiality::*;

#[test]
fn l3_level_and_every_sensitivity_are_needed() {
    let sees = |clearance: &Clearance, class: &RowClass| clearance.dominates(class, starter());
    let hiv = class(&observation("", LOINC, VIRAL_LOAD));
    assert!(!sees(&Clearance::normal(), &hiv));
    assert!(!sees(&cleared(Restricted, &[]), &hiv));
    assert!(!sees(&cleared(Normal, &["HIV"]), &hiv));
    assert!(!sees(&cleared(VeryRestricted, &["STD", "PSY"]), &hiv));
    assert!(sees(&cleared(Restricted, &["HIV"]), &hiv));
    // One of two is not enough: intersection is no segmentation.
    let meta = security(&[(ACT_CODE, "STD")]);
    let both = class(&observation(&meta, LOINC, VIRAL_LOAD));
    assert!(!sees(&cleared(VeryRestricted, &["HIV"]), &both));
    assert!(sees(&cleared(Restricted, &["HIV", "STD"]), &both));
    // A wider clearance opens what is below it.
    let opioid = class(&condition("F11.20"));
    assert!(sees(&cleared(Restricted, &["SUD"]), &opioid));
    assert!(!sees(&cleared(Restricted, &["OPIOIDUD"]), &opioid));
    assert!(!sees(
        &cleared(VeryRestricted, &["SUD"]),
        &class(&observation(&security(&[("urn:x", "y")]), LOINC, GLUCOSE))
    ));
}

#[test]
fn l3_of_two_clearances_both_bind() {
    let within = |a: &Clearance, b: &Clearance| a.within(b, starter());
    let all = Clearance::for_all(Restricted);
    let hiv = class(&observation("", LOINC, VIRAL_LOAD));
    let strange = class(&observation(&security(&[("urn:x", "y")]), LOINC, GLUCOSE));
    assert!(all.dominates(&hiv, starter()) && all.dominates(&strange, starter()));
    let some = cleared(VeryRestricted, &["SUD", "HIV"]);
    assert_eq!(within(&all, &some), cleared(Restricted, &["SUD", "HIV"]));
    let narrow = cleared(Restricted, &["OPIOIDUD", "PSY"]);
    assert_eq!(within(&some, &narrow), cleared(Restricted, &["OPIOIDUD"]));
    assert_eq!(within(&narrow, &some), within(&some, &narrow));
    assert_eq!(within(&some, &Clearance::normal()), Clearance::normal());
}

#[test]
fn l5_unlabelled_needs_no_clearance() {
    let plain = class(&observation("", LOINC, GLUCOSE));
    assert!(Clearance::normal().dominates(&plain, starter()));
    let reason = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
    let test = class(&observation(
        &security(&[(reason, "HTEST")]),
        LOINC,
        GLUCOSE,
    ));
    assert!(Clearance::normal().dominates(&test, starter()));
    let low = class(&observation(
        &security(&[(CONFIDENTIALITY, "L")]),
        LOINC,
        GLUCOSE,
    ));
    assert!(cleared(Low, &[]).dominates(&low, starter()));
    assert!(!cleared(Low, &[]).dominates(&plain, starter()));
}

/// What a parent does not see is said by the label.
#[test]
fn t29_labels_tell_what_proxies_do_not_see() {
    let hidden = |json: &str| {
        let defaults = starter().defaults(&class(json));
        defaults.contains(&LabelDefault::HiddenFromProxies)
    };
    assert!(hidden(&condition("Z30.09")));
    assert!(hidden(&condition("T74.21XA")));
    assert!(!hidden(&condition("E11.9")));
}

#[test]
fn r9_part_2_and_psychotherapy_notes_have_their_defaults() {
    use LabelDefault::*;
    let defaults = |json: &str| starter().defaults(&class(json));
    let part2 = defaults(&condition("F10.20"));
    assert_eq!(
        part2,
        [ConsentToDisclose, NeverRevealed, RedisclosureNotice].into()
    );
    let note = defaults(&observation(
        &security(&[(ACT_CODE, "PSYTHPN")]),
        LOINC,
        GLUCOSE,
    ));
    assert!(note.contains(&AuthorOnly) && note.contains(&NotByBreakGlass));
    assert!(defaults(&observation("", LOINC, VIRAL_LOAD)).is_empty());
}

/// What the engine of consents takes for granted without a text of rules, the starter set says too; and what that asks for,
/// the engine does, by the same label or by a wider one.
#[test]
fn r9_the_starter_set_agrees_with_the_seeded_rules_of_consents() {
    let asked = |rule: &LabelRule, label: &Label| {
        let label = label.clone();
        format!(
            "{:?}",
            LabelRule {
                label,
                ..rule.clone()
            }
        )
    };
    let (ours, seeded) = (starter().label_rules(), crate::Rules::default().labels);
    for rule in &seeded {
        let same = ours.iter().find(|ours| ours.label == rule.label);
        let same = same.expect("a label of the starter set");
        assert_eq!(asked(same, &rule.label), asked(rule, &rule.label));
    }
    let hiv = ours.iter().find(|rule| rule.label == Label::act("HIV"));
    let nothing = hiv.expect("a label that asks for nothing");
    for rule in &ours {
        let wider = |seeded: &&LabelRule| crate::is_within(&rule.label, &seeded.label);
        let found = seeded.iter().find(wider).unwrap_or(nothing);
        assert_eq!(asked(rule, &rule.label), asked(found, &rule.label));
    }
}

#[test]
fn t63_records_under_part_2_have_their_notice() {
    let meta = security(&[(WARD_LABEL, "SUD-COUNSELING-NOTE")]);
    let note = class(&observation(&meta, LOINC, GLUCOSE));
    for class in [note, class(&condition("F10.20"))] {
        let notice = notice(&class, starter()).expect("records under Part 2");
        assert_eq!(&*notice.label.code, "NORDSCLCD");
        assert!(notice.statement.contains("42 CFR part 2"));
    }
    let hiv = class(&observation("", LOINC, VIRAL_LOAD));
    assert_eq!(notice(&hiv, starter()), None);
}
