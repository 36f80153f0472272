//! An Answer becomes an HTTP response.

use super::cookie::Cookies;
use crate::pages;
use crate::request::text;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use ward_smart::{Answer, Cache, Cookie, File};

pub fn respond(request: &HttpRequest, answer: Answer, cookies: Cookies) -> HttpResponse {
    match answer {
        Answer::Json {
            status,
            body,
            headers,
            cache,
        } => json(request, status, body, &headers, cache),
        Answer::Redirect { to, cookie, device } => {
            let mut response = redirect(&to);
            keep(&mut response, cookies, &cookie, device.as_deref());
            response
        }
        Answer::File { name, file } => download(&name, file),
        Answer::Page {
            status,
            page,
            cookie,
            device,
            retry_after_s,
        } => {
            let mut response = HttpResponse::build(status_of(status))
                .content_type("text/html; charset=utf-8")
                .body(pages::render(&page));
            pages::policy::secure(response.headers_mut(), &page);
            keep(&mut response, cookies, &cookie, device.as_deref());
            if let Some(wait_s) = retry_after_s {
                let wait = HeaderValue::from(wait_s);
                response.headers_mut().insert(header::RETRY_AFTER, wait);
            }
            retry_after(&mut response);
            response
        }
    }
}

/// A file that browsers keep and do not show.
fn download(name: &str, file: File) -> HttpResponse {
    let (content_type, bytes) = match file {
        File::Ndjson(lines) => ("application/x-ndjson", lines.into_bytes()),
        File::Json(document) => ("application/json", document.into_bytes()),
        File::Report(report) => ("application/pdf", pages::pdf(&report)),
    };
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ))
        .body(bytes)
}

fn json(
    request: &HttpRequest,
    status: u16,
    body: String,
    headers: &[(&'static str, String)],
    cache: Cache,
) -> HttpResponse {
    let entity_tag = matches!(cache, Cache::Public { .. }).then(|| entity_tag(&body));
    let unchanged = entity_tag
        .as_deref()
        .is_some_and(|tag| is_known(request, tag));
    let mut response = HttpResponse::build(status_of(if unchanged { 304 } else { status }));
    match cache {
        Cache::Never => response
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::PRAGMA, "no-cache")),
        Cache::Public { max_age_s } => response.insert_header((
            header::CACHE_CONTROL,
            format!("public, max-age={max_age_s}"),
        )),
    };
    if let Some(tag) = &entity_tag {
        response.insert_header((header::ETAG, tag.as_str()));
    }
    let mut response = if unchanged || body.is_empty() {
        response.finish()
    } else {
        response.content_type("application/json").body(body)
    };
    response.headers_mut().insert(
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    );
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
    retry_after(&mut response);
    response
}

/// 303 and no body: the form is not sent again to where it leads, and no address is left in a page (S30).
fn redirect(to: &str) -> HttpResponse {
    let Ok(location) = HeaderValue::from_str(to) else {
        tracing::error!("a redirect leads to what is no header value");
        return HttpResponse::InternalServerError().finish();
    };
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, location))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .finish()
}

/// The session's cookie is the first.
fn keep(response: &mut HttpResponse, cookies: Cookies, session: &Cookie, device: Option<&str>) {
    let device = device.and_then(|secret| cookies.set_device(secret));
    for cookie in cookies.set_session(session).into_iter().chain(device) {
        if let Ok(value) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
}

/// Says when to come back, where the answer has not said so itself.
fn retry_after(response: &mut HttpResponse) {
    let status = response.status();
    let later =
        status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS;
    if later && !response.headers().contains_key(header::RETRY_AFTER) {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
}

/// Weak: the same document may be sent compressed (S112).
fn entity_tag(body: &str) -> String {
    let hash = ward_seal::hash::sha256(body.as_bytes());
    format!("W/\"{}\"", ward_seal::base64url(&hash[..12]))
}

/// RFC 9110 §13.1.2: compared weakly.
fn is_known(request: &HttpRequest, tag: &str) -> bool {
    let opaque = |tag: &str| tag.trim_start_matches("W/").to_owned();
    text(request.headers(), &header::IF_NONE_MATCH).is_some_and(|known| {
        known
            .split(',')
            .map(str::trim)
            .any(|one| one == "*" || opaque(one) == opaque(tag))
    })
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
