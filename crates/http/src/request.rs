//! An HTTP request becomes a Call. <https://hl7.org/fhir/R4/http.html>

use crate::accept::{Form, negotiate, pretty};
use crate::accept_encoding::{self, Codings, PLAIN};
use crate::body;
use crate::headers::{CORRELATION_ID, REQUEST_ID, SECURITY_CONTEXT};
use crate::server::ServerSettings;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, web};
use std::borrow::Cow;
use std::sync::Arc;
use ward_fhir::date::parse_http_date;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind};
use ward_resources::call::CLIENT_REQUEST_ID_BYTES_MAX;
use ward_resources::route::{Method, route};
use ward_resources::search::{Pairs, decode_query};
use ward_resources::{Body, Call, Conditions, Format, Interaction, Prefer, Return};

/// What is asked, and how the answer shall look: both as far as they are understood.
pub struct Asked {
    pub call: Call,
    pub look: Look,
}

/// How an answer is written.
#[derive(Clone, Copy)]
pub struct Look {
    pub form: Form,
    pub codings: Codings,
    pub pretty: bool,
}

impl Asked {
    /// Of the request what is known before anything of it is understood.
    pub fn nothing(request: &HttpRequest, request_id: [u8; 16], source: Arc<str>) -> Asked {
        let mut call = Call::new(Interaction::Unknown, request_id, source);
        call.client_request_id = client_request_id(request.headers()).map(Arc::from);
        #[cfg(feature = "bench")]
        if let Some(steps) = request.headers().get("x-ward-bench-steps") {
            call.steps = ward_resources::bench::Steps::of(steps.to_str().unwrap_or_default());
        }
        Asked {
            call,
            look: Look {
                form: Form::Json,
                codings: PLAIN,
                pretty: false,
            },
        }
    }

    /// The Call without its body: everything that can be known before the caller is. What is understood before something is
    /// refused stays.
    pub fn head(&mut self, request: &HttpRequest, path: &str) -> Result<()> {
        let method = Method::parse(request.method().as_str()).ok_or_else(|| {
            Failure::new(
                Kind::MethodNotAllowed,
                "methods are GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS",
            )
        })?;
        self.call.interaction = route(method, path)?;
        let query = request.query_string();
        self.call.parameters = self.without_look(decode_query(query)?);
        self.call.asked_by(path, &[query]);
        self.choose_look(request.headers())?;
        let codings = list(request.headers(), &header::ACCEPT_ENCODING);
        self.look.codings = accept_encoding::negotiate(codings.as_deref())?;
        self.call.conditions = conditions(request.headers())?;
        let is_json = self.look.form == Form::Json && !self.call.raw_accepted;
        if !is_json && matches!(method, Method::Get | Method::Head) {
            // The tag names the version in every form: who has kept another form of it would take that for this one.
            self.call.conditions.if_none_match = None;
            self.call.conditions.if_modified_since = None;
        }
        self.call.prefer = prefer(request.headers());
        Ok(())
    }

    /// Takes out of the pairs what says how the answer is written. Of several of one name the first is meant.
    fn without_look(&mut self, mut pairs: Pairs) -> Pairs {
        for name in ["_format", "_pretty"] {
            let is_new = self.written_as(name).is_none();
            if let Some(value) = take(&mut pairs, name).filter(|_| is_new) {
                self.call.written_as.push((name.to_owned(), value));
            }
        }
        pairs
    }

    fn choose_look(&mut self, headers: &HeaderMap) -> Result<()> {
        let accepted = negotiate(
            self.written_as("_format"),
            list(headers, &header::ACCEPT).as_deref(),
            is_binary(&self.call.interaction),
        )?;
        self.look.form = accepted.form;
        self.call.raw_accepted = accepted.raw;
        self.look.pretty = pretty(self.written_as("_pretty"))?;
        Ok(())
    }

    fn written_as(&self, name: &str) -> Option<&str> {
        let mut pairs = self.call.written_as.iter();
        pairs
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Reads the body into the Call; a form body of a search becomes parameters. `path`: below the base.
pub async fn body(
    (request, path): (&HttpRequest, &str),
    payload: web::Payload,
    settings: &ServerSettings,
    asked: &mut Asked,
) -> Result<()> {
    // A body means nothing to the other methods; nobody makes us hold what we shall not read.
    if !matches!(request.method().as_str(), "POST" | "PUT" | "PATCH") {
        return Ok(());
    }
    let headers = request.headers();
    let is_post = request.method() == actix_web::http::Method::POST;
    let bytes = body::read(payload, settings, text(headers, &header::CONTENT_ENCODING)).await?;
    let content_type = text(headers, &header::CONTENT_TYPE);
    let is_form = content_type.is_some_and(|t| {
        t.trim_start()
            .starts_with("application/x-www-form-urlencoded")
    });
    let is_search = matches!(
        asked.call.interaction,
        Interaction::SearchType { .. }
            | Interaction::SearchSystem
            | Interaction::SearchCompartment { .. }
    );
    if is_post && is_search {
        if !is_form && !bytes.is_empty() {
            return Err(Failure::new(
                Kind::UnsupportedMediaType,
                "_search takes application/x-www-form-urlencoded",
            ));
        }
        let form = std::str::from_utf8(&bytes)
            .map_err(|_| Failure::new(Kind::Malformed, "the form is not UTF-8"))?;
        let pairs = asked.without_look(decode_query(form)?);
        asked.call.parameters.extend(pairs);
        asked.call.asked_by(path, &[request.query_string(), form]);
        return asked.choose_look(headers);
    }
    let call = &mut asked.call;
    if bytes.is_empty() {
        return Ok(());
    }
    let is_patch = matches!(
        call.interaction,
        Interaction::Patch { .. } | Interaction::ConditionalPatch { .. }
    );
    let raw = matches!(&call.interaction, Interaction::Create { ty } | Interaction::Update { ty, .. } if r4().ty(*ty).name == "Binary");
    call.body = Some(Body {
        bytes,
        format: body::format(content_type, raw, is_patch)?,
    });
    if matches!(
        call.body,
        Some(Body {
            format: Format::Raw(_),
            ..
        })
    ) {
        call.security_context = bounding(headers, &SECURITY_CONTEXT)?;
    }
    Ok(())
}

/// What the client calls its request, if that is printable and short: else it is as if it had sent none.
pub fn client_request_id(headers: &HeaderMap) -> Option<&str> {
    let id = text(headers, &REQUEST_ID)?;
    let is_one = (1..=CLIENT_REQUEST_ID_BYTES_MAX).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_graphic());
    is_one.then_some(id)
}

/// How the records name a request.
pub fn request_id() -> [u8; 16] {
    let mut id = [0; 16];
    ward_seal::random::fill(&mut id);
    // A UUID of version 4: AuditEvents write it as one, and it is the same in the answer's header.
    id[6] = id[6] & 0x0f | 0x40;
    id[8] = id[8] & 0x3f | 0x80;
    id
}

/// Tells in an answer how the records name the request, and how the client did. <https://hl7.org/fhir/R4/http.html#custom>
pub fn name_request(request: &HttpRequest, id: &[u8; 16], answer: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(&hex(id)) {
        answer.insert(REQUEST_ID, id);
    }
    let own = client_request_id(request.headers());
    if let Some(Ok(own)) = own.map(HeaderValue::from_str) {
        answer.insert(CORRELATION_ID, own);
    }
}

fn hex(bytes: &[u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |b: &u8| [b >> 4, b & 15].map(|digit| DIGITS[usize::from(digit)] as char);
    bytes.iter().flat_map(digits).collect()
}

fn is_binary(interaction: &Interaction) -> bool {
    match interaction {
        Interaction::Read { ty, .. } | Interaction::Vread { ty, .. } => {
            r4().ty(*ty).name == "Binary"
        }
        _ => false,
    }
}

fn take(parameters: &mut Vec<(String, String)>, name: &str) -> Option<String> {
    let value = parameters
        .iter()
        .find(|(n, _)| n == name)
        .map(|(_, v)| v.clone());
    parameters.retain(|(n, _)| n != name);
    value
}

pub fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|v| v.to_str().ok())
}

/// The lines of a header that is a list, as one (RFC 9110 §5.3).
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Cow<'a, str>> {
    let mut lines = headers.get_all(name).filter_map(|v| v.to_str().ok());
    let first = Cow::Borrowed(lines.next()?);
    Some(lines.fold(first, |all, line| Cow::Owned(format!("{all},{line}"))))
}

fn conditions(headers: &HeaderMap) -> Result<Conditions> {
    let own = |name| bounding(headers, &name);
    let since = match text(headers, &header::IF_MODIFIED_SINCE) {
        None => None,
        // RFC 9110 §13.1.3: a date that cannot be read is ignored.
        Some(date) => parse_http_date(date),
    };
    Ok(Conditions {
        if_match: own(header::IF_MATCH)?,
        if_none_match: own(header::IF_NONE_MATCH)?,
        if_modified_since: since,
        if_none_exist: own(HeaderName::from_static("if-none-exist"))?,
    })
}

/// A header that bounds what is written or who may see it: one that cannot be read is refused, not left out.
fn bounding(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(value.as_bytes())
        .map_err(|_| Failure::new(Kind::Invalid, format!("the header {name} is not UTF-8")))?;
    Ok(Some(text.to_owned()))
}

/// Preferences that are not understood are ignored, names are in any case, a quoted value is as good as a bare one, and of one
/// that is given again the first counts (RFC 7240 §2).
fn prefer(headers: &HeaderMap) -> Prefer {
    let mut returns = None;
    let mut is_strict = None;
    for value in headers.get_all(HeaderName::from_static("prefer")) {
        for preference in value.to_str().unwrap_or_default().split([',', ';']) {
            let (name, value) = preference.split_once('=').unwrap_or_default();
            let (name, value) = (name.trim(), value.trim().trim_matches('"'));
            if name.eq_ignore_ascii_case("return") {
                returns = returns.or(returned(value));
            } else if name.eq_ignore_ascii_case("handling") {
                is_strict = is_strict.or(strictness(value));
            }
        }
    }
    Prefer {
        returns,
        strict: is_strict == Some(true),
        lenient: is_strict == Some(false),
    }
}

fn returned(value: &str) -> Option<Return> {
    let known = [
        ("minimal", Return::Minimal),
        ("representation", Return::Representation),
        ("OperationOutcome", Return::OperationOutcome),
    ];
    let found = known
        .into_iter()
        .find(|(name, _)| value.eq_ignore_ascii_case(name));
    found.map(|(_, returns)| returns)
}

fn strictness(value: &str) -> Option<bool> {
    let is = |name: &str| value.eq_ignore_ascii_case(name);
    match (is("strict"), is("lenient")) {
        (false, false) => None,
        (is_strict, _) => Some(is_strict),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&'static str]) -> Prefer {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                HeaderName::from_static("prefer"),
                HeaderValue::from_static(value),
            );
        }
        prefer(&headers)
    }

    /// <https://www.rfc-editor.org/rfc/rfc7240#section-2>
    #[test]
    fn a_preference_is_read_however_it_is_written() {
        for strict in [
            "handling=strict",
            "Handling=strict",
            "handling = \"strict\"",
            "respond-async, handling=strict",
            "handling=strict; return=minimal",
            "handling=unheard-of, handling=strict",
            "handling=strict, handling=lenient",
        ] {
            let read = read(&[strict]);
            assert!(read.strict && !read.lenient, "{strict}");
        }
        let both = read(&["return=minimal", "return=representation, handling=lenient"]);
        assert_eq!(both.returns, Some(Return::Minimal));
        assert!(both.lenient && !both.strict);
        assert_eq!(read(&["strict", "wait=10", ""]), Prefer::default());
    }
}
