//! A request to the FHIR base: whether its sender may ask, then the Call, then how the Reply is written.

use crate::bearer::{self, Refused};
use crate::break_glass;
use crate::headers;
use crate::rate_limits::{self, Exceeded};
use crate::request::{self, Asked, Look, name_request, request_id};
use crate::respond::{Wish, respond};
use crate::server::Service;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;
use ward_access::Caller;
use ward_fhir::{Failure, Kind};
use ward_resources::route::allowed;
use ward_resources::{Call, Engine, Reply};
use ward_smart::{APP_STATE_BYTES_MAX, AuthorizationServer};

/// What a path lies below.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// The FHIR base itself.
    Resources,
    /// What apps keep here (S110).
    AppState,
}

/// `below`: the path below the base.
pub async fn answer(
    request: &HttpRequest,
    payload: web::Payload,
    service: &Service,
    below: &str,
    base: Base,
) -> HttpResponse {
    let begun = Instant::now();
    let _in_flight = service.metrics.begin();
    let request_id = request_id();
    let source: Arc<str> = request
        .peer_addr()
        .map_or_else(String::new, |a| a.ip().to_string())
        .into();
    let below = percent_decoded(below);
    let mut asked = Asked::nothing(request, request_id, source);
    let path = below.trim_start_matches('/');
    let understood = asked.head(request, path);
    let interaction = asked.call.interaction.code();
    let answered = answered((request, path), payload, service, asked, understood, base).await;
    let Answered {
        reply,
        look,
        header,
        banner,
    } = answered;
    service
        .metrics
        .end(interaction, reply.status, begun.elapsed());
    service
        .answers
        .left(reply.interaction.unwrap_or(interaction), reply.status);
    let app_state;
    let url = match base {
        Base::Resources => &service.engine.settings().base,
        Base::AppState => {
            app_state = service.auth.app_state_base();
            &app_state
        }
    };
    let wish = Wish {
        form: look.form,
        pretty: look.pretty,
        codings: look.codings,
        base: url,
    };
    let mut response = respond(reply, wish);
    if response.status() == StatusCode::METHOD_NOT_ALLOWED
        && let Ok(methods) = HeaderValue::from_str(&allowed(path))
    {
        response.headers_mut().insert(header::ALLOW, methods);
    }
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, value);
    }
    name_request(request, &request_id, response.headers_mut());
    if let Some(banner) = banner {
        response.headers_mut().insert(headers::BREAK_GLASS, banner);
    }
    response
}

struct Answered {
    reply: Reply,
    look: Look,
    /// What is told of another try: `DPoP-Nonce`, `Retry-After`.
    header: Option<(HeaderName, HeaderValue)>,
    /// The record is open because the glass is broken: which of them, and until when (R22).
    banner: Option<HeaderValue>,
}

/// `understood`: what of the request was not.
async fn answered(
    (request, path): (&HttpRequest, &str),
    payload: web::Payload,
    service: &Service,
    mut asked: Asked,
    understood: Result<(), Failure>,
    base: Base,
) -> Answered {
    let engine = &service.engine;
    let caller = match caller(request, service, &asked.call).await {
        Ok(caller) => caller,
        Err(refused) => return refuse(engine, &Caller::anonymous(), asked, refused).await,
    };
    let read = match understood {
        Ok(()) => {
            let mut settings = service.settings.clone();
            if base == Base::AppState {
                settings.body_bytes_max = settings.body_bytes_max.min(APP_STATE_BYTES_MAX);
            }
            request::body((request, path), payload, &settings, &mut asked).await
        }
        refused => refused,
    };
    if let Err(failure) = read {
        return refuse(engine, &caller, asked, Refused::plain(failure)).await;
    }
    if let Err(error) = bearer::refuse_misplaced(&asked.call) {
        return refuse(engine, &caller, asked, error.into()).await;
    }
    let banner = match base {
        Base::Resources => break_glass::opened(request, service, &caller, &mut asked.call).await,
        Base::AppState => Ok(None),
    };
    let banner = match banner {
        Ok(banner) => banner,
        Err(failure) => return refuse(engine, &caller, asked, Refused::plain(failure)).await,
    };
    let units = rate_limits::cost_of_entries(&asked.call);
    if let Err(exceeded) = units.map_or(Ok(()), |units| charge(service, &caller, units)) {
        return refuse(engine, &caller, asked, exceeded.into()).await;
    }
    let client = service.auth.registry().client(&caller.client_id);
    asked.call.patients_per_hour = client.and_then(|client| client.budgets.patients_per_hour);
    let interaction = asked.call.interaction.clone();
    let mut reply = match base {
        Base::Resources => run(engine, caller.clone(), asked.call).await,
        Base::AppState => run_app_state(&service.auth, caller.clone(), asked.call).await,
    };
    // Whoever is not on duty, acts for another purpose, or sees a part of a type, lacks no scope.
    let is_of_role = matches!(
        reply.refused,
        Some(Kind::ShiftEnded | Kind::OutOfPurpose | Kind::HiddenElement | Kind::BreakGlass)
    );
    if reply.status == 403 && !is_of_role {
        reply.challenge = Some(bearer::insufficient_scope(request, &caller, &interaction));
    }
    Answered {
        reply,
        look: asked.look,
        header: None,
        banner,
    }
}

/// Who asks, when it is not too much that they ask for. What is published is for everybody, and a bad token does not matter
/// to it (S2).
async fn caller(
    request: &HttpRequest,
    service: &Service,
    call: &Call,
) -> Result<Arc<Caller>, Refused> {
    #[cfg(feature = "bench")]
    if !call.steps.auth {
        return Ok(bearer::everybody());
    }
    let limits = &service.rate_limits;
    let units = rate_limits::cost(&call.interaction);
    limits.take_of_address(&call.source, units)?;
    let caller = match bearer::refuse_misplaced(call) {
        Ok(()) => bearer::authenticate(request, service, &call.source).await,
        Err(error) => Err(error.into()),
    };
    match caller {
        Ok(caller) => {
            charge(service, &caller, units)?;
            Ok(caller)
        }
        Err(_) if call.interaction.is_public() => Ok(Arc::new(Caller::anonymous())),
        Err(refusal) => {
            if !refusal.error.is_ordinary() {
                limits.take_failure(&call.source)?;
            }
            Err(refusal.into())
        }
    }
}

fn charge(service: &Service, caller: &Caller, units: NonZeroU32) -> Result<(), Exceeded> {
    let client = service.auth.registry().client(&caller.client_id);
    let budget = client.and_then(|client| client.budgets.requests_per_minute);
    service.rate_limits.take_of_caller(caller, budget, units)
}

/// Nothing was asked of the engine; the Record says that it was tried.
async fn refuse(engine: &Engine, caller: &Caller, asked: Asked, refused: Refused) -> Answered {
    let Refused {
        failure,
        challenge,
        header,
    } = refused;
    let reply = engine.refuse(caller, &asked.call, &failure, challenge);
    Answered {
        reply: reply.await,
        look: asked.look,
        header,
        banner: None,
    }
}

/// A Call that may write runs to its end also when the client goes away: what it commits, it records.
async fn run(engine: &Arc<Engine>, caller: Arc<Caller>, call: Call) -> Reply {
    if !call.interaction.may_write() {
        return engine.answer(&caller, &call).await;
    }
    let engine = engine.clone();
    let task = actix_web::rt::spawn(async move { engine.answer(&caller, &call).await });
    task.await.unwrap_or_else(|_| unanswered())
}

/// To its end and its Record, whoever waits.
async fn run_app_state(auth: &Arc<AuthorizationServer>, caller: Arc<Caller>, call: Call) -> Reply {
    let auth = auth.clone();
    let task = actix_web::rt::spawn(async move { auth.app_state(&caller, &call).await });
    task.await.unwrap_or_else(|_| unanswered())
}

fn unanswered() -> Reply {
    Reply::failure(&Failure::new(
        Kind::Internal,
        "the request was not answered to its end",
    ))
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
