//! The one client for URLs that others gave us (X64, X65): key sets, discovery, the token endpoint of the upstream provider.
//!
//! A URL is refused by its form, then by each address that its host has; the connection goes to exactly those addresses. No
//! redirect is followed, no proxy used, nothing of ours is sent along but what is posted.

mod address;
mod url;

use crate::config::{Config, Egress};
use address::{is_private, is_public};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Certificate, RequestBuilder};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use url::Permitted;
pub use url::is_http_here;
use ward_smart::fetch::{Fetch, FetchError, Fetched, Fetching, Posted};

/// Time for the whole of a request, name resolution and body included.
pub const TIMEOUT: Duration = Duration::from_secs(3);
/// Addresses of one host that are looked at; one more refuses it.
const ADDRESSES_MAX: usize = 16;

/// Keeps no connections: what was checked at the last request says nothing of the next.
pub struct EgressClient {
    client: reqwest::Client,
    rules: url::Rules,
}

impl EgressClient {
    /// On a machine without certificate authorities nothing https can be fetched; the log says so.
    pub fn new(egress: &Egress) -> Result<EgressClient, String> {
        let rules = url::Rules {
            ports: egress.ports.clone(),
            loopback_http: egress.loopback_http,
            private: Vec::new(),
        };
        EgressClient::by(rules, Vec::new())
    }

    /// For what the upstream provider publishes and answers: also to the private hosts that the installation names, and with its
    /// authorities. Errors name the option.
    pub fn for_upstream(config: &Config) -> Result<EgressClient, String> {
        let upstream = &config.upstream;
        let private = upstream.private_hosts.iter().map(|host| {
            url::Private::parse(host).ok_or_else(|| {
                format!("upstream.private_hosts: {host} is no host, and no host:port")
            })
        });
        let rules = url::Rules {
            ports: config.egress.ports.clone(),
            loopback_http: config.egress.loopback_http,
            private: private.collect::<Result<_, _>>()?,
        };
        EgressClient::by(rules, authorities(&upstream.ca_file)?)
    }

    /// For URLs that the installation itself names: also to private addresses of their hosts, and their ports.
    pub fn for_named(egress: &Egress, urls: &[&str]) -> Result<EgressClient, String> {
        let hosts = urls.iter().filter_map(|url| url::Private::of_url(url));
        let rules = url::Rules {
            ports: egress.ports.clone(),
            loopback_http: egress.loopback_http,
            private: hosts.collect(),
        };
        EgressClient::by(rules, Vec::new())
    }

    fn by(rules: url::Rules, authorities: Vec<Certificate>) -> Result<EgressClient, String> {
        let guard = Arc::new(Guard {
            loopback: rules.loopback_http,
            private: rules.private.iter().map(|one| one.host.clone()).collect(),
        });
        let builder = || {
            reqwest::Client::builder()
                .redirect(Policy::none())
                .no_proxy()
                .no_gzip()
                .referer(false)
                .timeout(TIMEOUT)
                .pool_max_idle_per_host(0)
                .dns_resolver(guard.clone())
                .tls_certs_merge(authorities.clone())
                .user_agent("ward")
        };
        let client = builder().build().or_else(|_| {
            tracing::warn!("this machine has no certificate authorities: https URLs of clients cannot be fetched");
            builder().tls_certs_only(authorities.clone()).build()
        });
        let client =
            client.map_err(|e| format!("the client for outgoing URLs cannot be made: {e}"))?;
        Ok(EgressClient { client, rules })
    }

    async fn fetch(&self, url: &str, bytes_max: usize) -> Result<Fetched, FetchError> {
        let Permitted(url) = self.rules.check(url)?;
        answered(self.client.get(url), bytes_max).await
    }

    async fn send(&self, posted: Posted<'_>, bytes_max: usize) -> Result<Fetched, FetchError> {
        let Permitted(url) = self.rules.check(posted.url)?;
        let mut request = self.client.post(url).body(posted.body.to_vec());
        for (name, value) in posted.headers {
            request = request.header(name, value);
        }
        answered(request, bytes_max).await
    }
}

async fn answered(request: RequestBuilder, bytes_max: usize) -> Result<Fetched, FetchError> {
    let mut response = request.send().await.map_err(failure)?;
    let status = response.status().as_u16();
    let headers = response.headers().iter();
    let headers = headers.filter_map(|(name, value)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    });
    let headers = headers.collect();
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(failure)? {
        if body.len() + part.len() > bytes_max {
            return Err(FetchError::TooLarge);
        }
        body.extend_from_slice(&part);
    }
    Ok(Fetched {
        status,
        headers,
        body,
    })
}

/// The certificates of a PEM file; none when there is no file.
fn authorities(file: &str) -> Result<Vec<Certificate>, String> {
    if file.is_empty() {
        return Ok(Vec::new());
    }
    let pem =
        std::fs::read(file).map_err(|e| format!("upstream.ca_file: cannot read {file}: {e}"))?;
    let found = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    match found.is_empty() {
        true => Err(format!(
            "upstream.ca_file: {file} holds no certificate in PEM"
        )),
        false => Ok(found),
    }
}

impl Fetch for EgressClient {
    fn get<'a>(&'a self, url: &'a str, bytes_max: usize) -> Fetching<'a> {
        Box::pin(self.fetch(url, bytes_max))
    }

    fn post<'a>(&'a self, posted: Posted<'a>, bytes_max: usize) -> Fetching<'a> {
        Box::pin(self.send(posted, bytes_max))
    }
}

/// Resolves names; a host with one address that is not permitted has none.
struct Guard {
    loopback: bool,
    /// Names whose addresses may be private.
    private: Vec<String>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let trust = self.trust(name.as_str());
        Box::pin(async move {
            // The port is the URL's: 0 says so to the connector.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Addrs = Box::new(trust.checked(found)?.into_iter());
            Ok(addresses)
        })
    }
}

impl Guard {
    fn trust(&self, name: &str) -> Trust {
        Trust {
            loopback: self.loopback,
            private: self.private.iter().any(|host| host == name),
        }
    }
}

/// Which addresses beside public ones a name may have.
#[derive(Clone, Copy)]
struct Trust {
    loopback: bool,
    private: bool,
}

impl Trust {
    /// The addresses that are connected to, which are all that the name has now.
    fn checked(self, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
        let found: Vec<SocketAddr> = found.take(ADDRESSES_MAX + 1).collect();
        let permitted = |address: &SocketAddr| {
            is_public(address.ip())
                || self.loopback && address.ip().is_loopback()
                || self.private && is_private(address.ip())
        };
        match found.len() <= ADDRESSES_MAX && found.iter().all(permitted) {
            true => Ok(found),
            false => Err(Refused),
        }
    }
}

#[derive(Debug)]
struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an address that is not public")
    }
}

impl std::error::Error for Refused {}

/// The guard's refusal travels as the innermost source of the client's error.
fn failure(error: reqwest::Error) -> FetchError {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = source {
        if error.is::<Refused>() {
            return FetchError::AddressRefused;
        }
        source = error.source();
    }
    FetchError::Unreachable
}

#[cfg(test)]
#[path = "egress_tests.rs"]
mod tests;
