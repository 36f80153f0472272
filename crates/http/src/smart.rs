//! The endpoints of the authorization server: an HTTP request becomes a `ward_smart::Request`, an `Answer` becomes a response.
//! Which paths there are, and with which methods, is the table in `ward_smart::endpoints`.

mod authority;
mod cookie;
mod credentials;
mod metered;
mod parameters;
mod refusal;
mod respond;

pub use authority::{Answering, Authority};
pub(crate) use credentials::{DPOP, one_header};

use crate::cors::{self, Openness};
use crate::pages;
use crate::request::{client_request_id, name_request, request_id, text};
use crate::server::Service;
use crate::tls::client_certificate;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use cookie::Cookies;
use metered::Metered;
use refusal::Refusal;
use std::sync::Arc;
use std::time::Instant;
use ward_smart::{Answer, Endpoint, Meter, Parameters, Request};

/// Answers a request to an endpoint.
pub async fn handle(
    request: &HttpRequest,
    payload: web::Payload,
    service: &Service,
    endpoint: Endpoint,
) -> HttpResponse {
    let authority: Arc<dyn Authority> = service.auth.clone();
    let openness = Openness::of(endpoint, &*authority);
    if request.method() == actix_web::http::Method::OPTIONS {
        let methods = endpoint.methods().join(", ");
        return cors::preflight(request, openness, cors::OF_ENDPOINTS, &methods);
    }
    let begun = Instant::now();
    let id = request_id();
    let _in_flight = service.metrics.begin();
    let methods = endpoint.methods();
    let is_taken = methods.contains(&request.method().as_str());
    let meter = Metered::of(request, service, endpoint);
    let exceeded = meter.take_before(endpoint).err();
    let answer = if exceeded.is_some() {
        let refusal = Refusal::too_many_requests();
        refusal.recorded((request, &id), service, endpoint).await
    } else if is_taken {
        let asked = asked((request, &id), payload, service, endpoint).await;
        answer((request, &id), service, asked, meter, endpoint).await
    } else {
        let refusal = Refusal::method_not_allowed();
        refusal.recorded((request, &id), service, endpoint).await
    };
    let mut response = respond::respond(request, answer, Cookies::of(service));
    name_request(request, &id, response.headers_mut());
    if let Some(exceeded) = exceeded {
        let wait = HeaderValue::from(exceeded.wait_s);
        response.headers_mut().insert(header::RETRY_AFTER, wait);
    }
    if !is_taken
        && let Ok(methods) = HeaderValue::from_str(&format!("{}, OPTIONS", methods.join(", ")))
    {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    let status = response.status().as_u16();
    service
        .metrics
        .end(endpoint.interaction(), status, begun.elapsed());
    cors::expose(
        request,
        openness,
        cors::OF_ENDPOINTS,
        response.headers_mut(),
    );
    response
}

/// A style sheet or script of the pages, if this is the path of one.
pub fn file(path: &str) -> Option<HttpResponse> {
    let file = pages::files::at(path)?;
    let mut response = HttpResponse::Ok()
        .content_type(file.content_type)
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(file.text);
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        let value = HeaderValue::from_static(value);
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
    Some(response)
}

async fn answer(
    (request, id): (&HttpRequest, &[u8; 16]),
    service: &Service,
    asked: Result<Asked, Refusal>,
    meter: Metered,
    endpoint: Endpoint,
) -> Answer {
    match asked {
        Ok(asked) => {
            let authority: Arc<dyn Authority> = service.auth.clone();
            // What was begun ends and is recorded, also when the client goes away.
            let task = actix_web::rt::spawn(async move {
                let meter = endpoint.is_for_known_clients().then_some(meter);
                asked.put(&*authority, endpoint, meter.as_ref()).await
            });
            task.await.unwrap_or_else(|_| refusal::unanswered(endpoint))
        }
        Err(refusal) => refusal.recorded((request, id), service, endpoint).await,
    }
}

/// A request with everything that `ward_smart::Request` borrows.
struct Asked {
    parameters: Parameters,
    json: Option<String>,
    authorization: Option<String>,
    dpop: Option<String>,
    session: Option<String>,
    device: Option<String>,
    certificate: Option<[u8; 32]>,
    request_id: [u8; 16],
    client_request_id: Option<String>,
    source: String,
    origin: Option<String>,
    method: &'static str,
    url: String,
    now_s: i64,
}

impl Asked {
    async fn put(
        self,
        authority: &dyn Authority,
        endpoint: Endpoint,
        meter: Option<&Metered>,
    ) -> Answer {
        let request = Request {
            parameters: self.parameters,
            json: self.json.as_deref(),
            authorization: self.authorization.as_deref(),
            dpop: self.dpop.as_deref(),
            session: self.session.as_deref(),
            device: self.device.as_deref(),
            certificate: self.certificate,
            request_id: self.request_id,
            client_request_id: self.client_request_id.as_deref(),
            source: &self.source,
            origin: self.origin.as_deref(),
            method: self.method,
            url: &self.url,
            meter: meter.map(|meter| meter as &dyn Meter),
            now_s: self.now_s,
        };
        authority.answer(endpoint, request).await
    }
}

async fn asked(
    (request, id): (&HttpRequest, &[u8; 16]),
    payload: web::Payload,
    service: &Service,
    endpoint: Endpoint,
) -> Result<Asked, Refusal> {
    let headers = request.headers();
    let cookies = Cookies::of(service);
    let authorization = header_once(headers, &header::AUTHORIZATION)?;
    let dpop = header_once(headers, &credentials::DPOP)?;
    let (parameters, json) =
        parameters::read(request, payload, &service.settings, endpoint).await?;
    Ok(Asked {
        parameters,
        json,
        authorization,
        dpop,
        session: cookies.session(headers),
        device: cookies.device(headers),
        certificate: client_certificate(request),
        request_id: *id,
        client_request_id: client_request_id(headers).map(str::to_owned),
        source: source(request),
        origin: text(headers, &header::ORIGIN).map(str::to_owned),
        method: method(request),
        url: url(request, service),
        now_s: service.engine.now_us() / 1_000_000,
    })
}

fn header_once(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Refusal> {
    match one_header(headers, name) {
        Ok(value) => Ok(value.map(str::to_owned)),
        Err(why) => Err(Refusal::malformed(why)),
    }
}

/// Peer address without port.
fn source(request: &HttpRequest) -> String {
    request
        .peer_addr()
        .map_or_else(String::new, |address| address.ip().to_string())
}

fn method(request: &HttpRequest) -> &'static str {
    match request.method().as_str() {
        "POST" => "POST",
        "HEAD" => "HEAD",
        _ => "GET",
    }
}

/// By the configured origin, never by the Host header: whoever sends a proof knows the server by the address that it publishes.
fn url(request: &HttpRequest, service: &Service) -> String {
    let origin = origin_of(&service.engine.settings().base);
    format!("{origin}{}", request.uri().path())
}

/// Scheme and authority of the service base.
pub(crate) fn origin_of(base: &str) -> &str {
    let authority = base.find("://").map_or(0, |at| at + 3);
    let end = base[authority..]
        .find('/')
        .map_or(base.len(), |at| authority + at);
    &base[..end]
}

#[cfg(test)]
mod tests;
