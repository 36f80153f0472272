//! What the provider's claims mean here: who the person is, what they may do, and how surely they were recognised.

use super::said::Said;
use crate::people::account::{NAME_CHARACTERS_MAX, is_fhir_user};
use crate::people::lifetime::{Proof, methods};
use crate::people::session::Assurance;
use crate::settings::Upstream;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// A person as the installation's mapping understands them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    /// Value of the claim that tells people apart.
    pub key: String,
    /// As they call themselves there; for a readable user name here.
    pub username: Option<String>,
    pub name: Option<String>,
    /// `None`: the provider has no say in it. `Some(None)`: it says that the person is nobody in the records.
    pub fhir_user: Option<Option<String>>,
    /// `None`: the provider has no say in it.
    pub roles: Option<Vec<String>>,
    pub proof: Proof,
}

/// Bytes of the value that tells people apart (OpenID Connect Core §2 allows 255).
const KEY_BYTES_MAX: usize = 255;
/// Values of the claim of roles that are looked at.
const ROLES_MAX: usize = 1_000;

/// `None`: the claims do not say who the person is. `base`: our own FHIR base.
pub(super) fn person(said: &Said, settings: &Upstream, base: &str) -> Option<Person> {
    let names = &settings.claims;
    let claims = &said.claims;
    let key = text(claims, &names.person).filter(|key| key.len() <= KEY_BYTES_MAX)?;
    let prefixes = [names.fhir_user_prefix.as_str(), base];
    let fhir_user = names.fhir_user.as_ref().map(|name| {
        text(claims, name)
            .map(|value| without(value, &prefixes))
            .filter(|reference| is_fhir_user(reference))
            .map(str::to_owned)
    });
    Some(Person {
        key: key.to_owned(),
        username: text(claims, "preferred_username").map(str::to_owned),
        name: text(claims, &names.name).and_then(name),
        fhir_user,
        roles: names
            .roles
            .as_ref()
            .map(|name| roles(claims, name, settings)),
        proof: proof(said, settings),
    })
}

/// A claim by its name; else by a path of members, as Keycloak's `realm_access.roles`.
fn claim<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let mut members = name.split('.');
    let first = claims.get(members.next()?)?;
    members.try_fold(first, |value, member| value.get(member))
}

fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    claim(claims, name)?
        .as_str()
        .filter(|text| !text.is_empty())
}

/// What is below one of the prefixes, which end where a segment of the path ends: `https://good.example` is none of
/// `https://good.example.evil` (X66).
fn without<'a>(value: &'a str, prefixes: &[&str]) -> &'a str {
    let prefixes = prefixes.iter().map(|prefix| prefix.trim_end_matches('/'));
    let mut below = prefixes
        .filter(|prefix| !prefix.is_empty())
        .filter_map(|prefix| value.strip_prefix(prefix)?.strip_prefix('/'));
    below.next().unwrap_or(value)
}

/// A name that a page can greet with.
fn name(said: &str) -> Option<String> {
    let plain: String = said.trim().chars().filter(|c| !c.is_control()).collect();
    let cut: String = plain.chars().take(NAME_CHARACTERS_MAX).collect();
    (!cut.is_empty()).then_some(cut)
}

/// Only what the installation's table translates; a value that it does not know gives nothing.
fn roles(claims: &Map<String, Value>, name: &str, settings: &Upstream) -> Vec<String> {
    let values: Vec<&str> = match claim(claims, name) {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(all)) => all
            .iter()
            .take(ROLES_MAX)
            .filter_map(Value::as_str)
            .collect(),
        _ => Vec::new(),
    };
    let known = values.iter().filter_map(|value| settings.roles.get(*value));
    let mut roles: Vec<String> = known.cloned().collect();
    roles.sort_unstable();
    roles.dedup();
    roles
}

/// Two factors where `acr` or `amr` is one of those that the installation takes for it. Never more: whether a factor can be
/// phished is not for another server to promise.
fn proof(said: &Said, settings: &Upstream) -> Proof {
    let acr = said.claims.get("acr").and_then(Value::as_str);
    let amr: Vec<&str> = match said.claims.get("amr") {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let known = &settings.two_factors;
    let is_two = acr.is_some_and(|acr| known.acr.iter().any(|one| one == acr))
        || amr
            .iter()
            .any(|word| known.amr.iter().any(|one| one == word));
    // Whether it is two factors is decided here.
    let mut words = methods(|method| method != "mfa" && amr.contains(&method));
    if is_two {
        words.push("mfa");
    }
    Proof {
        amr: Cow::Owned(words),
        assurance: if is_two {
            Assurance::Multiple
        } else {
            Assurance::Password
        },
        at_s: Some(said.auth_time_s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Claims, ClientSecret, TwoFactors, UnknownPeople};
    use serde_json::json;

    fn settings() -> Upstream {
        let table = [
            ("doctors", "physician"),
            ("arzt", "physician"),
            ("it", "auditor"),
        ];
        Upstream {
            name: "City".into(),
            issuer: "https://id.example".into(),
            client_id: "ward".into(),
            client_secret: ClientSecret::new("s".into()),
            scopes: vec![],
            acr_values: vec![],
            parameters: Default::default(),
            claims: Claims {
                fhir_user: Some("fhirUser".into()),
                fhir_user_prefix: "https://other.example/fhir/".into(),
                roles: Some("realm_access.roles".into()),
                ..Claims::default()
            },
            roles: table.map(|(a, b)| (a.into(), b.into())).into(),
            two_factors: TwoFactors {
                acr: vec!["2".into()],
                amr: vec!["mfa".into(), "otp".into()],
            },
            unknown_people: UnknownPeople::Refuse,
            local_password: true,
        }
    }

    fn of(claims: Value) -> Option<Person> {
        let said = Said {
            claims: claims.as_object().unwrap().clone(),
            auth_time_s: 7,
        };
        person(&said, &settings(), "https://ward.example/fhir")
    }

    #[test]
    fn roles_are_those_of_the_table() {
        let roles = |value: Value| {
            let claims = json!({ "sub": "1", "realm_access": { "roles": value } });
            of(claims).unwrap().roles.unwrap()
        };
        assert_eq!(
            roles(json!(["arzt", "doctors", "x", "physician", 7])),
            ["physician"]
        );
        assert_eq!(roles(json!("it")), ["auditor"]);
        assert!(roles(json!({ "it": true })).is_empty());
        assert_eq!(of(json!({ "sub": "1" })).unwrap().roles, Some(vec![]));
        // A name with dots that is a claim of its own comes first.
        let flat = json!({ "sub": "1", "realm_access.roles": ["it"], "realm_access": { "roles": ["arzt"] } });
        assert_eq!(of(flat).unwrap().roles.unwrap(), ["auditor"]);
    }

    #[test]
    fn who_somebody_is_in_the_records_is_a_reference() {
        let user = |value: &str| {
            of(json!({ "sub": "1", "fhirUser": value }))
                .unwrap()
                .fhir_user
        };
        let practitioner = Some(Some("Practitioner/9".to_owned()));
        assert_eq!(user("Practitioner/9"), practitioner);
        assert_eq!(
            user("https://other.example/fhir/Practitioner/9"),
            practitioner
        );
        assert_eq!(
            user("https://ward.example/fhir/Practitioner/9"),
            practitioner
        );
        // The second to the fourth look like ours (X66).
        for foreign in [
            "https://third.example/fhir/Practitioner/9",
            "https://other.example/fhirPractitioner/9",
            "https://other.example/fhir.evil.example/Practitioner/9",
            "https://ward.example/fhir2/Practitioner/9",
            "Device/9",
            "Practitioner/../9",
            "",
        ] {
            assert_eq!(user(foreign), Some(None), "{foreign}");
        }
        assert_eq!(of(json!({ "sub": "1" })).unwrap().fhir_user, Some(None));
    }

    #[test]
    fn c7_two_factors_are_what_the_installation_takes_for_two() {
        let proof = |claims: Value| of(claims).unwrap().proof;
        for two in [
            json!({ "sub": "1", "acr": "2" }),
            json!({ "sub": "1", "amr": ["pwd", "otp"] }),
            json!({ "sub": "1", "amr": ["mfa"], "acr": "1" }),
        ] {
            let proof = proof(two);
            assert_eq!(proof.assurance, Assurance::Multiple);
            assert!(proof.amr.contains(&"mfa"));
        }
        for one in [
            json!({ "sub": "1" }),
            json!({ "sub": "1", "acr": "phr", "amr": ["pwd", "hwk"] }),
            json!({ "sub": "1", "acr": 2, "amr": "mfa" }),
        ] {
            let proof = proof(one);
            assert_eq!(proof.assurance, Assurance::Password);
            assert!(!proof.amr.contains(&"mfa"));
        }
        assert_eq!(
            *proof(json!({ "sub": "1", "amr": ["pwd", "made-up"] })).amr,
            ["pwd"]
        );
    }

    #[test]
    fn whoever_is_not_named_is_nobody() {
        assert_eq!(of(json!({})), None);
        assert_eq!(of(json!({ "sub": "" })), None);
        assert_eq!(of(json!({ "sub": 7 })), None);
        assert_eq!(of(json!({ "sub": "x".repeat(256) })), None);
        let named = of(json!({ "sub": "1", "name": format!(" A\n{} ", "b".repeat(200)) })).unwrap();
        assert_eq!(named.name.unwrap().chars().count(), NAME_CHARACTERS_MAX);
    }
}
