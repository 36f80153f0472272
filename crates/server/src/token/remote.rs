//! The authorization server of a running Ward, as a client meets it.

use crate::dev_certificates::DevFiles;
use reqwest::{Certificate, Client, RequestBuilder, Response, redirect};
use serde::Deserialize;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;
use ward_resources::search::encode_query;
use ward_smart::settings::origin;

pub struct Remote {
    http: Client,
    base: String,
    data: String,
}

/// Where its endpoints are. <https://hl7.org/fhir/smart-app-launch/STU2.2/conformance.html>
#[derive(Deserialize)]
pub struct Endpoints {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
}

impl Endpoints {
    /// Passwords, codes and assertions go nowhere but to the server that was named (X66).
    fn are_at(&self, origin: &str) -> bool {
        let below = |url: &String| {
            let path = url.strip_prefix(origin);
            path.is_some_and(|path| path.starts_with('/'))
        };
        self.issuer == origin && below(&self.authorization_endpoint) && below(&self.token_endpoint)
    }
}

/// What the token endpoint gives.
#[derive(Clone, Deserialize)]
pub struct Issued {
    pub access_token: String,
    /// Seconds.
    pub expires_in: u64,
}

const TIMEOUT: Duration = Duration::from_secs(30);

impl Remote {
    /// Over TLS it trusts the authorities of this machine, and the one that `ward cert dev` or `--tls dev` made in the data folder.
    pub fn open(base: &str, data: &Path) -> Result<Remote, String> {
        let builder = Client::builder()
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            // The server is this machine's, or where its configuration says.
            .no_proxy();
        let builder = match base.starts_with("https://") {
            true => builder.tls_certs_merge(own_authorities(data)?),
            // In clear there is nobody to trust, and a machine need not have any authorities.
            false => builder.tls_certs_only([]),
        };
        Ok(Remote {
            http: builder
                .build()
                .map_err(|e| format!("no HTTP client: {e}"))?,
            base: base.to_owned(),
            data: data.display().to_string(),
        })
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub async fn endpoints(&self) -> Result<Endpoints, String> {
        let url = format!("{}/.well-known/smart-configuration", self.base);
        let answer = self.send(self.http.get(url)).await?;
        let endpoints: Endpoints = answer
            .json()
            .await
            .map_err(|_| format!("what answers at {} is no SMART server", self.base))?;
        match endpoints.are_at(&origin(&self.base)) {
            true => Ok(endpoints),
            false => Err(format!(
                "what answers at {} has its endpoints elsewhere",
                self.base
            )),
        }
    }

    /// Asks the token endpoint.
    pub async fn token(&self, endpoint: &str, fields: &[(&str, &str)]) -> Result<Issued, String> {
        let answer = self.send(self.post(endpoint, fields)).await?;
        let status = answer.status();
        let text = answer.text().await.map_err(|e| self.problem(&e))?;
        if status.is_success() {
            return serde_json::from_str(&text)
                .map_err(|e| format!("the token endpoint's answer cannot be read: {e}"));
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Refusal {
            error: String,
            error_description: String,
        }
        let refusal: Refusal = serde_json::from_str(&text).unwrap_or_default();
        Err(format!(
            "the server gives no token ({status} {}): {}",
            refusal.error, refusal.error_description
        ))
    }

    pub fn get(&self, url: &str) -> RequestBuilder {
        self.http.get(url)
    }

    /// A form, as browsers and clients send it.
    pub fn post(&self, url: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        self.http
            .post(url)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form(fields))
    }

    pub async fn send(&self, request: RequestBuilder) -> Result<Response, String> {
        request.send().await.map_err(|e| self.problem(&e))
    }

    fn problem(&self, error: &reqwest::Error) -> String {
        let (base, data) = (&self.base, &self.data);
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        let io = cause.downcast_ref::<std::io::Error>();
        match io.map(std::io::Error::kind) {
            Some(ErrorKind::ConnectionRefused) => format!(
                "no server answers at {base}; start it with: ward serve --demo --data {data}"
            ),
            _ => format!("the server at {base} cannot be asked: {cause}"),
        }
    }
}

/// What `ward cert dev` or `--tls dev` made in the data folder.
pub fn own_authorities(data: &Path) -> Result<Vec<Certificate>, String> {
    let path = DevFiles::of(data).authority();
    match std::fs::read(&path) {
        Ok(pem) => Certificate::from_pem_bundle(&pem)
            .map_err(|e| format!("{} cannot be understood: {e}", path.display())),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(e) => Err(format!("cannot read {}: {e}", path.display())),
    }
}

/// `application/x-www-form-urlencoded`; also the query of a URL.
pub fn form(fields: &[(&str, &str)]) -> String {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    encode_query(&fields.iter().map(owned).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x66_endpoints_are_at_the_server_that_was_named() {
        const OWN: &str = "http://127.0.0.1:8080";
        let at = |issuer: &str, authorize: &str, token: &str| {
            let endpoints = Endpoints {
                issuer: issuer.to_owned(),
                authorization_endpoint: format!("{authorize}/auth/authorize"),
                token_endpoint: format!("{token}/auth/token"),
            };
            endpoints.are_at(OWN)
        };
        assert!(at(OWN, OWN, OWN));
        for look_alike in [
            "http://127.0.0.1:80801",
            "http://127.0.0.1:8080@evil.example",
            "http://127.0.0.1:8080.evil.example",
            "https://127.0.0.1:8080",
            "http://127.0.0.1",
            "",
        ] {
            assert!(!at(look_alike, OWN, OWN), "{look_alike}");
            assert!(!at(OWN, look_alike, OWN), "{look_alike}");
            assert!(!at(OWN, OWN, look_alike), "{look_alike}");
        }
    }
}
