//! From a configuration to an engine over an open store.

use crate::config::Config;
use crate::data_folder;
use crate::egress::EgressClient;
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use ward_access::{Caller, Identity, Purposes, Scopes};
use ward_resources::Engine;
use ward_seal::MasterKey;
use ward_smart::fetch::Outgoing;
use ward_smart::{AuthorizationServer, Secrets};
use ward_storage::{Database, Store, StoreSettings};

/// Microseconds since 1970: the one place where the wall clock is read for FHIR.
pub fn clock_us() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| i64::try_from(d.as_micros()).unwrap_or(i64::MAX))
}

/// Opens the store and the audit log, and makes the engine. Errors say which setting to mend.
pub async fn engine(
    config: &Config,
    master: &MasterKey,
    base: String,
) -> Result<Arc<Engine>, String> {
    let store = Store::open(store_settings(config), master.clone())
        .await
        .map_err(|e| match config.store.database.is_empty() {
            true => format!("store: {e}"),
            false => format!("store (store.database): {e}"),
        })?;
    let stored = store
        .store_records(&node_name(config), &[])
        .await
        .map_err(|_| "store: the audit records cannot be read".to_owned())?;
    let folder = data_folder::audit_log_path(&config.store.data);
    let log =
        ward_audit::Log::open_after(&folder, stored, store.record_key()).map_err(|e| match e {
            ward_audit::LogError::Locked(_) => format!(
                "{e}: is a ward running on this data folder? Stop it, or give another --data folder"
            ),
            _ => e.to_string(),
        })?;
    let settings = config.engine_settings(base)?;
    Ok(Arc::new(Engine::new(
        store,
        log,
        settings,
        clock_us,
        master.derive("paging-cursor"),
    )))
}

/// Which database, and its limits.
pub fn store_settings(config: &Config) -> StoreSettings {
    let database = if config.store.database.is_empty() {
        Database::Sqlite {
            path: config.store.data.join(data_folder::STORE_FILE),
        }
    } else {
        Database::Postgres {
            url: config.store.database.clone(),
        }
    };
    StoreSettings {
        statement_timeout_ms: config.store.statement_timeout_ms,
        ..StoreSettings::new(database)
    }
}

/// Tells the records of several processes over one database apart.
pub fn node_name(config: &Config) -> String {
    let data =
        std::fs::canonicalize(&config.store.data).unwrap_or_else(|_| config.store.data.clone());
    let digest = ward_seal::hash::sha256(data.as_os_str().as_encoded_bytes());
    digest[..8].iter().map(|b| format!("{b:02x}")).collect()
}

/// The authorization server over the engine's store.
pub async fn authorization(
    config: &Config,
    master: &MasterKey,
    engine: Arc<Engine>,
) -> Result<Arc<AuthorizationServer>, String> {
    let now_s = clock_us() / 1_000_000;
    let settings = config.authorization_settings(&engine.settings().base)?;
    let secrets = Secrets {
        forms: master.derive("authorization forms"),
        nonces: master.derive("authorization nonces"),
    };
    let server = AuthorizationServer::open(
        engine.clone(),
        settings,
        secrets,
        Outgoing {
            clients: Arc::new(EgressClient::new(&config.egress)?),
            upstream: Arc::new(EgressClient::for_upstream(config)?),
        },
        now_s,
    )
    .await
    .map_err(|_| "store: the authorization server's state cannot be read".to_owned())?;
    Ok(Arc::new(server))
}

/// Whoever runs the program, with all rights, for filling a store; `name` is what the records call it.
pub fn loader(name: &str) -> Result<Arc<Caller>, String> {
    let scopes = Scopes::parse("system/*.cruds").map_err(|_| "the loader's scope does not hold")?;
    Ok(Arc::new(Caller::new(Identity {
        subject: name.to_owned(),
        client_id: name.to_owned(),
        scopes,
        purposes: Purposes::parse("HSYSADMIN").map_err(|error| error.to_string())?,
        expires_s: i64::MAX,
        ..Identity::default()
    })))
}

/// Logs to standard error, in the form that the configuration asks for.
pub fn start_logging(config: &Config) -> Result<(), String> {
    let filter = config.log_filter()?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    let started = if config.log.format == "json" {
        builder.json().try_init()
    } else {
        builder.try_init()
    };
    started.map_err(|e| format!("logging: {e}"))
}
