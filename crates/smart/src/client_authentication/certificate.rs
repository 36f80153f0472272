//! A client certificate that TLS has verified. <https://www.rfc-editor.org/rfc/rfc8705#section-2>

use super::unknown;
use crate::answer::OAuthError;
use crate::request::Request;
use crate::state::Client;
use ward_seal::hash::constant_time_eq;

/// Whether the connection's certificate is the registered one.
pub(super) fn check(client: &Client, request: &Request<'_>) -> Result<(), OAuthError> {
    let registered = client.certificate.as_deref().unwrap_or_default();
    let shown = request.certificate.map(|digest| hexadecimal(&digest));
    match shown {
        Some(shown) if constant_time_eq(shown.as_bytes(), registered.as_bytes()) => Ok(()),
        _ => Err(unknown()),
    }
}

/// Whether a client that is bound to a certificate has it with this connection, whatever it proves itself by (C17).
pub(super) fn permits(client: &Client, request: &Request<'_>) -> bool {
    client.certificate.is_none() || check(client, request).is_ok()
}

/// As registrations hold it: 64 small hexadecimal digits.
fn hexadecimal(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
