//! The bearer token of a request, and what is answered when there is none that will do.
//! <https://www.rfc-editor.org/rfc/rfc6750#section-3>

use std::fmt;

/// Why a request is not served. Texts are fixed: nothing of a token is ever repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerError {
    /// No credentials. The challenge names no error (RFC 6750 §3.1).
    Missing,
    /// The credentials are not one well-formed bearer token.
    InvalidRequest(&'static str),
    /// Expired, for another server, not signed by this one, or not understood.
    InvalidToken(&'static str),
    /// A good token whose scopes do not permit the interaction.
    InsufficientScope,
}

/// The token of an `Authorization` header: `Bearer`, one space, one token.
pub fn bearer_token(authorization: Option<&str>) -> Result<&str, BearerError> {
    let value = authorization.ok_or(BearerError::Missing)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(BearerError::Missing);
    }
    let is_token = !token.is_empty()
        && token
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
    if is_token {
        Ok(token)
    } else {
        Err(BearerError::InvalidRequest(
            "the Authorization header is not one bearer token",
        ))
    }
}

impl BearerError {
    /// HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            BearerError::Missing | BearerError::InvalidToken(_) => 401,
            BearerError::InvalidRequest(_) => 400,
            BearerError::InsufficientScope => 403,
        }
    }

    /// The `error` of RFC 6750 §3.1.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            BearerError::Missing => None,
            BearerError::InvalidRequest(_) => Some("invalid_request"),
            BearerError::InvalidToken(_) => Some("invalid_token"),
            BearerError::InsufficientScope => Some("insufficient_scope"),
        }
    }

    /// For people: what is wrong.
    pub fn description(&self) -> &'static str {
        match self {
            BearerError::Missing => "a bearer token is required",
            BearerError::InvalidRequest(why) | BearerError::InvalidToken(why) => why,
            BearerError::InsufficientScope => "the token's scopes do not permit this",
        }
    }

    /// Value of the `WWW-Authenticate` header.
    pub fn www_authenticate(&self) -> String {
        match self.code() {
            None => format!("Bearer realm=\"{REALM}\""),
            Some(code) => {
                format!(
                    "Bearer realm=\"{REALM}\", error=\"{code}\", error_description=\"{}\"",
                    self.description()
                )
            }
        }
    }
}

impl fmt::Display for BearerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.description())
    }
}

impl std::error::Error for BearerError {}

const REALM: &str = "ward";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_one_token() {
        assert_eq!(bearer_token(Some("Bearer a.b-c")), Ok("a.b-c"));
        assert_eq!(bearer_token(Some("bearer a")), Ok("a"));
        for missing in [None, Some("Basic YTpi"), Some(""), Some("Token a")] {
            assert_eq!(bearer_token(missing), Err(BearerError::Missing));
        }
        for bad in [
            "Bearer",
            "Bearer ",
            "Bearer  a",
            "Bearer a b",
            "Bearer a, Bearer b",
            "Bearer \"a\"",
            "Bearer é",
        ] {
            assert_eq!(bearer_token(Some(bad)).unwrap_err().status(), 400, "{bad}");
        }
    }

    #[test]
    fn challenges() {
        assert_eq!(
            BearerError::Missing.www_authenticate(),
            "Bearer realm=\"ward\""
        );
        let challenge = BearerError::InvalidToken("the token has expired").www_authenticate();
        assert_eq!(
            challenge,
            "Bearer realm=\"ward\", error=\"invalid_token\", error_description=\"the token has expired\""
        );
        assert_eq!(BearerError::InsufficientScope.status(), 403);
        assert_eq!(BearerError::InvalidToken("").status(), 401);
    }
}
