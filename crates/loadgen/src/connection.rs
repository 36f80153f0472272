//! One connection that is kept alive, made with its first request and made again where the server has closed it.

use std::net::{IpAddr, SocketAddr};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HeaderMap;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream, lookup_host};

pub struct Connection {
    authority: String,
    /// Address that the server sees; `None`: the system's choice.
    source: Option<IpAddr>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

/// An answer with all of its body.
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Connection {
    /// `host:port`
    pub fn to(authority: &str) -> Connection {
        Connection {
            authority: authority.to_owned(),
            source: None,
            sender: None,
        }
    }

    /// From another address of this machine from now on: on Linux all of 127.0.0.0/8 are.
    pub fn come_from(&mut self, source: IpAddr) {
        self.source = Some(source);
        self.sender = None;
    }

    pub async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answered, String> {
        let answered = self.exchanged(request).await;
        if answered.is_err() {
            self.sender = None;
        }
        answered
    }

    async fn exchanged(&mut self, request: Request<Full<Bytes>>) -> Result<Answered, String> {
        let usable = self.sender.as_ref().is_some_and(|s| !s.is_closed());
        if !usable {
            self.sender = Some(self.connect().await?);
        }
        let sender = self.sender.as_mut().ok_or("no connection")?;
        let lost = |e: hyper::Error| format!("connection: {e}");
        sender.ready().await.map_err(lost)?;
        let answer = sender.send_request(request).await.map_err(lost)?;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.map_err(|e| format!("answer: {e}"))?;
        Ok(Answered {
            status: parts.status,
            headers: parts.headers,
            body: body.to_bytes(),
        })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, String> {
        let failed = |e: std::io::Error| format!("connect: {e}");
        let stream = match self.source {
            None => TcpStream::connect(&self.authority).await.map_err(failed)?,
            Some(source) => self.connect_from(source).await.map_err(failed)?,
        };
        stream.set_nodelay(true).map_err(failed)?;
        let (sender, connection) = handshake(TokioIo::new(stream))
            .await
            .map_err(|e| format!("connect: {e}"))?;
        // Ends with the sender; its error comes back through the request.
        tokio::spawn(connection);
        Ok(sender)
    }

    async fn connect_from(&self, source: IpAddr) -> std::io::Result<TcpStream> {
        let mut addresses = lookup_host(&self.authority).await?;
        let to = addresses.find(|address| address.is_ipv4() == source.is_ipv4());
        let to = to.ok_or(std::io::ErrorKind::AddrNotAvailable)?;
        let socket = match source {
            IpAddr::V4(_) => TcpSocket::new_v4()?,
            IpAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.bind(SocketAddr::new(source, 0))?;
        socket.connect(to).await
    }
}
