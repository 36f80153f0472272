//! What an endpoint answers, before HTTP makes bytes of it.

use crate::page::{AuditReport, Page};
use serde_json::{Value, json};

#[derive(Clone, Debug)]
pub enum Answer {
    /// `application/json`.
    Json {
        status: u16,
        body: String,
        /// Beyond what every answer carries: `WWW-Authenticate`, `DPoP-Nonce`, `Location`.
        headers: Vec<(&'static str, String)>,
        cache: Cache,
    },
    /// 303 See Other, so that a form is not sent again to where it leads (S30).
    Redirect {
        to: String,
        cookie: Cookie,
        /// Secret that the browser shall keep for long.
        device: Option<String>,
    },
    /// A file to be kept.
    File {
        /// Letters, digits, `-` and `.`.
        name: String,
        file: File,
    },
    /// An HTML page.
    Page {
        status: u16,
        page: Box<Page>,
        cookie: Cookie,
        /// Secret that the browser shall keep for long.
        device: Option<String>,
        /// Seconds until another try is of use, where that is known.
        retry_after_s: Option<i64>,
    },
}

#[derive(Clone, Debug)]
pub enum File {
    /// A JSON document in each line.
    Ndjson(String),
    /// A JSON document.
    Json(String),
    /// To be printed.
    Report(Box<AuditReport>),
}

/// How long an answer may be kept by whoever gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// `no-store`: whatever has a secret in it, and every error (RFC 6749 §5.1).
    Never,
    /// Published metadata: for so many seconds, with an entity tag.
    Public { max_age_s: u32 },
}

/// What becomes of the session cookie. Its `Debug` hides the value.
#[derive(Clone, PartialEq, Eq)]
pub enum Cookie {
    Keep,
    Set(String),
    Clear,
}

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Cookie::Keep => "Keep",
            Cookie::Set(_) => "Set(..)",
            Cookie::Clear => "Clear",
        })
    }
}

/// Error codes of RFC 6749 §4.1.2.1 and §5.2, of OpenID Connect Core §3.1.2.6, and of the extensions that Ward implements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    UnauthorizedClient,
    UnsupportedGrantType,
    UnsupportedResponseType,
    InvalidScope,
    AccessDenied,
    ServerError,
    TemporarilyUnavailable,
    /// Asked for more than a limit allows: of OAuth's codes the one for what is over in a while.
    TooManyRequests,
    LoginRequired,
    InteractionRequired,
    /// <https://openid.net/specs/openid-connect-unmet-authentication-requirements-1_0.html>
    UnmetAuthenticationRequirements,
    InvalidToken,
    InsufficientScope,
    /// RFC 9449 §5.
    InvalidDpopProof,
    UseDpopNonce,
    /// RFC 7591 §3.2.2.
    InvalidRedirectUri,
    InvalidClientMetadata,
}

/// An error with a text for people. Never holds a token, a code, a secret or anything that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthError {
    pub code: ErrorCode,
    pub description: String,
    /// Seconds until another try is of use, where that is known.
    pub retry_after_s: Option<i64>,
}

impl ErrorCode {
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorCode::InvalidRequest => "invalid_request",
            ErrorCode::InvalidClient => "invalid_client",
            ErrorCode::InvalidGrant => "invalid_grant",
            ErrorCode::UnauthorizedClient => "unauthorized_client",
            ErrorCode::UnsupportedGrantType => "unsupported_grant_type",
            ErrorCode::UnsupportedResponseType => "unsupported_response_type",
            ErrorCode::InvalidScope => "invalid_scope",
            ErrorCode::AccessDenied => "access_denied",
            ErrorCode::ServerError => "server_error",
            ErrorCode::TemporarilyUnavailable | ErrorCode::TooManyRequests => {
                "temporarily_unavailable"
            }
            ErrorCode::LoginRequired => "login_required",
            ErrorCode::InteractionRequired => "interaction_required",
            ErrorCode::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            ErrorCode::InvalidToken => "invalid_token",
            ErrorCode::InsufficientScope => "insufficient_scope",
            ErrorCode::InvalidDpopProof => "invalid_dpop_proof",
            ErrorCode::UseDpopNonce => "use_dpop_nonce",
            ErrorCode::InvalidRedirectUri => "invalid_redirect_uri",
            ErrorCode::InvalidClientMetadata => "invalid_client_metadata",
        }
    }

    /// HTTP status where the error is answered directly rather than by a redirect.
    pub fn status(self) -> u16 {
        match self {
            ErrorCode::InvalidClient | ErrorCode::InvalidToken => 401,
            ErrorCode::AccessDenied | ErrorCode::InsufficientScope => 403,
            ErrorCode::TooManyRequests => 429,
            ErrorCode::ServerError => 500,
            ErrorCode::TemporarilyUnavailable => 503,
            _ => 400,
        }
    }
}

impl OAuthError {
    pub fn new(code: ErrorCode, description: impl Into<String>) -> OAuthError {
        OAuthError {
            code,
            description: description.into(),
            retry_after_s: None,
        }
    }

    /// `wait_s`: until there is room again.
    pub fn too_many(wait_s: i64, description: impl Into<String>) -> OAuthError {
        OAuthError {
            retry_after_s: Some(wait_s.max(1)),
            ..OAuthError::new(ErrorCode::TooManyRequests, description)
        }
    }

    /// Of a path that is no page.
    pub fn unserved(path: &str) -> OAuthError {
        let why = format!("{path} is not served here");
        OAuthError::new(ErrorCode::AccessDenied, why)
    }

    /// What a client is told whose request could not be decided, because the state cannot be read or written.
    pub fn unavailable() -> OAuthError {
        OAuthError::new(
            ErrorCode::TemporarilyUnavailable,
            "the server's state cannot be reached; try again",
        )
    }
}

impl From<ward_storage::StoreError> for OAuthError {
    fn from(_: ward_storage::StoreError) -> OAuthError {
        OAuthError::unavailable()
    }
}

/// RFC 6749 §5.2.
impl From<OAuthError> for Answer {
    fn from(error: OAuthError) -> Answer {
        let body = json!({ "error": error.code.as_str(), "error_description": error.description });
        let answer = Answer::json(error.code.status(), &body);
        match error.retry_after_s {
            Some(wait_s) => answer.with_header("Retry-After", wait_s.to_string()),
            None => answer,
        }
    }
}

impl Answer {
    /// Not to be kept by anybody.
    pub fn json(status: u16, body: &Value) -> Answer {
        Answer::Json {
            status,
            body: body.to_string(),
            headers: Vec::new(),
            cache: Cache::Never,
        }
    }

    pub fn page(status: u16, page: Page) -> Answer {
        Answer::Page {
            status,
            page: Box::new(page),
            cookie: Cookie::Keep,
            device: None,
            retry_after_s: None,
        }
    }

    /// A page says when to come back; other answers say it in a header of their own.
    pub fn retry_after(mut self, wait_s: i64) -> Answer {
        if let Answer::Page { retry_after_s, .. } = &mut self {
            *retry_after_s = Some(wait_s.max(1));
        }
        self
    }

    pub fn redirect(to: impl Into<String>) -> Answer {
        Answer::Redirect {
            to: to.into(),
            cookie: Cookie::Keep,
            device: None,
        }
    }

    pub fn with_cookie(mut self, new: Cookie) -> Answer {
        match &mut self {
            Answer::Redirect { cookie, .. } | Answer::Page { cookie, .. } => *cookie = new,
            Answer::Json { .. } | Answer::File { .. } => {}
        }
        self
    }

    /// `None`: the browser keeps what it has.
    pub fn with_device(mut self, secret: Option<String>) -> Answer {
        match &mut self {
            Answer::Redirect { device, .. } | Answer::Page { device, .. } => *device = secret,
            Answer::Json { .. } | Answer::File { .. } => {}
        }
        self
    }

    pub fn with_header(mut self, name: &'static str, value: String) -> Answer {
        if let Answer::Json { headers, .. } = &mut self {
            headers.push((name, value));
        }
        self
    }

    pub fn status(&self) -> u16 {
        match self {
            Answer::Json { status, .. } | Answer::Page { status, .. } => *status,
            Answer::Redirect { .. } => 303,
            Answer::File { .. } => 200,
        }
    }
}
