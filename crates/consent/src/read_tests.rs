use crate::fixture::*;
use crate::{CRITERIA_MAX, Consent, Content, Effect, NESTING_MAX, PROVISIONS_MAX, Reason, Rules};

fn reasons(consent: &Consent) -> Vec<(Reason, &str)> {
    let pair = |fault: &'_ crate::Fault| fault.reason;
    let faults = consent.faults.iter().chain(&consent.doubts);
    faults
        .map(|fault| (pair(fault), fault.expression.as_str()))
        .collect()
}

#[test]
fn both_encodings_give_the_same_base() {
    for (kind, base) in [("permit", OPTIN), ("deny", OPTOUT)] {
        let (typed, ruled) = (rooted(kind, &[], &[]), based(base, &[]));
        assert_eq!(typed.root.effect, ruled.root.effect);
        assert!(typed.faults.is_empty() && ruled.faults.is_empty());
        let both = consent(&format!(r#"{base},"provision":{{"type":"{kind}"}}"#));
        assert!(both.faults.is_empty());
    }
}

#[test]
fn a_type_against_the_policy_rule_is_refused() {
    let consent = consent(&format!(r#"{OPTIN},"provision":{{"type":"deny"}}"#));
    assert_eq!(
        reasons(&consent),
        [(Reason::BaseConflict, "Consent.provision.type")]
    );
    assert_eq!(consent.root.effect, Effect::Deny);
}

#[test]
fn what_cannot_be_evaluated_says_where() {
    let nested = |criteria: &str| {
        consent(&format!(
            r#"{OPTIN},"provision":{{"provision":[{{"type":"permit",{criteria}}}]}}"#
        ))
    };
    let cases = [
        (
            r#""purpose":[{"system":"urn:x","code":"TREAT"}]"#,
            Reason::Criterion,
            "purpose[0]",
        ),
        (
            r#""securityLabel":[{"code":"HIV"}]"#,
            Reason::Criterion,
            "securityLabel[0]",
        ),
        (
            r#""code":[{"coding":[{"code":"hiv"},{"code":"labs"}]}]"#,
            Reason::Criterion,
            "code[0]",
        ),
        (r#""action":[{"text":"x"}]"#, Reason::Criterion, "action[0]"),
        (
            r#""class":[{"system":"urn:x","code":"y"}]"#,
            Reason::Criterion,
            "class[0]",
        ),
        (r#""code":[{"text":"free"}]"#, Reason::Criterion, "code[0]"),
        (
            r#""securityLabel":[{"code":"B","system":"http://terminology.hl7.org/CodeSystem/v3-Confidentiality"}]"#,
            Reason::Criterion,
            "securityLabel[0]",
        ),
        (
            r#""period":{"start":"2020","end":"2019"}"#,
            Reason::Date,
            "period",
        ),
        (
            r#""actor":[{"role":{"text":"x"},"reference":{"display":"x"}}]"#,
            Reason::Reference,
            "actor[0]",
        ),
        (
            r#""actor":[{"role":{"text":"x"},"reference":{"reference":"https://other.example/Practitioner/1"}}]"#,
            Reason::Reference,
            "actor[0]",
        ),
        (
            r#""data":[{"meaning":"instance","reference":{"display":"x"}}]"#,
            Reason::Reference,
            "data[0]",
        ),
    ];
    for (criteria, reason, at) in cases {
        let consent = nested(criteria);
        let expected = format!("Consent.provision.provision[0].{at}");
        assert_eq!(
            reasons(&consent),
            [(reason, expected.as_str())],
            "{criteria}"
        );
        assert_eq!(consent.faults[0].issue().kind.status(), 422);
    }
}

#[test]
fn a_header_that_cannot_be_read_counts_as_in_force() {
    let cases = [
        (
            format!(r#"{OPTIN},"scope":{{"text":"x"}}"#),
            "Consent.scope",
        ),
        (
            format!(
                r#"{OPTIN},"scope":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"privacy"}}]}}"#
            ),
            "Consent.scope",
        ),
        (
            format!(r#"{OPTIN},"scope":{{"coding":[{{"code":"privacy"}}]}}"#),
            "Consent.scope",
        ),
        (
            format!(
                r#"{OPTIN},"scope":{{"coding":[{{"system":"http://hl7.org/fhir/consentscope","code":"patient-privacy"}}]}}"#
            ),
            "Consent.scope",
        ),
        (
            format!(r#"{OPTIN},"patient":{{"display":"x"}}"#),
            "Consent.patient",
        ),
    ];
    for (members, at) in cases {
        let consent = consent(&members);
        assert_eq!(reasons(&consent), [(Reason::Header, at)]);
        assert!(consent.applies(&["Patient/p".into()], now()));
    }
    let other = consent(&format!(
        r#"{OPTOUT},"scope":{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"research"}}]}}"#
    ));
    assert!(!other.is_active && other.faults.is_empty());
}

#[test]
fn a_base_is_needed_and_a_nested_type() {
    assert_eq!(reasons(&consent(r#""provision":{}"#.replace("{}", r#"{"purpose":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]}"#).as_str())), [(Reason::NoBase, "Consent.provision.type")]);
    assert_eq!(
        reasons(&consent(r#""policy":[{"uri":"urn:x"}]"#)),
        [(Reason::NoBase, "Consent.provision")]
    );
    let untyped = consent(&format!(
        r#"{OPTIN},"provision":{{"provision":[{{{}}}]}}"#,
        purpose(&["TREAT"])
    ));
    assert_eq!(
        reasons(&untyped),
        [(Reason::NoType, "Consent.provision.provision[0].type")]
    );
}

#[test]
fn known_policies_are_bases() {
    let of = |name: &str| {
        consent(&format!(
            r#""policy":[{{"uri":"https://profiles.ihe.net/ITI/PCF/{name}"}}]"#
        ))
    };
    let t = |name: &str| table(vec![of(name)]);
    assert!(t("Policy-basic-normal").shows(&dr_o("HRESCH"), &o1()));
    assert_eq!(
        t("Policy-basic-normal")
            .decide(&dr_o("HRESCH"), &o2())
            .level,
        crate::Level::Silent
    );
    assert!(!t("Policy-deny").shows(&dr_o("TREAT"), &o1()));
    let glass = t("Policy-break-glass-only").with(crate::Relation {
        break_glass_until_us: Some(now() + 1),
        ..treats()
    });
    assert!(glass.shows(&dr_t("BTG"), &o1()) && !glass.shows(&dr_t("TREAT"), &o1()));
}

#[test]
fn nesting_and_number_are_bounded() {
    let mut deep = deny(&[]);
    for level in 1..=NESTING_MAX {
        let consent = based(OPTIN, std::slice::from_ref(&deep));
        assert!(consent.faults.is_empty(), "{level}");
        deep = provision("deny", &[], &[deep]);
    }
    let expression = format!(
        "Consent.provision{}",
        ".provision[0]".repeat(NESTING_MAX + 1)
    );
    assert_eq!(
        reasons(&based(OPTIN, &[deep])),
        [(Reason::Nesting, expression.as_str())]
    );
    let many = vec![deny(&[]); PROVISIONS_MAX];
    assert_eq!(based(OPTIN, &many).faults[0].reason, Reason::TooMany);
    assert!(based(OPTIN, &many[1..]).faults.is_empty());
}

/// What a permit takes over from its root is listed once more.
#[test]
fn what_is_listed_is_bounded() {
    let codes: Vec<String> = (0..100).map(|n| format!("c{n}")).collect();
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    let with = |children| {
        let children = vec![permit(&[purpose(&["TREAT"])]); children];
        rooted("permit", &[code(&codes)], &children)
    };
    // The root, and in each child its codes and a purpose.
    assert_eq!((CRITERIA_MAX - 100) / 101, 98);
    assert!(with(98).faults.is_empty());
    let first = "Consent.provision.provision[98]";
    assert_eq!(reasons(&with(99)), [(Reason::TooMany, first)]);
    let first = "Consent.provision.provision[90]";
    assert_eq!(reasons(&with(900)), [(Reason::TooMany, first)]);
    let codes = vec!["x"; CRITERIA_MAX + 1];
    let many = based(OPTIN, &[deny(&[code(&codes)])]);
    let at = "Consent.provision.provision[0]";
    assert_eq!(reasons(&many), [(Reason::TooMany, at)]);
}

/// A deny for what nobody can act for would forbid nothing, whatever was meant.
#[test]
fn a_purpose_is_one_of_r4() {
    let at = "Consent.provision.provision[0].purpose[0]";
    for misspelt in ["TREATMENT", "treat", "BOGUS", "METAMGNT"] {
        let denied = based(OPTIN, &[deny(&[purpose(&[misspelt])])]);
        assert_eq!(reasons(&denied), [(Reason::Criterion, at)], "{misspelt}");
    }
    for code in ["TREAT", "PurposeOfUse", "BTG", "LABELING", "SUPNWK"] {
        let denied = based(OPTIN, &[deny(&[purpose(&[code])])]);
        assert!(denied.faults.is_empty(), "{code}");
    }
}

/// Nor one for a law, or for what says how to handle data: by these no row is judged, and a permit of them permits nothing.
#[test]
fn a_label_that_is_denied_says_what_data_is_about() {
    const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
    const PURPOSES: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
    let of = |system, code| format!(r#""securityLabel":[{{"system":"{system}","code":"{code}"}}]"#);
    let at = "Consent.provision.provision[0].securityLabel[0]";
    for (system, label) in [
        (ACT_CODE, "NORDSCLCD"),
        (ACT_CODE, "MASK"),
        (PURPOSES, "TREAT"),
    ] {
        let denied = based(OPTIN, &[deny(&[of(system, label)])]);
        assert_eq!(reasons(&denied), [(Reason::Criterion, at)], "{label}");
        let permitted = based(OPTIN, &[permit(&[of(system, label)])]);
        assert!(permitted.faults.is_empty(), "{label}");
    }
    for (system, label) in [
        (ACT_CODE, "HIV"),
        (ACT_CODE, "_InformationSensitivityPolicy"),
        ("urn:ward:label", "SUD-COUNSELING-NOTE"),
        ("urn:site", "X"),
    ] {
        let denied = based(OPTIN, &[deny(&[of(system, label)])]);
        assert!(denied.faults.is_empty(), "{label}");
    }
}

/// What every resource of a type conforms to is said by none, and what is no media type is no document's.
#[test]
fn a_class_is_one_that_there_is() {
    let of = |system, code| format!(r#""class":[{{"system":"{system}","code":"{code}"}}]"#);
    let class = |system, code| {
        let consent = based(OPTIN, &[deny(&[of(system, code)])]);
        consent
            .root
            .children
            .first()?
            .criteria
            .contents
            .first()
            .cloned()
    };
    const URIS: &str = "urn:ietf:rfc:3986";
    const CLASSES: &str = "http://hl7.org/fhir/consent-content-class";
    let observations = Some(Content::Type("Observation".into()));
    for (system, code) in [
        (
            URIS,
            "http://hl7.org/fhir/StructureDefinition/Observation|4.0.1",
        ),
        (
            CLASSES,
            "http://hl7.org/fhir/StructureDefinition/Observation",
        ),
    ] {
        assert_eq!(class(system, code), observations, "{code}");
    }
    let lipids = "http://hl7.org/fhir/StructureDefinition/lipidprofile";
    let profile = Some(Content::Profile(lipids.into()));
    assert_eq!(class(CLASSES, lipids), profile);
    for system in [CLASSES, "urn:ietf:bcp:13"] {
        assert!(class(system, "application/hl7-cda+xml").is_some());
        assert_eq!(class(system, "Observation"), None);
    }
}

/// Either reading of a root without type forbids something; both of it is forbidden.
#[test]
fn an_ambiguous_root_permits_what_both_readings_permit() {
    let of = |base: &str, nested: &str| {
        consent(&format!(
            r#"{base},"provision":{{{},"provision":[{nested}]}}"#,
            actor("Practitioner/drX")
        ))
    };
    let child = permit(&[purpose(&["HRESCH"])]);
    let optin = of(OPTIN, &child);
    assert_eq!(
        reasons(&optin),
        [(Reason::AmbiguousRoot, "Consent.provision")]
    );
    let t = table(vec![optin]);
    assert!(
        !t.shows(&dr_x("TREAT"), &o1()),
        "an exception of the opt-in"
    );
    assert_eq!(
        t.decide(&dr_t("TREAT"), &o1()).verdict.by,
        crate::By::Default
    );
    assert!(t.shows(&dr_x("HRESCH"), &o1()));
    let t = table(vec![of(OPTOUT, &child)]);
    assert!(!t.shows(&dr_x("TREAT"), &o1()) && !t.shows(&dr_o("TREAT"), &o1()));
    assert!(t.shows(&dr_x("HRESCH"), &o1()) && !t.shows(&dr_o("HRESCH"), &o1()));
}

#[test]
fn groups_are_by_category_policy_and_organization() {
    let group = |members: &str| consent(members).group;
    assert_eq!(group(OPTIN), group(OPTOUT));
    let with = |more: &str| group(&format!("{OPTIN},{more}"));
    assert_ne!(
        with(r#""organization":[{"reference":"Organization/a"}]"#),
        group(OPTIN)
    );
    assert_ne!(with(r#""policy":[{"uri":"urn:a"}]"#), group(OPTIN));
    let two = |a: &str, b: &str| {
        with(&format!(
            r#""organization":[{{"reference":"Organization/{a}"}},{{"reference":"Organization/{b}"}}]"#
        ))
    };
    assert_eq!(two("a", "b"), two("b", "a"));
    let identified = |value: &str| {
        with(&format!(
            r#""organization":[{{"identifier":{{"system":"urn:oids","value":"{value}"}}}}]"#
        ))
    };
    assert_eq!(identified("a"), identified("a"));
    assert_ne!(identified("a"), identified("b"));
    assert_ne!(identified("a"), group(OPTIN));
}

/// Then neither supersedes the other, and the deny counts.
#[test]
fn what_cannot_be_compared_is_a_group_of_its_own() {
    let written = |id: &str, kind: &str, date: &str, more: &str| {
        let text = format!(
            r#"{{"resourceType":"Consent","id":"{id}","status":"active","scope":{{"coding":[{{"code":"patient-privacy"}}]}},"patient":{{"reference":"Patient/p"}},"dateTime":"{date}","provision":{{"type":"{kind}"}},{more}}}"#
        );
        read_text(&text, &Rules::default())
    };
    let pair = |more| {
        let (old, new) = ("2024", "2025");
        [
            written("a", "deny", old, more),
            written("b", "permit", new, more),
        ]
    };
    let shows = |pair: [Consent; 2]| table(pair.into()).shows(&dr_o("TREAT"), &o1());
    assert!(shows(pair(r#""category":[{"coding":[{"code":"x"}]}]"#)));
    for more in [
        r##""contained":[{"resourceType":"Organization","id":"o"}],"organization":[{"reference":"#o"}]"##,
        r#""organization":[{"display":"x"}]"#,
        r#""organization":[{"identifier":{"value":"x"}}]"#,
        r#""category":[{"text":"x"}]"#,
        r#""policyRule":{"text":"x"}"#,
    ] {
        let pair = pair(more);
        assert!(pair.iter().all(|c| c.faults.is_empty()), "{more}");
        assert_ne!(pair[0].group, pair[1].group, "{more}");
        assert!(!shows(pair), "{more}");
    }
}

/// A deny that says nothing must not look as if it did.
#[test]
fn a_role_without_a_system_is_one_of_hl7() {
    let author = r#""actor":[{"role":{"coding":[{"code":"AUT"}]},"reference":{"reference":"Practitioner/drT"}}]"#;
    let t = table(vec![based(OPTIN, &[deny(&[author.to_owned()])])]);
    assert!(!t.shows(&dr_x("TREAT"), &o1()), "what drT wrote");
}

#[test]
fn a_version_and_grantors_are_read() {
    let consent = read_text(
        &format!(
            r#"{{"resourceType":"Consent","id":"x","meta":{{"versionId":"7"}},"status":"active","patient":{{"reference":"Patient/p"}},"performer":[{{"reference":"RelatedPerson/m"}}],{OPTIN}}}"#
        ),
        &Rules::default(),
    );
    assert_eq!((consent.id.as_str(), consent.version.as_str()), ("x", "7"));
    assert_eq!(*consent.grantors[0], *"RelatedPerson/m");
    assert_eq!(reasons(&consent), [(Reason::Header, "Consent.scope")]);
}
