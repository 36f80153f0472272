//! The listeners and the one handler every FHIR request goes through.

use crate::answers::Answers;
use crate::cors::{self, Openness};
use crate::demo_app;
use crate::fhir::{self, Base};
use crate::metrics::Metrics;
use crate::rate_limits::RateLimits;
use crate::respond::RETRY_AFTER_S;
use crate::smart;
use crate::tls;
use crate::witness;
use actix_web::dev::ServerHandle;
use actix_web::http::Method;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use ward_resources::Engine;
use ward_smart::settings::origin;
use ward_smart::{APP_STATE_PATH, AuthorizationServer, Endpoint};

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
    pub rate_limits: Arc<RateLimits>,
    /// What has left.
    pub answers: Arc<Answers>,
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
    if let Some(below) = path.strip_prefix(APP_STATE_PATH)
        && (below.is_empty() || below.starts_with('/'))
    {
        return below_fhir(request, payload, service, below, Base::AppState).await;
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
    if let Some(below) = path.strip_prefix(witness::PATH) {
        return witness::answer(request, payload, service, below).await;
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
    below_fhir(request, payload, service, below, Base::Resources).await
}

/// Either base that speaks FHIR.
async fn below_fhir(
    request: &HttpRequest,
    payload: web::Payload,
    service: &Service,
    below: &str,
    base: Base,
) -> HttpResponse {
    let openness = Openness::below_base(below, &*service.auth);
    if request.method() == Method::OPTIONS {
        return cors::preflight(request, openness, cors::OF_FHIR, cors::FHIR_METHODS);
    }
    let mut response = fhir::answer(request, payload, service, below, base).await;
    cors::expose(request, openness, cors::OF_FHIR, response.headers_mut());
    response
}

fn greeting(service: &Service) -> String {
    let base = &service.engine.settings().base;
    let origin = origin(base);
    let people = Endpoint::Apps.path();
    let sample = match service.demo {
        true => format!("a sample app  {origin}{}\n", demo_app::PATH),
        false => String::new(),
    };
    format!(
        "Ward, a FHIR R4 server\n\n\
         FHIR base     {base}\n\
         capabilities  {base}/metadata\n\
         OpenAPI       {base}/openapi.json\n\
         for apps      {base}{}\n\
         for people    {origin}{people}\n\
         {sample}\
         health        {origin}/health/live {origin}/health/ready\n",
        Endpoint::SmartConfiguration.path()
    )
}

async fn ready(service: &Service) -> HttpResponse {
    if service.ready.load(Ordering::Relaxed) && service.engine.store().ready().await {
        HttpResponse::Ok()
            .content_type("text/plain")
            .body("ready\n")
    } else {
        HttpResponse::ServiceUnavailable()
            .insert_header((RETRY_AFTER, RETRY_AFTER_S))
            .content_type("text/plain")
            .body("not ready\n")
    }
}
