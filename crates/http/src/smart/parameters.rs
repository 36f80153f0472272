//! The parameters of a request: of the query, or of a form. <https://url.spec.whatwg.org/#application/x-www-form-urlencoded>

use super::refusal::Refusal;
use crate::body;
use crate::request::text;
use crate::server::ServerSettings;
use actix_web::http::header;
use actix_web::{HttpRequest, web};
use bytes::Bytes;
use ward_fhir::Kind;
use ward_smart::request::{PARAMETERS_BYTES_MAX, PARAMETERS_MAX};
use ward_smart::{Endpoint, Parameters};

/// Parameters, and the body where it is JSON and the endpoint takes that.
///
/// A form of ours is sent to a path with a query (`?tx=…`), and both count; what is in both counts as sent twice. At the
/// endpoints of clients only the form counts: what is in a query is in logs (RFC 6749 §3.2).
pub async fn read(
    request: &HttpRequest,
    payload: web::Payload,
    settings: &ServerSettings,
    endpoint: Endpoint,
) -> Result<(Parameters, Option<String>), Refusal> {
    let query = request.query_string();
    if query.len() > PARAMETERS_BYTES_MAX {
        return Err(Refusal::too_large());
    }
    if request.method() != actix_web::http::Method::POST {
        return Ok((bounded(decoded(query)?)?, None));
    }
    let bytes = body(request, payload, settings).await?;
    let content_type = text(request.headers(), &header::CONTENT_TYPE).unwrap_or_default();
    let media_type = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let takes_json = matches!(
        endpoint,
        Endpoint::Register | Endpoint::Launch | Endpoint::BreakGlassGrants
    );
    if takes_json && media_type == "application/json" {
        let json = String::from_utf8(bytes.into()).map_err(|_| Refusal::malformed(NOT_UTF8))?;
        return Ok((Parameters::default(), Some(json)));
    }
    let is_form = media_type == "application/x-www-form-urlencoded";
    if !is_form && !bytes.is_empty() {
        return Err(Refusal::malformed(if takes_json {
            "the body is application/json"
        } else {
            "the body is a form: application/x-www-form-urlencoded"
        }));
    }
    let form = std::str::from_utf8(&bytes).map_err(|_| Refusal::malformed(NOT_UTF8))?;
    let mut pairs = if endpoint.is_for_people() && endpoint != Endpoint::Authorize {
        decoded(query)?
    } else {
        Vec::new()
    };
    pairs.extend(decoded(form)?);
    Ok((bounded(pairs)?, None))
}

async fn body(
    request: &HttpRequest,
    payload: web::Payload,
    settings: &ServerSettings,
) -> Result<Bytes, Refusal> {
    let settings = ServerSettings {
        body_bytes_max: PARAMETERS_BYTES_MAX,
        ..settings.clone()
    };
    let encoding = text(request.headers(), &header::CONTENT_ENCODING);
    let read = body::read(payload, &settings, encoding).await;
    read.map_err(|failure| match failure.kind {
        Kind::TooLarge => Refusal::too_large(),
        _ => Refusal::malformed("the body cannot be read"),
    })
}

fn bounded(pairs: Vec<(String, String)>) -> Result<Parameters, Refusal> {
    if pairs.len() > PARAMETERS_MAX {
        return Err(Refusal::too_large());
    }
    Ok(Parameters::new(pairs))
}

fn decoded(form: &str) -> Result<Vec<(String, String)>, Refusal> {
    form.split('&')
        .filter(|pair| !pair.is_empty())
        // One more than are taken is enough to know that there are too many.
        .take(PARAMETERS_MAX + 1)
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((text_of(name)?, text_of(value)?))
        })
        .collect()
}

/// What is not UTF-8, or is not encoded as the standard says, is refused: two readers might read it differently.
fn text_of(encoded: &str) -> Result<String, Refusal> {
    let bytes = encoded.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digit = |n: usize| bytes.get(n).and_then(|b| char::from(*b).to_digit(16));
        match bytes[at] {
            b'+' => out.push(b' '),
            b'%' => {
                let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2)) else {
                    return Err(Refusal::malformed(
                        "a percent sign is not followed by two digits",
                    ));
                };
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            byte => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).map_err(|_| Refusal::malformed(NOT_UTF8))
}

const NOT_UTF8: &str = "the parameters are not UTF-8";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded_strictly() {
        let pairs = |form| decoded(form).ok();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            pairs("a=1+2&b=%C3%A9%26&&c&d=="),
            Some(vec![
                pair("a", "1 2"),
                pair("b", "é&"),
                pair("c", ""),
                pair("d", "=")
            ])
        );
        for bad in ["a=%", "a=%4", "a=%zz", "a=%ff", "%80=a"] {
            assert!(decoded(bad).is_err(), "{bad}");
        }
        let many = "a=1&".repeat(PARAMETERS_MAX + 1);
        assert!(bounded(decoded(&many).unwrap_or_default()).is_err());
        let most = "a=1&".repeat(PARAMETERS_MAX);
        assert!(bounded(decoded(&most).unwrap_or_default()).is_ok());
    }
}
