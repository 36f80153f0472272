use super::*;
use std::fmt::Write;

/// Every role on every type, in one file that is read in review; `WARD_BLESS=1` writes it anew. A letter more is a finding.
#[test]
fn the_matrix_of_roles_is_as_agreed() {
    let roles = Roles::seeded();
    let mut text = String::from(
        "# Roles and types\n\nWhat each seeded role may do with each type, in the letters of SMART scopes; `*`: some elements only; \
         `patient` is no role, and holds in one's own record only. The first line says what the role is cleared for: a level, and labels (`*`: every one); the second, whether it is shown the labels of resources. \
         Checked by `crates/access/src/role_tests.rs`; `WARD_BLESS=1` writes it anew.\n\n| type |",
    );
    let columns = || roles.iter().map(|role| &**role).chain([roles.patients()]);
    columns().for_each(|role| {
        let _ = write!(text, " {} |", role.name);
    });
    text.push_str("\n|---|");
    columns().for_each(|_| text.push_str("---|"));
    text.push_str("\n| cleared for |");
    columns().for_each(|role| {
        let _ = write!(text, " {} |", role.clearance);
    });
    text.push_str("\n| is shown all labels |");
    columns().for_each(|role| {
        let yes = if role.sees_labels { "yes" } else { "" };
        let _ = write!(text, " {yes} |");
    });
    for ty in r4()
        .types
        .iter()
        .filter(|ty| r4().resource_type(ty.name) == Some(ty.id))
    {
        let _ = write!(text, "\n| {} |", ty.name);
        for role in columns() {
            let letters: String = role.actions(ty.id).iter().map(letter).collect();
            let part = if role.elements(ty.id).is_some() {
                "*"
            } else {
                ""
            };
            let _ = write!(text, " {letters}{part} |");
        }
    }
    text.push('\n');
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/roles/matrix.md");
    if std::env::var_os("WARD_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), text);
    assert_eq!(text.lines().count(), 8 + 146);
}

#[test]
fn every_seeded_policy_is_read() {
    for text in POLICIES {
        let policy = RolePolicy::read(text.as_bytes()).unwrap();
        assert!(
            !policy.purposes.is_empty() && !policy.title.is_empty(),
            "{}",
            policy.name
        );
    }
    // And the policy of patients, which is no role.
    assert_eq!(Roles::seeded().iter().count() + 1, POLICIES.len());
}

/// Patients see all that lies in their record, add what patients report, and neither change nor remove what others recorded.
#[test]
fn the_policy_of_patients_is_nobodys_role() {
    let roles = Roles::seeded();
    assert!(roles.get(PATIENT).is_none() && roles.iter().all(|role| role.name != PATIENT));
    let policy = roles.patients();
    let compartments = crate::Compartments::r4();
    let owned: Vec<_> = compartments.owned().map(|(ty, _)| ty).collect();
    for ty in r4()
        .types
        .iter()
        .filter(|ty| r4().resource_type(ty.name) == Some(ty.id))
    {
        let actions = policy.actions(ty.id);
        let reads = compartments.is_open_to_patients(ty.id)
            || compartments.is_shared(ty.id)
            || owned.contains(&ty.id);
        assert_eq!(actions.contains(Action::Read), reads, "{}", ty.name);
        assert_eq!(actions.contains(Action::Search), reads, "{}", ty.name);
        assert!(!actions.contains(Action::Delete), "{}", ty.name);
        let answers = ["AppointmentResponse", "QuestionnaireResponse"].contains(&ty.name);
        assert_eq!(actions.contains(Action::Update), answers, "{}", ty.name);
    }
    // A site's own takes its place, and stays beside roles that are added.
    let strict = r#"{"resourceType":"CapabilityStatement","name":"patient","status":"active","date":"2026","kind":"requirements","fhirVersion":"4.0.1","format":["json"]}"#;
    let strict = roles.with([RolePolicy::read(strict.as_bytes()).unwrap()]);
    let patient = r4().resource_type("Patient").unwrap();
    assert_eq!(strict.patients().actions(patient), Actions::NONE);
    assert_eq!(strict.with([]).patients(), strict.patients());
    assert_eq!(Roles::default().patients().actions(patient), Actions::NONE);
}

/// AT3a: whoever looks after the system has no clinical rights.
#[test]
fn administrators_and_auditors_see_nothing_clinical() {
    let roles = Roles::seeded();
    for name in ["system-administrator", "auditor"] {
        let role = roles.get(name).unwrap();
        for ty in [
            "Patient",
            "Observation",
            "Condition",
            "Claim",
            "Consent",
            "Binary",
            "Basic",
        ] {
            let ty = r4().resource_type(ty).unwrap();
            assert_eq!(role.actions(ty), Actions::NONE, "{name}");
        }
    }
}

#[test]
fn a_billing_clerk_sees_a_part_of_a_condition() {
    let billing = Roles::seeded().get("billing-clerk").unwrap().clone();
    let condition = r4().resource_type("Condition").unwrap();
    let seen = billing.elements(condition).unwrap();
    assert!(seen.iter().any(|e| e == "code") && !seen.iter().any(|e| e == "note"));
    assert!(billing.parts().any(|ty| ty == condition));
    let claim = r4().resource_type("Claim").unwrap();
    assert!(billing.elements(claim).is_none() && !billing.parts().any(|ty| ty == claim));
}

#[test]
fn a_policy_that_is_wrong_says_what_to_mend() {
    let policy = |resource: &str| {
        format!(
            r#"{{"resourceType":"CapabilityStatement","name":"x","status":"active","date":"2026","kind":"requirements","fhirVersion":"4.0.1","format":["json"],
            "rest":[{{"mode":"server","resource":[{resource}]}}]}}"#
        )
    };
    let read = |text: &str| RolePolicy::read(text.as_bytes());
    for right in [
        r#"{"type":"Observation","interaction":[{"code":"read"}]}"#,
        r#"{"type":"Condition","extension":[{"url":"urn:ward:role:element","valueString":"code"}],"interaction":[{"code":"create"},{"code":"update"}]}"#,
    ] {
        assert!(read(&policy(right)).is_ok(), "{right}");
    }
    for (resource, mend) in [
        (
            r#"{"type":"Obs","interaction":[{"code":"read"}]}"#,
            "not an R4 resource type",
        ),
        (
            r#"{"type":"Observation","interaction":[{"code":"vread"}]}"#,
            "`vread` is not one of",
        ),
        (
            r#"{"type":"Condition","extension":[{"url":"urn:ward:role:element","valueString":"notes"}]}"#,
            "no element `notes`",
        ),
        (
            r#"{"type":"Condition","extension":[{"url":"urn:ward:role:element","valueString":"code"}],"interaction":[{"code":"delete"}]}"#,
            "cannot be deleted",
        ),
        (
            r#"{"type":"SearchParameter","extension":[{"url":"urn:ward:role:element","valueString":"code"}],"interaction":[{"code":"update"}]}"#,
            "cannot be written",
        ),
        (
            r#"{"type":"Bundle","extension":[{"url":"urn:ward:role:element","valueString":"type"}],"interaction":[{"code":"create"}]}"#,
            "cannot be written",
        ),
        (
            r#"{"type":"Condition","extension":[{"url":"urn:x"}]}"#,
            "only extension",
        ),
        (
            r#"{"type":"Condition"},{"type":"Condition"}"#,
            "stated twice",
        ),
    ] {
        let problem = read(&policy(resource)).unwrap_err();
        assert!(problem.contains(mend), "{problem}");
    }
    for text in ["", "{}", r#"{"resourceType":"Patient"}"#] {
        assert!(read(text).is_err());
    }
    assert!(RolePolicy::read(&vec![b' '; POLICY_BYTES_MAX + 1]).is_err());
    assert!(read(&policy("").replace("\"x\"", "\"Nurse 1\"")).is_err());
}

#[test]
fn a_site_replaces_a_role_by_its_name() {
    let text = r#"{"resourceType":"CapabilityStatement","name":"nurse","status":"active","date":"2026","kind":"requirements",
        "fhirVersion":"4.0.1","format":["json"],"rest":[{"mode":"server","resource":[{"type":"Flag","interaction":[{"code":"read"}]}]}]}"#;
    let roles = Roles::seeded().with([RolePolicy::read(text.as_bytes()).unwrap()]);
    let nurse = roles.get("nurse").unwrap();
    let flag = r4().resource_type("Flag").unwrap();
    assert!(
        nurse.actions(flag).contains(Action::Read) && !nurse.actions(flag).contains(Action::Search)
    );
    assert_eq!(
        nurse.actions(r4().resource_type("Observation").unwrap()),
        Actions::NONE
    );
    assert!(roles.get("physician").is_some() && roles.get("no-role").is_none());
}

fn letter(action: Action) -> char {
    match action {
        Action::Create => 'c',
        Action::Read => 'r',
        Action::Update => 'u',
        Action::Delete => 'd',
        Action::Search => 's',
    }
}

#[test]
fn r16_a_policy_says_whether_labels_are_shown() {
    let read = |value: &str| {
        let text = format!(
            r#"{{"resourceType":"CapabilityStatement","name":"x","extension":[{{"url":"{SEE_LABELS}",{value}}}]}}"#
        );
        RolePolicy::read(text.as_bytes()).map(|policy| policy.sees_labels)
    };
    assert_eq!(read(r#""valueBoolean":true"#), Ok(true));
    assert_eq!(read(r#""valueBoolean":false"#), Ok(false));
    assert!(read(r#""valueString":"yes""#).is_err());
    assert!(!RolePolicy::default().sees_labels);
}
