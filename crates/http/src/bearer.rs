//! Who sends a request to the FHIR base, and the challenge to whoever may not have what was asked.
//! <https://www.rfc-editor.org/rfc/rfc6750#section-3> (S103, S104)

use crate::rate_limits::Exceeded;
use crate::request::text;
use crate::server::Service;
use crate::smart::{DPOP, one_header};
use crate::tls::client_certificate;
use actix_web::HttpRequest;
use actix_web::http::header::{AUTHORIZATION, HeaderName, HeaderValue, RETRY_AFTER};
use std::sync::Arc;
use ward_access::{Caller, Context};
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind};
use ward_resources::{Call, Interaction};
use ward_smart::{BearerError, Credentials, Refusal, Scheme};

/// <https://www.rfc-editor.org/rfc/rfc9449#section-8.2>
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// The caller behind the token of a request.
pub async fn authenticate(
    request: &HttpRequest,
    service: &Service,
    source: &str,
) -> Result<Arc<Caller>, Refusal> {
    let once = |name| one_header(request.headers(), name).map_err(BearerError::InvalidRequest);
    let authorization = once(&AUTHORIZATION)?;
    let dpop = once(&DPOP)?;
    // Only a proof names the URL.
    let url = dpop.map(|_| format!("{}{}", service.auth.settings().issuer, request.path()));
    let credentials = Credentials {
        authorization,
        dpop,
        certificate: client_certificate(request),
        source,
        method: request.method().as_str(),
        url: url.as_deref().unwrap_or_default(),
    };
    let now_s = service.engine.now_us() / 1_000_000;
    service.auth.authenticate(&credentials, now_s).await
}

/// Who asks where a bench leaves out tokens and scopes.
#[cfg(feature = "bench")]
pub fn everybody() -> Arc<Caller> {
    use ward_access::{Identity, Scopes};
    static EVERYBODY: std::sync::LazyLock<Arc<Caller>> = std::sync::LazyLock::new(|| {
        Arc::new(Caller::new(Identity {
            subject: "bench".into(),
            client_id: "bench".into(),
            scopes: Scopes::parse("system/*.cruds").unwrap_or_default(),
            ..Identity::default()
        }))
    });
    EVERYBODY.clone()
}

/// Why a request does not come to the engine, and what its answer holds beside.
pub struct Refused {
    pub failure: Failure,
    /// For `WWW-Authenticate`.
    pub challenge: Option<String>,
    pub header: Option<(HeaderName, HeaderValue)>,
}

impl Refused {
    pub fn plain(failure: Failure) -> Refused {
        Refused {
            failure,
            challenge: None,
            header: None,
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Refused {
        let error = &refusal.error;
        let (kind, challenge) = match error.status() {
            400 => (Kind::Invalid, Some(refusal.www_authenticate())),
            503 => (Kind::Unavailable, None),
            _ => (Kind::Login, Some(refusal.www_authenticate())),
        };
        let nonce = refusal.nonce.as_deref().map(HeaderValue::from_str);
        Refused {
            failure: Failure::new(kind, error.description()),
            challenge,
            header: nonce.and_then(Result::ok).map(|nonce| (DPOP_NONCE, nonce)),
        }
    }
}

impl From<BearerError> for Refused {
    fn from(error: BearerError) -> Refused {
        Refusal::from(error).into()
    }
}

impl From<Exceeded> for Refused {
    fn from(exceeded: Exceeded) -> Refused {
        let Exceeded { whose, wait_s } = exceeded;
        let text = format!("this {whose} has asked for too much; wait {wait_s} s");
        Refused {
            header: Some((RETRY_AFTER, HeaderValue::from(wait_s))),
            ..Refused::plain(Failure::new(Kind::TooManyRequests, text))
        }
    }
}

/// A token that came among the parameters, whether or not it is one, and whether or not another came where it belongs. What is
/// published does not ask for one.
pub fn refuse_misplaced(call: &Call) -> Result<(), BearerError> {
    match call.parameter("access_token") {
        Some(_) if !call.interaction.is_public() => Err(BearerError::Misplaced),
        _ => Ok(()),
    }
}

/// The challenge that goes with 403, with the scope that would do where the interaction needs just one.
pub fn insufficient_scope(
    request: &HttpRequest,
    caller: &Caller,
    interaction: &Interaction,
) -> String {
    let wanted = interaction.needs().map(|(ty, action)| {
        let context = match caller.scopes.resources().next() {
            Some(scope) => scope.context,
            None if caller.is_user() => Context::User,
            None => Context::System,
        };
        let ty = ty.map_or("*", |ty| r4().ty(ty).name);
        format!("{}/{ty}.{}", context.name(), action.letter())
    });
    let scheme = Scheme::of(text(request.headers(), &AUTHORIZATION));
    BearerError::insufficient_scope(scheme, wanted.as_deref())
}
