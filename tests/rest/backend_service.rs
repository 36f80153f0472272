//! A backend service that speaks to the token endpoint itself, for tokens that `ward token` would not ask for.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html>

use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};
use ward_seal::hash::sha256;
use ward_seal::{Es384Key, SigningKey, base64url, from_base64, random};
use ward_testkit::{Answer, Client, Request, Server};

pub struct BackendService {
    client: Client,
    /// As the server publishes them.
    token_endpoint: String,
    revocation_endpoint: String,
    /// Scheme and authority that requests go to, where it is another than the published one: of several nodes one.
    origin: Option<String>,
    client_id: String,
    scope: String,
    key: Es384Key,
    /// How far the server's clock is from this one, in seconds.
    pub clock_s: i64,
}

const FORM: &str = "application/x-www-form-urlencoded";

impl BackendService {
    /// The demo's loader, which may do everything.
    pub fn of(server: &Server) -> BackendService {
        let pem = std::fs::read_to_string(server.data().join("demo/loader.pem")).unwrap();
        let lines = pem.lines().filter(|line| !line.starts_with('-'));
        let pkcs8 = from_base64(&lines.collect::<String>()).unwrap();
        let key = Es384Key::from_pkcs8(&pkcs8).unwrap();
        BackendService::new(server.anonymous(), "demo-loader", "system/*.cruds", key)
    }

    /// Whoever is registered with this key. `client` says where the server is.
    pub fn new(client: Client, client_id: &str, scope: &str, key: Es384Key) -> BackendService {
        let known = client.get(".well-known/smart-configuration").expect(200);
        let known = known.json();
        let endpoint = |name: &str| known[name].as_str().unwrap().to_owned();
        BackendService {
            token_endpoint: endpoint("token_endpoint"),
            revocation_endpoint: endpoint("revocation_endpoint"),
            origin: None,
            client_id: client_id.to_owned(),
            scope: scope.to_owned(),
            key,
            client,
            clock_s: 0,
        }
    }

    /// The same as it asks the server of this origin.
    pub fn at(&self, origin: &str) -> BackendService {
        BackendService {
            client: self.client.clone(),
            token_endpoint: self.token_endpoint.clone(),
            revocation_endpoint: self.revocation_endpoint.clone(),
            origin: Some(origin.to_owned()),
            client_id: self.client_id.clone(),
            scope: self.scope.clone(),
            key: Es384Key::from_pkcs8(self.key.to_pkcs8()).unwrap(),
            clock_s: self.clock_s,
        }
    }

    /// The same over connections of another client, such as one with a certificate.
    pub fn over(&self, client: Client) -> BackendService {
        BackendService {
            client,
            ..self.at(origin_of(&self.token_endpoint))
        }
    }

    /// Proof of who asks, for one use at the token endpoint. <https://www.rfc-editor.org/rfc/rfc7523>
    pub fn assertion(&self) -> String {
        let claims = json!({ "iss": self.client_id, "sub": self.client_id, "aud": self.token_endpoint, "iat": self.now_s(),
            "exp": self.now_s() + 60, "jti": random::uuid() });
        self.key.sign("JWT", claims.to_string().as_bytes())
    }

    pub fn token(&self) -> String {
        let answer = self.ask_token(None).expect(200).json();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// A token that is good with proofs of the key only (S106).
    pub fn bound_token(&self, holder: &mut Holder) -> String {
        let proof = holder.proof("POST", &self.token_endpoint, None, self.now_s());
        let wants_nonce = self.ask_token(Some(&proof));
        holder.nonce = wants_nonce.header("DPoP-Nonce").map(str::to_owned);
        let proof = holder.proof("POST", &self.token_endpoint, None, self.now_s());
        let answer = match wants_nonce.status {
            200 => wants_nonce,
            _ => self.ask_token(Some(&proof)).expect(200),
        };
        let answer = answer.json();
        assert_eq!(answer["token_type"], "DPoP", "{answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// <https://www.rfc-editor.org/rfc/rfc7009>
    pub fn revoke(&self, token: &str) {
        let body = format!("token={token}&{}", proven(&self.assertion()));
        let request = self.request(&self.revocation_endpoint);
        request.body(FORM, body.into_bytes()).send().expect(200);
    }

    /// With an assertion that was made before.
    pub fn ask_with(&self, assertion: &str) -> Answer {
        let body = format!("{}&{}", self.grant(), proven(assertion));
        let request = self.request(&self.token_endpoint);
        request.body(FORM, body.into_bytes()).send()
    }

    /// With a DPoP proof where there is one.
    pub fn ask_token(&self, proof: Option<&str>) -> Answer {
        let body = format!("{}&{}", self.grant(), proven(&self.assertion()));
        let mut request = self.request(&self.token_endpoint);
        if let Some(proof) = proof {
            request = request.header("DPoP", proof);
        }
        request.body(FORM, body.into_bytes()).send()
    }

    fn grant(&self) -> String {
        let scope = self.scope.replace('/', "%2F").replace(' ', "+");
        format!("grant_type=client_credentials&scope={scope}")
    }

    /// To a published endpoint, wherever it is asked.
    fn request(&self, endpoint: &str) -> Request {
        let path = &endpoint[origin_of(endpoint).len()..];
        let origin = self.origin.as_deref().unwrap_or(origin_of(endpoint));
        self.client.request("POST", &format!("{origin}{path}"))
    }

    pub fn now_s(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        i64::try_from(since.as_secs()).unwrap() + self.clock_s
    }
}

/// Scheme and authority.
fn origin_of(url: &str) -> &str {
    let authority = url.find("://").unwrap() + 3;
    let end = url[authority..].find('/').unwrap_or(url.len() - authority);
    &url[..authority + end]
}

fn proven(assertion: &str) -> String {
    let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    format!("client_assertion_type={kind}&client_assertion={assertion}")
}

/// Who holds the key of a bound token. <https://www.rfc-editor.org/rfc/rfc9449>
pub struct Holder {
    key: SigningKey,
    pub nonce: Option<String>,
}

impl Holder {
    pub fn new() -> Holder {
        Holder {
            key: SigningKey::generate(),
            nonce: None,
        }
    }

    /// The same with the nonce that another was given.
    pub fn knowing(self, other: &Holder) -> Holder {
        Holder {
            nonce: other.nonce.clone(),
            ..self
        }
    }

    pub fn proof(&self, method: &str, url: &str, token: Option<&str>, now_s: i64) -> String {
        let mut claims: Value =
            json!({ "jti": random::uuid(), "htm": method, "htu": url, "iat": now_s });
        if let Some(nonce) = &self.nonce {
            claims["nonce"] = nonce.as_str().into();
        }
        if let Some(token) = token {
            claims["ath"] = base64url(&sha256(token.as_bytes())).into();
        }
        self.key.prove(claims.to_string().as_bytes())
    }
}
