//! The audit log as a stream, in and out: docs/guide/audit-feed.md.

use super::Tls;
use crate::egress::is_http_here;
use crate::feed::server_name;
use serde::Deserialize;
use std::net::SocketAddr;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditFeed {
    pub syslog_listen: String,
    pub syslog_clients: String,
    pub syslog_to: Vec<String>,
    pub otlp_to: Vec<String>,
    pub authorities: String,
    pub certificate_file: String,
    pub key_file: String,
}

impl AuditFeed {
    /// Where syslog is taken; `None`: nowhere.
    pub fn listen(&self) -> Result<Option<SocketAddr>, String> {
        match self.syslog_listen.as_str() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| {
                "audit_feed.syslog_listen must be an address and a port, e.g. 127.0.0.1:6514"
                    .to_owned()
            }),
        }
    }

    /// What this server shows to collectors, by option and file.
    pub fn own_certificate(&self) -> Option<[(&str, &str); 2]> {
        let own = [
            (
                "audit_feed.certificate_file",
                self.certificate_file.as_str(),
            ),
            ("audit_feed.key_file", self.key_file.as_str()),
        ];
        (!self.certificate_file.is_empty()).then_some(own)
    }
}

/// What can be said without reading a file.
pub fn check(feed: &AuditFeed, tls: &Tls) -> Result<(), String> {
    if feed.listen()?.is_some() {
        if !tls.is_on() {
            return Err("audit_feed.syslog_listen needs a certificate: set tls.certificate_file and tls.key_file".into());
        }
        if feed.syslog_clients.is_empty() {
            return Err("audit_feed.syslog_listen needs audit_feed.syslog_clients: nobody is taken without a certificate".into());
        }
    }
    for address in &feed.syslog_to {
        server_name(address).map_err(|e| format!("audit_feed.syslog_to: {e}"))?;
    }
    if !feed.syslog_to.is_empty() && feed.authorities.is_empty() {
        return Err(
            "audit_feed.syslog_to needs audit_feed.authorities: who certifies the collectors"
                .into(),
        );
    }
    for url in &feed.otlp_to {
        if !url.starts_with("https://") && !is_http_here(url) {
            return Err(format!(
                "audit_feed.otlp_to: {url} is not https (http is taken on this machine alone)"
            ));
        }
    }
    if feed.certificate_file.is_empty() != feed.key_file.is_empty() {
        return Err("audit_feed.certificate_file and audit_feed.key_file go together".into());
    }
    let mut names: Vec<&String> = feed.syslog_to.iter().chain(&feed.otlp_to).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    match names.len() == count {
        true => Ok(()),
        false => Err("audit_feed names a collector twice".into()),
    }
}
