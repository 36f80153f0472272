//! Cross-origin requests of browser apps. Bearer tokens are no ambient credentials, so any origin may ask; cookies are
//! never read on the FHIR base. <https://fetch.spec.whatwg.org/#http-cors-protocol>

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap, HeaderValue};

const EXPOSED: &str = "ETag, Last-Modified, Location, Content-Location, X-Request-Id, X-Security-Context, WWW-Authenticate";
const ALLOWED: &str = "Authorization, Accept, Content-Type, If-Match, If-None-Match, If-Modified-Since, If-None-Exist, Prefer, X-Request-Id, X-Security-Context";

pub fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
        .insert_header((
            header::ACCESS_CONTROL_ALLOW_METHODS,
            "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
        ))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOWED))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "3600"))
        .finish()
}

pub fn expose(headers: &mut HeaderMap) {
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static(EXPOSED),
    );
}
