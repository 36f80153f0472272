//! One client: one connection that is kept alive, one request at a time, each measured from sending to the last byte.

use std::time::Instant;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, LOCATION,
};
use hyper::{Method, Request};

use crate::connection::{Answered, Connection};
use crate::record::Record;
use crate::target::Target;
use crate::tokens::Token;

const FHIR_JSON: HeaderValue = HeaderValue::from_static("application/fhir+json");
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// What stands for a server's base URL.
pub const BASE: &str = "BASE";

pub struct Client {
    target: Target,
    token: Option<Token>,
    connection: Connection,
    /// When the next request should have been sent, where that was earlier than it is: then it is measured from then.
    pub due: Option<Instant>,
    pub record: Record,
}

pub struct Reply {
    pub status: u16,
    pub location: Option<String>,
    pub body: Bytes,
}

impl Client {
    /// Client number `n`; connects with its first request.
    pub fn new(target: &Target, n: usize, record: Record) -> Result<Self, String> {
        let token = match target.tokens.len() {
            0 => None,
            many => Some(target.tokens[n % many].clone()),
        };
        Ok(Self {
            target: target.clone(),
            token,
            connection: Connection::to(&target.authority),
            due: None,
            record,
        })
    }

    pub async fn get(&mut self, name: &'static str, path: &str) -> Option<Reply> {
        self.call(name, Method::GET, path, None, &[200]).await
    }

    /// Path and query of a link, below the base URL; `None`: it leads elsewhere.
    pub fn below_base(&self, url: &str) -> Option<String> {
        let path = url.split_once("://").map_or(url, |(_, rest)| {
            rest.find('/').map_or("", |slash| &rest[slash..])
        });
        let below = path.strip_prefix(self.target.path.as_str())?;
        Some(below.trim_start_matches('/').to_owned())
    }

    /// Asks without an expectation. Errors: the connection failed.
    pub async fn ask(&mut self, path: &str) -> Result<Reply, String> {
        let request = self.request(Method::GET, path, None)?;
        Ok(self.connection.exchange(request).await?.into())
    }

    /// A text of the server with [`BASE`] in the place of its base URL.
    pub fn without_base(&self, text: &str) -> String {
        let base = format!("{}{}", self.target.authority, self.target.path);
        let bare = base.strip_suffix(":80").map(str::to_owned);
        let of = |scheme: &str, base: &str| format!("{scheme}://{base}");
        let text = text.replace(&of("http", &base), BASE);
        match bare {
            Some(bare) => text.replace(&of("http", &bare), BASE),
            None => text,
        }
    }

    pub async fn create(&mut self, kind: &str, body: String) -> Option<Reply> {
        self.call("create", Method::POST, kind, Some(body.into()), &[201])
            .await
    }

    pub async fn update(&mut self, path: &str, body: String) -> Option<Reply> {
        self.call("update", Method::PUT, path, Some(body.into()), &[200])
            .await
    }

    pub async fn delete(&mut self, path: &str) -> Option<Reply> {
        self.call("delete", Method::DELETE, path, None, &[200, 204])
            .await
    }

    pub async fn transaction(&mut self, bundle: Bytes) -> Option<Reply> {
        self.call("transaction", Method::POST, "", Some(bundle), &[200])
            .await
    }

    /// Sends and measures; None where the connection failed or the status is not expected (both are counted).
    pub async fn call(
        &mut self,
        name: &'static str,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        expected: &[u16],
    ) -> Option<Reply> {
        let request = self.request(method, path, body);
        self.send(name, request, expected).await
    }

    /// Sends a form to a path of the server, which need not be below the base, without a token.
    pub async fn form(
        &mut self,
        name: &'static str,
        path: &str,
        fields: String,
        expected: &[u16],
    ) -> Option<Reply> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(HOST, &self.target.authority)
            .header(CONTENT_TYPE, FORM)
            .body(Full::new(Bytes::from(fields)))
            .map_err(|e| format!("request: {e}"));
        self.send(name, request, expected).await
    }

    async fn send(
        &mut self,
        name: &'static str,
        request: Result<Request<Full<Bytes>>, String>,
        expected: &[u16],
    ) -> Option<Reply> {
        let begun = self.due.take().unwrap_or_else(Instant::now);
        let answer = match request {
            Ok(request) => self.connection.exchange(request).await.map(Reply::from),
            Err(problem) => Err(problem),
        };
        match answer {
            Ok(reply) if expected.contains(&reply.status) => {
                self.record
                    .answered(name, begun.elapsed(), reply.body.len());
                Some(reply)
            }
            Ok(reply) => {
                self.record.failed(format!("{name}: {}", reply.status));
                None
            }
            Err(problem) => {
                self.record.failed(format!("{name}: {problem}"));
                None
            }
        }
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<Request<Full<Bytes>>, String> {
        let base = &self.target.path;
        let uri = match path {
            "" if base.is_empty() => "/".to_owned(),
            "" => base.clone(),
            path => format!("{base}/{path}"),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header(HOST, &self.target.authority)
            .header(ACCEPT, FHIR_JSON);
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, token.header());
        }
        if self.target.gzip {
            request = request.header(ACCEPT_ENCODING, "gzip");
        }
        if let Some(steps) = self.target.steps {
            request = request.header("x-ward-bench-steps", steps);
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, FHIR_JSON);
        }
        request
            .body(Full::new(body.unwrap_or_default()))
            .map_err(|e| format!("request: {e}"))
    }
}

impl From<Answered> for Reply {
    fn from(answered: Answered) -> Reply {
        let location = answered.headers.get(LOCATION);
        Reply {
            status: answered.status.as_u16(),
            location: location.and_then(|v| v.to_str().ok()).map(str::to_owned),
            body: answered.body,
        }
    }
}

impl Reply {
    /// The id in `Location: …/Patient/<id>/_history/1`.
    pub fn id(&self) -> Option<String> {
        let location = self.location.as_deref()?;
        let resource = location.split("/_history/").next()?;
        resource
            .rsplit('/')
            .next()
            .filter(|id| !id.is_empty())
            .map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_read_from_location() {
        let id = |location: &str| {
            Reply {
                status: 201,
                location: Some(location.to_owned()),
                body: Bytes::new(),
            }
            .id()
        };
        assert_eq!(
            id("http://h/fhir/Patient/a-1/_history/1").as_deref(),
            Some("a-1")
        );
        assert_eq!(id("Patient/a-1").as_deref(), Some("a-1"));
        assert_eq!(id(""), None);
    }
}
