//! `[upstream]`: the OpenID provider that people may sign in with.

use crate::egress::is_http_here;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use ward_access::Roles;
use ward_smart::settings::{self, ClientSecret, TwoFactors, UnknownPeople};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    pub name: String,
    pub issuer: String,
    pub client_id: String,
    pub secret_file: String,
    pub secret_environment: String,
    pub scopes: Vec<String>,
    pub acr_values: Vec<String>,
    pub parameters: BTreeMap<String, String>,
    pub person_claim: String,
    pub name_claim: String,
    pub fhir_user_claim: String,
    pub fhir_user_prefix: String,
    pub roles_claim: String,
    pub roles: BTreeMap<String, String>,
    pub two_factor_acr: Vec<String>,
    pub two_factor_amr: Vec<String>,
    pub unknown_people: String,
    pub local_password: bool,
    pub private_hosts: Vec<String>,
    pub ca_file: String,
}

/// Secrets that stand in examples, in small letters.
const DEFAULT_SECRETS: [&str; 10] = [
    "secret",
    "client_secret",
    "client-secret",
    "clientsecret",
    "password",
    "changeme",
    "change-me",
    "change_me",
    "default",
    "test",
];
/// Bytes of the file of a secret.
const SECRET_BYTES_MAX: usize = 4 * 1024;

impl Upstream {
    pub fn is_on(&self) -> bool {
        !self.issuer.is_empty()
    }

    /// What no single type can say. Messages name the option.
    pub fn check(&self, loopback_http: bool) -> Result<(), String> {
        if !self.is_on() {
            return self.check_off();
        }
        self.check_issuer(loopback_http)?;
        for (option, value) in [
            ("name", &self.name),
            ("client_id", &self.client_id),
            ("person_claim", &self.person_claim),
            ("name_claim", &self.name_claim),
        ] {
            if value.trim().is_empty() {
                return Err(format!("upstream.{option} is needed with upstream.issuer"));
            }
        }
        if self.secret_file.is_empty() == self.secret_environment.is_empty() {
            return Err(
                "upstream.secret_file or upstream.secret_environment must say where the client's secret is: one of the two"
                    .into(),
            );
        }
        self.check_parameters()?;
        self.check_roles()?;
        if self
            .two_factor_acr
            .iter()
            .chain(&self.two_factor_amr)
            .any(String::is_empty)
        {
            return Err(
                "upstream.two_factor_acr and upstream.two_factor_amr hold no empty values".into(),
            );
        }
        unknown_people(&self.unknown_people).map(|_| ())
    }

    /// Options of a provider that is not there would be missed.
    fn check_off(&self) -> Result<(), String> {
        let set = [
            ("name", !self.name.is_empty()),
            ("client_id", !self.client_id.is_empty()),
            ("secret_file", !self.secret_file.is_empty()),
            ("secret_environment", !self.secret_environment.is_empty()),
            ("local_password", !self.local_password),
        ];
        match set.iter().find(|(_, set)| *set) {
            Some((option, _)) => Err(format!(
                "upstream.{option} is set without upstream.issuer: there is no provider to sign in with"
            )),
            None => Ok(()),
        }
    }

    fn check_issuer(&self, loopback_http: bool) -> Result<(), String> {
        let issuer = self.issuer.as_str();
        let plain =
            issuer.bytes().all(|b| b.is_ascii_graphic()) && !issuer.contains(['?', '#', '@']);
        let good = issuer.starts_with("https://") || loopback_http && is_http_here(issuer);
        match plain && good {
            true => Ok(()),
            false => Err(
                "upstream.issuer must be the https:// URL that the provider's discovery document names as its issuer \
                 (in development, with egress.loopback_http, also http:// on this machine)"
                    .into(),
            ),
        }
    }

    /// What the flow itself sends cannot be sent twice.
    fn check_parameters(&self) -> Result<(), String> {
        const OWN: [&str; 12] = [
            "response_type",
            "response_mode",
            "client_id",
            "redirect_uri",
            "scope",
            "state",
            "nonce",
            "code_challenge",
            "code_challenge_method",
            "max_age",
            "prompt",
            "acr_values",
        ];
        match self
            .parameters
            .keys()
            .find(|name| OWN.contains(&name.as_str()))
        {
            Some(name) => Err(format!(
                "upstream.parameters holds {name}, which this server sends itself"
            )),
            None => Ok(()),
        }
    }

    fn check_roles(&self) -> Result<(), String> {
        if self.roles_claim.is_empty() != self.roles.is_empty() {
            return Err(
                "upstream.roles_claim and upstream.roles belong together: the claim, and which of its values gives which role".into(),
            );
        }
        let known = Roles::seeded();
        match self.roles.values().find(|role| known.get(role).is_none()) {
            None => Ok(()),
            Some(role) => {
                let names: Vec<&str> = known.iter().map(|role| role.name.as_str()).collect();
                Err(format!(
                    "upstream.roles gives the role {role}, which there is not: choose of {}",
                    names.join(", ")
                ))
            }
        }
    }

    /// The secret as a start reads it. Errors name the option and never hold it.
    pub fn secret(&self) -> Result<String, String> {
        let (option, read) = match self.secret_file.is_empty() {
            true => {
                let name = &self.secret_environment;
                let read = std::env::var(name);
                let read = read.map_err(|_| format!("the environment has no variable {name}"));
                ("upstream.secret_environment", read)
            }
            false => (
                "upstream.secret_file",
                read_file(Path::new(&self.secret_file)),
            ),
        };
        let secret = read.map_err(|why| format!("{option}: {why}"))?;
        let secret = secret.trim();
        // X62: what examples show, or what the provider gives every client.
        let is_default = DEFAULT_SECRETS.contains(&secret.to_ascii_lowercase().as_str())
            || secret == self.client_id && !secret.is_empty();
        if is_default {
            return Err(format!(
                "{option}: this is a secret that everybody tries first; have the provider make another"
            ));
        }
        let is_secret = !secret.is_empty()
            && secret.len() <= SECRET_BYTES_MAX
            && !secret.chars().any(char::is_control);
        match is_secret {
            true => Ok(secret.to_owned()),
            false => Err(format!(
                "{option}: this is no secret: one line of text is expected"
            )),
        }
    }

    /// For the authorization server; `None` when no provider is named.
    pub fn settings(&self) -> Result<Option<settings::Upstream>, String> {
        if !self.is_on() {
            return Ok(None);
        }
        let named = |claim: &String| (!claim.is_empty()).then(|| claim.clone());
        Ok(Some(settings::Upstream {
            name: self.name.trim().to_owned(),
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            client_secret: ClientSecret::new(self.secret()?),
            scopes: self.scopes.clone(),
            acr_values: self.acr_values.clone(),
            parameters: self.parameters.clone(),
            claims: settings::Claims {
                person: self.person_claim.clone(),
                name: self.name_claim.clone(),
                fhir_user: named(&self.fhir_user_claim),
                fhir_user_prefix: self.fhir_user_prefix.clone(),
                roles: named(&self.roles_claim),
            },
            roles: self.roles.clone(),
            two_factors: TwoFactors {
                acr: self.two_factor_acr.clone(),
                amr: self.two_factor_amr.clone(),
            },
            unknown_people: unknown_people(&self.unknown_people)?,
            local_password: self.local_password,
        }))
    }
}

fn unknown_people(text: &str) -> Result<UnknownPeople, String> {
    match text {
        "refuse" => Ok(UnknownPeople::Refuse),
        "create" => Ok(UnknownPeople::Create),
        _ => Err("upstream.unknown_people must be refuse or create".into()),
    }
}

/// Others on this machine must not be able to read it.
fn read_file(path: &Path) -> Result<String, String> {
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;
    let at = path.display();
    let file = std::fs::File::open(path).map_err(|e| format!("cannot read {at}: {e}"))?;
    let mode = file
        .metadata()
        .map_err(|e| format!("cannot read {at}: {e}"))?;
    if mode.permissions().mode() & 0o077 != 0 {
        return Err(format!(
            "{at} is open to others than its owner: chmod 600 {at}"
        ));
    }
    let mut text = String::new();
    let most = u64::try_from(SECRET_BYTES_MAX).unwrap_or(u64::MAX);
    file.take(most + 1)
        .read_to_string(&mut text)
        .map_err(|e| format!("cannot read {at}: {e}"))?;
    Ok(text)
}

#[cfg(test)]
#[path = "upstream_tests.rs"]
mod tests;
