//! C23, R12: a role grants to whoever acts for what the role is for.

use crate::decide::tests::{access, id, system, user};
use crate::{
    Access, Action, Caller, Facts, Identity, Mask, Purposes, RolePolicy, Roles, Sight, decide,
};

fn asserting(identity: Identity, purposes: &str) -> Identity {
    Identity {
        purposes: Purposes::parse(purposes).unwrap(),
        ..identity
    }
}

fn reads(access: &Access, ty: &str) -> bool {
    *access.sight(id(ty), Action::Read) != Sight::Nothing
}

#[test]
fn c23_a_role_is_silent_for_other_purposes() {
    for (role, ty, purposes, opens) in [
        ("nurse", "Observation", "TREAT", true),
        ("nurse", "Observation", "ETREAT", true),
        ("nurse", "Observation", "ERTREAT", true),
        ("nurse", "Observation", "HPAYMT TREAT", true),
        ("nurse", "Observation", "HPAYMT", false),
        ("nurse", "Observation", "HRESCH PATRQT", false),
        ("nurse", "Observation", "BTG", true),
        ("pharmacist", "MedicationRequest", "BTG", false),
        ("billing-clerk", "Claim", "HPAYMT", true),
        ("billing-clerk", "Claim", "COVAUTH", true),
        ("billing-clerk", "Claim", "HOPERAT", false),
        ("registrar", "Appointment", "HOPERAT", true),
        ("auditor", "AuditEvent", "HCOMPL", true),
        // A wider purpose than the role's is another one.
        ("auditor", "AuditEvent", "HOPERAT", false),
    ] {
        let caller = asserting(user(role, "user/*.rs"), purposes);
        assert_eq!(
            reads(&access(caller.clone()), ty),
            opens,
            "{role} {purposes}"
        );
        assert_eq!(Caller::new(caller).is_out_of_purpose(), !opens);
    }
}

/// Every role of Ward's, by what it is for and by every other one's purposes: the same, or nothing.
#[test]
fn c23_each_seeded_role_opens_by_its_own_purposes_alone() {
    let roles = Roles::seeded();
    let all: Vec<_> = roles.iter().collect();
    for role in &all {
        let without = access(user(&role.name, "user/*.cruds"));
        for other in &all {
            for purpose in other.purposes.iter() {
                let asserted = purpose.to_string();
                let with = access(asserting(user(&role.name, "user/*.cruds"), &asserted));
                let expected = role.acts_for(purpose);
                for ty in ward_fhir::schema::r4().types.iter() {
                    for action in Action::ALL {
                        let sight = match expected {
                            true => without.sight(ty.id, action),
                            false => &Sight::Nothing,
                        };
                        assert_eq!(with.sight(ty.id, action), sight, "{} {asserted}", role.name);
                    }
                }
            }
        }
    }
}

#[test]
fn c23_each_of_several_roles_is_judged_by_itself() {
    let two = |purposes: &str| {
        let both = Identity {
            roles: vec!["physician".into(), "billing-clerk".into()],
            ..user("physician", "user/*.rs")
        };
        asserting(both, purposes)
    };
    let open = |purposes: &str| {
        let access = access(two(purposes));
        (reads(&access, "Observation"), reads(&access, "Claim"))
    };
    assert_eq!(open("TREAT"), (true, false));
    assert_eq!(open("HPAYMT"), (false, true));
    assert_eq!(open("TREAT HPAYMT"), (true, true));
    assert_eq!(open(""), (true, true), "each for what it is for");
    assert_eq!(open("PUBHLTH"), (false, false));
    // What a silent role sees in part narrows nothing that another sees.
    let condition = |purposes: &str| {
        let caller = Caller::new(two(purposes));
        let seen = caller.seen().cloned();
        seen.is_some_and(|seen| seen.elements(id("Condition")).is_some())
    };
    assert!(!condition("TREAT") && condition("HPAYMT"));
}

#[test]
fn r12_who_asserts_nothing_acts_for_what_their_roles_are_for() {
    let acts_for = |identity: Identity| Caller::new(identity).acts_for().to_string();
    let nurse = user("nurse", "user/*.rs");
    assert_eq!(acts_for(nurse.clone()), "TREAT");
    assert_eq!(acts_for(asserting(nurse.clone(), "ETREAT")), "ETREAT");
    let both = Identity {
        roles: vec!["nurse".into(), "billing-clerk".into(), "no-role".into()],
        ..nurse.clone()
    };
    assert_eq!(acts_for(both), "TREAT HPAYMT");
    assert_eq!(acts_for(system("system/*.rs")), "");
    assert_eq!(acts_for(asserting(system("system/*.rs"), "TREAT")), "TREAT");
    // The rota gives a role later: the purpose comes with it.
    let by_rota = Caller::new(Identity {
        roles: Vec::new(),
        ..nurse
    });
    assert_eq!(by_rota.acts_for().to_string(), "");
    let on_duty = by_rota.in_force(vec!["pharmacist".into()]);
    assert_eq!(on_duty.acts_for().to_string(), "TREAT");
}

/// The right is a role's that acts for what is asserted; that the glass is broken is a purpose beside the others.
#[test]
fn r22_who_may_break_the_glass() {
    let may = |roles: &[&str], user: &str, purposes: &str| {
        let identity = Identity {
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            fhir_user: Some(user.into()),
            ..self::user("", "user/*.rs")
        };
        Caller::new(asserting(identity, purposes)).may_break_glass()
    };
    for role in Roles::seeded().iter() {
        let expected = ["nurse", "physician"].contains(&role.name.as_str());
        assert_eq!(
            may(&[&role.name], "Practitioner/1", ""),
            expected,
            "{}",
            role.name
        );
    }
    let both = ["physician", "billing-clerk"];
    assert!(may(&both, "Practitioner/1", "TREAT"));
    assert!(!may(&both, "Practitioner/1", "HPAYMT"));
    assert!(!may(&["nurse"], "Patient/1", "") && !may(&["nurse"], "RelatedPerson/1", ""));
    assert!(!Caller::new(system("system/*.rs")).may_break_glass());
    let nurse = Caller::new(user("nurse", "user/*.rs"));
    let broken = nurse.breaking_glass();
    assert_eq!(broken.acts_for().to_string(), "TREAT BTG");
    assert_eq!(broken.fingerprint, nurse.fingerprint);
    assert!(broken.may_break_glass() && !broken.is_out_of_purpose());
}

#[test]
fn c23_nothing_is_asked_of_systems_and_of_patients_at_home() {
    let lab = access(asserting(system("system/Observation.rs"), "HPAYMT"));
    assert!(reads(&lab, "Observation"));
    let own = |roles: &[&str], purposes: &str| {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        let person = Identity {
            fhir_user: Some("Patient/1".into()),
            patient: Some("1".into()),
            roles,
            ..user("", "patient/*.rs user/*.rs")
        };
        asserting(person, purposes)
    };
    for purposes in ["", "PATRQT", "HRESCH", "TREAT"] {
        let caller = Caller::new(own(&[], purposes));
        assert!(caller.acts_for().to_string().ends_with("PATRQT"));
        assert!(!caller.is_out_of_purpose());
        assert!(reads(&access(own(&[], purposes)), "Observation"));
        // A role beside opens others' records for its own purposes alone.
        let others = access(own(&["nurse"], purposes));
        let everybody = *others.sight(id("Observation"), Action::Read) == Sight::Everything;
        assert_eq!(everybody, ["", "TREAT"].contains(&purposes), "{purposes}");
    }
}

#[test]
fn c23_a_policy_names_purposes_or_acts_for_any() {
    let policy = |contexts: &str| {
        let text = format!(
            r#"{{"resourceType":"CapabilityStatement","name":"x","status":"active","date":"2026","kind":"requirements","fhirVersion":"4.0.1",
            "format":["json"],{contexts}"rest":[{{"mode":"server","resource":[{{"type":"Flag","interaction":[{{"code":"read"}}]}}]}}]}}"#
        );
        RolePolicy::read(text.as_bytes())
    };
    let context = |system: &str, code: &str| {
        let reason = "http://terminology.hl7.org/CodeSystem/";
        format!(
            r#""useContext":[{{"code":{{"system":"{reason}{system}","code":"{code}"}},"valueCodeableConcept":{{"text":"purpose of use"}}}}],"#
        )
    };
    let reads_flags = |policy: RolePolicy, purposes: &str| {
        let roles = Roles::of([policy]);
        let caller = asserting(user("x", "user/*.rs"), purposes);
        let access = decide(&Caller::in_roles(caller, &roles), &Facts::of(Mask::every()));
        reads(&access, "Flag")
    };
    let any = policy("").unwrap();
    assert!(any.purposes.is_empty());
    assert!(reads_flags(any.clone(), "HRESCH") && reads_flags(any, ""));
    let research = policy(&context("v3-ActReason", "HRESCH")).unwrap();
    assert!(reads_flags(research.clone(), "BIORCH") && reads_flags(research.clone(), ""));
    assert!(!reads_flags(research, "TREAT"));
    for (system, code) in [
        ("v3-ActReason", "RESEARCH"),
        ("v3-ActCode", "TREAT"),
        ("usage-context-type", "venue"),
    ] {
        let problem = policy(&context(system, code)).unwrap_err();
        assert!(problem.contains("no purpose of use"), "{problem}");
    }
}

/// What a decision is kept by, and a page goes on by: the same caller for another purpose is another.
#[test]
fn r21_a_purpose_is_part_of_who_asks() {
    let fingerprint = |purposes: &str| {
        let caller = asserting(user("nurse", "user/*.rs"), purposes);
        access(caller).fingerprint()
    };
    assert_eq!(fingerprint("TREAT"), fingerprint("TREAT"));
    assert_ne!(fingerprint("TREAT"), fingerprint("ETREAT"));
    assert_ne!(fingerprint("TREAT"), fingerprint(""));
}
