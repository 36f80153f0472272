//! The listener for syslog of other systems: TLS with certificates on both sides, octet counting, audit messages of DICOM or AuditEvents.
//! <https://www.rfc-editor.org/rfc/rfc5425> <https://profiles.ihe.net/ITI/TF/Volume2/ITI-20.html>
//!
//! A message is a Call like any other: the creation of an AuditEvent by the system whose certificate the connection has shown. The next
//! message is not looked at before it is durable, and that the connection ends is not answered before: so a sender that closes as the
//! protocol asks it to (RFC 5425, section 4.4) knows what has arrived.

use super::dicom;
use super::frames::Frames;
use super::message::{self, Message};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use ward_access::{Caller, Identity, Purposes, Scopes};
use ward_fhir::date::instant_text;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind};
use ward_resources::{Body, Call, Engine, Format, Interaction};

/// Connections at once; one more is closed.
pub const CONNECTIONS_MAX: usize = 256;
/// Time for a handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that has been silent for so long is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3_600);
/// How often a connection looks whether the server stops.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Pause before a message that could not be made durable is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
const READ_BYTES: usize = 16 * 1024;

/// What has come, for the metrics.
#[derive(Default)]
pub struct Counts {
    pub taken: AtomicU64,
    /// Messages that were none, or not to be taken.
    pub refused: AtomicU64,
    /// Connections that ended in their handshake.
    pub handshakes: AtomicU64,
}

pub struct Listener {
    pub engine: Arc<Engine>,
    pub acceptor: TlsAcceptor,
    pub counts: Arc<Counts>,
    pub stop: Arc<AtomicBool>,
}

impl Listener {
    /// Runs until the server stops, and its connections have ended.
    pub async fn run(self, socket: TcpListener) {
        let listener = Rc::new(self);
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        while !listener.stops() {
            let Ok(accepted) = timeout(LOOK_INTERVAL, socket.accept()).await else {
                continue;
            };
            let (tcp, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection for syslog could not be taken");
                    tokio::time::sleep(LOOK_INTERVAL).await;
                    continue;
                }
            };
            let Ok(place) = places.clone().try_acquire_owned() else {
                tracing::warn!(%peer, "too many connections for syslog: one is closed");
                continue;
            };
            let listener = listener.clone();
            tokio::task::spawn_local(async move {
                listener.connection(tcp, peer).await;
                drop(place);
            });
        }
        let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
        let _ = places.acquire_many(all).await;
    }

    fn stops(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    async fn connection(&self, tcp: TcpStream, peer: SocketAddr) {
        let accepted = timeout(HANDSHAKE_TIMEOUT, self.acceptor.accept(tcp)).await;
        let Ok(Ok(mut stream)) = accepted else {
            self.counts.handshakes.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(%peer, "a connection for syslog was refused in its handshake");
            return;
        };
        let Some(caller) = caller(&stream) else {
            return;
        };
        let sender = Sender {
            listener: self,
            caller,
            source: peer.ip().to_string().into(),
        };
        sender.serve(&mut stream).await;
        let _ = timeout(HANDSHAKE_TIMEOUT, stream.shutdown()).await;
    }
}

/// The system behind a certificate, by the digest of it. It may create AuditEvents and nothing else.
fn caller(stream: &TlsStream<TcpStream>) -> Option<Caller> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    let digest = ward_seal::base64url(&ward_seal::hash::sha256(certificate.as_ref()));
    let name = format!("syslog:{digest}");
    Some(Caller::new(Identity {
        subject: name.clone(),
        client_id: name,
        scopes: Scopes::parse("system/AuditEvent.c").ok()?,
        purposes: Purposes::parse("HSYSADMIN").ok()?,
        expires_s: i64::MAX,
        ..Identity::default()
    }))
}

/// One connection.
struct Sender<'a> {
    listener: &'a Listener,
    caller: Caller,
    source: Arc<str>,
}

impl Sender<'_> {
    async fn serve(&self, stream: &mut TlsStream<TcpStream>) {
        let (mut frames, mut bytes) = (Frames::default(), vec![0; READ_BYTES]);
        let mut heard = Instant::now();
        loop {
            loop {
                match frames.message() {
                    Ok(Some(message)) => {
                        if !self.take(message).await {
                            return;
                        }
                    }
                    Ok(None) => break,
                    Err(unframed) => return self.refuse(unframed.0).await,
                }
            }
            if self.listener.stops() {
                return;
            }
            match timeout(LOOK_INTERVAL, stream.read(&mut bytes)).await {
                Err(_) if heard.elapsed() < IDLE_TIMEOUT => {}
                Ok(Ok(count)) if count > 0 => {
                    heard = Instant::now();
                    frames.push(&bytes[..count]);
                }
                _ if frames.is_torn() => return self.refuse("it ends before its length").await,
                _ => return,
            }
        }
    }

    /// One message. `false`: it could not be made durable, and the server stops.
    async fn take(&self, message: &[u8]) -> bool {
        let body = match message::parse(message).and_then(|message| body(&message)) {
            Ok(body) => body,
            Err(problem) => {
                self.refuse(problem).await;
                return true;
            }
        };
        loop {
            let mut call = self.call();
            call.body = Some(body.clone());
            let status = self
                .listener
                .engine
                .answer(&self.caller, &call)
                .await
                .status;
            let counts = &self.listener.counts;
            match status {
                201 => {
                    counts.taken.fetch_add(1, Ordering::Relaxed);
                    return true;
                }
                503 if self.listener.stops() => return false,
                503 => tokio::time::sleep(RETRY_INTERVAL).await,
                _ => {
                    counts.refused.fetch_add(1, Ordering::Relaxed);
                    let sender = self.caller.client_id.as_str();
                    tracing::warn!(
                        sender,
                        status,
                        "an AuditEvent that came by syslog was refused"
                    );
                    return true;
                }
            }
        }
    }

    /// What is no message at all leaves a Record, too.
    async fn refuse(&self, problem: &'static str) {
        self.listener.counts.refused.fetch_add(1, Ordering::Relaxed);
        let sender = self.caller.client_id.as_str();
        tracing::warn!(sender, problem, "a message that came by syslog was refused");
        let failure = Failure::new(Kind::Malformed, problem);
        let call = self.call();
        self.listener
            .engine
            .refuse(&self.caller, &call, &failure, None)
            .await;
    }

    fn call(&self) -> Call {
        let mut request_id = [0; 16];
        ward_seal::random::fill(&mut request_id);
        let interaction = match r4().resource_type("AuditEvent") {
            Some(ty) => Interaction::Create { ty },
            None => Interaction::Unknown,
        };
        let mut call = Call::new(interaction, request_id, self.source.clone());
        call.prefer.returns = Some(ward_resources::Return::Minimal);
        call
    }
}

/// FHIR in JSON or XML as it is, DICOM as what it means. Errors: what is wrong; never anything of it.
fn body(message: &Message<'_>) -> Result<Body, &'static str> {
    let text = message.text.trim_start();
    let (bytes, format) = match text.as_bytes().first() {
        Some(b'{') => (text.as_bytes().to_vec(), Format::Json),
        Some(b'<') if is_fhir(text) => (text.as_bytes().to_vec(), Format::Xml),
        Some(b'<') => {
            let now = instant_text(crate::wiring::clock_us());
            let event = dicom::audit_event(text, message.timestamp.unwrap_or(&now))?;
            (event.to_string().into_bytes(), Format::Json)
        }
        _ => return Err("it holds neither XML nor JSON"),
    };
    Ok(Body {
        bytes: bytes.into(),
        format,
    })
}

/// Whether the root stands in the namespace of FHIR.
fn is_fhir(xml: &str) -> bool {
    let head = &xml[..xml.floor_char_boundary(1_024)];
    let root = head
        .split_once("<AuditEvent")
        .map(|(_, rest)| rest.split('>').next());
    root.flatten()
        .is_some_and(|tag| tag.contains("http://hl7.org/fhir"))
}
