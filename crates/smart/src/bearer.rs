//! The access token of a request, and what is answered when there is none that will do.
//! <https://www.rfc-editor.org/rfc/rfc6750#section-3> and <https://www.rfc-editor.org/rfc/rfc9449#section-7>

use crate::dpop::PROOF_ALGORITHMS;
use std::fmt;

/// How a token is presented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    #[default]
    Bearer,
    /// With a proof that the sender has the key it is bound to.
    Dpop,
}

/// Why a request is not served. Texts are fixed: nothing of a token is ever repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BearerError {
    /// No credentials. The challenge names no error (RFC 6750 §3.1).
    Missing,
    /// The credentials are not one well-formed token.
    InvalidRequest(&'static str),
    /// A token in the URL or in a form: it would be kept in logs and histories (RFC 6750 §2.3, §5.3).
    Misplaced,
    /// Ours, and its time is over.
    Expired,
    /// Revoked, for another server, not signed by this one, bound to another key, or not understood.
    InvalidToken(&'static str),
    /// A good token whose scopes do not permit the interaction.
    InsufficientScope,
    /// The DPoP proof does not fit the request, or was seen before.
    InvalidProof(&'static str),
    /// The DPoP proof lacks the nonce that comes with this answer.
    UseNonce,
    /// What was revoked cannot be known at the moment: nobody is let in.
    Unavailable,
}

/// A [`BearerError`] as it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub error: BearerError,
    /// What is challenged for: the scheme that was used, or that the token needs.
    pub scheme: Scheme,
    /// What a DPoP proof must hold from now on: value of the `DPoP-Nonce` header.
    pub nonce: Option<String>,
}

/// The token of an `Authorization` header: the scheme, one space, one token.
pub fn presented_token(authorization: Option<&str>) -> Result<(Scheme, &str), BearerError> {
    let value = authorization.ok_or(BearerError::Missing)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    let scheme = Scheme::named(scheme).ok_or(BearerError::Missing)?;
    let is_token = !token.is_empty()
        && token
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
    if is_token {
        Ok((scheme, token))
    } else {
        Err(BearerError::InvalidRequest(
            "the Authorization header is not one bearer token",
        ))
    }
}

impl Scheme {
    /// That of an `Authorization` header; `Bearer` where it is none of ours.
    pub fn of(authorization: Option<&str>) -> Scheme {
        let name = authorization.and_then(|value| value.split(' ').next());
        name.and_then(Scheme::named).unwrap_or_default()
    }

    fn named(name: &str) -> Option<Scheme> {
        let all = [Scheme::Bearer, Scheme::Dpop];
        all.into_iter()
            .find(|scheme| name.eq_ignore_ascii_case(scheme.name()))
    }

    fn name(self) -> &'static str {
        match self {
            Scheme::Bearer => "Bearer",
            Scheme::Dpop => "DPoP",
        }
    }
}

impl BearerError {
    /// Whether whoever has tokens of this server runs into it in the ordinary course: what has expired is refreshed, what lacks
    /// a nonce comes again with it.
    pub fn is_ordinary(&self) -> bool {
        use BearerError::{Expired, UseNonce};
        matches!(self, Expired | UseNonce | BearerError::Unavailable)
    }

    /// HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            BearerError::Missing
            | BearerError::Misplaced
            | BearerError::Expired
            | BearerError::InvalidToken(_)
            | BearerError::InvalidProof(_)
            | BearerError::UseNonce => 401,
            BearerError::InvalidRequest(_) => 400,
            BearerError::InsufficientScope => 403,
            BearerError::Unavailable => 503,
        }
    }

    /// The `error` of RFC 6750 §3.1 and RFC 9449 §7.1.
    pub fn code(&self) -> Option<&'static str> {
        match self {
            BearerError::Missing | BearerError::Unavailable => None,
            BearerError::InvalidRequest(_) | BearerError::Misplaced => Some("invalid_request"),
            BearerError::Expired | BearerError::InvalidToken(_) => Some("invalid_token"),
            BearerError::InsufficientScope => Some("insufficient_scope"),
            BearerError::InvalidProof(_) => Some("invalid_dpop_proof"),
            BearerError::UseNonce => Some("use_dpop_nonce"),
        }
    }

    /// For people: what is wrong.
    pub fn description(&self) -> &'static str {
        match self {
            BearerError::Missing => {
                "a bearer token is required; .well-known/smart-configuration below the FHIR base says where to get one"
            }
            BearerError::InvalidRequest(why)
            | BearerError::InvalidToken(why)
            | BearerError::InvalidProof(why) => why,
            BearerError::Misplaced => "a token is taken from the Authorization header only",
            BearerError::Expired => "the token has expired",
            BearerError::InsufficientScope => "the token's scopes do not permit this",
            BearerError::UseNonce => "the DPoP proof must hold the nonce of the DPoP-Nonce header",
            BearerError::Unavailable => "what was revoked cannot be known at the moment; try again",
        }
    }

    /// Value of the `WWW-Authenticate` header when the scope `wanted` would do (RFC 6750 §3).
    pub fn insufficient_scope(scheme: Scheme, wanted: Option<&str>) -> String {
        let challenge = BearerError::InsufficientScope.www_authenticate(scheme);
        match wanted {
            Some(scope) => format!("{challenge}, scope=\"{scope}\""),
            None => challenge,
        }
    }

    /// Value of the `WWW-Authenticate` header. One for DPoP says how proofs may be signed (RFC 9449 §7.1).
    pub fn www_authenticate(&self, scheme: Scheme) -> String {
        let mut challenge = format!("{} realm=\"{REALM}\"", scheme.name());
        if let Some(code) = self.code() {
            let why = self.description();
            challenge.push_str(&format!(", error=\"{code}\", error_description=\"{why}\""));
        }
        if scheme == Scheme::Dpop {
            let algorithms = PROOF_ALGORITHMS.map(|algorithm| algorithm.name());
            challenge.push_str(&format!(", algs=\"{}\"", algorithms.join(" ")));
        }
        challenge
    }
}

impl Refusal {
    /// Value of the `WWW-Authenticate` header.
    pub fn www_authenticate(&self) -> String {
        self.error.www_authenticate(self.scheme)
    }
}

impl From<BearerError> for Refusal {
    fn from(error: BearerError) -> Refusal {
        let scheme = match error {
            BearerError::InvalidProof(_) | BearerError::UseNonce => Scheme::Dpop,
            _ => Scheme::Bearer,
        };
        Refusal {
            error,
            scheme,
            nonce: None,
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
        let bearer = |token| Ok((Scheme::Bearer, token));
        assert_eq!(presented_token(Some("Bearer a.b-c")), bearer("a.b-c"));
        assert_eq!(presented_token(Some("bearer a")), bearer("a"));
        assert_eq!(presented_token(Some("DPoP a")), Ok((Scheme::Dpop, "a")));
        for missing in [None, Some("Basic YTpi"), Some(""), Some("Token a")] {
            assert_eq!(presented_token(missing), Err(BearerError::Missing));
        }
        for bad in [
            "Bearer",
            "Bearer ",
            "Bearer  a",
            "Bearer a b",
            "Bearer a, Bearer b",
            "Bearer \"a\"",
            "Bearer é",
            "DPoP",
        ] {
            assert_eq!(
                presented_token(Some(bad)).unwrap_err().status(),
                400,
                "{bad}"
            );
        }
    }

    #[test]
    fn challenges() {
        let challenge = |error: BearerError| Refusal::from(error).www_authenticate();
        assert_eq!(challenge(BearerError::Missing), "Bearer realm=\"ward\"");
        let expired = challenge(BearerError::InvalidToken("the token has expired"));
        assert_eq!(
            expired,
            "Bearer realm=\"ward\", error=\"invalid_token\", error_description=\"the token has expired\""
        );
        let proof = challenge(BearerError::UseNonce);
        assert!(proof.starts_with("DPoP realm=\"ward\", error=\"use_dpop_nonce\""));
        assert!(proof.ends_with(", algs=\"ES256 ES384 RS256 PS256 EdDSA\""));
        assert_eq!(
            BearerError::Expired.www_authenticate(Scheme::Dpop),
            "DPoP realm=\"ward\", error=\"invalid_token\", error_description=\"the token has expired\", \
             algs=\"ES256 ES384 RS256 PS256 EdDSA\""
        );
        for (header, scheme) in [
            (None, Scheme::Bearer),
            (Some("Basic YTpi"), Scheme::Bearer),
            (Some("bearer a"), Scheme::Bearer),
            (Some("dpop a"), Scheme::Dpop),
            (Some("DPoP"), Scheme::Dpop),
        ] {
            assert_eq!(Scheme::of(header), scheme, "{header:?}");
        }
        assert_eq!(BearerError::InsufficientScope.status(), 403);
        assert_eq!(BearerError::Misplaced.status(), 401);
        assert_eq!(
            BearerError::insufficient_scope(Scheme::Bearer, Some("user/Observation.s")),
            "Bearer realm=\"ward\", error=\"insufficient_scope\", error_description=\"the token's scopes do not permit this\", scope=\"user/Observation.s\""
        );
        assert_eq!(BearerError::InvalidToken("").status(), 401);
        assert_eq!(BearerError::Unavailable.status(), 503);
    }
}
