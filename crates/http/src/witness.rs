//! `POST /witness/add-checkpoint` signs checkpoints of others' audit logs, `GET /witness/key` tells by which key.
//! <https://c2sp.org/tlog-witness>

use crate::respond::RETRY_AFTER_S;
use crate::server::Service;
use actix_web::http::header::RETRY_AFTER;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::StreamExt as _;
use std::num::NonZeroU32;
use ward_resources::ADD_CHECKPOINT_BYTES_MAX;

pub const PATH: &str = "/witness/";

pub async fn answer(
    request: &HttpRequest,
    payload: web::Payload,
    service: &Service,
    below: &str,
) -> HttpResponse {
    match below {
        "add-checkpoint" => add_checkpoint(request, payload, service).await,
        "key" => key(service).await,
        _ => HttpResponse::NotFound().finish(),
    }
}

async fn key(service: &Service) -> HttpResponse {
    if service.engine.settings().witness.logs.is_empty() {
        return HttpResponse::NotFound().finish();
    }
    match service.engine.witness_key().await {
        Ok(key) => HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .body(format!("{key}\n")),
        Err(_) => HttpResponse::ServiceUnavailable()
            .insert_header((RETRY_AFTER, RETRY_AFTER_S))
            .finish(),
    }
}

async fn add_checkpoint(
    request: &HttpRequest,
    payload: web::Payload,
    service: &Service,
) -> HttpResponse {
    if request.method() != Method::POST {
        return HttpResponse::MethodNotAllowed()
            .insert_header(("allow", "POST"))
            .finish();
    }
    let source = request.peer_addr().map(|peer| peer.ip().to_string());
    let source = source.unwrap_or_default();
    let limits = &service.rate_limits;
    if let Err(exceeded) = limits.take_unauthenticated(&source, NonZeroU32::MIN) {
        return HttpResponse::TooManyRequests()
            .insert_header((RETRY_AFTER, exceeded.wait_s))
            .finish();
    }
    let Some(body) = read(payload).await else {
        return HttpResponse::PayloadTooLarge().finish();
    };
    let witnessed = service.engine.add_checkpoint(&source, &body).await;
    let kind = match witnessed.status {
        409 => "text/x.tlog.size",
        _ => "text/plain; charset=utf-8",
    };
    let status = StatusCode::from_u16(witnessed.status);
    let mut response = HttpResponse::build(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    if matches!(witnessed.status, 429 | 503) {
        response.insert_header((RETRY_AFTER, RETRY_AFTER_S));
    }
    response.content_type(kind).body(witnessed.body)
}

/// `None`: too long, or no text.
async fn read(mut payload: web::Payload) -> Option<String> {
    let mut body = Vec::new();
    while let Some(part) = payload.next().await {
        let part = part.ok()?;
        if body.len() + part.len() > ADD_CHECKPOINT_BYTES_MAX {
            return None;
        }
        body.extend_from_slice(&part);
    }
    String::from_utf8(body).ok()
}
