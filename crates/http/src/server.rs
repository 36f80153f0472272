//! The listeners and the one handler every FHIR request goes through.

use crate::cors::{self, Openness};
use crate::demo_app;
use crate::metrics::Metrics;
use crate::request::{self, Asked, Look};
use crate::respond::{Wish, respond};
use crate::smart;
use crate::tls;
use actix_web::dev::ServerHandle;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ward_access::Caller;
use ward_fhir::{Failure, Kind};
use ward_resources::{Call, Engine, Reply};
use ward_smart::{AuthorizationServer, BearerError, Credentials, Endpoint, Refusal};

/// Path of the service base.
const BASE_PATH: &str = "/fhir";

#[derive(Clone, Debug)]
pub struct ServerSettings {
    pub workers: usize,
    pub body_bytes_max: usize,
    /// Time until the next part of a body must come.
    pub body_part_timeout_s: u64,
    pub keep_alive_s: u64,
    /// Time a client has to send the head of a request.
    pub request_head_timeout_s: u64,
    /// Time that open requests have at shutdown.
    pub shutdown_timeout_s: u64,
    pub connections_max: usize,
    /// Seconds for which browsers are told to use nothing but TLS (RFC 6797); 0: they are told nothing.
    pub hsts_max_age_s: u64,
}

impl Default for ServerSettings {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(2, usize::from),
            body_bytes_max: 64 * 1024 * 1024,
            body_part_timeout_s: 30,
            keep_alive_s: 75,
            request_head_timeout_s: 10,
            shutdown_timeout_s: 20,
            connections_max: 10_000,
            hsts_max_age_s: 0,
        }
    }
}

/// What the handler works with.
#[derive(Clone)]
pub struct Service {
    pub engine: Arc<Engine>,
    pub auth: Arc<AuthorizationServer>,
    pub metrics: Arc<Metrics>,
    pub settings: ServerSettings,
    /// Serves the demo's sample app.
    pub demo: bool,
    /// Cleared at shutdown, so that load balancers look elsewhere.
    pub ready: Arc<AtomicBool>,
}

/// A running listener.
pub struct Running {
    pub handle: ServerHandle,
    pub done: actix_web::dev::Server,
}

/// Serves on an already bound listener: over TLS (HTTP/2 and HTTP/1.1) when it is configured, else in clear.
pub fn start(
    listener: TcpListener,
    service: Service,
    encryption: Option<rustls::ServerConfig>,
) -> std::io::Result<Running> {
    let settings = service.settings.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(web::Data::new(service.clone()))
            .default_service(web::to(handle))
    })
    .workers(settings.workers)
    .keep_alive(Duration::from_secs(settings.keep_alive_s))
    .client_request_timeout(Duration::from_secs(settings.request_head_timeout_s))
    .shutdown_timeout(settings.shutdown_timeout_s)
    .max_connections(settings.connections_max)
    // A client that has closed its side waits for nothing: the future of its read is dropped, which cancels its statement.
    .h1_allow_half_closed(false)
    .tls_handshake_timeout(tls::HANDSHAKE_TIMEOUT)
    .on_connect(tls::remember_certificate)
    .disable_signals();
    let server = match encryption {
        Some(encryption) => server.listen_rustls_0_23(listener, encryption)?,
        None => server.listen(listener)?,
    };
    let server = server.run();
    Ok(Running {
        handle: server.handle(),
        done: server,
    })
}

/// Serves the metrics; the caller sees to it that the listener is on loopback.
pub fn start_metrics(listener: TcpListener, metrics: Arc<Metrics>) -> std::io::Result<Running> {
    let server = HttpServer::new(move || {
        let metrics = metrics.clone();
        App::new().route(
            "/metrics",
            web::get().to(move || {
                let text = metrics.render();
                async move {
                    HttpResponse::Ok()
                        .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
                        .body(text)
                }
            }),
        )
    })
    .workers(1)
    .disable_signals()
    .listen(listener)?
    .run();
    Ok(Running {
        handle: server.handle(),
        done: server,
    })
}

async fn handle(
    request: HttpRequest,
    payload: web::Payload,
    service: web::Data<Service>,
) -> HttpResponse {
    let mut response = dispatch(&request, payload, &service).await;
    tls::add_hsts(&request, &service.settings, response.headers_mut());
    response
}

async fn dispatch(request: &HttpRequest, payload: web::Payload, service: &Service) -> HttpResponse {
    let path = request.path();
    if let Some(below) = path.strip_prefix(BASE_PATH)
        && (below.is_empty() || below.starts_with('/'))
    {
        return below_base(request, payload, service, below).await;
    }
    if let Some(endpoint) = Endpoint::at(path) {
        return smart::handle(request, payload, service, endpoint).await;
    }
    if let Some(file) = smart::file(path) {
        return file;
    }
    if service.demo
        && let Some(file) = demo_app::answer(request.method(), path)
    {
        return file;
    }
    match path {
        "/health/live" => HttpResponse::Ok().content_type("text/plain").body("live\n"),
        "/health/ready" => ready(service).await,
        "/" => HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .body(greeting(service)),
        _ => HttpResponse::NotFound()
            .content_type("text/plain")
            .body("nothing here; the FHIR base is /fhir\n"),
    }
}

/// The FHIR base. What is published there needs no token, and a bad one does not matter to it (S2).
async fn below_base(
    request: &HttpRequest,
    payload: web::Payload,
    service: &Service,
    below: &str,
) -> HttpResponse {
    if below == Endpoint::SmartConfiguration.path() {
        let endpoint = Endpoint::SmartConfiguration;
        return smart::handle(request, payload, service, endpoint).await;
    }
    let openness = Openness::below_base(below, &*service.auth);
    if request.method() == Method::OPTIONS {
        return cors::preflight(request, openness, cors::OF_FHIR, cors::FHIR_METHODS);
    }
    let mut response = fhir(request, payload, service, below).await;
    cors::expose(request, openness, cors::OF_FHIR, response.headers_mut());
    response
}

fn greeting(service: &Service) -> String {
    let base = &service.engine.settings().base;
    format!(
        "Ward, a FHIR R4 server\n\nFHIR base     {base}\ncapabilities  {base}/metadata\nhealth        /health/live /health/ready\n"
    )
}

async fn ready(service: &Service) -> HttpResponse {
    if service.ready.load(Ordering::Relaxed) && service.engine.store().ready().await {
        HttpResponse::Ok()
            .content_type("text/plain")
            .body("ready\n")
    } else {
        HttpResponse::ServiceUnavailable()
            .content_type("text/plain")
            .body("not ready\n")
    }
}

async fn fhir(
    request: &HttpRequest,
    payload: web::Payload,
    service: &Service,
    below: &str,
) -> HttpResponse {
    let begun = Instant::now();
    let _in_flight = service.metrics.begin();
    let request_id = request_id();
    let id_text = hex(&request_id);
    let source: Arc<str> = request
        .peer_addr()
        .map_or_else(String::new, |a| a.ip().to_string())
        .into();
    let below = percent_decoded(below);
    let mut asked = Asked::nothing(request_id, source);
    let understood = asked.head(request, below.trim_start_matches('/'));
    let interaction = asked.call.interaction.code();
    let (reply, look, nonce) = answer(request, payload, service, asked, understood).await;
    service
        .metrics
        .end(interaction, reply.status, begun.elapsed());
    let wish = Wish {
        form: look.form,
        pretty: look.pretty,
        codings: look.codings,
        base: &service.engine.settings().base,
        request_id: &id_text,
    };
    let mut response = respond(reply, wish);
    let nonce = nonce.and_then(|nonce| HeaderValue::from_str(&nonce).ok());
    if let Some(nonce) = nonce {
        response
            .headers_mut()
            .insert(HeaderName::from_static("dpop-nonce"), nonce);
    }
    response
}

/// The reply, how it is written, and what a DPoP proof must hold from now on. `understood`: what of the request was not.
async fn answer(
    request: &HttpRequest,
    payload: web::Payload,
    service: &Service,
    mut asked: Asked,
    understood: Result<(), Failure>,
) -> (Reply, Look, Option<String>) {
    let engine = &service.engine;
    let caller = match authenticate(request, service).await {
        Ok(caller) => caller,
        Err(_) if asked.call.interaction.is_public() => Arc::new(Caller::anonymous()),
        Err(refusal) => {
            let (failure, challenge) = failure(&refusal);
            let nobody = Caller::anonymous();
            let reply = engine.refuse(&nobody, &asked.call, &failure, challenge);
            return (reply.await, asked.look, refusal.nonce);
        }
    };
    let read = match understood {
        Ok(()) => request::body(request, payload, &service.settings, &mut asked).await,
        refused => refused,
    };
    let reply = match read {
        Ok(()) => run(engine, caller, asked.call).await,
        Err(failure) => engine.refuse(&caller, &asked.call, &failure, None).await,
    };
    (reply, asked.look, None)
}

/// A Call that may write runs to its end also when the client goes away: what it commits, it records.
async fn run(engine: &Arc<Engine>, caller: Arc<Caller>, call: Call) -> Reply {
    if !call.interaction.may_write() {
        return engine.answer(&caller, &call).await;
    }
    let engine = engine.clone();
    let task = actix_web::rt::spawn(async move { engine.answer(&caller, &call).await });
    task.await.unwrap_or_else(|_| {
        Reply::failure(&Failure::new(
            Kind::Internal,
            "the request was not answered to its end",
        ))
    })
}

/// The caller behind the token of a request.
async fn authenticate(request: &HttpRequest, service: &Service) -> Result<Arc<Caller>, Refusal> {
    let once =
        |name| smart::one_header(request.headers(), name).map_err(BearerError::InvalidRequest);
    let authorization = once(&header::AUTHORIZATION)?;
    let dpop = once(&smart::DPOP)?;
    // Only a proof names the URL.
    let url = dpop.map(|_| format!("{}{}", service.auth.settings().issuer, request.path()));
    let credentials = Credentials {
        authorization,
        dpop,
        certificate: None,
        method: request.method().as_str(),
        url: url.as_deref().unwrap_or_default(),
    };
    let now_s = service.engine.now_us() / 1_000_000;
    service.auth.authenticate(&credentials, now_s).await
}

/// A refusal as an answer, with the challenge that goes with it (RFC 6750 §3).
fn failure(refusal: &Refusal) -> (Failure, Option<String>) {
    let error = &refusal.error;
    let (kind, challenge) = match error.status() {
        400 => (Kind::Invalid, Some(error.www_authenticate())),
        503 => (Kind::Unavailable, None),
        _ => (Kind::Login, Some(error.www_authenticate())),
    };
    (Failure::new(kind, error.description()), challenge)
}

fn request_id() -> [u8; 16] {
    let mut id = [0; 16];
    ward_seal::random::fill(&mut id);
    id
}

fn hex(bytes: &[u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|b| {
            [
                DIGITS[usize::from(b >> 4)] as char,
                DIGITS[usize::from(b & 15)] as char,
            ]
        })
        .collect()
}

/// Path segments decoded once; an encoded slash stays encoded and so never makes a segment.
fn percent_decoded(path: &str) -> String {
    if !path.contains('%') {
        return path.to_owned();
    }
    let bytes = path.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |n: usize| bytes.get(n).and_then(|b| (*b as char).to_digit(16));
        match (bytes[at], hex(at + 1), hex(at + 2)) {
            (b'%', Some(high), Some(low)) if (high * 16 + low) as u8 != b'/' => {
                out.push((high * 16 + low) as u8);
                at += 3;
            }
            (byte, _, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
