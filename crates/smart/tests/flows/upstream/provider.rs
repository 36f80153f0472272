//! An OpenID provider made for the tests: it publishes, takes the form of the token endpoint, and says what the test wants.

use crate::answers::*;
use crate::house::*;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use ward_seal::{SigningKey, base64url, from_base64url, hash, pkce};
use ward_smart::fetch::{Fetch, FetchError, Fetched, Fetching, Posted};

pub const UPSTREAM: &str = "https://id.example/realms/city";
pub const SECRET: &str = "canary secret & more";
const TOKEN: &str = "https://id.example/realms/city/token";
const KEYS: &str = "https://id.example/realms/city/keys";
const AT: &str = "canary-access-token";

pub struct Upstream {
    pub key: Mutex<SigningKey>,
    /// Members of the discovery document that the test changes.
    pub document: Mutex<Value>,
    pub is_down: AtomicBool,
    pub fetches_of_keys: AtomicUsize,
    /// What the token endpoint was sent.
    pub posted: Mutex<Vec<BTreeMap<String, String>>>,
    codes: Mutex<BTreeMap<String, Issued>>,
}

struct Issued {
    challenge: String,
    redirect_uri: String,
    id_token: String,
}

/// How an id_token is signed.
pub enum Signed<'a> {
    Well,
    ByStranger,
    /// `alg` none.
    Not,
    /// HS256 with this as the key.
    ByText(&'a str),
}

impl Upstream {
    pub fn new() -> Upstream {
        Upstream {
            key: Mutex::new(SigningKey::generate()),
            document: Mutex::new(json!({})),
            is_down: AtomicBool::new(false),
            fetches_of_keys: AtomicUsize::new(0),
            posted: Mutex::default(),
            codes: Mutex::default(),
        }
    }

    /// The person signs in there; what the browser brings back. `changes`: claims in place of the usual ones, null takes one away.
    pub fn sign_in(
        &self,
        asked: &BTreeMap<String, String>,
        changes: Value,
        signed: &Signed,
    ) -> String {
        let code = ward_seal::random::token();
        let issued = Issued {
            challenge: asked["code_challenge"].clone(),
            redirect_uri: asked["redirect_uri"].clone(),
            id_token: self.id_token(&asked["nonce"], changes, signed),
        };
        self.codes.lock().unwrap().insert(code.clone(), issued);
        format!("state={}&code={code}", asked["state"])
    }

    fn id_token(&self, nonce: &str, changes: Value, signed: &Signed) -> String {
        let mut claims = json!({
            "iss": UPSTREAM, "sub": "u-1", "aud": "ward", "exp": NOW_S + 300, "iat": NOW_S,
            "auth_time": NOW_S - 5, "nonce": nonce, "amr": ["pwd", "otp", "mfa"], "name": "Imani Okafor",
            "preferred_username": "okafor", "fhirUser": "Practitioner/9", "groups": ["doctors"],
            "at_hash": base64url(&hash::sha256(AT.as_bytes())[..16]),
        });
        let members = claims.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => members.remove(name),
                value => members.insert(name.clone(), value.clone()),
            };
        }
        let payload = claims.to_string();
        let unsigned = |header: Value| {
            format!(
                "{}.{}",
                base64url(header.to_string().as_bytes()),
                base64url(payload.as_bytes())
            )
        };
        match signed {
            Signed::Well => self.key.lock().unwrap().sign("JWT", payload.as_bytes()),
            Signed::ByStranger => {
                // Under the name of the key that is published.
                let token = SigningKey::generate().sign("JWT", payload.as_bytes());
                let signature = token.rsplit('.').next().unwrap().to_owned();
                let kid = self.key.lock().unwrap().kid().to_owned();
                format!(
                    "{}.{signature}",
                    unsigned(json!({ "alg": "ES256", "kid": kid }))
                )
            }
            Signed::Not => format!("{}.", unsigned(json!({ "alg": "none" }))),
            Signed::ByText(key) => {
                let kid = self.key.lock().unwrap().kid().to_owned();
                let signed = unsigned(json!({ "alg": "HS256", "kid": kid }));
                let mac = hash::hmac_sha256(key.as_bytes(), signed.as_bytes());
                format!("{signed}.{}", base64url(&mac))
            }
        }
    }

    fn discovery(&self) -> Value {
        let mut document = json!({
            "issuer": UPSTREAM,
            "authorization_endpoint": format!("{UPSTREAM}/auth"),
            "token_endpoint": TOKEN,
            "jwks_uri": KEYS,
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        let changes = self.document.lock().unwrap().clone();
        for (name, value) in changes.as_object().unwrap() {
            document[name] = value.clone();
        }
        document
    }

    /// The token endpoint: the secret, the code, its redirect URI and the verifier must fit.
    fn redeem(&self, posted: Posted<'_>) -> Result<Value, &'static str> {
        let authorization = posted
            .headers
            .iter()
            .find(|(name, _)| name == "authorization");
        let coded = authorization.unwrap().1.strip_prefix("Basic ").unwrap();
        let form = String::from_utf8(posted.body.to_vec()).unwrap();
        let form: BTreeMap<String, String> = pairs(&form).into_iter().collect();
        self.posted.lock().unwrap().push(form.clone());
        let basic = String::from_utf8(ward_seal::from_base64(coded).unwrap()).unwrap();
        // RFC 6749 §2.3.1: form-urlencoded.
        if basic != "ward:canary+secret+%26+more" {
            return Err("invalid_client");
        }
        let issued = self.codes.lock().unwrap().remove(&form["code"]);
        let issued = issued.ok_or("invalid_grant")?;
        let fits = pkce::verify(&issued.challenge, &form["code_verifier"])
            && issued.redirect_uri == form["redirect_uri"]
            && form["grant_type"] == "authorization_code";
        if !fits {
            return Err("invalid_grant");
        }
        Ok(json!({
            "access_token": AT, "token_type": "Bearer", "expires_in": 60, "id_token": issued.id_token
        }))
    }
}

impl Fetch for Upstream {
    fn get<'a>(&'a self, url: &'a str, _: usize) -> Fetching<'a> {
        let body = match url {
            _ if self.is_down.load(Ordering::Relaxed) => None,
            KEYS => {
                self.fetches_of_keys.fetch_add(1, Ordering::Relaxed);
                let key = self.key.lock().unwrap().public_jwk();
                Some(format!(r#"{{"keys":[{key}]}}"#))
            }
            "https://id.example/realms/city/.well-known/openid-configuration" => {
                Some(self.discovery().to_string())
            }
            other => panic!("nobody asks for {other}"),
        };
        Box::pin(std::future::ready(
            body.map(|body| answer(200, body))
                .ok_or(FetchError::Unreachable),
        ))
    }

    fn post<'a>(&'a self, posted: Posted<'a>, _: usize) -> Fetching<'a> {
        assert_eq!(posted.url, TOKEN);
        let answered = match self.is_down.load(Ordering::Relaxed) {
            true => Err(FetchError::Unreachable),
            false => Ok(match self.redeem(posted) {
                Ok(token) => answer(200, token.to_string()),
                Err(error) => answer(
                    400,
                    json!({ "error": error, "error_description": "canary" }).to_string(),
                ),
            }),
        };
        Box::pin(std::future::ready(answered))
    }
}

fn answer(status: u16, body: String) -> Fetched {
    Fetched {
        status,
        headers: vec![
            ("content-type".to_owned(), "application/json".to_owned()),
            ("cache-control".to_owned(), "max-age=3600".to_owned()),
        ],
        body: body.into_bytes(),
    }
}

/// The claims of a token, unchecked.
pub fn claims_of(token: &str) -> Value {
    let payload = from_base64url(token.split('.').nth(1).unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}
