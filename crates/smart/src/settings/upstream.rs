//! The OpenID provider that people may sign in with: where it is, who we are to it, and what its claims mean here.

use std::collections::BTreeMap;
use std::fmt;

#[derive(Clone, Debug)]
pub struct Upstream {
    /// As the sign-in page names it.
    pub name: String,
    /// `iss` of everything that it says; its discovery document is below. Compared character by character.
    pub issuer: String,
    /// What it has registered us as.
    pub client_id: String,
    pub client_secret: ClientSecret,
    /// Asked for beside `openid`.
    pub scopes: Vec<String>,
    /// `acr_values` of the request: how people should sign in there.
    pub acr_values: Vec<String>,
    /// Sent along with the authorization request, such as the `aud` that a SMART server asks for.
    pub parameters: BTreeMap<String, String>,
    pub claims: Claims,
    /// Values of [`Claims::roles`] and the role of this server that each of them gives.
    pub roles: BTreeMap<String, String>,
    pub two_factors: TwoFactors,
    pub unknown_people: UnknownPeople,
    /// Whether the sign-in page still takes passwords of this server.
    pub local_password: bool,
}

/// Names of claims of the id_token. A name that is no claim itself is a path: `realm_access.roles`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Which says who the person is: never given to another person.
    pub person: String,
    /// Which says how pages greet the person.
    pub name: String,
    /// Which says who the person is in the records. `None`: an administrator says it here.
    pub fhir_user: Option<String>,
    /// What stands before the reference in that claim.
    pub fhir_user_prefix: String,
    /// Which says what the person may do. `None`: an administrator says it here.
    pub roles: Option<String>,
}

/// What tells that the provider has seen two factors (C7). Else this server asks for a second of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TwoFactors {
    pub acr: Vec<String>,
    /// One of them is enough.
    pub amr: Vec<String>,
}

/// People whom the provider knows and this server does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownPeople {
    Refuse,
    /// They get an account at their first sign-in.
    Create,
}

/// What proves to the provider that we are the client. Its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(String);

impl ClientSecret {
    pub fn new(secret: String) -> ClientSecret {
        ClientSecret(secret)
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

impl Default for Claims {
    fn default() -> Claims {
        Claims {
            person: "sub".to_owned(),
            name: "name".to_owned(),
            fhir_user: None,
            fhir_user_prefix: String::new(),
            roles: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret = ClientSecret::new("hunter2".to_owned());
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert_eq!(secret.text(), "hunter2");
    }
}
