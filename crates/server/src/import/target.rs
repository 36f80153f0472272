//! Where documents go: the store itself, through the same door as a request; or a running server over HTTP.

use super::reader::Document;
use crate::activity::{self, Activity};
use crate::config::Config;
use crate::egress::is_http_here;
use crate::token::bearer::Bearer;
use crate::{data_folder, wiring};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use ward_access::Caller;
use ward_resources::{Body, Call, Engine, Format, Interaction, route};

pub enum Target {
    Store {
        engine: Arc<Engine>,
        loader: Arc<Caller>,
    },
    Server {
        base: String,
        bearer: Bearer,
        /// Trusted beside those of this machine.
        authorities: Vec<reqwest::Certificate>,
    },
}

/// One thread's connection to the target.
pub struct Sender<'a> {
    target: &'a Target,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

impl Target {
    /// A running server, and what opens it.
    pub fn server(
        base: &str,
        bearer: Bearer,
        authorities: Vec<reqwest::Certificate>,
    ) -> Result<Target, String> {
        // In clear the token and the records would be everybody's on the way.
        if !base.starts_with("https://") && !is_http_here(base) {
            return Err(
                "--to takes the https:// URL of a server, or http:// on this machine".into(),
            );
        }
        let target = Target::Server {
            base: base.trim_end_matches('/').to_owned(),
            bearer,
            authorities,
        };
        // What fails here would fail in every thread.
        target.client()?;
        if let Target::Server { bearer, .. } = &target {
            bearer.current(&runtime()?)?;
        }
        Ok(target)
    }

    /// The store itself.
    pub fn store(config: &Config) -> Result<Target, String> {
        wiring::start_logging(config)?;
        data_folder::create(&config.store.data)?;
        let base = match data_folder::read_demo(&config.store.data)? {
            Some(demo) => demo.base,
            None => config.base_url(config.server.listen),
        };
        let master = data_folder::master_key(config, true)?;
        let engine = runtime()?.block_on(wiring::engine(config, &master, base))?;
        let loader = wiring::loader("ward import")?;
        Ok(Target::Store { engine, loader })
    }

    /// Tells targets apart in the journal, without a password.
    pub fn name(&self, config: &Config) -> String {
        match self {
            Target::Server { base, .. } => base.clone(),
            Target::Store { .. } if config.store.database.is_empty() => "embedded".to_owned(),
            Target::Store { .. } => without_user(&config.store.database),
        }
    }

    /// Runs `f` with a sender of this thread.
    pub fn work(&self, f: impl FnOnce(&mut Sender<'_>)) {
        match runtime().and_then(|runtime| Ok((runtime, self.client()?))) {
            Ok((runtime, client)) => f(&mut Sender {
                target: self,
                runtime,
                client,
            }),
            Err(problem) => tracing::error!(problem, "a thread could not start"),
        }
    }

    /// Trusts the authorities of this machine, or those in the file that SSL_CERT_FILE names. In clear there is nobody to trust,
    /// and a machine need not have any.
    fn client(&self) -> Result<reqwest::Client, String> {
        // Neither token nor records go where a server points to.
        let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let builder = match self {
            Target::Server {
                base, authorities, ..
            } if base.starts_with("https://") => builder.tls_certs_merge(authorities.clone()),
            // Nor to a proxy, which would hear all of it.
            _ => builder.tls_certs_only([]).no_proxy(),
        };
        let client = builder.build();
        client.map_err(|e| format!("no HTTP client: {e}"))
    }

    /// Records what was done, where no server does.
    pub fn close(&self, stored: usize, failed: usize) -> Result<(), String> {
        let Target::Store { engine, .. } = self else {
            return Ok(());
        };
        let about = format!("resources={stored}&failed={failed}");
        runtime()?.block_on(async {
            let done = activity::record(engine, SOURCE, Activity::Import, &about).await;
            engine.store().close().await;
            done
        })
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("no runtime: {e}"))
}

/// The place that a database URL names: host, port, database, and parameters that are no secret.
fn without_user(url: &str) -> String {
    let place = url.rsplit_once('@').map_or(url, |(_, place)| place);
    let (place, query) = place.split_once('?').unwrap_or((place, ""));
    let open = query.split('&').filter(|p| !p.starts_with("password"));
    format!("{place}?{}", open.collect::<Vec<_>>().join("&"))
}

/// As records name where it comes from.
const SOURCE: &str = "import";

/// How a document is sent: method, path below the base.
fn destination(document: &Document) -> Result<(route::Method, String), String> {
    #[derive(serde::Deserialize)]
    struct Head {
        #[serde(rename = "resourceType")]
        resource_type: String,
        #[serde(default)]
        id: Option<String>,
        #[serde(default, rename = "type")]
        kind: Option<Value>,
    }
    let head: Head = serde_json::from_slice(&document.0)
        .map_err(|e| format!("is not a resource in JSON: {e}"))?;
    let is_request = head
        .kind
        .as_ref()
        .and_then(Value::as_str)
        .is_some_and(|k| k == "transaction" || k == "batch");
    Ok(match head {
        Head { resource_type, .. } if resource_type == "Bundle" && is_request => {
            (route::Method::Post, String::new())
        }
        Head {
            resource_type,
            id: Some(id),
            ..
        } => (route::Method::Put, format!("{resource_type}/{id}")),
        Head {
            resource_type,
            id: None,
            ..
        } => (route::Method::Post, resource_type),
    })
}

impl Sender<'_> {
    /// Stores one document; returns how many resources it made.
    pub fn send(&mut self, document: &Document) -> Result<usize, String> {
        let (method, path) = destination(document)?;
        match self.target {
            Target::Store { engine, loader } => {
                let mut request_id = [0; 16];
                ward_seal::random::fill(&mut request_id);
                let interaction = route::route(method, &path).map_err(|f| text(&f.to_json()))?;
                let is_batch = interaction == Interaction::Bundle;
                let mut call = Call::new(interaction, request_id, SOURCE.into());
                call.body = Some(Body {
                    bytes: document.0.clone().into(),
                    format: Format::Json,
                });
                let reply = self.runtime.block_on(engine.answer(loader, &call));
                judge(reply.status, reply.json().unwrap_or_default(), is_batch)
            }
            Target::Server { base, bearer, .. } => {
                let url = format!("{base}/{path}");
                let mut answer = self.ask(bearer, method, &url, document)?;
                for _ in 1..TRIES_MAX {
                    let Some(wait) = answer.wait(method) else {
                        break;
                    };
                    std::thread::sleep(wait);
                    answer = self.ask(bearer, method, &url, document)?;
                }
                judge(answer.status, &answer.body, path.is_empty())
            }
        }
    }

    fn ask(
        &self,
        bearer: &Bearer,
        method: route::Method,
        url: &str,
        document: &Document,
    ) -> Result<Answer, String> {
        let token = bearer.current(&self.runtime)?;
        let request = match method {
            route::Method::Put => self.client.put(url),
            _ => self.client.post(url),
        };
        let request = request
            .bearer_auth(token)
            .header("Content-Type", "application/fhir+json")
            .body(document.0.clone());
        let answer = self.runtime.block_on(async {
            let response = request.send().await?;
            let retry_after = response.headers().get(reqwest::header::RETRY_AFTER);
            let retry_after = retry_after.and_then(|value| value.to_str().ok());
            Ok(Answer {
                status: response.status().as_u16(),
                retry_after_s: retry_after.and_then(|seconds| seconds.parse().ok()),
                body: response.bytes().await?.into(),
            })
        });
        answer.map_err(|e: reqwest::Error| format!("the server does not answer: {e}"))
    }
}

/// How often a document is sent that the server asks to send later.
const TRIES_MAX: u32 = 20;
/// Longest wait between two of them, whatever the server says.
const WAIT_S_MAX: u64 = 60;

struct Answer {
    status: u16,
    retry_after_s: Option<u64>,
    body: Vec<u8>,
}

impl Answer {
    /// The server says when to come back, and what is sent again is stored once: it has taken nothing (429), or the same under
    /// the same id makes no difference. A Bundle or POST that was answered with 503 may have been stored nevertheless.
    fn wait(&self, method: route::Method) -> Option<Duration> {
        let later = match self.status {
            429 => true,
            503 => method == route::Method::Put,
            _ => false,
        };
        let seconds = self.retry_after_s.filter(|_| later)?;
        Some(Duration::from_secs(seconds.min(WAIT_S_MAX)))
    }
}

/// A batch succeeds as a whole and may fail in its entries.
fn judge(status: u16, body: &[u8], is_bundle: bool) -> Result<usize, String> {
    if !(200..300).contains(&status) {
        return Err(format!("{status}: {}", text(body)));
    }
    if !is_bundle {
        return Ok(1);
    }
    let bundle: Value =
        serde_json::from_slice(body).map_err(|e| format!("the answer is not JSON: {e}"))?;
    let entries = bundle["entry"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    for (n, entry) in entries.iter().enumerate() {
        let status = entry["response"]["status"].as_str().unwrap_or_default();
        if !status.starts_with('2') {
            return Err(format!(
                "entry {n}: {status}: {}",
                diagnostics(&entry["response"]["outcome"])
            ));
        }
    }
    Ok(entries.len())
}

fn text(outcome: &[u8]) -> String {
    serde_json::from_slice(outcome).map_or_else(
        |_| String::from_utf8_lossy(outcome).chars().take(300).collect(),
        |v| diagnostics(&v),
    )
}

/// The issues of an OperationOutcome, one after the other.
fn diagnostics(outcome: &Value) -> String {
    let issues = outcome["issue"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let texts: Vec<String> = issues
        .iter()
        .filter(|i| i["severity"] != "warning")
        .map(|i| {
            let place = i["expression"][0]
                .as_str()
                .map_or(String::new(), |e| format!(" ({e})"));
            format!("{}{place}", i["diagnostics"].as_str().unwrap_or_default())
        })
        .collect();
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    fn target(base: &str) -> Result<Target, String> {
        crate::tls::install_provider();
        Target::server(base, Bearer::Given("canary".into()), Vec::new())
    }

    /// X66: the token goes to the server that was named, by TLS or within this machine.
    #[test]
    fn x66_what_is_imported_is_not_sent_in_clear() {
        for base in [
            "http://ward.example/fhir",
            "http://127.0.0.1.evil.example/fhir",
            "http://127.0.0.1@evil.example/fhir",
            "ftp://127.0.0.1/fhir",
        ] {
            let refused = target(base).err().unwrap_or_default();
            assert!(
                refused.contains("https:// URL of a server"),
                "{base}: {refused}"
            );
        }
        assert!(target("http://127.0.0.1:1/fhir").is_ok());
    }

    #[test]
    fn x66_no_redirect_takes_records_elsewhere() {
        let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a port");
        elsewhere.set_nonblocking(true).expect("a listener");
        let server = TcpListener::bind("127.0.0.1:0").expect("a port");
        let base = format!("http://{}/fhir", server.local_addr().expect("an address"));
        let to = elsewhere.local_addr().expect("an address");
        let redirecting = std::thread::spawn(move || {
            let (mut stream, _) = server.accept().expect("a connection");
            let _ = stream.read(&mut [0; 4096]);
            let answer = format!(
                "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{to}/fhir/Patient\r\n\
                 Content-Length: 0\r\nConnection: close\r\n\r\n"
            );
            stream.write_all(answer.as_bytes()).expect("an answer");
        });
        let patient = Document(br#"{"resourceType":"Patient"}"#.to_vec());
        let mut sent = None;
        target(&base)
            .expect("a target")
            .work(|sender| sent = Some(sender.send(&patient)));
        redirecting.join().expect("an answer");
        let refused = sent.expect("an attempt").expect_err("a redirect");
        assert!(refused.starts_with("307"), "{refused}");
        assert!(elsewhere.accept().is_err(), "somebody was asked elsewhere");
    }

    #[test]
    fn a_target_is_named_without_password() {
        assert_eq!(
            without_user("postgres://ward:p@ss@db.example:5432/ward?sslmode=disable&password=x"),
            "db.example:5432/ward?sslmode=disable"
        );
    }
}
