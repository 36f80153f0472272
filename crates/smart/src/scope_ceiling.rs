//! What of the scopes that are asked for a client may be granted at most. (S32, S61, S64, S65, S72)

use crate::answer::{ErrorCode, OAuthError};
use crate::state::Client;
use ward_access::{Context, ResourceScope, Scope, ScopeError, Scopes, Target};

/// Where scopes are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// By an app that a person authorizes.
    User,
    /// By a client for itself, and where it is registered so, for a person or about a patient.
    System { for_user: bool, for_patient: bool },
}

/// Those of the asked scopes that the client is registered for, as they were written (version 1 stays version 1). The others are
/// dropped. Error: nothing is left, or a granular scope has parameters that are not supported, which must never be widened.
pub(crate) fn within(asked: &str, client: &Client, flow: Flow) -> Result<Vec<String>, OAuthError> {
    let refused = |why: &str| OAuthError::new(ErrorCode::InvalidScope, why);
    if Scopes::parse(asked).is_err() {
        return Err(refused("scope is too long"));
    }
    let mut granted: Vec<String> = Vec::new();
    for one in asked.split(' ').filter(|one| !one.is_empty()) {
        let one = without_role(one);
        let permitted = match Scope::parse(one) {
            Ok(scope) => flow.permits(&scope) && covers(&client.scope, one),
            Err(ScopeError::Query | ScopeError::Value) => {
                return Err(refused(
                    "the parameters of a granular scope are not supported",
                ));
            }
            Err(_) => false,
        };
        if permitted && !granted.iter().any(|known| known == one) {
            granted.push(one.to_owned());
        }
    }
    match granted.is_empty() {
        true => Err(refused(
            "none of the scopes asked for is one that this client may be granted",
        )),
        false => Ok(granted),
    }
}

/// What is left of scopes that were granted once, for a client as it is registered now. A scope that the ceiling holds a part of only
/// is gone: nobody was asked about the part.
pub(crate) fn left_of(granted: &str, client: &Client) -> String {
    let scopes = granted.split(' ').filter(|one| covers(&client.scope, one));
    scopes.collect::<Vec<_>>().join(" ")
}

/// Whether a list of scopes holds all that one scope stands for.
pub(crate) fn covers(ceiling: &str, asked: &str) -> bool {
    let ceiling = || ceiling.split(' ').filter_map(|one| Scope::parse(one).ok());
    match Scope::parse(asked) {
        Ok(Scope::Resource(asked)) => asked.actions.iter().all(|action| {
            ceiling().any(|known| match known {
                Scope::Resource(known) => known.actions.contains(action) && reaches(&known, &asked),
                _ => false,
            })
        }),
        Ok(asked) => ceiling().any(|known| known == asked),
        Err(_) => false,
    }
}

/// Whether one scope is about all that another is about, whatever may be done with it.
fn reaches(known: &ResourceScope, asked: &ResourceScope) -> bool {
    let target = known.target == Target::Every || known.target == asked.target;
    // A scope with more conditions is about less.
    let narrower = known.query.iter().all(|pair| asked.query.contains(pair));
    known.context == asked.context && target && narrower
}

impl Flow {
    fn permits(self, scope: &Scope) -> bool {
        match (self, scope) {
            (Flow::User, Scope::Resource(scope)) => scope.context != Context::System,
            (Flow::User, Scope::LaunchContext(ty)) => ty == "patient",
            (Flow::User, Scope::Profile) => false,
            (Flow::User, _) => true,
            (
                Flow::System {
                    for_user,
                    for_patient,
                },
                Scope::Resource(scope),
            ) => match scope.context {
                Context::System => true,
                Context::User => for_user,
                Context::Patient => for_patient,
            },
            (Flow::System { .. }, _) => false,
        }
    }
}

/// `launch/patient?role=x` is a context of that type without a role (S86).
fn without_role(scope: &str) -> &str {
    match scope.split_once('?') {
        Some((launch, role)) if launch.starts_with("launch/") && role.starts_with("role=") => {
            launch
        }
        _ => scope,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(asked: &str, ceiling: &str) -> Option<String> {
        let client = Client {
            scope: ceiling.into(),
            ..Client::default()
        };
        within(asked, &client, Flow::User).ok().map(|s| s.join(" "))
    }

    #[test]
    fn s32_unknown_scopes_are_dropped_and_nothing_is_widened() {
        let ceiling = "openid fhirUser launch/patient patient/*.rs user/Patient.cruds";
        for (asked, expected) in [
            ("openid nonsense patient/Foo.rs", Some("openid")),
            ("patient/Observation.rs", Some("patient/Observation.rs")),
            ("patient/Observation.cruds", None),
            ("patient/*.read patient/*.write", Some("patient/*.read")),
            ("user/Patient.c user/Observation.rs", Some("user/Patient.c")),
            (
                "patient/Observation.rs patient/Observation.rs",
                Some("patient/Observation.rs"),
            ),
            ("system/*.rs", None),
            ("offline_access", None),
            ("launch/patient?role=x", Some("launch/patient")),
            ("launch/encounter", None),
            ("", None),
            ("patient/Observation.sr", None),
        ] {
            assert_eq!(granted(asked, ceiling).as_deref(), expected, "{asked}");
        }
    }

    #[test]
    fn s86_a_context_comes_without_a_role() {
        let ceiling = "launch/patient patient/*.rs";
        for (asked, expected) in [
            ("launch/patient?role=x", Some("launch/patient")),
            ("launch/patient?role=http://a|b", Some("launch/patient")),
            (
                "launch/patient launch/patient?role=x",
                Some("launch/patient"),
            ),
            ("launch/location?role=x", None),
            ("launch/patient?rule=x", None),
            ("patient/Observation.rs?role=x", None),
        ] {
            assert_eq!(granted(asked, ceiling).as_deref(), expected, "{asked}");
        }
    }

    #[test]
    fn s65_a_ceiling_is_met_by_several_scopes_together() {
        let ceiling = "patient/Observation.rs patient/Observation.cud";
        assert!(granted("patient/Observation.*", ceiling).is_some());
        assert!(granted("patient/Observation.write", ceiling).is_some());
        assert!(granted("patient/*.rs", ceiling).is_none());
    }

    #[test]
    fn s72_granular_parameters_are_kept_or_refused() {
        let lab = "patient/Observation.rs?category=http://example.org/kinds|laboratory";
        assert_eq!(granted(lab, "patient/*.rs").as_deref(), Some(lab));
        assert_eq!(granted(lab, lab).as_deref(), Some(lab));
        assert!(granted("patient/Observation.rs", lab).is_none());
        assert!(
            granted(
                "patient/Observation.rs?category=http://example.org/kinds|other",
                lab
            )
            .is_none()
        );
        let narrower = format!("{lab}&status=http://hl7.org/fhir/observation-status|final");
        assert!(granted(&narrower, lab).is_some());
        for bad in [
            "_has:Group:member:_id=a",
            "category:in=a",
            "category=laboratory",
            "code",
            "subject.name=a",
        ] {
            let asked = format!("openid patient/Observation.rs?{bad}");
            assert!(granted(&asked, "openid patient/*.rs").is_none(), "{bad}");
        }
    }

    #[test]
    fn s61_a_system_gets_system_scopes_unless_it_acts_for_somebody() {
        let client = Client {
            scope: "system/*.rs patient/*.rs openid".into(),
            ..Client::default()
        };
        let asked = "system/Patient.rs patient/Patient.rs openid";
        let granted = |for_user, for_patient| {
            within(
                asked,
                &client,
                Flow::System {
                    for_user,
                    for_patient,
                },
            )
            .unwrap()
        };
        assert_eq!(granted(false, false), ["system/Patient.rs"]);
        assert_eq!(granted(true, false), ["system/Patient.rs"]);
        assert_eq!(
            granted(false, true),
            ["system/Patient.rs", "patient/Patient.rs"]
        );
    }
}
