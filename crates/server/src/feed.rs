//! The audit log as a stream: docs/guide/audit-feed.md.

mod alarm;
mod dicom;
mod event;
mod frames;
mod listen;
mod message;
mod otlp;
mod out;
mod place;
mod syslog;

use crate::config::{AuditFeed, Config};
use crate::tls::{self, Renewal};
use listen::{Counts, Listener};
use otlp::Otlp;
use out::Collector;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use syslog::Syslog;
pub use syslog::server_name;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use ward_http::Metrics;
use ward_resources::Engine;

/// What is set up before the server says that it is there.
pub struct Feed {
    collectors: Vec<Collector>,
    listener: Option<(TcpListener, TlsAcceptor, Renewal)>,
    counts: Arc<Counts>,
}

/// While it runs.
pub struct Running {
    tasks: Vec<JoinHandle<()>>,
    renewal: Option<JoinHandle<()>>,
}

impl Feed {
    /// Reads the files that the options name, and listens. `host`: what collectors know this server by. Errors name the option.
    pub async fn prepare(config: &Config, host: &str) -> Result<Feed, String> {
        let feed = &config.audit_feed;
        let listener = match feed.listen()? {
            None => None,
            Some(address) => Some(listener(config, address).await?),
        };
        Ok(Feed {
            collectors: collectors(feed, host)?,
            listener,
            counts: Arc::default(),
        })
    }

    /// Begins to send and to take.
    pub fn start(self, engine: &Arc<Engine>, stop: &Arc<AtomicBool>) -> Running {
        let mut tasks = Vec::new();
        for collector in self.collectors {
            let run = out::run(engine.clone(), collector, stop.clone());
            tasks.push(tokio::task::spawn_local(run));
        }
        let mut renews = None;
        if let Some((socket, acceptor, renewal)) = self.listener {
            let listener = Listener {
                engine: engine.clone(),
                acceptor,
                counts: self.counts,
                stop: stop.clone(),
            };
            tasks.push(tokio::task::spawn_local(listener.run(socket)));
            renews = Some(tokio::task::spawn_local(renewal.run()));
        }
        Running {
            tasks,
            renewal: renews,
        }
    }

    /// With what comes by syslog.
    pub fn counted(&self, metrics: Metrics) -> Metrics {
        if self.listener.is_none() {
            return metrics;
        }
        let count = |of: fn(&Counts) -> &std::sync::atomic::AtomicU64| {
            let counts = self.counts.clone();
            move || of(&counts).load(Ordering::Relaxed)
        };
        metrics
            .with_count(
                "syslog_messages_taken",
                "Audit messages of other systems that came by syslog and were kept",
                count(|counts| &counts.taken),
            )
            .with_count(
                "syslog_messages_refused",
                "Messages by syslog that were no audit messages, or not to be taken",
                count(|counts| &counts.refused),
            )
            .with_count(
                "syslog_handshakes_refused",
                "Connections for syslog that ended in their handshake",
                count(|counts| &counts.handshakes),
            )
    }
}

impl Running {
    /// To be awaited once `stop` is set, while the store is still open.
    pub async fn ended(self) {
        for task in self.tasks {
            let _ = task.await;
        }
        if let Some(renewal) = self.renewal {
            renewal.abort();
        }
    }
}

/// Fails where a start would.
pub fn check(config: &Config) -> Result<(), String> {
    let feed = &config.audit_feed;
    if feed.listen()?.is_some() && !config.tls.development {
        tls::prepare_mutual(&config.tls, CLIENTS, &feed.syslog_clients)?;
    }
    collectors(feed, "-").map(drop)
}

async fn listener(
    config: &Config,
    address: SocketAddr,
) -> Result<(TcpListener, TlsAcceptor, Renewal), String> {
    let prepared = tls::prepare_mutual(&config.tls, CLIENTS, &config.audit_feed.syslog_clients)?;
    let cannot =
        |e: std::io::Error| format!("cannot listen on {address} (audit_feed.syslog_listen): {e}");
    let socket = TcpListener::bind(address).await.map_err(cannot)?;
    let address = socket.local_addr().map_err(cannot)?;
    tracing::info!(%address, "listening for syslog");
    let acceptor = TlsAcceptor::from(Arc::new(prepared.config));
    Ok((socket, acceptor, prepared.renewal))
}

fn collectors(feed: &AuditFeed, host: &str) -> Result<Vec<Collector>, String> {
    let mut collectors = Vec::new();
    if !feed.syslog_to.is_empty() {
        let authorities = ("audit_feed.authorities", feed.authorities.as_str());
        let config = Arc::new(tls::client(authorities, feed.own_certificate())?);
        for address in &feed.syslog_to {
            let syslog = Syslog::new(address, config.clone(), host);
            let syslog = syslog.map_err(|e| format!("audit_feed.syslog_to: {e}"))?;
            collectors.push(Collector::Syslog(Box::new(syslog)));
        }
    }
    if !feed.otlp_to.is_empty() {
        let client = otlp::client(feed)?;
        let each = feed.otlp_to.iter();
        collectors.extend(each.map(|url| Collector::Otlp(Otlp::new(url, client.clone(), host))));
    }
    Ok(collectors)
}

const CLIENTS: &str = "audit_feed.syslog_clients";
