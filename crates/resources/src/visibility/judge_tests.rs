use super::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use ward_consent::labels::{Clearance, Label, Labels, Origin, RowClass};
use ward_consent::{Class, Confidentiality, Consent, NoLookup, Row, Specialiser};
use ward_fhir::json;
use ward_fhir::tree::Limits;

const NOW_US: i64 = 1_767_225_600_000_000;
const OPTIN: &str = r#""policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTIN"}]}"#;
const OPTOUT: &str = r#""policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"OPTOUT"}]}"#;
const HERE: &str = "Organization/here";

fn site() -> ConsentSettings {
    ConsentSettings {
        organization: HERE.into(),
        ..ConsentSettings::default()
    }
}

fn consent(members: &str) -> Consent {
    let text = format!(
        r#"{{"resourceType":"Consent","id":"c","status":"active","patient":{{"reference":"Patient/p"}},
        "scope":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"patient-privacy"}}]}},
        "category":[{{"coding":[{{"system":"http://loinc.org","code":"59284-0"}}]}}],{members}}}"#
    );
    let document = json::read(text.as_bytes(), None, &Limits::default()).unwrap();
    let consent = ward_consent::read(document.root(), &site().rules, None);
    assert!(consent.faults.is_empty(), "{:?}", consent.faults);
    consent
}

/// Permits all but what one provision says of one person.
fn deny(user: &str, more: &str) -> Consent {
    consent(&format!(
        r#"{OPTIN},"provision":{{"provision":[{{"type":"deny"{more},"actor":[{{"role":{{"coding":[{{
        "system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"IRCP"}}]}},"reference":{{"reference":"{user}"}}}}]}}]}}"#
    ))
}

/// A row that is kept here, of a patient with these consents, with these labels.
fn class(consents: &[Consent], labels: &[&str]) -> VisibilityClass {
    kept_at(HERE, consents, labels)
}

fn kept_at(custodian: &str, consents: &[Consent], codes: &[&str]) -> VisibilityClass {
    let site = site();
    let mut labels = Labels::none();
    for code in codes {
        labels.add(&Label::act(code), Origin::Rule);
    }
    let labels = RowClass {
        level: codes
            .iter()
            .map(|code| site.labels.level(&Label::act(code)))
            .max()
            .unwrap_or_default(),
        ..RowClass::of(&labels, &site.labels)
    };
    let row = Row {
        reference: "Observation/o".into(),
        confidentiality: labels.level,
        sensitivities: labels.labels.iter().cloned().collect(),
        authors: Some(vec!["Practitioner/author".into()]),
        custodian: Some(custodian.into()),
        ..Row::default()
    };
    let subjects = ["Patient/p".into()];
    let mut policy = Specialiser::new(consents, &subjects, NOW_US, &site.rules, &NoLookup);
    VisibilityClass {
        is_shared: false,
        residual: policy.residual(&row).as_ref().clone(),
        class: Class::of(&row, &site.rules),
        labels,
    }
}

fn shared(labels: &[&str]) -> VisibilityClass {
    VisibilityClass {
        is_shared: true,
        ..class(&[], labels)
    }
}

/// Above every sensitivity.
const GROUP: &str = "_InformationSensitivityPolicy";

fn acting(user: &str, purpose: &str, kinship: Kinship, level: Confidentiality) -> ActingFor {
    let every = [GROUP, "PSY", "MH", "SUD", "PSYTHPN"];
    let definitions = site();
    let defined = definitions.labels.definitions();
    let labels: BTreeSet<Label> = every
        .iter()
        .map(|code| Label::act(code))
        .chain(defined.map(|definition| definition.label.clone()))
        .collect();
    ActingFor {
        caller: Caller {
            actors: [user.into(), HERE.into()].into(),
            purposes: [purpose.into()].into(),
            action: Action::Access,
            is_privacy: false,
        },
        kinship,
        clearance: Arc::new(Clearance { level, labels }),
    }
}

fn doctor(user: &str) -> ActingFor {
    let level = Confidentiality::VeryRestricted;
    acting(user, "TREAT", Kinship::Other, level)
}

fn clerk() -> ActingFor {
    let level = Confidentiality::Restricted;
    acting("Practitioner/clerk", "HPAYMT", Kinship::Other, level)
}

fn researcher() -> ActingFor {
    let level = Confidentiality::Restricted;
    acting("Practitioner/researcher", "HRESCH", Kinship::Other, level)
}

fn patient() -> ActingFor {
    let level = Confidentiality::Restricted;
    acting("Patient/p", "PATRQT", Kinship::Own, level)
}

fn proxy() -> ActingFor {
    let level = Confidentiality::Restricted;
    acting("RelatedPerson/r", "FAMRQT", Kinship::Proxy, level)
}

/// D(octor), C(lerk), R(esearcher), P(atient) and F(amily), as far as they see it.
fn seen(class: &VisibilityClass) -> String {
    let site = site();
    let of = |who: ActingFor| {
        let judge = Judge::new(&who, &site, Action::Access, (None, NOW_US));
        judge.shows(class)
    };
    let asked = [
        ('D', doctor("Practitioner/d")),
        ('C', clerk()),
        ('R', researcher()),
        ('P', patient()),
        ('F', proxy()),
    ];
    let seen = asked
        .into_iter()
        .filter_map(|(letter, who)| of(who).then_some(letter));
    seen.collect()
}

fn shows(who: &ActingFor, class: &VisibilityClass, action: Action) -> bool {
    Judge::new(who, &site(), action, (None, NOW_US)).shows(class)
}

#[test]
fn r9_the_default_is_for_treatment_payment_and_operations() {
    assert_eq!(seen(&class(&[], &[])), "DCPF");
    let elsewhere = kept_at("Organization/elsewhere", &[], &[]);
    assert_eq!(seen(&elsewhere), "DCPF");
}

#[test]
fn a_deny_hides_from_whom_it_names_and_never_from_the_patient() {
    let class = class(&[deny("Practitioner/d", "")], &[]);
    assert_eq!(seen(&class), "CRPF");
    assert!(shows(&doctor("Practitioner/e"), &class, Action::Access));
}

#[test]
fn r10a_an_opt_out_exempts_who_treats_where_the_row_is_kept() {
    let out = [consent(OPTOUT)];
    assert_eq!(seen(&class(&out, &[])), "DP");
    assert_eq!(seen(&kept_at("Organization/elsewhere", &out, &[])), "P");
}

#[test]
fn what_may_be_read_need_not_be_changed() {
    let correct = r#","action":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentaction","code":"correct"}]}]"#;
    let class = class(&[deny("Practitioner/d", correct)], &[]);
    let doctor = doctor("Practitioner/d");
    assert!(shows(&doctor, &class, Action::Access));
    assert!(!shows(&doctor, &class, Action::Correct));
}

#[test]
fn labels_have_rules_of_their_own() {
    // 42 CFR Part 2: within the organization, and not beyond it.
    assert_eq!(seen(&class(&[], &["SUD"])), "DCPF");
    assert_eq!(
        seen(&kept_at("Organization/elsewhere", &[], &["SUD"])),
        "PF"
    );
    // Notes of psychotherapy are their author's.
    let notes = class(&[], &["PSYTHPN"]);
    assert_eq!(seen(&notes), "");
    assert!(shows(
        &doctor("Practitioner/author"),
        &notes,
        Action::Access
    ));
}

#[test]
fn l3_what_is_beyond_a_clearance_is_opened_by_consent_or_by_the_patients_right() {
    let above = |class: VisibilityClass| VisibilityClass {
        labels: RowClass {
            level: Confidentiality::VeryRestricted,
            ..class.labels
        },
        ..class
    };
    assert_eq!(seen(&above(class(&[], &[]))), "DP");
    assert_eq!(seen(&above(class(&[consent(OPTIN)], &[]))), "DCRPF");
    // One that nobody knows is opened by a clearance for every sensitivity, and by no other.
    let mut unknown = class(&[], &[]);
    let label = Label::new("urn:somewhere", "x");
    unknown.labels.labels.insert(label);
    assert_eq!(seen(&unknown), seen(&class(&[], &[])));
    let doctor = doctor("Practitioner/d");
    let labels = doctor.clearance.labels.iter();
    let named = ActingFor {
        clearance: Arc::new(Clearance {
            level: Confidentiality::VeryRestricted,
            labels: labels
                .filter(|label| *label.code != *GROUP)
                .cloned()
                .collect(),
        }),
        ..doctor.clone()
    };
    assert!(shows(&doctor, &unknown, Action::Access));
    assert!(!shows(&named, &unknown, Action::Access));
}

#[test]
fn what_is_nobodys_record_is_judged_by_labels_alone() {
    assert_eq!(seen(&shared(&[])), "DCRPF");
    let very = VisibilityClass {
        labels: RowClass {
            level: Confidentiality::VeryRestricted,
            ..RowClass::unlabelled()
        },
        ..shared(&[])
    };
    assert_eq!(seen(&very), "D");
    assert_eq!(seen(&shared(&["PSYTHPN"])), "");
    // Were it somebody's, the consents would speak.
    let denied = VisibilityClass {
        is_shared: true,
        ..class(&[deny("Practitioner/d", "")], &[])
    };
    assert_eq!(seen(&denied), "DCRPF");
}

#[test]
fn r22_a_broken_glass_opens_defaults_for_its_time() {
    let mut site = site();
    site.rules.default = Default::Deny;
    let plain = class(&[], &[]);
    let denied = class(&[deny("Practitioner/d", "")], &[]);
    let notes = class(&[], &["PSYTHPN"]);
    let doctor = doctor("Practitioner/d");
    let seen = |until: Option<i64>| {
        let judge = Judge::new(&doctor, &site, Action::Access, (until, NOW_US));
        [&plain, &denied, &notes].map(|class| judge.shows(class))
    };
    assert_eq!(seen(None), [false, false, false]);
    assert_eq!(seen(Some(NOW_US + 1)), [true, false, false]);
    assert_eq!(seen(Some(NOW_US)), [false, false, false]);
    let writes = Judge::new(&doctor, &site, Action::Correct, (Some(NOW_US + 1), NOW_US));
    assert!(!writes.shows(&plain));
}

#[test]
fn what_only_the_interpreter_can_tell_is_hidden() {
    let private = VisibilityClass {
        residual: Residual::from_bytes(&[0]).unwrap(),
        ..class(&[], &[])
    };
    assert!(private.residual.is_private());
    assert_eq!(seen(&private), "P");
}

/// R15: a label that masks takes elements from who is not cleared for it, and the row from nobody; whoever is beyond clearance gets all.
#[test]
fn r15_who_is_not_cleared_for_a_label_that_masks_sees_the_rest() {
    let rules = "ward-labels 1\nlabel ward:RESULT N\n  mask value\n";
    let texts = [ward_consent::labels::STARTER, rules];
    let labels = ward_consent::labels::RuleSet::compile(&texts, &|_| None);
    let site = site().with_labels(labels.unwrap().into());
    let label = Label::new("urn:ward:label", "RESULT");
    let labelled = |mut class: VisibilityClass| {
        class.labels.labels.insert(label.clone());
        class
    };
    let sees = |who: &ActingFor, class: &VisibilityClass, glass| {
        let judge = Judge::new(who, &site, Action::Access, (glass, NOW_US));
        judge.sees(class).map(|masking| masking.masked.len())
    };
    let lacking = |who: ActingFor| ActingFor {
        clearance: Arc::new(Clearance::normal()),
        ..who
    };
    let doctor_d = lacking(doctor("Practitioner/d"));
    let plain = labelled(class(&[], &[]));
    assert_eq!(sees(&doctor_d, &plain, None), Some(1));
    assert_eq!(sees(&doctor("Practitioner/d"), &plain, None), Some(0));
    assert_eq!(sees(&doctor_d, &labelled(shared(&[])), None), Some(1));
    assert_eq!(sees(&doctor_d, &labelled(class(&[], &["HIV"])), None), None);
    assert_eq!(sees(&lacking(patient()), &plain, None), Some(0));
    let denied = deny("Practitioner/d", "");
    assert_eq!(
        sees(&doctor_d, &labelled(class(&[denied], &[])), None),
        None
    );
    let permitted = labelled(class(&[consent(OPTIN)], &[]));
    assert_eq!(sees(&doctor_d, &permitted, None), Some(0));
    assert_eq!(sees(&doctor_d, &plain, Some(NOW_US + 1)), Some(0));
}
