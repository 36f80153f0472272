//! What TLS tells the handlers: that it is there, and which client certificate it has verified.

use crate::server::ServerSettings;
use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use actix_web::http::header::{HeaderMap, HeaderValue, STRICT_TRANSPORT_SECURITY};
use actix_web::rt::net::TcpStream;
use std::any::Any;
use std::time::Duration;

/// Time a client has for the handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// SHA-256 of the certificate that TLS has verified on this connection (RFC 8705 §3.1). Headers that claim one are never
/// looked at.
pub fn client_certificate(request: &HttpRequest) -> Option<[u8; 32]> {
    request
        .conn_data::<ClientCertificate>()
        .map(|certificate| certificate.0)
}

struct ClientCertificate([u8; 32]);

/// Keeps the fingerprint with the connection, once for all of its requests.
pub(crate) fn remember_certificate(connection: &dyn Any, data: &mut Extensions) {
    let Some(stream) = connection.downcast_ref::<TlsStream<TcpStream>>() else {
        return;
    };
    let (_, session) = stream.get_ref();
    if let Some(leaf) = session.peer_certificates().and_then(<[_]>::first) {
        data.insert(ClientCertificate(ward_seal::hash::sha256(leaf)));
    }
}

/// RFC 6797 §7.2: only over TLS does the header mean anything.
pub(crate) fn add_hsts(request: &HttpRequest, settings: &ServerSettings, headers: &mut HeaderMap) {
    if settings.hsts_max_age_s > 0 && request.app_config().secure() {
        let value = format!("max-age={}", settings.hsts_max_age_s);
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(STRICT_TRANSPORT_SECURITY, value);
        }
    }
}

#[cfg(test)]
#[path = "tls_tests.rs"]
mod tests;
