//! Rules beside the truth table.

use crate::facts::Kinship;
use crate::fixture::*;
use crate::rules::Default;
use crate::sensitivity::Confidentiality;
use crate::{Relation, Row, Rules};

/// R2
#[test]
fn without_a_verification_that_is_asked_for_only_denies_count() {
    let rules = Rules {
        verified_only: true,
        ..Rules::default()
    };
    let members = format!(r#"{OPTIN},"provision":{{"provision":[{}]}}"#, deny_hiv());
    let mut t = table(vec![consent_by(&members, &rules)]);
    t.rules = rules;
    let research = dr_o("HRESCH");
    assert!(!t.shows(&research, &o1()), "the permit does not count");
    assert!(!t.shows(&dr_t("TREAT"), &o2()) && t.shows(&dr_t("TREAT"), &o1()));
    let verified = format!(r#"{members},"verification":[{{"verified":true}}]"#);
    t.consents = vec![consent_by(&verified, &t.rules)];
    assert!(t.shows(&research, &o1()));
}

/// R23
#[test]
fn consents_are_for_the_patient_the_grantor_and_the_privacy_role() {
    let t = table(vec![based(OPTIN, &[])]);
    let row = Row {
        reference: "Consent/c1".into(),
        grantors: vec!["RelatedPerson/mother".into()],
        ..o1()
    };
    assert!(!t.shows(&dr_t("TREAT"), &row));
    assert!(t.shows(&caller(&["RelatedPerson/mother"], ""), &row));
    let mut officer = dr_x("");
    officer.is_privacy = true;
    assert!(t.shows(&officer, &row));
    assert!(
        t.with(kin(Kinship::Own))
            .shows(&caller(&["Patient/p"], ""), &row)
    );
}

/// R10
#[test]
fn law_goes_before_the_patient() {
    let by_law = |law| Relation {
        law: Some(law),
        ..Relation::default()
    };
    let t = table(vec![based(OPTOUT, &[])]).with(by_law(crate::Effect::Permit));
    assert!(t.shows(&dr_o("HLEGAL"), &o1()));
    let t = table(vec![based(OPTIN, &[])]).with(by_law(crate::Effect::Deny));
    assert!(!t.shows(&dr_t("TREAT"), &o1()));
}

/// R22: who has broken the glass and asks for something else is treated as if they had not.
#[test]
fn a_broken_glass_is_for_emergencies_only() {
    let mut t = table(vec![based(OPTIN, &[deny_hiv()])]).with(broken_glass());
    t.rules.break_glass = crate::Reach::Everything;
    for purpose in ["BTG", "ETREAT", "ERTREAT", "TREAT ETREAT"] {
        let verdict = t.decide(&dr_t(purpose), &o2()).verdict;
        assert!(verdict.obligations.break_glass, "{purpose}");
    }
    for purpose in ["TREAT", "HRESCH", "HPAYMT", ""] {
        assert!(!t.shows(&dr_t(purpose), &o2()), "{purpose}");
    }
}

/// What the patient asked to be hidden is opened by a permit that names it, and by nothing more general.
#[test]
fn a_label_that_must_be_named_keeps_the_row_until_it_is() {
    let hidden = labelled(o1(), Confidentiality::Restricted, &["PRS"]);
    let shows = |consents| {
        table(consents)
            .with(treats())
            .shows(&dr_t("TREAT"), &hidden)
    };
    assert!(!shows(vec![]) && !shows(vec![based(OPTIN, &[])]));
    assert!(!shows(vec![based(OPTIN, &[permit(&[label(&["R"])])])]));
    assert!(shows(vec![based(OPTIN, &[permit(&[label(&["PRS"])])])]));
    let own = table(vec![]).with(kin(Kinship::Own));
    assert!(own.shows(&caller(&["Patient/p"], "PATRQT"), &hidden));
    let note = labelled(o1(), Confidentiality::VeryRestricted, &["PSYTHPN"]);
    let permitted = |code: &str| table(vec![based(OPTIN, &[permit(&[label(&[code])])])]);
    assert!(permitted("PSYTHPN").shows(&dr_x("TREAT"), &note));
    assert!(
        !permitted("SPI").shows(&dr_x("TREAT"), &note),
        "by what includes it"
    );
}

/// R22
#[test]
fn breaking_the_glass_reaches_as_far_as_the_installation_says() {
    use crate::Reach::*;
    let shows = |reach, consent: &crate::Consent, row: &Row| {
        let mut t = table(vec![consent.clone()]).with(broken_glass());
        t.rules.break_glass = reach;
        t.rules.default = Default::Deny;
        t.relation.treats = false;
        t.shows(&dr_t("BTG"), row)
    };
    let (out, hiv) = (based(OPTOUT, &[]), based(OPTIN, &[deny_hiv()]));
    let silent = rooted("permit", &[purpose(&["HRESCH"])], &[]);
    let note = labelled(o1(), Confidentiality::VeryRestricted, &["PSYTHPN"]);
    let note = Row {
        authors: Some(vec![]),
        ..note
    };
    for (reach, expected) in [
        (Defaults, [true, false, false]),
        (OptOut, [true, true, false]),
        (Everything, [true, true, true]),
    ] {
        let found = [
            shows(reach, &silent, &o1()),
            shows(reach, &out, &o1()),
            shows(reach, &hiv, &o2()),
        ];
        assert_eq!(found, expected, "{reach:?}");
        assert!(!shows(reach, &out, &note), "never opened");
    }
    let mut t = table(vec![silent]).with(broken_glass());
    t.rules.default = Default::Deny;
    let mut writer = dr_t("BTG");
    writer.action = crate::Action::Correct;
    assert!(!t.shows(&writer, &o1()), "to read only");
    t.now_us += 1;
    assert!(!t.shows(&dr_t("BTG"), &o1()), "until then");
}

/// Exceptions of IHE PCF hold beside the limits of the root (its example of restricted data in an emergency).
#[test]
fn exceptions_of_a_typed_root_are_not_bound_by_its_criteria() {
    let tpo = purpose(&["TREAT", "HPAYMT", "HOPERAT"]);
    let exception = permit(&[label(&["R"]), actor("Practitioner/drX")]);
    let consent = rooted("permit", &[label(&["N"]), tpo.clone()], &[exception]);
    let mut t = table(vec![consent]);
    t.rules.default = Default::Deny;
    assert!(t.shows(&dr_t("TREAT"), &o1()) && !t.shows(&dr_t("TREAT"), &o2()));
    assert!(t.shows(&dr_x("TREAT"), &o2()));
    assert!(
        !t.shows(&dr_x("HRESCH"), &o2()),
        "for the purposes of the root"
    );
    let t = table(vec![rooted(
        "permit",
        &[label(&["N"]), tpo],
        &[deny(&[label(&["R"])])],
    )]);
    assert!(
        !t.shows(&dr_t("TREAT"), &o2()),
        "though treatment is implied"
    );
}

/// What may match counts as matching and as not matching, whichever forbids more.
#[test]
fn below_what_is_not_known_the_lower_counts() {
    let year = data_period("2019-01-01", "2019-12-31");
    let child = permit(&[actor("Practitioner/drO")]);
    let t = table(vec![based(
        OPTOUT,
        &[provision("deny", std::slice::from_ref(&year), &[child])],
    )]);
    assert!(t.shows(&dr_o("TREAT"), &dated("2019-05")));
    assert!(!t.shows(&dr_o("TREAT"), &dated("")));
    let child = deny(&[actor("Practitioner/drO")]);
    let t = table(vec![based(
        OPTIN,
        &[provision("permit", &[year], &[child])],
    )]);
    assert!(!t.shows(&dr_o("TREAT"), &dated("")) && t.shows(&dr_o("TREAT"), &dated("2018")));
}

/// What leaves the organization that keeps it is accessed and disclosed.
#[test]
fn a_permit_lists_all_that_is_done_and_a_deny_one_of_it() {
    let access = table(vec![based(OPTOUT, &[permit(&[action(&["access"])])])]);
    assert!(access.shows(&dr_t("TREAT"), &o1()) && !access.shows(&dr_o("TREAT"), &o1()));
    let both = table(vec![based(
        OPTOUT,
        &[permit(&[action(&["access", "disclose"])])],
    )]);
    assert!(both.shows(&dr_o("TREAT"), &o1()));
    let denied = table(vec![based(OPTIN, &[deny(&[action(&["disclose"])])])]);
    assert!(denied.shows(&dr_t("TREAT"), &o1()) && !denied.shows(&dr_o("TREAT"), &o1()));
}
