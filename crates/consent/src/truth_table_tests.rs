//! The truth table of consents (security requirements, section 3.3), as far as it needs no server.

use crate::Row;
use crate::facts::Kinship;
use crate::fault::Reason;
use crate::fixture::*;
use crate::level::Level;
use crate::rules::Default;
use crate::sensitivity::Confidentiality;
use crate::settle::By;

#[test]
fn t1_nothing_is_said_and_treatment_is_implied() {
    let t = table(vec![]);
    assert!(t.shows(&dr_t("TREAT"), &o1()));
    assert_eq!(t.decide(&dr_t("TREAT"), &o1()).verdict.by, By::Default);
    assert!(!t.shows(&dr_t("HRESCH"), &o1()) && !t.shows(&dr_t(""), &o1()));
}

#[test]
fn t2_nothing_is_said_where_the_default_is_to_deny() {
    let mut t = table(vec![]).with(treats());
    t.rules.default = Default::Deny;
    assert!(!t.shows(&dr_t("TREAT"), &o1()));
}

#[test]
fn t3_substance_use_is_not_disclosed_without_consent() {
    let t = table(vec![]);
    assert!(!t.shows(&dr_o("TREAT"), &c1()));
    assert_eq!(t.decide(&dr_o("TREAT"), &c1()).verdict.by, By::Label);
    assert!(t.shows(&dr_t("TREAT"), &c1()), "not disclosed at home");
}

#[test]
fn t4_opt_in() {
    let t = table(vec![based(OPTIN, &[])]);
    assert!(t.shows(&dr_o("TREAT"), &o1()));
    let decision = t.decide(&dr_o("TREAT"), &o1());
    assert_eq!(decision.verdict.by, By::Consent);
    assert_eq!(decision.path[0].expression, "Consent.policyRule");
}

#[test]
fn t5_opt_out_stops_sharing_but_not_the_treatment_team() {
    let t = table(vec![based(OPTOUT, &[])]).with(treats());
    assert!(!t.shows(&dr_o("TREAT"), &o1()));
    assert!(t.shows(&dr_t("TREAT"), &o1()));
    assert_eq!(
        t.decide(&dr_t("TREAT"), &o1()).verdict.by,
        By::TreatmentTeam
    );
    assert!(!t.shows(&dr_t("HPAYMT"), &o1()), "for treatment only");
    let without = table(vec![based(OPTOUT, &[])]);
    assert!(!without.shows(&dr_t("TREAT"), &o1()), "who treats only");
}

#[test]
fn t5_the_exemption_ends_where_the_custodian_is_named_or_it_is_switched_off() {
    let mut t = table(vec![based(OPTOUT, &[])]).with(treats());
    t.rules.custodian_exemption = false;
    assert!(!t.shows(&dr_t("TREAT"), &o1()));
    for named in ["Organization/H1", "Practitioner/drX"] {
        let consent = based(OPTOUT, &[deny(&[actor(named), purpose(&["HRESCH"])])]);
        assert!(
            !table(vec![consent])
                .with(treats())
                .shows(&dr_t("TREAT"), &o1()),
            "{named}"
        );
    }
    let consent = based(OPTOUT, &[deny(&[actor("Practitioner/drO")])]);
    assert!(
        table(vec![consent])
            .with(treats())
            .shows(&dr_t("TREAT"), &o1())
    );
}

#[test]
fn t6_a_root_of_type_permit_with_an_exception() {
    let t = table(vec![rooted(
        "permit",
        &[],
        &[deny(&[actor("Practitioner/drX")])],
    )]);
    assert!(!t.shows(&dr_x("TREAT"), &o1()));
    assert!(t.shows(&dr_t("TREAT"), &o1()));
    let path = t.decide(&dr_x("TREAT"), &o1()).path;
    assert_eq!(path[0].expression, "Consent.provision.provision[0]");
}

#[test]
fn t7_a_sensitivity_is_denied() {
    let t = table(vec![based(OPTIN, &[deny_hiv()])]);
    assert!(!t.shows(&dr_t("TREAT"), &o2()));
    assert!(t.shows(&dr_t("TREAT"), &o1()));
}

/// Within what is denied by the rules that give labels, though HL7 has the two side by side.
#[test]
fn t7_a_sensitivity_includes_those_that_the_labelling_rules_put_below_it() {
    let t = table(vec![based(OPTIN, &[deny(&[label(&["MH"])])])]);
    let psychiatric = labelled(o1(), Confidentiality::Restricted, &["PSY"]);
    assert!(!t.shows(&dr_t("TREAT"), &psychiatric));
    assert!(t.shows(&dr_t("TREAT"), &o2()));
    let permitted = |code: &str| table(vec![based(OPTOUT, &[permit(&[label(&[code])])])]);
    assert!(permitted("SUD").shows(&dr_o("TREAT"), &c1()));
    assert!(!permitted("ETHUD").shows(&dr_o("TREAT"), &c1()));
}

#[test]
fn t8_an_exception_from_the_exception() {
    let child = permit(&[actor("Practitioner/drT")]);
    let t = table(vec![based(
        OPTIN,
        &[provision("deny", &[label(&["HIV"])], &[child])],
    )]);
    assert!(t.shows(&dr_t("TREAT"), &o2()));
    assert!(!t.shows(&dr_x("TREAT"), &o2()));
}

#[test]
fn t9_opt_out_but_for_treatment() {
    let t = table(vec![based(OPTOUT, &[permit(&[purpose(&["TREAT"])])])]);
    assert!(t.shows(&dr_o("TREAT"), &o1()) && t.shows(&dr_o("ETREAT"), &o1()));
    assert!(!t.shows(&dr_o("HRESCH"), &o1()) && !t.shows(&dr_o(""), &o1()));
}

#[test]
fn t10_a_root_for_treatment_says_nothing_of_research() {
    let t = table(vec![rooted("permit", &[purpose(&["TREAT"])], &[])]);
    let decision = t.decide(
        &caller(&["Practitioner/res", "Organization/H1"], "HRESCH"),
        &o1(),
    );
    assert_eq!(
        (decision.level, decision.verdict.by),
        (Level::Silent, By::Default)
    );
    assert_eq!(decision.verdict.effect, crate::Effect::Deny);
}

#[test]
fn t11_a_denied_time_includes_what_has_no_date() {
    let t = table(vec![based(
        OPTIN,
        &[deny(&[data_period("2019-01-01", "2019-12-31")])],
    )]);
    assert!(!t.shows(&dr_t("TREAT"), &dated("2019-05")));
    assert!(t.shows(&dr_t("TREAT"), &dated("2020-05")));
    assert!(!t.shows(&dr_t("TREAT"), &dated("")));
}

#[test]
fn t12_a_permitted_time_excludes_what_has_no_date() {
    let t = table(vec![based(
        OPTOUT,
        &[permit(&[data_period("2019-01-01", "2019-12-31")])],
    )]);
    assert!(!t.shows(&dr_o("TREAT"), &dated("")));
    assert!(t.shows(&dr_o("TREAT"), &dated("2019-05")));
}

#[test]
fn t13_one_resource_is_denied() {
    let t = table(vec![based(
        OPTIN,
        &[deny(&[data("instance", "Observation/O1")])],
    )]);
    assert!(!t.shows(&dr_t("TREAT"), &o1()));
    let report = Row {
        reference: "DiagnosticReport/R1".into(),
        refers_to: vec!["Observation/O1".into()],
        ..o1()
    };
    assert!(t.shows(&dr_t("TREAT"), &report));
}

#[test]
fn t14_what_is_related_to_an_encounter_is_denied() {
    let t = table(vec![based(
        OPTIN,
        &[deny(&[data("related", "Encounter/E1")])],
    )]);
    let of_e1 = Row {
        refers_to: vec!["Encounter/E1".into()],
        ..o1()
    };
    let e1 = Row {
        reference: "Encounter/E1".into(),
        ..o1()
    };
    assert!(!t.shows(&dr_t("TREAT"), &of_e1) && !t.shows(&dr_t("TREAT"), &e1));
    assert!(!t.shows(&dr_t("TREAT"), &c1()), "E1 refers to it");
    assert!(t.shows(&dr_t("TREAT"), &o1()));
}

#[test]
fn t15_what_somebody_wrote_is_denied() {
    let t = table(vec![based(
        OPTIN,
        &[deny(&[data("authoredby", "Practitioner/drX")])],
    )]);
    let by = |authors: Option<Vec<crate::Ref>>| Row {
        reference: "DocumentReference/D1".into(),
        authors,
        ..o1()
    };
    assert!(!t.shows(&dr_t("TREAT"), &by(Some(vec!["Practitioner/drX".into()]))));
    assert!(t.shows(&dr_t("TREAT"), &by(Some(vec!["Practitioner/drT".into()]))));
    assert!(!t.shows(&dr_t("TREAT"), &by(None)), "cannot be told");
}

#[test]
fn t16_of_siblings_the_deny_wins() {
    let siblings = [permit(&[class(&["Observation"])]), deny(&[code(&["hiv"])])];
    let t = table(vec![based(OPTIN, &siblings)]);
    assert!(!t.shows(&dr_t("TREAT"), &o2()));
    assert!(t.shows(&dr_t("TREAT"), &o1()));
}

fn written(base: &str, date: &str) -> crate::Consent {
    consent(&format!(r#"{base},"dateTime":"{date}""#))
}

#[test]
fn t17_the_newest_of_a_group_counts() {
    let (old, new) = (written(OPTIN, "2024-05-01"), written(OPTOUT, "2025-05-01"));
    assert_eq!(old.group, new.group);
    assert!(!table(vec![old.clone(), new.clone()]).shows(&dr_o("TREAT"), &o1()));
    let (old, new) = (written(OPTOUT, "2024-05-01"), written(OPTIN, "2025-05-01"));
    assert!(table(vec![new, old]).shows(&dr_o("TREAT"), &o1()));
}

#[test]
fn t17_what_is_dated_ahead_supersedes_nothing() {
    let t = table(vec![
        written(OPTOUT, "2024-05-01"),
        written(OPTIN, "2027-05-01"),
    ]);
    assert!(!t.shows(&dr_o("TREAT"), &o1()));
}

#[test]
fn t18_of_two_of_one_moment_the_deny_counts() {
    let t = table(vec![
        written(OPTIN, "2025-05-01"),
        written(OPTOUT, "2025-05-01"),
    ]);
    assert!(!t.shows(&dr_o("TREAT"), &o1()));
    let within = table(vec![
        written(OPTOUT, "2025-05"),
        written(OPTIN, "2025-05-01"),
    ]);
    assert!(
        !within.shows(&dr_o("TREAT"), &o1()),
        "which is newer cannot be told"
    );
}

#[test]
fn t19_between_groups_the_deny_wins() {
    let of = |base: &str, organization: &str| {
        consent(&format!(
            r#"{base},"organization":[{{"reference":"Organization/{organization}"}}]"#
        ))
    };
    let root = r#""provision":{"type":"deny","actor":[{"role":{"text":"exchange"},"reference":{"reference":"Device/hie"}}]}"#;
    let t = table(vec![of(OPTIN, "H1"), of(root, "HIE")]);
    let through = |client: &str| {
        let mut caller = dr_o("TREAT");
        caller.actors.insert(client.into());
        caller
    };
    assert!(!t.shows(&through("Device/hie"), &o1()));
    assert!(t.shows(&through("Device/h1-portal"), &o1()));
}

/// A client has no resource, and is there as long as it is named.
#[test]
fn t19_a_client_is_named_by_its_id() {
    let mut t = table(vec![based(OPTIN, &[deny(&[actor("urn:ward:client:hie")])])]);
    t.house.gone = vec!["urn:ward:client:hie"];
    let through = |client: &str| {
        let mut caller = dr_o("TREAT");
        caller.actors.insert(client.into());
        caller
    };
    assert!(!t.shows(&through("urn:ward:client:hie"), &o1()));
    assert!(t.shows(&through("urn:ward:client:portal"), &o1()));
    let decision = t.decide(&through("urn:ward:client:hie"), &o1());
    assert!(decision.faults.is_empty(), "{:?}", decision.faults);
    let permitted = based(OPTOUT, &[permit(&[actor("urn:ward:client:hie")])]);
    let t = table(vec![permitted]);
    assert!(t.shows(&through("urn:ward:client:hie"), &o1()));
    assert!(!t.shows(&through("urn:ward:client:portal"), &o1()));
    let nobody = actors("IRCP", &["urn:ward:client:"]);
    let nobody = based(OPTIN, &[permit(&[nobody])]);
    assert_eq!(nobody.faults[0].reason, Reason::Reference);
}

#[test]
fn t20_an_expired_consent_says_nothing() {
    let t = table(vec![consent(&format!(
        r#"{OPTOUT},"provision":{{{}}}"#,
        period("2020-01-01", "2025-12-30")
    ))]);
    let decision = t.decide(&dr_o("TREAT"), &o1());
    assert_eq!(decision.verdict.by, By::Default);
    assert!(t.shows(&dr_o("TREAT"), &o1()));
    let to_today = table(vec![consent(&format!(
        r#"{OPTOUT},"provision":{{{}}}"#,
        period("2020-01-01", "2026-01-01")
    ))]);
    assert!(
        !to_today.shows(&dr_o("TREAT"), &o1()),
        "an end includes its day"
    );
}

#[test]
fn t21_what_was_entered_in_error_says_nothing() {
    for status in [
        "entered-in-error",
        "draft",
        "proposed",
        "rejected",
        "inactive",
    ] {
        let t = table(vec![consent(&format!(r#""status":"{status}",{OPTOUT}"#))]);
        assert!(t.shows(&dr_o("TREAT"), &o1()), "{status}");
    }
}

#[test]
fn t22_an_unknown_modifier_denies_and_raises_an_alert() {
    let t = table(vec![consent(&format!(
        r#"{OPTIN},"modifierExtension":[{{"url":"http://a.example/x","valueBoolean":true}}]"#
    ))]);
    for row in [o1(), o2(), c1()] {
        let decision = t.decide(&dr_t("TREAT"), &row);
        assert_eq!(decision.level, Level::Refused);
        assert_eq!(decision.faults[0].1.reason, Reason::ModifierExtension);
        assert_eq!(
            decision.faults[0].1.expression,
            "Consent.modifierExtension[0]"
        );
    }
    assert!(!t.shows(&dr_t("TREAT"), &o1()));
}

#[test]
fn t23_an_organization_includes_its_departments() {
    let t = table(vec![based(OPTIN, &[deny(&[actor("Organization/H2")])])]);
    assert!(!t.shows(&dr_o("TREAT"), &o1()));
    assert!(t.shows(&dr_t("TREAT"), &o1()));
}

#[test]
fn t24_an_actor_that_is_gone_may_be_anybody_of_the_kind() {
    let mut t = table(vec![based(OPTIN, &[deny(&[actor("Practitioner/left")])])]);
    assert!(t.shows(&dr_t("TREAT"), &o1()));
    t.house.gone = vec!["Practitioner/left"];
    assert!(!t.shows(&dr_t("TREAT"), &o1()) && !t.shows(&dr_o("TREAT"), &o1()));
    let alert = crate::Fault {
        reason: Reason::ActorGone,
        expression: "Consent.provision.provision[0]".into(),
    };
    let told = t.decide(&dr_t("TREAT"), &o1()).faults;
    assert_eq!(told, [("c1".to_owned(), alert)]);
    assert!(t.shows(
        &caller(&["Device/backend", "Organization/H1"], "TREAT"),
        &o1()
    ));
    let nowhere = r#""actor":[{"role":{"text":"x"},"reference":{"display":"Dr. Who"}}]"#;
    let t = table(vec![based(OPTIN, &[deny(&[nowhere.to_owned()])])]);
    let decision = t.decide(&caller(&["Device/backend"], "TREAT"), &o1());
    assert_eq!(decision.verdict.effect, crate::Effect::Deny);
    assert_eq!(decision.faults[0].1.reason, Reason::ActorGone);
}

#[test]
fn t24_a_permit_to_somebody_gone_is_broken() {
    let mut t = table(vec![based(OPTIN, &[permit(&[actor("Practitioner/left")])])]);
    assert!(t.shows(&dr_t("TREAT"), &o1()));
    t.house.gone = vec!["Practitioner/left"];
    let decision = t.decide(&dr_t("TREAT"), &o1());
    assert_eq!(decision.level, Level::Refused);
    assert_eq!(decision.faults[0].1.reason, Reason::ActorGone);
}

#[test]
fn t25_a_consent_that_permits_breaking_the_glass_only() {
    let consent = rooted("deny", &[], &[permit(&[purpose(&["BTG"])])]);
    let without = table(vec![consent.clone()]).with(treats());
    assert!(!without.shows(&dr_t("TREAT"), &o1()));
    assert!(
        !without.shows(&dr_t("BTG"), &o1()),
        "a purpose that is not authorised"
    );
    let with = table(vec![consent]).with(broken_glass());
    assert!(with.shows(&dr_t("BTG"), &o1()));
    assert!(
        with.decide(&dr_t("BTG"), &o1())
            .verdict
            .obligations
            .break_glass
    );
    assert!(!with.shows(&dr_t("TREAT"), &o1()), "no emergency");
}

#[test]
fn t28_a_patient_sees_their_own_record() {
    let t = table(vec![based(OPTIN, &[deny_hiv()]), based(OPTOUT, &[])]).with(kin(Kinship::Own));
    assert!(t.shows(&caller(&["Patient/p"], "PATRQT"), &o2()));
    let note = labelled(o1(), Confidentiality::VeryRestricted, &["PSYTHPN"]);
    assert!(
        !t.shows(&caller(&["Patient/p"], "PATRQT"), &note),
        "by a rule of its label, not by a consent"
    );
}

#[test]
fn t29_a_proxy_does_not_see_every_label() {
    let t = table(vec![]).with(kin(Kinship::Proxy));
    let parent = caller(&["RelatedPerson/mother"], "FAMRQT");
    assert!(t.shows(&parent, &o1()));
    assert!(!t.shows(
        &parent,
        &labelled(c1(), Confidentiality::Restricted, &["SEX"])
    ));
    let denied = table(vec![based(
        OPTIN,
        &[deny(&[actor("RelatedPerson/mother")])],
    )]);
    assert!(!denied.with(kin(Kinship::Proxy)).shows(&parent, &o1()));
}

#[test]
fn t59_a_deny_covers_the_merged_record() {
    let of_p2 = consent(&format!(
        r#"{OPTOUT},"patient":{{"reference":"Patient/p2"}}"#
    ));
    let mut t = table(vec![of_p2]);
    assert!(t.shows(&dr_o("TREAT"), &o1()), "another patient's");
    t.subjects.push("Patient/p2".into());
    assert!(!t.shows(&dr_o("TREAT"), &o1()));
}

#[test]
fn t60_without_terminology_a_deny_matches() {
    let mut t = table(vec![based(OPTIN, &[deny(&[code(&["hiv"])])])]);
    assert!(t.shows(&dr_t("TREAT"), &o1()) && !t.shows(&dr_t("TREAT"), &o2()));
    t.house.terminology_is_up = false;
    assert!(!t.shows(&dr_t("TREAT"), &o1()));
    let mut t = table(vec![based(OPTOUT, &[permit(&[code(&["labs"])])])]);
    assert!(t.shows(&dr_o("TREAT"), &o1()));
    t.house.terminology_is_up = false;
    assert!(!t.shows(&dr_o("TREAT"), &o1()), "and a permit does not");
}

fn at(level: &str) -> Row {
    labelled(o1(), Confidentiality::parse(level).unwrap(), &[])
}

#[test]
fn t61_a_deny_of_a_confidentiality_covers_what_is_higher() {
    let t = table(vec![based(OPTIN, &[deny(&[label(&["R"])])])]);
    assert!(t.shows(&dr_t("TREAT"), &o1()));
    assert!(!t.shows(&dr_t("TREAT"), &o2()) && !t.shows(&dr_t("TREAT"), &at("V")));
}

#[test]
fn t62_a_permit_of_a_confidentiality_covers_what_is_lower() {
    let t = table(vec![based(
        OPTOUT,
        &[permit(&[label(&["N"]), purpose(&["TREAT"])])],
    )]);
    for level in ["N", "L", "U"] {
        assert!(t.shows(&dr_o("TREAT"), &at(level)), "{level}");
    }
    assert!(!t.shows(&dr_o("TREAT"), &o2()) && !t.shows(&dr_o("TREAT"), &at("V")));
}

#[test]
fn t63_substance_use_is_disclosed_on_consent_with_its_notice() {
    let tpo = ["TREAT", "HPAYMT", "HOPERAT"];
    let t = table(vec![rooted(
        "permit",
        &[actor("Organization/H2"), purpose(&tpo)],
        &[],
    )]);
    let verdict = t.decide(&dr_o("TREAT"), &c1()).verdict;
    assert_eq!(
        (verdict.effect, verdict.by),
        (crate::Effect::Permit, By::Consent)
    );
    assert!(verdict.obligations.notice && verdict.obligations.consent_copy);
    assert!(
        !t.shows(&dr_o("HLEGAL"), &c1()),
        "no operations, though R4 has it below them"
    );
    let labels = ["ETH", "SUD", "ward:SUD-COUNSELING-NOTE"];
    let note = labelled(c1(), Confidentiality::VeryRestricted, &labels);
    assert!(
        !t.shows(&dr_o("TREAT"), &note),
        "counselling notes need a permit that names them"
    );
    let named = label(&["SUD", "ward:SUD-COUNSELING-NOTE"]);
    let named = rooted("permit", &[named, purpose(&tpo)], &[]);
    assert!(table(vec![named]).shows(&dr_o("TREAT"), &note));
    let by_others = Row {
        authors: Some(vec![]),
        ..note
    };
    let silent = table(vec![]);
    assert!(!silent.shows(&dr_t("TREAT"), &by_others), "at home, too");
    assert!(
        !silent.with(broken_glass()).shows(&dr_t("BTG"), &by_others),
        "never opened"
    );
}
