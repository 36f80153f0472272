//! The browser before anybody is signed in: it gets a cookie that its forms belong to, so that nobody can sign it in as somebody
//! else (login CSRF, X56).

use super::lifetime::Place;
use super::session::Session;
use crate::answer::{Answer, Cookie};
use crate::request::Request;
use ward_seal::random;

pub(super) struct Browser {
    pub cookie: String,
    is_new: bool,
}

impl Browser {
    /// The cookie that it has, or a new one.
    pub(super) fn of(request: &Request<'_>) -> Browser {
        match request.session {
            Some(cookie) => Browser {
                cookie: cookie.to_owned(),
                is_new: false,
            },
            None => Browser {
                cookie: random::token(),
                is_new: true,
            },
        }
    }

    /// The answer, with the cookie when it is new.
    pub(super) fn given(self, answer: Answer) -> Answer {
        if self.is_new {
            answer.with_cookie(Cookie::Set(self.cookie))
        } else {
            answer
        }
    }
}

/// Where a sign-in is made: the workstation that the form names, else the one that the browser's session had, else a new one.
/// A named workstation is shared: somebody has set it up.
pub(super) fn place(request: &Request<'_>, before: Option<&Session>) -> Place {
    let named = workstation(request);
    let shared = named.is_some() || request.parameters.get("shared").is_some();
    let known = named.or_else(|| before.map(|session| session.workstation.clone()));
    Place {
        workstation: known.unwrap_or_else(random::uuid),
        shared,
    }
}

/// The name that a ward's computer was set up with: letters, digits, dots and dashes.
pub(super) fn workstation(request: &Request<'_>) -> Option<String> {
    const NAME_BYTES_MAX: usize = 64;
    let named = request.parameters.get("workstation")?;
    let is_name = named.len() <= NAME_BYTES_MAX
        && named
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    is_name.then(|| named.to_owned())
}
