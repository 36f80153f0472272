//! Where somebody who signs in came from, and goes on to: an authorization that waits, or a page of ours. It is carried in the
//! query of every page on the way; nothing else that a request names is ever gone to (no open redirect).

use crate::answer::{Answer, OAuthError};
use crate::break_glass;
use crate::endpoints::Endpoint;
use crate::request::Request;
use crate::server::AuthorizationServer;
use crate::state::{self, Authorization};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Way {
    /// Id of the authorization.
    tx: Option<String>,
    to: Option<Endpoint>,
    /// Logical id of the patient that [`Endpoint::BreakGlass`] is asked for.
    patient: Option<String>,
}

/// The app that waits at the end of the way.
pub(super) struct Waiting {
    pub app: String,
    pub redirect_uri: String,
}

impl Way {
    pub(super) fn of(request: &Request<'_>) -> Way {
        let parameters = &request.parameters;
        let way = Way::again(parameters.get("tx"), parameters.get("to"));
        way.for_patient(parameters.get("patient"))
    }

    /// To a page of ours.
    pub(super) fn to(endpoint: Endpoint) -> Way {
        Way {
            to: Some(endpoint),
            ..Way::default()
        }
    }

    /// Whether it leads to where two factors must have been shown just now.
    pub(super) fn demands_fresh(&self) -> bool {
        self.tx.is_none() && self.to == Some(Endpoint::BreakGlass)
    }

    fn for_patient(self, id: Option<&str>) -> Way {
        let id = id.filter(|id| self.demands_fresh() && break_glass::is_id(id));
        Way {
            patient: id.map(str::to_owned),
            ..self
        }
    }

    /// Whether an app waits at its end.
    pub(super) fn is_of_an_app(&self) -> bool {
        self.tx.is_some()
    }

    /// What a row remembers of it.
    pub(super) fn kept(&self) -> (Option<String>, Option<String>) {
        let to = self.to.map(|to| match &self.patient {
            Some(id) => format!("{}{OF_PATIENT}{id}", to.path()),
            None => to.path().to_owned(),
        });
        (self.tx.clone(), to)
    }

    /// From what a row remembers.
    pub(super) fn again(tx: Option<&str>, to: Option<&str>) -> Way {
        let (to, patient) = match to.and_then(|to| to.split_once(OF_PATIENT)) {
            Some((to, patient)) => (Some(to), Some(patient)),
            None => (to, None),
        };
        let way = Way {
            tx: tx.filter(|tx| is_id(tx)).map(str::to_owned),
            to: to.and_then(place),
            patient: None,
        };
        way.for_patient(patient)
    }

    /// The path of a page on this way.
    pub(super) fn link(&self, page: Endpoint) -> String {
        match (&self.tx, self.to) {
            (Some(tx), _) => format!("{}?tx={tx}", page.path()),
            (None, Some(to)) => {
                let patient = self.patient.iter().map(|id| format!("&patient={id}"));
                let patient: String = patient.collect();
                format!("{}?to={}{patient}", page.path(), to.path())
            }
            (None, None) => page.path().to_owned(),
        }
    }

    pub(super) fn step(&self, page: Endpoint) -> Answer {
        Answer::redirect(self.link(page))
    }

    /// Its end.
    pub(super) fn end(&self) -> String {
        match (&self.tx, self.to) {
            (Some(tx), _) => format!("{}?tx={tx}", Endpoint::Authorize.path()),
            (None, to) => {
                let patient = self.patient.iter().map(|id| format!("{OF_PATIENT}{id}"));
                let patient: String = patient.collect();
                format!("{}{patient}", to.unwrap_or(Endpoint::Apps).path())
            }
        }
    }

    /// `None`: no app waits, or it waits no longer.
    pub(super) async fn waiting(
        &self,
        server: &AuthorizationServer,
        now_s: i64,
    ) -> Result<Option<Waiting>, OAuthError> {
        let Some(tx) = &self.tx else {
            return Ok(None);
        };
        let found = state::get::<Authorization>(server.store(), tx, now_s).await?;
        Ok(found.map(|authorization| Waiting {
            app: server
                .registry()
                .client(&authorization.client_id)
                .map_or_else(
                    || authorization.client_id.clone(),
                    |client| client.name.clone(),
                ),
            redirect_uri: authorization.redirect_uri.clone(),
        }))
    }
}

/// Pages that one can want to get to.
fn place(path: &str) -> Option<Endpoint> {
    Endpoint::at(path).filter(|endpoint| {
        matches!(
            endpoint,
            Endpoint::Apps
                | Endpoint::Sessions
                | Endpoint::Enrol
                | Endpoint::Developer
                | Endpoint::Clients
                | Endpoint::Accounts
                | Endpoint::Computers
                | Endpoint::BreakGlass
                | Endpoint::Consents
                | Endpoint::Reviews
                | Endpoint::AuditLog
                | Endpoint::AccessReviews
        )
    })
}

/// Before the patient's id, where a way ends at a page about one.
const OF_PATIENT: &str = "?patient=";

/// What ids of authorizations are made of.
fn is_id(text: &str) -> bool {
    text.len() <= 128
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Parameters;

    fn way(name: &str, value: &str) -> Way {
        Way::of(&Request {
            parameters: Parameters::new(vec![(name.to_owned(), value.to_owned())]),
            ..Request::default()
        })
    }

    #[test]
    fn x56_ways_lead_to_our_pages_only() {
        assert_eq!(way("tx", "a-Z_9").end(), "/auth/authorize?tx=a-Z_9");
        assert_eq!(
            way("tx", "a").link(Endpoint::SecondFactor),
            "/auth/second-factor?tx=a"
        );
        assert_eq!(way("to", "/auth/clients").end(), "/auth/clients");
        assert_eq!(
            way("to", "/auth/clients").link(Endpoint::Enrol),
            "/auth/enrol?to=/auth/clients"
        );
        for elsewhere in [
            "https://evil.example/",
            "//evil.example/",
            "/auth/sign-out",
            "/auth/authorize?client_id=x",
            "/auth/apps/../x",
            "javascript:alert(1)",
        ] {
            assert_eq!(way("to", elsewhere), Way::default(), "{elsewhere}");
            assert_eq!(way("tx", elsewhere), Way::default(), "{elsewhere}");
        }
        assert_eq!(Way::default().end(), "/auth/apps");
        let glass = |to: &str, patient: &str| {
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            Way::of(&Request {
                parameters: Parameters::new(vec![pair("to", to), pair("patient", patient)]),
                ..Request::default()
            })
        };
        let to = glass("/auth/break-glass", "p.1");
        assert_eq!(to.end(), "/auth/break-glass?patient=p.1");
        assert_eq!(
            to.link(Endpoint::SecondFactor),
            "/auth/second-factor?to=/auth/break-glass&patient=p.1"
        );
        for elsewhere in ["p/1", "1&to=x", "", "é"] {
            assert_eq!(
                glass("/auth/break-glass", elsewhere).end(),
                "/auth/break-glass"
            );
        }
        assert_eq!(glass("/auth/apps", "p1").end(), "/auth/apps");
        for kept in [
            to,
            way("tx", "a-Z_9"),
            way("to", "/auth/clients"),
            Way::default(),
        ] {
            let (tx, to) = kept.kept();
            assert_eq!(Way::again(tx.as_deref(), to.as_deref()), kept);
        }
    }
}
