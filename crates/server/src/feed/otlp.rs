//! Events to a collector of OpenTelemetry, as log records in JSON over HTTP.
//! <https://opentelemetry.io/docs/specs/otlp/#otlphttp> <https://opentelemetry.io/docs/specs/otel/logs/data-model/>

use super::event::Event;
use super::message::Severity;
use crate::config::AuditFeed;
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity};
use serde_json::{Value, json};
use std::time::Duration;

/// Time for a request with its answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of the events of one request, unless one alone has more.
const REQUEST_BYTES: usize = 2 * 1024 * 1024;
/// Longest answer that is looked at.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

pub struct Otlp {
    pub url: String,
    client: Client,
    host: String,
}

/// For all collectors. They are the installation's to name, so they may have private addresses; nothing is followed elsewhere.
pub fn client(feed: &AuditFeed) -> Result<Client, String> {
    let builder = Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .user_agent("ward");
    let builder = match feed.authorities.as_str() {
        "" => builder,
        file => {
            let pem = read("audit_feed.authorities", file)?;
            let found = Certificate::from_pem_bundle(&pem);
            let found = found.map_err(|e| format!("audit_feed.authorities {file}: {e}"))?;
            builder.tls_certs_only(found)
        }
    };
    let builder = match feed.own_certificate() {
        None => builder,
        Some([certificate, key]) => {
            let pem = [read(certificate.0, certificate.1)?, read(key.0, key.1)?].concat();
            let own = Identity::from_pem(&pem);
            builder.identity(own.map_err(|e| format!("{} and {}: {e}", certificate.0, key.0))?)
        }
    };
    let cannot = |e| {
        format!(
            "audit_feed.otlp_to: no client can be made: {e}; does this machine know authorities?"
        )
    };
    builder.build().map_err(cannot)
}

fn read(option: &str, file: &str) -> Result<Vec<u8>, String> {
    std::fs::read(file).map_err(|e| format!("{option} {file}: {e}"))
}

impl Otlp {
    pub fn new(url: &str, client: Client, host: &str) -> Otlp {
        Otlp {
            url: url.to_owned(),
            client,
            host: host.to_owned(),
        }
    }

    /// When it returns, the collector has them. Errors: why not, without anything of the events; it may have some.
    pub async fn send(&self, events: &[Event]) -> Result<(), String> {
        let mut rest = events;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |event: &&Event| {
                bytes += event.json.len();
                bytes <= REQUEST_BYTES
            };
            let count = rest.iter().take_while(fits).count().max(1);
            self.post(&rest[..count]).await?;
            rest = &rest[count..];
        }
        Ok(())
    }

    async fn post(&self, events: &[Event]) -> Result<(), String> {
        let body = request(&self.host, events).to_string();
        let request = self.client.post(&self.url).timeout(TIMEOUT);
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        let answer = request.send().await.map_err(|e| reason(&e))?;
        let status = answer.status().as_u16();
        if status != 200 {
            return Err(format!("the collector answers {status}"));
        }
        let rejected = rejected(answer).await?;
        // Sent again it would be rejected again: so the protocol forbids it.
        if rejected > 0 {
            tracing::error!(
                url = self.url,
                rejected,
                "the collector has rejected audit events"
            );
        }
        Ok(())
    }
}

/// How many of them it says that it does not take.
async fn rejected(mut answer: reqwest::Response) -> Result<u64, String> {
    let mut body = Vec::new();
    while let Some(part) = answer.chunk().await.map_err(|e| reason(&e))? {
        if body.len() + part.len() > ANSWER_BYTES_MAX {
            return Ok(0);
        }
        body.extend_from_slice(&part);
    }
    let said: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let rejected = &said["partialSuccess"]["rejectedLogRecords"];
    // 64-bit numbers are texts in this JSON.
    let text = rejected.as_str().and_then(|text| text.parse().ok());
    Ok(rejected.as_u64().or(text).unwrap_or(0))
}

fn reason(error: &reqwest::Error) -> String {
    let what = match error {
        _ if error.is_timeout() => "it does not answer in time",
        _ if error.is_connect() => "it cannot be reached",
        _ => "the connection broke",
    };
    what.to_owned()
}

/// `ExportLogsServiceRequest`
fn request(host: &str, events: &[Event]) -> Value {
    let records: Vec<Value> = events.iter().map(log_record).collect();
    json!({ "resourceLogs": [{
        "resource": { "attributes": [attribute("service.name", "ward"), attribute("host.name", host)] },
        "scopeLogs": [{ "scope": { "name": "ward.audit" }, "logRecords": records }]
    }] })
}

fn log_record(event: &Event) -> Value {
    // <https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber>
    let (number, text) = match event.severity {
        Severity::Notice => (9, "INFO"),
        Severity::Warning => (13, "WARN"),
        Severity::Alert => (17, "ERROR"),
    };
    json!({
        "timeUnixNano": format!("{}000", event.at_us),
        "severityNumber": number,
        "severityText": text,
        "eventName": "AuditEvent",
        "body": { "stringValue": String::from_utf8_lossy(&event.json) },
        "attributes": [attribute("log.record.uid", &event.id)]
    })
}

fn attribute(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_what_the_protocol_asks_for() {
        let event = Event {
            id: "abc".into(),
            at_us: 1_700_000_000_000_001,
            severity: Severity::Warning,
            json: b"{\"resourceType\":\"AuditEvent\"}".to_vec(),
        };
        let said = request("ward.example", &[event]);
        let record = &said["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0];
        assert_eq!(record["timeUnixNano"], "1700000000000001000");
        assert_eq!(record["severityNumber"], 13);
        assert_eq!(
            record["body"]["stringValue"],
            "{\"resourceType\":\"AuditEvent\"}"
        );
        assert_eq!(record["attributes"][0]["value"]["stringValue"], "abc");
    }
}
