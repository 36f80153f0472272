//! Events to a collector over syslog, TLS and TCP. <https://www.rfc-editor.org/rfc/rfc5425>
//!
//! The protocol has no acknowledgements: what was written may lie in a buffer of a machine that stops. But a receiver that is told that
//! the sender closes must answer it, after everything before it (section 4.4). So every few seconds, or messages, the connection is closed, the
//! answer awaited, and only what was written until then counts as sent.

use super::event::Event;
use super::frames::frame;
use super::message::Sender;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use ward_fhir::date::instant_text;

/// For the connection with its handshake, for each write, and for the answer to a close.
const TIMEOUT: Duration = Duration::from_secs(10);
/// What is written at once.
const WRITE_BYTES: usize = 64 * 1024;

pub struct Syslog {
    /// `host:port`
    pub address: String,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    sender: Sender,
    stream: Option<TlsStream<TcpStream>>,
}

impl Syslog {
    /// Errors: the address is no `host:port`.
    pub fn new(address: &str, config: Arc<ClientConfig>, host: &str) -> Result<Syslog, String> {
        Ok(Syslog {
            address: address.to_owned(),
            name: server_name(address)?,
            config,
            sender: Sender {
                host: host.to_owned(),
            },
            stream: None,
        })
    }

    /// Writes them, over a new connection where there is none. They count once [`Syslog::confirm`] has returned. Errors: why not; what
    /// was written since the last confirmation is to be written again.
    pub async fn write(&mut self, events: &[Event]) -> Result<(), String> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect().await?,
        };
        let (mut out, mut message) = (Vec::with_capacity(WRITE_BYTES * 2), Vec::new());
        for event in events {
            message.clear();
            let at = instant_text(event.at_us);
            self.sender
                .write(event.severity, &at, &event.id, &event.json, &mut message);
            frame(&message, &mut out);
            if out.len() >= WRITE_BYTES {
                written(&mut stream, &out).await?;
                out.clear();
            }
        }
        written(&mut stream, &out).await?;
        self.stream = Some(stream);
        Ok(())
    }

    /// Closes the connection and waits until the collector has read to its end.
    pub async fn confirm(&mut self) -> Result<(), String> {
        let Some(mut stream) = self.stream.take() else {
            return Ok(());
        };
        let closed = timeout(TIMEOUT, async {
            stream.shutdown().await?;
            let mut ignored = [0; 1024];
            loop {
                match stream.read(&mut ignored).await {
                    Ok(0) => return Ok(()),
                    Ok(_) => {}
                    // It has closed without saying so. A machine that had not read all would have reset the connection.
                    Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        });
        match closed.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!(
                "the connection broke before all was read ({})",
                error.kind()
            )),
            Err(_) => Err("it does not answer that the connection is closed".to_owned()),
        }
    }

    async fn connect(&self) -> Result<TlsStream<TcpStream>, String> {
        let connected = timeout(TIMEOUT, async {
            let tcp = TcpStream::connect(&self.address)
                .await
                .map_err(|error| format!("it cannot be reached ({})", error.kind()))?;
            tcp.set_nodelay(true)
                .map_err(|error| error.kind().to_string())?;
            TlsConnector::from(self.config.clone())
                .connect(self.name.clone(), tcp)
                .await
                .map_err(|error| format!("TLS: {error}"))
        });
        connected
            .await
            .unwrap_or_else(|_| Err("it does not answer in time".to_owned()))
    }
}

async fn written(stream: &mut TlsStream<TcpStream>, bytes: &[u8]) -> Result<(), String> {
    let done = timeout(TIMEOUT, async {
        stream.write_all(bytes).await?;
        stream.flush().await
    });
    match done.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("the connection broke ({})", error.kind())),
        Err(_) => Err("it takes nothing".to_owned()),
    }
}

/// The host of `host:port`, which the certificate must be for.
pub fn server_name(address: &str) -> Result<ServerName<'static>, String> {
    let wrong = || format!("{address} is no host:port");
    let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    port.parse::<u16>().map_err(|_| wrong())?;
    ServerName::try_from(host.to_owned()).map_err(|_| wrong())
}
