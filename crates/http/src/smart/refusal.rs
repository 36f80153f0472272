//! A request that never reached the authorization server: too large, or not what HTTP and forms say. It is answered in the form
//! that its endpoint has, and recorded like every other.

use crate::request::client_request_id;
use crate::server::Service;
use actix_web::HttpRequest;
use ward_audit::{Decision, Detail, Outcome, Record};
use ward_smart::page::{Message, Page};
use ward_smart::{Answer, Endpoint, ErrorCode, OAuthError};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    why: &'static str,
}

impl Refusal {
    pub fn malformed(why: &'static str) -> Refusal {
        Refusal { status: 400, why }
    }

    pub fn too_large() -> Refusal {
        Refusal {
            status: 413,
            why: "a request has at most 64 parameters and 64 KiB",
        }
    }

    /// The address has asked for too much.
    pub fn too_many_requests() -> Refusal {
        Refusal {
            status: 429,
            why: "too many requests come from this address; wait a moment",
        }
    }

    pub fn method_not_allowed() -> Refusal {
        Refusal {
            status: 405,
            why: "this endpoint does not take the method",
        }
    }

    fn code(self) -> ErrorCode {
        match self.status {
            429 => ErrorCode::TemporarilyUnavailable,
            _ => ErrorCode::InvalidRequest,
        }
    }

    /// The answer, when its record is durable.
    pub async fn recorded(
        self,
        (request, request_id): (&HttpRequest, &[u8; 16]),
        service: &Service,
        endpoint: Endpoint,
    ) -> Answer {
        let record = Record {
            at_us: service.engine.now_us(),
            request_id: *request_id,
            interaction: endpoint.interaction().to_owned(),
            client_id: String::new(),
            user: String::new(),
            purpose: String::new(),
            source: super::source(request),
            outcome: Outcome::Minor,
            status: self.status,
            query: String::new(),
            entities: Vec::new(),
            decision: Decision::default(),
            detail: Detail {
                client_request_id: client_request_id(request.headers())
                    .unwrap_or_default()
                    .to_owned(),
                ..Detail::default()
            },
        };
        match service.engine.log().append(&record).await {
            Ok(_) => answer(endpoint, self.status, self.code(), self.why),
            Err(_) => {
                tracing::error!("audit record could not be made durable; answer withheld");
                answer(endpoint, 503, ErrorCode::TemporarilyUnavailable, WITHHELD)
            }
        }
    }
}

/// The task that answers has ended without an answer.
pub fn unanswered(endpoint: Endpoint) -> Answer {
    answer(
        endpoint,
        500,
        ErrorCode::ServerError,
        "the request was not answered to its end",
    )
}

fn answer(endpoint: Endpoint, status: u16, code: ErrorCode, why: &str) -> Answer {
    if endpoint.is_for_people() {
        let message = Message {
            title: "This request cannot be answered".to_owned(),
            text: format!("The server could not take it: {why}."),
            is_error: true,
            link: None,
        };
        return Answer::page(status, Page::Message(message));
    }
    match Answer::from(OAuthError::new(code, why)) {
        Answer::Json {
            body,
            headers,
            cache,
            ..
        } => Answer::Json {
            status,
            body,
            headers,
            cache,
        },
        other => other,
    }
}

const WITHHELD: &str = "the audit record could not be written; nothing is answered without it";
