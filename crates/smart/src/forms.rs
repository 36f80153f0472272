//! Who may send a form: only a page that this server showed to this browser (S30, X56).

use crate::answer::{ErrorCode, OAuthError};
use crate::page::Form;
use crate::request::Request;
use ward_seal::base64url;
use ward_seal::hash::{constant_time_eq, hmac_sha256};

/// Makes and checks the field `csrf`: an HMAC over the browser's cookie and the path of the form. Another site can make the
/// browser send the cookie, but cannot know what belongs to it.
pub struct Forms {
    key: [u8; 32],
    origin: String,
}

impl Forms {
    /// `key` is the same on every node; `origin` is the server's own.
    pub fn new(key: [u8; 32], origin: &str) -> Forms {
        Forms {
            key,
            origin: origin.to_owned(),
        }
    }

    /// A form that is sent to `action` (a path with its query) by the browser with this cookie.
    pub fn form(&self, cookie: &str, action: &str) -> Form {
        Form::new(action, self.token(cookie, action))
    }

    /// Whether a posted form is ours: the cookie is there, `csrf` belongs to it and to the path of `action`, and the browser
    /// names no other origin.
    pub fn check(&self, request: &Request<'_>, action: &str) -> Result<(), OAuthError> {
        let foreign = request.origin.is_some_and(|origin| origin != self.origin);
        let sent = request.parameters.get("csrf").unwrap_or_default();
        let expected = request.session.map(|cookie| self.token(cookie, action));
        let known =
            expected.is_some_and(|expected| constant_time_eq(expected.as_bytes(), sent.as_bytes()));
        if known && !foreign {
            return Ok(());
        }
        Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "the form is not from this server, or its page is too old; go back and try again",
        ))
    }

    /// The path alone: what the query names is looked up anyway, and may be changed by a form's own fields.
    fn token(&self, cookie: &str, action: &str) -> String {
        let path = action.split('?').next().unwrap_or_default();
        let parts = [
            &(cookie.len() as u64).to_le_bytes(),
            cookie.as_bytes(),
            path.as_bytes(),
        ];
        base64url(&hmac_sha256(&self.key, &parts.concat()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Parameters;

    fn request<'a>(csrf: &str, cookie: Option<&'a str>, origin: Option<&'a str>) -> Request<'a> {
        Request {
            parameters: Parameters::new(vec![("csrf".into(), csrf.into())]),
            session: cookie,
            origin,
            ..Request::default()
        }
    }

    #[test]
    fn s30_a_form_is_taken_from_its_own_page_and_browser_only() {
        let forms = Forms::new([1; 32], "https://ward.example");
        let csrf = forms.form("cookie", "/auth/approve?tx=1").csrf;
        let path = "/auth/approve?tx=2";
        assert!(
            forms
                .check(&request(&csrf, Some("cookie"), None), path)
                .is_ok()
        );
        let own = Some("https://ward.example");
        assert!(
            forms
                .check(&request(&csrf, Some("cookie"), own), path)
                .is_ok()
        );
        for refused in [
            request(&csrf, Some("other"), None),
            request(&csrf, None, None),
            request("", Some("cookie"), None),
            request(&csrf[1..], Some("cookie"), None),
            request(&csrf, Some("cookie"), Some("https://evil.example")),
            request(&csrf, Some("cookie"), Some("null")),
        ] {
            assert!(forms.check(&refused, path).is_err());
        }
        assert!(
            forms
                .check(&request(&csrf, Some("cookie"), None), "/auth/apps")
                .is_err()
        );
    }
}
