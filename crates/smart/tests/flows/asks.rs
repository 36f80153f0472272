//! What is asked of the authorization server, in order until a test spoils it.

use crate::answers::pairs;
use crate::house::*;
use serde_json::Value;
use ward_seal::{base64url, hash};
use ward_smart::{Answer, AuthorizationServer, Endpoint, Meter, Parameters, Request};

/// An authorization request in order, which a test then spoils.
#[derive(Clone)]
pub struct Asked {
    pub pairs: Vec<(String, String)>,
    pub now_s: i64,
}

pub fn asked(scope: &str) -> Asked {
    let challenge = base64url(&hash::sha256(VERIFIER.as_bytes()));
    let pairs = [
        ("response_type", "code"),
        ("client_id", "app"),
        ("redirect_uri", CALLBACK),
        ("scope", scope),
        ("state", "the state"),
        ("aud", BASE),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ];
    Asked {
        pairs: pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec(),
        now_s: NOW_S,
    }
}

impl Asked {
    pub fn with(mut self, name: &str, value: &str) -> Asked {
        self.pairs.retain(|(known, _)| known != name);
        self.pairs.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn twice(mut self, name: &str, value: &str) -> Asked {
        self.pairs.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Asked {
        self.pairs.retain(|(known, _)| known != name);
        self
    }

    pub fn at(mut self, now_s: i64) -> Asked {
        self.now_s = now_s;
        self
    }

    pub fn ask(&self) -> Ask {
        Ask {
            pairs: self.pairs.clone(),
            now_s: self.now_s,
            ..Ask::get("")
        }
    }
}

/// One request.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: &'static str,
    pub pairs: Vec<(String, String)>,
    pub json: Option<String>,
    pub authorization: Option<String>,
    pub dpop: Option<String>,
    pub cookie: Option<String>,
    pub device: Option<String>,
    pub certificate: Option<[u8; 32]>,
    pub source: String,
    pub now_s: i64,
}

impl Ask {
    pub fn get(query: &str) -> Ask {
        Ask {
            method: "GET",
            pairs: pairs(query),
            json: None,
            authorization: None,
            dpop: None,
            cookie: None,
            device: None,
            certificate: None,
            source: "192.0.2.1".to_owned(),
            now_s: NOW_S,
        }
    }

    pub fn post(fields: &[(&str, &str)]) -> Ask {
        let own = |(n, v): &(&str, &str)| ((*n).to_owned(), (*v).to_owned());
        Ask {
            method: "POST",
            pairs: fields.iter().map(own).collect(),
            ..Ask::get("")
        }
    }

    pub fn with(mut self, name: &str, value: &str) -> Ask {
        self.pairs.retain(|(known, _)| known != name);
        self.pairs.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Ask {
        self.pairs.retain(|(known, _)| known != name);
        self
    }

    /// The query of a form's action.
    pub fn query(mut self, action: &str) -> Ask {
        let query = action.split_once('?').map_or("", |(_, query)| query);
        self.pairs.extend(pairs(query));
        self
    }

    pub fn json(mut self, body: &Value) -> Ask {
        self.json = Some(body.to_string());
        self
    }

    pub fn cookie(mut self, cookie: &str) -> Ask {
        self.cookie = (!cookie.is_empty()).then(|| cookie.to_owned());
        self
    }

    pub fn device(mut self, secret: &str) -> Ask {
        self.device = (!secret.is_empty()).then(|| secret.to_owned());
        self
    }

    pub fn basic(self, id: &str, secret: &str) -> Ask {
        let coded = ward_seal::base64(format!("{id}:{secret}").as_bytes());
        self.authorization(&format!("Basic {coded}"))
    }

    pub fn authorization(mut self, value: &str) -> Ask {
        self.authorization = Some(value.to_owned());
        self
    }

    pub fn at(mut self, now_s: i64) -> Ask {
        self.now_s = now_s;
        self
    }

    pub async fn of(&self, server: &AuthorizationServer, endpoint: Endpoint) -> Answer {
        self.metered(server, endpoint, None).await
    }

    /// Where the request costs something.
    pub async fn metered(
        &self,
        server: &AuthorizationServer,
        endpoint: Endpoint,
        meter: Option<&dyn Meter>,
    ) -> Answer {
        let url = server.url(endpoint);
        let request = Request {
            parameters: Parameters::new(self.pairs.clone()),
            json: self.json.as_deref(),
            authorization: self.authorization.as_deref(),
            dpop: self.dpop.as_deref(),
            session: self.cookie.as_deref(),
            device: self.device.as_deref(),
            certificate: self.certificate,
            request_id: ward_seal::random::uuid().as_bytes()[..16]
                .try_into()
                .unwrap(),
            client_request_id: Some("asked"),
            source: &self.source,
            origin: None,
            method: self.method,
            url: &url,
            meter,
            now_s: self.now_s,
        };
        server.answer(endpoint, request).await
    }
}

/// A public app redeems its code.
pub fn redeem(code: &str) -> Ask {
    Ask::post(&[
        ("grant_type", "authorization_code"),
        ("client_id", "app"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ])
}

pub fn refresh(token: &Value) -> Ask {
    Ask::post(&[
        ("grant_type", "refresh_token"),
        ("client_id", "app"),
        ("refresh_token", token["refresh_token"].as_str().unwrap()),
    ])
}
