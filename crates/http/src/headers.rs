//! Header values that are always the same.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

pub const FHIR_JSON: HeaderValue = HeaderValue::from_static("application/fhir+json; charset=utf-8");
pub const FHIR_XML: HeaderValue = HeaderValue::from_static("application/fhir+xml; charset=utf-8");
/// What a Binary in its own media type depends on. <https://hl7.org/fhir/R4/binary.html#security-context>
pub const SECURITY_CONTEXT: HeaderName = HeaderName::from_static("x-security-context");
/// Of a request: how the client calls it. Of an answer: how the server does, and the records. <https://hl7.org/fhir/R4/http.html#custom>
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Of an answer: how the client called its request, which the records know, too.
pub const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
/// Of a request: what opens the record in an emergency. Of an answer: that it was opened so, and until when.
pub const BREAK_GLASS: HeaderName = HeaderName::from_static("ward-break-glass");
pub const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The same version in JSON has the same tag: a cache that had this one (XML, or the content of a Binary) could give it for that.
pub fn keep_nowhere(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

/// Clinical data is never kept by shared caches, and a browser neither guesses types nor runs what it is given.
pub fn secure(headers: &mut HeaderMap, is_raw: bool) {
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("private, no-cache"),
    );
    headers.insert(
        header::VARY,
        HeaderValue::from_static(
            "Accept, Accept-Encoding, Authorization, Prefer, Ward-Break-Glass",
        ),
    );
    headers.insert(
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    );
    if is_raw {
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("sandbox; default-src 'none'"),
        );
    }
}
