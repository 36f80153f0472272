//! A small blocking FHIR client for tests that read as a conversation.

use crate::token::Token;
use serde_json::Value;
use std::time::Duration;

#[derive(Clone)]
pub struct Client {
    pub base: String,
    token: Option<Token>,
    inner: reqwest::blocking::Client,
}

pub struct Request {
    inner: reqwest::blocking::RequestBuilder,
}

pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub bytes: Vec<u8>,
}

impl Client {
    pub fn new(base: &str, token: Option<String>) -> Self {
        Self::trusting(base, token, &[])
    }

    /// A client that trusts these authorities (PEM), and none but them.
    pub fn trusting(base: &str, token: Option<String>, authorities: &[u8]) -> Self {
        Self::built(base, token, authorities, None)
    }

    /// The same with a client certificate and its private key (PEM), and no token.
    pub fn showing_certificate(base: &str, authorities: &[u8], identity: &[u8]) -> Self {
        Self::built(base, None, authorities, Some(identity))
    }

    fn built(
        base: &str,
        token: Option<String>,
        authorities: &[u8],
        identity: Option<&[u8]>,
    ) -> Self {
        install_provider();
        let authorities = reqwest::Certificate::from_pem_bundle(authorities).expect("PEM");
        // Bodies are seen as they were sent, whatever reqwest's features can unpack.
        let builder = reqwest::blocking::Client::builder()
            .no_gzip()
            .no_zstd()
            .no_brotli()
            .no_deflate();
        let builder = match identity {
            Some(pair) => builder.identity(reqwest::Identity::from_pem(pair).expect("PEM")),
            None => builder,
        };
        let inner = builder
            .timeout(Duration::from_secs(120))
            .no_proxy()
            .tls_certs_only(authorities)
            .build()
            .expect("a client");
        Self {
            base: base.to_owned(),
            token: token.map(Token::fixed),
            inner,
        }
    }

    /// The same as somebody else.
    pub(crate) fn showing(self, token: Token) -> Self {
        Self {
            token: Some(token),
            ..self
        }
    }

    /// `path` is below the base, or an absolute URL.
    pub fn request(&self, method: &str, path: &str) -> Request {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}/{path}", self.base)
        };
        let mut inner = self.inner.request(method.parse().expect("a method"), url);
        if let Some(token) = &self.token {
            inner = inner.bearer_auth(token.text());
        }
        Request { inner }
    }

    pub fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send()
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.request("POST", path).json(body).send()
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.request("PUT", path).json(body).send()
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.request("DELETE", path).send()
    }
}

/// reqwest is built without a choice of its own. Others of the same process may have been first.
pub fn install_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

impl Request {
    /// Bytes as they are: a value need not be ASCII.
    pub fn header(self, name: &str, value: &str) -> Self {
        Self {
            inner: self.inner.header(name, value.as_bytes()),
        }
    }

    pub fn json(self, body: &Value) -> Self {
        self.body("application/fhir+json", body.to_string().into_bytes())
    }

    pub fn body(self, content_type: &str, body: Vec<u8>) -> Self {
        Self {
            inner: self.inner.header("Content-Type", content_type).body(body),
        }
    }

    /// A body whose type, if any, is among the headers.
    pub fn bytes(self, body: Vec<u8>) -> Self {
        Self {
            inner: self.inner.body(body),
        }
    }

    pub fn send(self) -> Answer {
        let response = self.inner.send().expect("the server answers");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer {
            status,
            headers,
            bytes: response.bytes().expect("a whole body").to_vec(),
        }
    }

    /// `None` when the connection failed (a server being killed).
    pub fn try_send(self) -> Option<Answer> {
        let response = self.inner.send().ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Some(Answer {
            status,
            headers,
            bytes: response.bytes().ok()?.to_vec(),
        })
    }
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes)
            .unwrap_or_else(|e| panic!("not JSON ({e}): {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// Fails with the body when the status is another.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }

    pub fn id(&self) -> String {
        self.json()["id"]
            .as_str()
            .expect("a resource with an id")
            .to_owned()
    }

    /// `(issue code, expression)` of the first issue.
    pub fn issue(&self) -> (String, String) {
        let json = self.json();
        let issue = &json["issue"][0];
        (
            issue["code"].as_str().unwrap_or_default().to_owned(),
            issue["expression"][0]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    }
}
