//! Configuration: built-in defaults, one TOML file, the environment, command-line flags; later ones win.
//! Unknown options are refused. Every option is in [`OPTIONS`], which the guide and `ward check-config` are printed from.

pub mod audit;
mod audit_feed;
mod consent;
mod listener;
mod options;
pub mod retention;
mod shifts;
mod smart;
mod upstream;

use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use toml::{Table, Value};
use tracing_subscriber::EnvFilter;
use ward_fhir::TypeId;
use ward_fhir::schema::r4;
use ward_http::{PerMinute, ServerSettings};
use ward_resources::{ReferenceCheck, Settings, WitnessSettings};
use ward_smart::discovery::security_element;

pub use audit_feed::AuditFeed;
pub use options::{OPTIONS, OptionRow};
pub use upstream::Upstream;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: Server,
    pub tls: Tls,
    pub egress: Egress,
    pub store: Store,
    pub keys: Keys,
    pub search: Search,
    pub limits: Limits,
    pub rates: Rates,
    pub shifts: shifts::Shifts,
    pub consent: consent::Consent,
    pub smart: smart::Smart,
    pub upstream: Upstream,
    pub organization: smart::Organization,
    pub style: ward_smart::settings::Style,
    pub integrity: Integrity,
    pub audit: audit::Audit,
    pub audit_feed: AuditFeed,
    pub log: Log,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub listen: SocketAddr,
    pub base_url: String,
    pub metrics_listen: String,
    pub workers: usize,
    pub keep_alive_s: u64,
    pub request_head_timeout_s: u64,
    pub drain_s: u64,
    pub shutdown_timeout_s: u64,
    pub connections_max: usize,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    pub certificate_file: String,
    pub key_file: String,
    pub client_ca_file: String,
    pub development: bool,
    pub hsts_max_age_s: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    pub ports: Vec<u16>,
    pub loopback_http: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    pub data: PathBuf,
    pub database: String,
    pub statement_timeout_ms: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    pub master_file: String,
    pub master_environment: String,
    pub master_command: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Search {
    pub full_text: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub body_bytes_max: usize,
    pub page_entries_default: u32,
    pub page_entries_max: u32,
    pub bundle_entries_max: usize,
    pub bundle_answer_bytes_max: usize,
    pub transaction_reads_max: usize,
    pub body_part_timeout_s: u64,
    pub page_link_lifetime_s: u32,
    pub rows_examined_max: usize,
    pub costly_searches_per_client_max: u32,
    pub everything_entries_max: u32,
    pub write_attempts_max: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    pub client_per_minute: u32,
    pub user_per_minute: u32,
    pub address_per_minute: u32,
    pub unauthenticated_per_minute: u32,
    pub failures_per_minute: u32,
    pub patients_per_hour: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Integrity {
    pub reference_check: String,
    pub delete_check: bool,
    pub conditional_delete_max: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub filter: String,
    pub format: String,
}

/// Where the value of an option came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    File,
    Environment,
    Flag,
}

pub struct Loaded {
    pub config: Config,
    pub rows: Rows,
}

/// Every option with its effective TOML text and origin, in the order of [`OPTIONS`].
pub type Rows = Vec<(&'static OptionRow, String, Origin)>;

/// Whether somebody has given the option.
pub fn is_set(rows: &Rows, name: &str) -> bool {
    let found = rows.iter().find(|(option, _, _)| option.name == name);
    found.is_some_and(|(_, _, origin)| *origin != Origin::Default)
}

/// Options given on the command line: name and TOML text or plain string.
pub type Flags = Vec<(&'static str, String)>;

/// Merges defaults, file, environment and flags. Errors name the option and what to mend.
pub fn load(file: Option<&PathBuf>, flags: &Flags) -> Result<Loaded, String> {
    let given = match file {
        None => Table::new(),
        Some(path) => read_file(path)?,
    };
    if let Some(path) = file {
        refuse_unknown(&given).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let mut table = Table::new();
    let mut rows = Vec::with_capacity(OPTIONS.len());
    for option in OPTIONS {
        let (value, origin) = value(option, &given, flags)?;
        rows.push((option, value.to_string(), origin));
        let (section, key) = split(option.name);
        let section = table
            .entry(section)
            .or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(section) = section {
            section.insert(key.to_owned(), value);
        }
    }
    let config: Config = Value::Table(checked_listen(table)?)
        .try_into()
        .map_err(|e: toml::de::Error| e.message().to_owned())?;
    refuse_unknown_environment(
        std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()),
        &[
            &config.keys.master_environment,
            &config.upstream.secret_environment,
        ],
    )?;
    check(&config)?;
    Ok(Loaded { config, rows })
}

fn read_file(path: &PathBuf) -> Result<Table, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    text.parse()
        .map_err(|e: toml::de::Error| format!("{}: {e}", path.display()))
}

fn refuse_unknown(given: &Table) -> Result<(), String> {
    for (section, content) in given {
        let Value::Table(content) = content else {
            return Err(format!(
                "'{section}' is not a section; options are written [section] key = value"
            ));
        };
        for key in content.keys() {
            let name = format!("{section}.{key}");
            if !OPTIONS.iter().any(|o| o.name == name) {
                return Err(format!(
                    "unknown option '{name}'; 'ward check-config' lists all options"
                ));
            }
        }
    }
    Ok(())
}

/// A misspelt variable would else be passed over in silence. `secrets` are variables of the operator's own naming;
/// `WARD_TOKEN` and others that are under no section are not the configuration's.
fn refuse_unknown_environment(
    names: impl Iterator<Item = String>,
    secrets: &[&str],
) -> Result<(), String> {
    let of_section = |name: &str| {
        OPTIONS
            .iter()
            .any(|o| name.starts_with(&environment_name(&format!("{}.", split(o.name).0))))
    };
    for name in names.filter(|n| of_section(n) && !secrets.contains(&n.as_str())) {
        if !OPTIONS.iter().any(|o| environment_name(o.name) == name) {
            return Err(format!(
                "the environment sets the unknown option {name}; 'ward check-config --markdown' lists all"
            ));
        }
    }
    Ok(())
}

/// Its type would say "invalid socket address syntax" and not where.
fn checked_listen(table: Table) -> Result<Table, String> {
    let listen = table.get("server").and_then(|s| s.get("listen"));
    let is_address = listen
        .and_then(Value::as_str)
        .is_some_and(|text| text.parse::<SocketAddr>().is_ok());
    if is_address {
        Ok(table)
    } else {
        Err("server.listen must be an address and a port, e.g. 127.0.0.1:8080".to_owned())
    }
}

fn value(option: &OptionRow, given: &Table, flags: &Flags) -> Result<(Value, Origin), String> {
    let default: Value =
        parse(option.default).map_err(|_| format!("the default of {} is broken", option.name))?;
    if let Some((_, text)) = flags.iter().find(|(name, _)| *name == option.name) {
        return Ok((typed(option, &default, text)?, Origin::Flag));
    }
    if let Ok(text) = std::env::var(environment_name(option.name)) {
        return Ok((typed(option, &default, &text)?, Origin::Environment));
    }
    let (section, key) = split(option.name);
    match given.get(section).and_then(|s| s.get(key)) {
        Some(value) if value.same_type(&default) => Ok((value.clone(), Origin::File)),
        Some(value) => Err(format!(
            "{} must be {}, not {}",
            option.name,
            default.type_str(),
            value.type_str()
        )),
        None => Ok((default, Origin::Default)),
    }
}

/// Text from the environment or a flag as the type of the option.
fn typed(option: &OptionRow, default: &Value, text: &str) -> Result<Value, String> {
    if default.is_str() {
        return Ok(Value::String(text.to_owned()));
    }
    match parse(text) {
        Ok(value) if value.same_type(default) => Ok(value),
        _ => Err(format!(
            "{} must be {}, e.g. {}",
            option.name,
            default.type_str(),
            option.default
        )),
    }
}

fn parse(text: &str) -> Result<Value, ()> {
    let table: Table = format!("v = {text}").parse().map_err(|_| ())?;
    table.get("v").cloned().ok_or(())
}

fn split(name: &str) -> (&str, &str) {
    name.split_once('.').unwrap_or((name, ""))
}

/// `server.listen` is `WARD_SERVER_LISTEN`.
pub fn environment_name(name: &str) -> String {
    format!("WARD_{}", name.replace('.', "_").to_uppercase())
}

/// What no single type can say. Each message names the option.
fn check(config: &Config) -> Result<(), String> {
    listener::check(&config.server, &config.tls)?;
    if !config.store.database.is_empty()
        && !config.store.database.starts_with("postgres://")
        && !config.store.database.starts_with("postgresql://")
    {
        return Err(
            "store.database must be a postgres:// URL, or empty for the embedded store".into(),
        );
    }
    smart::check(&config.smart, &config.organization, &config.style)?;
    shifts::settings(&config.shifts)?;
    consent::check(&config.consent)?;
    audit::check(&config.audit)?;
    audit_feed::check(&config.audit_feed, &config.tls)?;
    full_text(&config.search.full_text)?;
    config.upstream.check(config.egress.loopback_http)?;
    config.log_filter()?;
    if !matches!(config.log.format.as_str(), "text" | "json") {
        return Err("log.format must be text or json".into());
    }
    for (name, value) in [
        (
            "limits.page_entries_default",
            config.limits.page_entries_default,
        ),
        ("limits.page_entries_max", config.limits.page_entries_max),
        (
            "limits.costly_searches_per_client_max",
            config.limits.costly_searches_per_client_max,
        ),
        (
            "limits.everything_entries_max",
            config.limits.everything_entries_max,
        ),
        (
            "limits.write_attempts_max",
            config.limits.write_attempts_max,
        ),
        (
            "integrity.conditional_delete_max",
            config.integrity.conditional_delete_max,
        ),
    ] {
        if value == 0 {
            return Err(format!("{name} must be at least 1"));
        }
    }
    reference_check(&config.integrity.reference_check).map(|_| ())
}

fn reference_check(text: &str) -> Result<ReferenceCheck, String> {
    match text {
        "never" => Ok(ReferenceCheck::Never),
        "transaction" => Ok(ReferenceCheck::Transaction),
        "always" => Ok(ReferenceCheck::Always),
        _ => Err("integrity.reference_check must be never, transaction or always".into()),
    }
}

fn full_text(names: &[String]) -> Result<Vec<TypeId>, String> {
    let each = names.iter().map(|name| {
        let known = r4().resource_type(name);
        known.ok_or_else(|| {
            format!("search.full_text names {name:?}, which is no resource type of R4")
        })
    });
    each.collect()
}

impl Config {
    /// Service base URL without trailing slash; `listen` is the bound address (its port may have been 0).
    pub fn base_url(&self, listen: SocketAddr) -> String {
        if self.server.base_url.is_empty() {
            let scheme = if self.tls.is_on() { "https" } else { "http" };
            format!("{scheme}://{listen}/fhir")
        } else {
            self.server.base_url.trim_end_matches('/').to_owned()
        }
    }

    /// What is logged, parsed; the error names the option.
    pub fn log_filter(&self) -> Result<EnvFilter, String> {
        EnvFilter::try_new(&self.log.filter).map_err(|e| format!("log.filter: {e}"))
    }

    /// Host of a configured base URL, without port and brackets.
    pub fn base_host(&self) -> Option<String> {
        let (_, rest) = self.server.base_url.split_once("://")?;
        let authority = rest.split('/').next()?;
        let host = match authority.strip_prefix('[') {
            Some(v6) => v6.split(']').next()?,
            None => authority.split(':').next()?,
        };
        Some(host.to_owned())
    }

    pub fn engine_settings(&self, base: String) -> Result<Settings, String> {
        Ok(Settings {
            witness: WitnessSettings {
                name: audit::witness_name(&self.audit, &base),
                logs: audit::witnessed(&self.audit)?,
            },
            security: security_element(&ward_smart::Settings::for_base(&base)),
            base,
            reference_check: reference_check(&self.integrity.reference_check)?,
            delete_check: self.integrity.delete_check,
            conditional_delete_max: self.integrity.conditional_delete_max,
            page_entries_default: self
                .limits
                .page_entries_default
                .min(self.limits.page_entries_max),
            page_entries_max: self.limits.page_entries_max,
            bundle_entries_max: self.limits.bundle_entries_max,
            bundle_answer_bytes_max: self.limits.bundle_answer_bytes_max,
            transaction_reads_max: self.limits.transaction_reads_max,
            cursor_lifetime_s: i64::from(self.limits.page_link_lifetime_s),
            full_text: full_text(&self.search.full_text)?,
            rows_examined_max: self.limits.rows_examined_max,
            costly_searches_per_client_max: self.limits.costly_searches_per_client_max as usize,
            everything_entries_max: self.limits.everything_entries_max,
            write_attempts_max: self.limits.write_attempts_max,
            patients_per_hour: self.rates.patients_per_hour,
            duty: shifts::settings(&self.shifts)?,
            consent: consent::settings(&self.consent)?,
            staff_names_to_patients: self.consent.staff_names_to_patients,
        })
    }

    /// Errors name the option whose secret cannot be read.
    pub fn authorization_settings(&self, base: &str) -> Result<ward_smart::Settings, String> {
        let settings = smart::settings(base, &self.smart, &self.organization, &self.style);
        Ok(ward_smart::Settings {
            upstream: self.upstream.settings()?,
            requests_per_minute: self.rates.client_per_minute,
            asks_for_certificates: !self.tls.client_ca_file.is_empty(),
            ..settings
        })
    }

    pub fn rates_per_minute(&self) -> PerMinute {
        PerMinute {
            client: self.rates.client_per_minute,
            user: self.rates.user_per_minute,
            address: self.rates.address_per_minute,
            unauthenticated: self.rates.unauthenticated_per_minute,
            failures: self.rates.failures_per_minute,
        }
    }

    pub fn server_settings(&self) -> ServerSettings {
        let defaults = ServerSettings::default();
        ServerSettings {
            workers: if self.server.workers == 0 {
                defaults.workers
            } else {
                self.server.workers
            },
            body_bytes_max: self.limits.body_bytes_max,
            body_part_timeout_s: self.limits.body_part_timeout_s,
            keep_alive_s: self.server.keep_alive_s,
            request_head_timeout_s: self.server.request_head_timeout_s,
            shutdown_timeout_s: self.server.shutdown_timeout_s,
            connections_max: self.server.connections_max,
            hsts_max_age_s: self.tls.hsts_max_age_s * u64::from(!self.tls.development),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(text: &str) -> Result<Loaded, String> {
        let folder = std::env::temp_dir().join(format!(
            "ward-config-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        let path = folder.join("ward.toml");
        std::fs::write(&path, text).expect("a temporary file");
        load(Some(&path), &Vec::new())
    }

    #[test]
    fn defaults_are_whole_and_valid() {
        let loaded = load(None, &Vec::new()).expect("the defaults");
        assert_eq!(loaded.config.server.listen.port(), 8080);
        assert_eq!(loaded.rows.len(), OPTIONS.len());
    }

    #[test]
    fn wrong_options_are_named() {
        for (text, part) in [
            ("[server]\nlisten = \"0.0.0.0:80\"", "beyond loopback"),
            ("[server]\nport = 1", "unknown option 'server.port'"),
            ("port = 1", "not a section"),
            (
                "[limits]\nbody_bytes_max = \"big\"",
                "limits.body_bytes_max must be integer",
            ),
            (
                "[integrity]\nreference_check = \"maybe\"",
                "integrity.reference_check",
            ),
            (
                "[search]\nfull_text = [\"Patients\"]",
                "search.full_text names \"Patients\"",
            ),
            ("[store]\ndatabase = \"mysql://x\"", "store.database"),
            ("[shifts]\ntime_zone = \"Moon\"", "shifts.time_zone"),
            ("[shifts]\ngrace_minutes = 600", "shifts.grace_minutes"),
            ("[shifts]\nrole_codes = [\"nurse\"]", "shifts.role_codes"),
            ("[shifts]\nbound_roles = [\"nurse\", \"cook\"]", "`cook`"),
            ("[log]\nfilter = \"ward=loud\"", "log.filter: "),
            ("[limits]\npage_entries_max = 0", "at least 1"),
            (
                "[server]\nlisten = \"localhost\"",
                "server.listen must be an address and a port",
            ),
            ("[server]\nport = 1", "ward.toml: "),
        ] {
            let problem = with_file(text).err().unwrap_or_default();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }

    #[test]
    fn misspelt_variables_are_named() {
        let refused = |name: &str, master_key: &str| {
            refuse_unknown_environment([name.to_owned()].into_iter(), &[master_key]).err()
        };
        assert_eq!(refused("WARD_SERVER_LISTEN", ""), None);
        assert_eq!(refused("WARD_TOKEN", ""), None);
        assert_eq!(refused("PATH", ""), None);
        assert_eq!(refused("WARD_KEYS_MASTER", "WARD_KEYS_MASTER"), None);
        let problem = refused("WARD_SERVER_LISTN", "").unwrap_or_default();
        assert!(problem.contains("WARD_SERVER_LISTN"), "{problem}");
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let flags = vec![("server.listen", "127.0.0.1:9000".to_owned())];
        let loaded = load(None, &flags).expect("valid");
        assert_eq!(loaded.config.server.listen.port(), 9000);
        assert_eq!(loaded.rows[0].2, Origin::Flag);
    }
}
