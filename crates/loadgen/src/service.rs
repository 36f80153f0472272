//! A backend service of our own: it is registered, approved by an administrator, and signs its assertions.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html>

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use ward_seal::{Es384Key, RsaAlgorithm, RsaKey, TotpSecret, random, totp};

use crate::browser::{Browser, form};
use crate::target::Target;

/// The algorithms that SMART names for client assertions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Algorithm {
    #[value(name = "ES384")]
    Es384,
    #[value(name = "RS384")]
    Rs384,
}

impl Algorithm {
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Es384 => "ES384",
            Algorithm::Rs384 => "RS384",
        }
    }
}

pub struct Service {
    key: Key,
    client_id: String,
    /// Whom assertions are for.
    token_url: String,
    scope: String,
}

enum Key {
    Es384(Box<Es384Key>),
    Rs384(Box<RsaKey>),
}

/// How long an assertion can be used: the most that a server takes is five minutes, and clocks may differ a little.
pub const ASSERTION_LIFETIME_S: u64 = 285;

/// Where Ward's pages are, below the server's origin.
pub const SIGN_IN: &str = "/auth/sign-in";
const CLIENTS: &str = "/auth/clients";

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Service {
    /// With a new key, registered where the server says, and approved by the administrator whose secrets are in `admin` (as the
    /// demo's folder holds them). Errors: registration by anybody is off, or the administrator cannot sign in.
    pub async fn registered(
        target: &Target,
        algorithm: Algorithm,
        scope: &str,
        admin: &Path,
    ) -> Result<Service, String> {
        let key = Key::generate(algorithm);
        let mut browser = Browser::new(&target.authority);
        let discovery = format!("{}/.well-known/smart-configuration", target.path);
        let known = document(browser.get(&discovery).await?.text())?;
        let url = |name: &str| {
            let url = known[name].as_str().map(str::to_owned);
            url.ok_or_else(|| {
                format!(
                    "the server tells no {name}: start it with WARD_SMART_OPEN_REGISTRATION=true"
                )
            })
        };
        let (token_url, register_url) = (url("token_endpoint")?, url("registration_endpoint")?);
        let metadata = metadata(&key, scope);
        let answer = browser.send_json(path(&register_url), metadata).await?;
        let made = document(answer.text())?;
        let client_id = made["client_id"].as_str().map(str::to_owned);
        let client_id = client_id.ok_or_else(|| format!("not registered: {}", answer.text()))?;
        approve(&mut browser, &client_id, admin).await?;
        Ok(Service {
            key,
            client_id,
            token_url,
            scope: scope.to_owned(),
        })
    }

    /// Path of the token endpoint.
    pub fn token_path(&self) -> &str {
        path(&self.token_url)
    }

    /// The form that asks for a token, good once within [`ASSERTION_LIFETIME_S`].
    pub fn asks(&self) -> String {
        let now_s = now_s();
        let claims = json!({
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.token_url,
            "iat": now_s,
            "exp": now_s + ASSERTION_LIFETIME_S as i64,
            "jti": random::uuid(),
        });
        let assertion = self.key.sign(claims.to_string().as_bytes());
        form(&[
            ("grant_type", "client_credentials"),
            ("scope", &self.scope),
            ("client_assertion_type", ASSERTION_TYPE),
            ("client_assertion", &assertion),
        ])
    }
}

impl Key {
    fn generate(algorithm: Algorithm) -> Key {
        match algorithm {
            Algorithm::Es384 => Key::Es384(Box::new(Es384Key::generate())),
            Algorithm::Rs384 => Key::Rs384(Box::new(RsaKey::generate())),
        }
    }

    fn public(&self) -> String {
        match self {
            Key::Es384(key) => key.public().to_json(),
            Key::Rs384(key) => key.public().to_json(),
        }
    }

    fn sign(&self, claims: &[u8]) -> String {
        match self {
            Key::Es384(key) => key.sign("JWT", claims),
            Key::Rs384(key) => key.sign(RsaAlgorithm::Rs384, "JWT", claims),
        }
    }
}

/// <https://www.rfc-editor.org/rfc/rfc7591#section-2>
fn metadata(key: &Key, scope: &str) -> String {
    let key: Value = serde_json::from_str(&key.public()).unwrap_or_default();
    let metadata = json!({
        "client_name": "Load generator",
        "owner": "Whoever measures",
        "purpose": "Asks for tokens",
        "contacts": ["load@hospital.example.org"],
        "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "private_key_jwt",
        "scope": scope,
        "jwks": { "keys": [key] },
    });
    metadata.to_string()
}

/// Signs the administrator in with password and code, and approves the client.
async fn approve(browser: &mut Browser, client_id: &str, admin: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(admin).map_err(|e| format!("{}: {e}", admin.display()))?;
    let secrets = document(&text)?;
    let secret = |name: &str| secrets[name].as_str().unwrap_or_default().to_owned();
    let page = browser.get(SIGN_IN).await?;
    let csrf = page
        .csrf()
        .ok_or("the sign-in page has no form")?
        .to_owned();
    let (username, password) = (secret("username"), secret("password"));
    let fields = [
        ("username", username.as_str()),
        ("password", &password),
        ("csrf", &csrf),
    ];
    let answer = browser.send(SIGN_IN, &fields).await?;
    let factor = answer.location.ok_or("the password was not taken")?;
    let page = browser.get(&factor).await?;
    let csrf = page.csrf().ok_or("no code is asked for")?.to_owned();
    let totp = TotpSecret::from_base32(&secret("totp_secret")).ok_or("totp_secret is none")?;
    let present = totp::step(now_s());
    let mut is_in = false;
    // The present one may have been used by somebody else just now.
    for step in present..=present + totp::WINDOW_STEPS {
        let code = totp.code(step);
        let fields = [("code", code.as_str()), ("csrf", &csrf)];
        is_in = is_in || browser.send(&factor, &fields).await?.location.is_some();
    }
    if !is_in {
        return Err("no code was taken".to_owned());
    }
    let client = format!("{CLIENTS}?client={client_id}");
    let page = browser.get(&client).await?;
    let csrf = page
        .csrf()
        .ok_or("the registry is not open to this account")?;
    let fields = [("decision", "approve"), ("csrf", csrf)];
    let done = browser.send(&client, &fields).await?;
    match done.status {
        200 => Ok(()),
        status => Err(format!("the client was not approved: {status}")),
    }
}

fn document(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|e| format!("no JSON: {e}"))
}

/// Path and query of a URL.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("/", |slash| &rest[slash..])
}

fn now_s() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_have_paths() {
        assert_eq!(path("http://h:1/auth/token"), "/auth/token");
        assert_eq!(path("http://h:1"), "/");
        assert_eq!(path("/auth/token?a=b"), "/auth/token?a=b");
    }

    #[test]
    fn what_is_registered_is_what_signs() {
        for (algorithm, kind) in [(Algorithm::Es384, "EC"), (Algorithm::Rs384, "RSA")] {
            let key = Key::generate(algorithm);
            let metadata = document(&metadata(&key, "system/Patient.rs")).unwrap();
            let registered = &metadata["jwks"]["keys"][0];
            assert_eq!(registered["kty"], kind);
            assert!(registered["d"].is_null() && registered["p"].is_null());
            let service = Service {
                key,
                client_id: "a client".to_owned(),
                token_url: "http://h/auth/token".to_owned(),
                scope: "system/Patient.rs".to_owned(),
            };
            let (one, other) = (service.asks(), service.asks());
            assert!(one.starts_with("grant_type=client_credentials&scope=system%2FPatient.rs&"));
            assert_ne!(one, other, "each can be used once");
            let assertion = one.rsplit_once('=').unwrap().1;
            let header = assertion.split('.').next().unwrap();
            let header = ward_seal::from_base64url(header).unwrap();
            let header = document(&String::from_utf8(header).unwrap()).unwrap();
            assert_eq!(header["kid"], registered["kid"]);
            assert_eq!(header["alg"], algorithm.name());
        }
    }
}
