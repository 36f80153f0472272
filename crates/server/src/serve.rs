//! `ward serve`.

use crate::activity::{self, Activity, Runs};
use crate::config::retention::Retention;
use crate::config::{self, Config, Flags, Loaded};
use crate::demo::{self, Demo};
use crate::dev_certificates::DevFiles;
use crate::feed::Feed;
use crate::sequence::{self, anchors::Anchors};
use crate::{
    access_reviews, core_dump, data_folder, decisions, detect, drain, due, reindex, tls, watch,
    wiring,
};
use clap::{Args, ValueEnum};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use ward_http::{Answers, Metrics, RateLimits, Service};
use ward_resources::Engine;
use ward_smart::DemoCaller;

const EXAMPLES: &str = "\
Examples:
  ward serve --demo                                        a synthetic hospital at http://127.0.0.1:8080/fhir
  ward serve --data my-data --listen 127.0.0.1:9000        your own store, made when it is not there yet
  ward serve --data my-data --database postgres://ward@db.example/ward
  ward serve --demo --tls dev                              over https, with a certificate made for development
  WARD_LOG_FORMAT=json ward serve --config ward.toml       each option is also a variable: WARD_<SECTION>_<KEY>

The data folder holds the master key (master.key): keep a copy elsewhere, no record can be opened without it.
Logs go to standard error. Ctrl-C or SIGTERM lets open requests finish.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Serve {
    /// Demo store: fills itself with a synthetic hospital on first start, and has callers that `ward token` signs in
    #[arg(long)]
    demo: bool,
    /// With --demo: leave the store empty
    #[arg(long, requires = "demo")]
    empty: bool,
    /// Address and port [default: 127.0.0.1:8080]; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Folder of the embedded store, the audit log and the keys [default: ward-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// postgres:// URL [default: the embedded SQLite store]
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// dev: https with a certificate made in the data folder; for real ones set tls.certificate_file and tls.key_file
    #[arg(long, value_name = "dev")]
    tls: Option<TlsMode>,
    /// TOML file; `ward check-config` lists its options
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum TlsMode {
    Dev,
}

impl Serve {
    pub fn run(self) -> Result<ExitCode, String> {
        let Loaded { mut config, rows } = config::load(self.config.as_ref(), &self.flags())?;
        if self.demo && !self.empty && !config::is_set(&rows, "search.full_text") {
            config.search.full_text = demo::FULL_TEXT.map(str::to_owned).to_vec();
        }
        wiring::start_logging(&config)?;
        if let Err(reason) = core_dump::forbid() {
            tracing::warn!(reason, "a core file would hold what is in memory");
        }
        data_folder::create(&config.store.data)?;
        if config.tls.development {
            use_dev_certificate(&mut config)?;
        }
        let runs = Runs::of(&config.store.data, &rows);
        ward_http::block_on(self.serve(config, runs))
    }

    fn flags(&self) -> Flags {
        let mut flags = Flags::new();
        flags.extend(self.listen.clone().map(|v| ("server.listen", v)));
        flags.extend(
            self.data
                .as_ref()
                .map(|v| ("store.data", v.display().to_string())),
        );
        flags.extend(self.database.clone().map(|v| ("store.database", v)));
        flags.extend(
            self.tls
                .map(|TlsMode::Dev| ("tls.development", "true".to_owned())),
        );
        flags
    }

    async fn serve(self, config: Config, runs: Runs) -> Result<ExitCode, String> {
        let encryption = match config.tls.is_on() {
            true => Some(tls::prepare(&config.tls)?),
            false => None,
        };
        let listener = TcpListener::bind(config.server.listen).map_err(|e| {
            format!(
                "cannot listen on {} (server.listen): {e}; --listen takes another address, port 0 a free port",
                config.server.listen
            )
        })?;
        let base = config.base_url(listener.local_addr().map_err(|e| e.to_string())?);
        let feed = Feed::prepare(&config, &host_of(&base)).await?;
        let master = data_folder::master_key(&config, true)?;
        let engine = wiring::engine(&config, &master, base.clone()).await?;
        let node = wiring::node_name(&config);
        let auth = wiring::authorization(&config, &master, engine.clone()).await?;
        let prepared = if self.demo {
            let demo = Demo {
                engine: &engine,
                auth: &auth,
                loader: &wiring::loader(DemoCaller::Loader.client_id())?,
                data: &config.store.data,
                base: &base,
            };
            Some(demo.prepare(self.empty).await?)
        } else {
            None
        };
        let stop = Arc::new(AtomicBool::new(false));
        let answers = Arc::new(Answers::default());
        let drain = tokio::task::spawn_local(drain::run(
            engine.clone(),
            answers.clone(),
            node.clone(),
            stop.clone(),
        ));
        // Numbers what is left after the last drain.
        let drained = Arc::new(AtomicBool::new(false));
        let origin = config::audit::origin(&config.audit, &base);
        let sequence =
            tokio::task::spawn_local(sequence::number(engine.clone(), origin, drained.clone()));
        let anchors = Anchors::of(&config)?;
        let anchored = Arc::new(AtomicBool::new(false));
        let walk =
            tokio::task::spawn_local(sequence::watch(engine.clone(), anchors, anchored.clone()));
        let watch = tokio::task::spawn_local(watch::run(
            engine.clone(),
            auth.clone(),
            node.clone(),
            stop.clone(),
        ));
        let retain = tokio::task::spawn_local(sequence::retain::run(
            engine.clone(),
            Retention::of(&config.audit)?,
            node.clone(),
            stop.clone(),
        ));
        let (encryption, renewal) = encryption.map(|e| (e.config, e.renewal)).unzip();
        let renewal = renewal.map(|r| tokio::task::spawn_local(r.run()));
        let reindex = tokio::task::spawn_local(reindex::run(engine.clone(), stop.clone()));
        let due = tokio::task::spawn_local(due::run(engine.clone(), stop.clone()));
        let decisions = tokio::task::spawn_local(decisions::run(engine.clone(), stop.clone()));
        let reviews = tokio::task::spawn_local(access_reviews::run(auth.clone(), stop.clone()));
        let detect = tokio::task::spawn_local(detect::run(engine.clone(), stop.clone()));
        let service = Service {
            engine: engine.clone(),
            auth,
            metrics: Arc::new(feed.counted(metrics_of(&engine))),
            settings: config.server_settings(),
            demo: self.demo,
            rate_limits: Arc::new(RateLimits::new(config.rates_per_minute())),
            answers,
            ready: Arc::new(AtomicBool::new(true)),
        };
        // Before anything answers: who knows that the server is up may end it.
        runs.begin(&engine, &node).await?;
        let signals = Signals::listen().map_err(|e| format!("cannot wait for signals: {e}"))?;
        let metrics = start_metrics(&config, &service)?;
        let running = ward_http::start(listener, service.clone(), encryption)
            .map_err(|e| format!("cannot serve: {e}"))?;
        let feed = feed.start(&engine, &stop);
        tracing::info!(base, "serving");
        if let Some(prepared) = prepared {
            crate::token::print(&demo::greeting(&base, &config, &prepared));
        }
        let drain_time = Duration::from_secs(config.server.drain_s);
        until_signalled(signals, drain_time, &service, running, metrics).await;
        let stopped = activity::record(&engine, &node, Activity::Stop, "").await;
        stop.store(true, Ordering::Relaxed);
        let _ = watch.await;
        let _ = retain.await;
        feed.ended().await;
        let _ = reindex.await;
        let _ = due.await;
        let _ = detect.await;
        let _ = reviews.await;
        let _ = decisions.await;
        // It takes along what the others have recorded; then that is numbered, and published.
        let _ = drain.await;
        drained.store(true, Ordering::Relaxed);
        let _ = sequence.await;
        anchored.store(true, Ordering::Relaxed);
        let _ = walk.await;
        if let Some(renewal) = renewal {
            renewal.abort();
        }
        engine.store().close().await;
        stopped?;
        runs.end()?;
        tracing::info!("stopped");
        Ok(ExitCode::SUCCESS)
    }
}

/// As collectors know this server.
fn host_of(base: &str) -> String {
    let rest = base.split_once("://").map_or(base, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    };
    host.trim_matches(['[', ']']).to_owned()
}

/// Makes a certificate for every name under which this server may be asked for.
fn use_dev_certificate(config: &mut Config) -> Result<(), String> {
    let files = DevFiles::of(&config.store.data);
    let mut names = Vec::new();
    if !config.server.listen.ip().is_unspecified() {
        names.push(config.server.listen.ip().to_string());
    }
    names.extend(config.base_host());
    files.issue_server(&names)?;
    config.tls.certificate_file = files.certificate().display().to_string();
    config.tls.key_file = files.key().display().to_string();
    Ok(())
}

fn metrics_of(engine: &Arc<Engine>) -> Metrics {
    let store = engine.store().clone();
    let searched = engine.clone();
    Metrics::default()
        .with_count(
            "store_statements",
            "Statements run by the store",
            move || store.statements(),
        )
        .with_count(
            "costly_searches_refused",
            "Searches refused because their client had as many without an index under way as it may have",
            move || searched.costly_searches_refused(),
        )
}

fn start_metrics(config: &Config, service: &Service) -> Result<Option<ward_http::Running>, String> {
    if config.server.metrics_listen == "off" {
        return Ok(None);
    }
    let address = &config.server.metrics_listen;
    let listener = TcpListener::bind(address)
        .map_err(|e| format!("cannot listen on {address} (server.metrics_listen): {e}"))?;
    tracing::info!(address = %listener.local_addr().map_err(|e| e.to_string())?, "serving metrics");
    ward_http::start_metrics(listener, service.metrics.clone())
        .map(Some)
        .map_err(|e| format!("cannot serve metrics: {e}"))
}

/// Serves until SIGTERM or SIGINT, then lets open requests finish. For the drain time before that it still listens and says
/// that it is not ready, so that load balancers look elsewhere first; another signal ends that time.
async fn until_signalled(
    mut signals: Signals,
    drain_time: Duration,
    service: &Service,
    running: ward_http::Running,
    metrics: Option<ward_http::Running>,
) {
    let handle = running.handle.clone();
    let ready = service.ready.clone();
    let server = tokio::task::spawn_local(running.done);
    let metrics = metrics.map(|m| (m.handle.clone(), tokio::task::spawn_local(m.done)));
    signals.any().await;
    ready.store(false, Ordering::Relaxed);
    if !drain_time.is_zero() {
        tracing::info!("not ready any more");
        tokio::select! { _ = tokio::time::sleep(drain_time) => {}, _ = signals.any() => {} }
    }
    handle.stop(true).await;
    let _ = server.await;
    if let Some((handle, task)) = metrics {
        handle.stop(false).await;
        let _ = task.await;
    }
}

/// SIGTERM and SIGINT, which end the process at once as long as nobody listens for them.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! { _ = self.terminate.recv() => {}, _ = self.interrupt.recv() => {} }
    }
}
