//! Request bodies: size limit, gzip with a bounded ratio, media types.

use crate::accept::demand_version;
use crate::server::ServerSettings;
use actix_web::rt::time::timeout;
use actix_web::web;
use bytes::{Bytes, BytesMut};
use flate2::read::GzDecoder;
use futures_util::StreamExt;
use std::io::Read;
use std::time::Duration;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};
use ward_resources::Format;

/// Decompressed bytes per compressed byte.
pub const GZIP_RATIO_MAX: usize = 200;

/// The whole body, refused as soon as it is too long, or no part of it comes for `body_part_timeout_s`.
pub async fn read(
    mut payload: web::Payload,
    settings: &ServerSettings,
    encoding: Option<&str>,
) -> Result<Bytes> {
    let body_bytes_max = settings.body_bytes_max;
    let part_timeout = Duration::from_secs(settings.body_part_timeout_s);
    let mut body = BytesMut::new();
    while let Some(chunk) = timeout(part_timeout, payload.next())
        .await
        .map_err(|_| cut_short())?
    {
        let chunk = chunk.map_err(|_| cut_short())?;
        if body.len() + chunk.len() > body_bytes_max {
            return Err(too_long(body_bytes_max));
        }
        body.extend_from_slice(&chunk);
    }
    match encoding.map(str::trim) {
        None | Some("" | "identity") => Ok(body.freeze()),
        Some("gzip" | "x-gzip") => inflate(&body, body_bytes_max),
        Some(_) => Err(Failure::new(
            Kind::UnsupportedMediaType,
            "Content-Encoding is gzip or identity",
        )),
    }
}

fn cut_short() -> Failure {
    Failure::new(Kind::Malformed, "the body was cut short")
}

fn inflate(packed: &[u8], body_bytes_max: usize) -> Result<Bytes> {
    let most = body_bytes_max.min(packed.len().saturating_mul(GZIP_RATIO_MAX));
    let mut out = Vec::with_capacity(packed.len().saturating_mul(4).min(most));
    let read = GzDecoder::new(packed)
        .take(most as u64 + 1)
        .read_to_end(&mut out);
    read.map_err(|_| Failure::new(Kind::Malformed, "the body is not valid gzip"))?;
    if out.len() > most {
        return Err(too_long(most));
    }
    Ok(Bytes::from(out))
}

fn too_long(most: usize) -> Failure {
    Failure::new(
        Kind::TooLarge,
        format!(
            "the body is longer than {most} bytes (body_bytes_max; gzip at most {GZIP_RATIO_MAX} to 1)"
        ),
    )
}

/// The format that a Content-Type names. `raw`: types that are not FHIR are taken (Binary); `patch`: patch types are.
pub fn format(content_type: Option<&str>, raw: bool, patch: bool) -> Result<Format> {
    let Some(content_type) = content_type else {
        return if raw {
            Ok(Format::Raw("application/octet-stream".into()))
        } else {
            Ok(Format::Json)
        };
    };
    let mut parts = content_type.split(';');
    let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    match name.as_str() {
        "application/fhir+json" | "application/json+fhir" => demand_version(parts)
            .map_err(unsupported)
            .map(|()| Format::Json),
        "application/fhir+xml" | "application/xml+fhir" => demand_version(parts)
            .map_err(unsupported)
            .map(|()| Format::Xml),
        "application/json-patch+json" if patch => Ok(Format::JsonPatch),
        "application/xml-patch+xml" if patch => Ok(Format::XmlPatch),
        _ if raw => Ok(Format::Raw(content_type.to_owned())),
        "application/json" | "text/json" => Ok(Format::Json),
        "application/xml" | "text/xml" => Ok(Format::Xml),
        _ if patch => Err(Failure::new(
            Kind::UnsupportedMediaType,
            "a patch is application/json-patch+json, application/xml-patch+xml, or Parameters in application/fhir+json or fhir+xml",
        )),
        _ => Err(Failure::new(
            Kind::UnsupportedMediaType,
            "bodies are application/fhir+json or application/fhir+xml",
        )),
    }
}

fn unsupported(failure: Failure) -> Failure {
    Failure {
        kind: Kind::UnsupportedMediaType,
        ..failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    #[test]
    fn gzip_is_bounded_in_size_and_ratio() {
        assert_eq!(
            inflate(&gzip(b"{}"), 1_000).expect("small"),
            Bytes::from_static(b"{}")
        );
        let bomb = gzip(&vec![b' '; 10_000_000]);
        assert_eq!(
            inflate(&bomb, 100_000_000).expect_err("ratio").kind,
            Kind::TooLarge
        );
        assert_eq!(
            inflate(&gzip(&[b'x'; 2_000]), 1_000)
                .expect_err("size")
                .kind,
            Kind::TooLarge
        );
        assert_eq!(
            inflate(b"not gzip", 1_000).expect_err("not gzip").kind,
            Kind::Malformed
        );
    }

    #[test]
    fn media_types_are_told_apart() {
        assert_eq!(
            format(Some("application/fhir+json; charset=utf-8"), false, false).expect("json"),
            Format::Json
        );
        assert_eq!(
            format(Some("application/fhir+json; fhirVersion=4.3"), false, false).expect("json"),
            Format::Json
        );
        assert_eq!(
            format(Some("application/fhir+json; fhirVersion=3.0"), false, false)
                .expect_err("stu3")
                .kind,
            Kind::UnsupportedMediaType
        );
        assert_eq!(
            format(Some("text/plain"), false, false)
                .expect_err("text")
                .kind,
            Kind::UnsupportedMediaType
        );
        assert_eq!(
            format(Some("image/png"), true, false).expect("raw"),
            Format::Raw("image/png".into())
        );
        assert_eq!(
            format(Some("application/json-patch+json"), false, true).expect("patch"),
            Format::JsonPatch
        );
        assert_eq!(
            format(Some("application/json-patch+json"), false, false)
                .expect_err("no patch")
                .kind,
            Kind::UnsupportedMediaType
        );
    }
}
