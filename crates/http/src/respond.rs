//! A Reply becomes an HTTP response: form, version headers, compression.

use crate::accept::Form;
use crate::headers;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
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

/// How the client wants the body.
#[derive(Clone, Copy)]
pub struct Wish<'a> {
    pub form: Form,
    pub pretty: bool,
    pub accept_encoding: Option<&'a str>,
    /// Base URL without trailing slash, for Location.
    pub base: &'a str,
    /// Hexadecimal request id.
    pub request_id: &'a str,
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
    if reply.status == 503 {
        response.insert_header((header::RETRY_AFTER, "1"));
    }
    let is_raw = matches!(reply.content, Content::Raw { .. });
    let (bytes, encoding) = if is_raw {
        (bytes, None)
    } else {
        compress(bytes, wish.accept_encoding)
    };
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
    if let Ok(id) = HeaderValue::from_str(wish.request_id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    response
}

fn compress(bytes: Bytes, accept_encoding: Option<&str>) -> (Bytes, Option<&'static str>) {
    let Some(accepted) = accept_encoding.filter(|_| bytes.len() >= COMPRESS_BYTES_MIN) else {
        return (bytes, None);
    };
    if accepts(accepted, "zstd")
        && let Ok(packed) = zstd::bulk::compress(&bytes, ZSTD_LEVEL)
    {
        return (Bytes::from(packed), Some("zstd"));
    }
    if accepts(accepted, "gzip") {
        let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), Compression::fast());
        if encoder.write_all(&bytes).is_ok()
            && let Ok(packed) = encoder.finish()
        {
            return (Bytes::from(packed), Some("gzip"));
        }
    }
    (bytes, None)
}

fn accepts(header: &str, coding: &str) -> bool {
    header.split(',').any(|item| {
        let mut parts = item.split(';');
        let name = parts.next().unwrap_or_default().trim();
        let refused = parts.any(|p| matches!(p.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        name.eq_ignore_ascii_case(coding) && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codings_are_chosen_by_what_is_accepted() {
        let long = Bytes::from(vec![b'a'; 4_000]);
        assert_eq!(
            compress(long.clone(), Some("gzip, deflate")).1,
            Some("gzip")
        );
        assert_eq!(compress(long.clone(), Some("gzip, zstd")).1, Some("zstd"));
        assert_eq!(compress(long.clone(), Some("gzip;q=0")).1, None);
        assert_eq!(compress(long, None).1, None);
        assert_eq!(compress(Bytes::from_static(b"short"), Some("gzip")).1, None);
    }
}
