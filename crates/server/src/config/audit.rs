//! What a site decides about the audit log's tree.

use super::retention::Retention;
use serde::Deserialize;
use ward_audit::note::{Kind, VerifierKey};

/// `[audit]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Audit {
    pub origin: String,
    pub anchor_folder: String,
    pub anchor_interval_s: u64,
    pub witnesses: Vec<String>,
    pub witness_interval_s: u64,
    pub witnessed_logs: Vec<String>,
    pub retention_years: u32,
    pub retention_rules: Vec<String>,
    pub retention_hold: Vec<String>,
}

/// Messages name the option.
pub fn check(audit: &Audit) -> Result<(), String> {
    let is_bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if audit.origin.contains(is_bad) {
        return Err("audit.origin must have no spaces and no plus".into());
    }
    if audit.anchor_interval_s == 0 || audit.witness_interval_s == 0 {
        return Err(
            "audit.anchor_interval_s and audit.witness_interval_s must be at least 1".into(),
        );
    }
    Retention::of(audit)?;
    witnessed(audit).map(drop)
}

/// The logs that are witnessed.
pub fn witnessed(audit: &Audit) -> Result<Vec<VerifierKey>, String> {
    let key = |written: &String| {
        let key = VerifierKey::parse(written).filter(|key| key.kind() == Kind::Ed25519);
        key.ok_or_else(|| {
            format!(
                "audit.witnessed_logs: {written:?} is no key of a log (name+eight digits+base64)"
            )
        })
    };
    audit.witnessed_logs.iter().map(key).collect()
}

/// The name under which logs of others are witnessed.
pub fn witness_name(audit: &Audit, base: &str) -> String {
    format!("{}/witness", origin(audit, base).trim_end_matches("/audit"))
}

/// Which log it is, unless its key says so already: what is configured, or the host of the base URL.
pub fn origin(audit: &Audit, base: &str) -> String {
    if !audit.origin.is_empty() {
        return audit.origin.clone();
    }
    let host = base.split_once("://").map_or(base, |(_, rest)| rest);
    let host = host.split('/').next().unwrap_or(host);
    format!("{host}/ward/audit")
}
