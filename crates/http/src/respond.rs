//! A Reply becomes an HTTP response: form, version headers, compression.

use crate::accept::Form;
use crate::accept_encoding::{Coding, Codings};
use crate::headers;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use ward_fhir::issue::Result;
use ward_fhir::tree::Limits;
use ward_fhir::{Failure, Kind, json, xml};
use ward_resources::{Content, Reply};

/// Bodies shorter than this are sent as they are.
const COMPRESS_BYTES_MIN: usize = 1_024;
const ZSTD_LEVEL: i32 = 1;

/// Seconds after which what is refused because of what else is under way is worth another try: most of that takes less.
pub const RETRY_AFTER_S: u64 = 1;

/// How the client wants the body.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    pub form: Form,
    pub pretty: bool,
    pub codings: Codings,
    /// Base URL without trailing slash, for Location.
    pub base: &'a str,
}

pub fn respond(reply: Reply, wish: Wish<'_>) -> HttpResponse {
    match body(&reply, wish) {
        Ok((bytes, content_type)) => assemble(&reply, bytes, content_type, wish),
        Err(failure) => {
            let reply = Reply::failure(&failure);
            let bytes = Bytes::copy_from_slice(reply.json().unwrap_or_default());
            assemble(&reply, bytes, headers::FHIR_JSON, wish)
        }
    }
}

fn body(reply: &Reply, wish: Wish<'_>) -> Result<(Bytes, HeaderValue)> {
    match &reply.content {
        Content::Empty => Ok((Bytes::new(), headers::FHIR_JSON)),
        Content::Raw { media_type, bytes } => {
            let value = HeaderValue::from_str(media_type).unwrap_or(headers::OCTETS);
            Ok((bytes.clone(), value))
        }
        Content::Resource(bytes) => match wish.form {
            Form::Json if wish.pretty => Ok((Bytes::from(json::pretty(bytes)), headers::FHIR_JSON)),
            Form::Json => Ok((bytes.clone(), headers::FHIR_JSON)),
            Form::Xml => Ok((Bytes::from(to_xml(bytes, wish.pretty)?), headers::FHIR_XML)),
        },
    }
}

fn to_xml(bytes: &[u8], pretty: bool) -> Result<Vec<u8>> {
    let limits = Limits {
        depth_max: 128,
        ..Limits::default()
    };
    let document = json::read(bytes, None, &limits)
        .map_err(|_| Failure::new(Kind::Internal, "the answer cannot be written as XML"))?;
    let mut out = Vec::with_capacity(bytes.len() * 2);
    xml::write(document.root(), &mut out);
    Ok(if pretty { xml::pretty(&out) } else { out })
}

fn assemble(
    reply: &Reply,
    bytes: Bytes,
    content_type: HeaderValue,
    wish: Wish<'_>,
) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if let Some(version) = reply.version {
        response.insert_header((header::ETAG, format!("W/\"{version}\"")));
    }
    if let Some(at) = reply.last_modified_us {
        response.insert_header((header::LAST_MODIFIED, ward_fhir::date::http_date(at)));
    }
    if let Some(location) = &reply.location {
        let url = format!("{}/{location}", wish.base);
        response.insert_header((header::CONTENT_LOCATION, url.clone()));
        response.insert_header((header::LOCATION, url));
    }
    if let Some(challenge) = &reply.challenge {
        response.insert_header((header::WWW_AUTHENTICATE, challenge.as_str()));
    }
    if let Some(reference) = reply.security_context.as_deref()
        && let Ok(value) = HeaderValue::from_str(reference)
    {
        response.insert_header((headers::SECURITY_CONTEXT, value));
    }
    if matches!(reply.status, 429 | 503) {
        let wait_s = reply.retry_after_s.unwrap_or(RETRY_AFTER_S);
        response.insert_header((header::RETRY_AFTER, wait_s));
    }
    let is_raw = matches!(reply.content, Content::Raw { .. });
    let (bytes, encoding) = compress(bytes, is_raw, wish.codings);
    if let Some(encoding) = encoding {
        response.insert_header((header::CONTENT_ENCODING, encoding));
    }
    let mut response = if bytes.is_empty() {
        response.finish()
    } else {
        response.insert_header((header::CONTENT_TYPE, content_type));
        response.body(bytes)
    };
    let headers = response.headers_mut();
    headers::secure(headers, is_raw);
    if is_raw || headers.get(header::CONTENT_TYPE) == Some(&headers::FHIR_XML) {
        headers::keep_nowhere(headers);
    }
    response
}

/// Codes the body as the client weighs it; what gains little (a short body, content in a media type of its own) only where it
/// may not come as it is.
fn compress(bytes: Bytes, is_raw: bool, codings: Codings) -> (Bytes, Option<&'static str>) {
    let gains_little = is_raw || bytes.len() < COMPRESS_BYTES_MIN;
    if bytes.is_empty() || (gains_little && codings.plain) {
        return (bytes, None);
    }
    match codings.best {
        Coding::Identity => (bytes, None),
        Coding::Zstd => match zstd::bulk::compress(&bytes, ZSTD_LEVEL) {
            Ok(packed) => (Bytes::from(packed), Some("zstd")),
            Err(_) => (bytes, None),
        },
        Coding::Gzip => match gzip(&bytes) {
            Ok(packed) => (Bytes::from(packed), Some("gzip")),
            Err(_) => (bytes, None),
        },
    }
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accept_encoding::{PLAIN, negotiate};

    #[test]
    fn bodies_are_coded_as_they_are_weighed() {
        let (long, short) = (Bytes::from(vec![b'a'; 4_000]), Bytes::from_static(b"short"));
        let coded = |bytes: &Bytes, is_raw, header| {
            let codings = negotiate(Some(header)).expect("accepted");
            compress(bytes.clone(), is_raw, codings).1
        };
        assert_eq!(coded(&long, false, "gzip, deflate"), Some("gzip"));
        assert_eq!(coded(&long, false, "gzip, zstd;q=0.9"), Some("gzip"));
        assert_eq!(coded(&long, false, "gzip, zstd"), Some("zstd"));
        assert_eq!(coded(&long, false, "gzip;q=0"), None);
        assert_eq!(coded(&long, true, "gzip"), None);
        assert_eq!(coded(&short, false, "gzip"), None);
        assert_eq!(coded(&short, false, "gzip, identity;q=0"), Some("gzip"));
        assert_eq!(coded(&long, true, "gzip, *;q=0"), Some("gzip"));
        assert_eq!(coded(&Bytes::new(), false, "gzip, *;q=0"), None);
        assert_eq!(compress(long, false, PLAIN).1, None);
    }
}
