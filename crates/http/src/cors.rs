//! Scripts of other origins: what is published is for all of them, what takes or gives tokens or data for those of registered
//! clients, pages for none. Never with cookies. <https://fetch.spec.whatwg.org/#http-cors-protocol> (S11, S12)

use crate::request::text;
use crate::smart::Authority;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use ward_smart::Endpoint;

/// Whose scripts may read an answer.
#[derive(Clone, Copy)]
pub enum Openness<'a> {
    /// Published metadata: everybody's.
    Open,
    /// Those of origins that a client registered.
    Registered(&'a dyn Authority),
    /// Nobody's: pages with forms.
    Closed,
}

/// What scripts may send, and see beside the body.
#[derive(Clone, Copy)]
pub struct Headers {
    sent: &'static str,
    seen: &'static str,
}

/// Of the FHIR base.
pub const OF_FHIR: Headers = Headers {
    sent: "Authorization, Accept, Content-Type, DPoP, If-Match, If-None-Match, If-Modified-Since, If-None-Exist, Prefer, Ward-Break-Glass, X-Request-Id, X-Security-Context",
    seen: "ETag, Last-Modified, Location, Content-Location, X-Request-Id, X-Correlation-Id, X-Security-Context, WWW-Authenticate, DPoP-Nonce, Retry-After, Ward-Break-Glass",
};
/// Of the authorization server's endpoints.
pub const OF_ENDPOINTS: Headers = Headers {
    sent: "Authorization, Accept, Content-Type, DPoP, If-None-Match, X-Request-Id",
    seen: "ETag, X-Request-Id, X-Correlation-Id, WWW-Authenticate, DPoP-Nonce, Retry-After",
};
/// Methods of the FHIR base.
pub const FHIR_METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";

impl<'a> Openness<'a> {
    pub fn of(endpoint: Endpoint, authority: &'a dyn Authority) -> Openness<'a> {
        if endpoint.is_published() {
            Openness::Open
        } else if endpoint.is_for_people() {
            Openness::Closed
        } else {
            Openness::Registered(authority)
        }
    }

    /// Of a path below the FHIR base: what tells of the server is open, the rest is for scripts of registered clients.
    pub fn below_base(path: &str, authority: &'a dyn Authority) -> Openness<'a> {
        match path {
            "/metadata" => Openness::Open,
            _ => Openness::Registered(authority),
        }
    }

    fn allowed(self, request: &HttpRequest) -> Option<HeaderValue> {
        match self {
            Openness::Open => Some(HeaderValue::from_static("*")),
            Openness::Closed => None,
            Openness::Registered(authority) => {
                let origin = text(request.headers(), &header::ORIGIN)?;
                let known = authority.allows_origin(origin);
                known.then(|| HeaderValue::from_str(origin).ok()).flatten()
            }
        }
    }
}

/// Says to the browser whether the script that asks may read the answer.
pub fn expose(
    request: &HttpRequest,
    openness: Openness<'_>,
    which: Headers,
    headers: &mut HeaderMap,
) {
    if matches!(openness, Openness::Registered(_)) {
        // Without it a cache could give one origin the permission of another.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
    if let Some(origin) = openness.allowed(request) {
        let seen = HeaderValue::from_static(which.seen);
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, seen);
    }
}

/// Answers what a browser asks before it sends a script's request.
pub fn preflight(
    request: &HttpRequest,
    openness: Openness<'_>,
    which: Headers,
    methods: &str,
) -> HttpResponse {
    let mut response = HttpResponse::NoContent().finish();
    let headers = response.headers_mut();
    expose(request, openness, which, headers);
    if headers.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN) {
        if let Ok(methods) = HeaderValue::from_str(methods) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        let sent = HeaderValue::from_static(which.sent);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, sent);
        headers.insert(
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static("3600"),
        );
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::smart::Answering;
    use actix_web::test::TestRequest;
    use ward_smart::Request;

    struct OneApp;

    impl Authority for OneApp {
        fn answer<'a>(&'a self, _: Endpoint, _: Request<'a>) -> Answering<'a> {
            Box::pin(std::future::ready(ward_smart::Answer::redirect("/")))
        }

        fn allows_origin(&self, origin: &str) -> bool {
            origin == "https://app.example"
        }
    }

    /// `Access-Control-Allow-Origin` of a preflight and of the answer after it.
    fn allowed(openness: Openness<'_>, origin: &str) -> Option<String> {
        let request = TestRequest::default()
            .insert_header(("Origin", origin))
            .to_http_request();
        let response = preflight(&request, openness, OF_FHIR, FHIR_METHODS);
        let mut headers = HeaderMap::new();
        expose(&request, openness, OF_FHIR, &mut headers);
        let name = header::ACCESS_CONTROL_ALLOW_ORIGIN;
        assert_eq!(headers.get(&name), response.headers().get(&name));
        assert!(!headers.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
        let methods = response
            .headers()
            .contains_key(header::ACCESS_CONTROL_ALLOW_METHODS);
        assert_eq!(methods, headers.contains_key(&name));
        text(&headers, &name).map(str::to_owned)
    }

    #[test]
    fn s11_what_is_published_is_for_every_origin() {
        for endpoint in [
            Endpoint::SmartConfiguration,
            Endpoint::OpenIdConfiguration,
            Endpoint::Jwks,
        ] {
            let openness = Openness::of(endpoint, &OneApp);
            assert_eq!(
                allowed(openness, "https://anything.example").as_deref(),
                Some("*")
            );
        }
        let metadata = Openness::below_base("/metadata", &OneApp);
        assert_eq!(
            allowed(metadata, "https://anything.example").as_deref(),
            Some("*")
        );
    }

    #[test]
    fn s12_tokens_and_data_are_for_origins_of_registered_clients() {
        let token = Openness::of(Endpoint::Token, &OneApp);
        let data = Openness::below_base("/Patient", &OneApp);
        for openness in [token, data] {
            let app = allowed(openness, "https://app.example");
            assert_eq!(app.as_deref(), Some("https://app.example"));
            for other in [
                "https://evil.example",
                "null",
                "https://app.example.evil.example",
            ] {
                assert_eq!(allowed(openness, other), None);
            }
        }
        let page = Openness::of(Endpoint::Approve, &OneApp);
        assert_eq!(allowed(page, "https://app.example"), None);
    }
}
