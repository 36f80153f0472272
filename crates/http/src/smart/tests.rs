//! Answers as bytes: what a browser and a client see of them.

use super::cookie::Cookies;
use super::{file, origin_of, respond};
use crate::pages::{files, samples};
use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::test::TestRequest;
use serde_json::json;
use ward_smart::{Answer, Cache, Cookie, Page};

fn respond_to(answer: Answer, if_none_match: Option<&str>) -> HttpResponse {
    let mut request = TestRequest::default();
    if let Some(tag) = if_none_match {
        request = request.insert_header(("If-None-Match", tag));
    }
    respond::respond(&request.to_http_request(), answer, Cookies::Secure)
}

fn header<'a>(response: &'a HttpResponse, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

fn body(response: HttpResponse) -> String {
    let bytes = response.into_body().try_into_bytes().unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn sign_in() -> Page {
    samples::pages(&str::to_owned).swap_remove(0).1
}

#[test]
fn s30_pages_are_framed_by_nobody_and_kept_by_nobody() {
    let answer = Answer::page(200, sign_in()).with_cookie(Cookie::Set("abc".into()));
    let response = respond_to(answer, None);
    let policy = header(&response, "content-security-policy");
    for part in [
        "default-src 'none'",
        "frame-ancestors 'none'",
        "form-action 'self' https://app.example;",
        "script-src 'self'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(header(&response, "cache-control"), "no-store");
    // Not `no-referrer`: browsers would then hide the origin of our own forms, and `Forms::check` would refuse them.
    assert_eq!(header(&response, "referrer-policy"), "same-origin");
    assert_eq!(header(&response, "x-content-type-options"), "nosniff");
    assert_eq!(
        header(&response, "cross-origin-opener-policy"),
        "same-origin"
    );
    assert_eq!(
        header(&response, "content-type"),
        "text/html; charset=utf-8"
    );
    assert_eq!(
        header(&response, "set-cookie"),
        "__Host-ward-session=abc; Path=/; HttpOnly; SameSite=Lax; Secure"
    );
    let html = body(response);
    assert!(html.starts_with("<!DOCTYPE html>"));
    for inline in ["<style", "style=", "<script>", "onclick", "onload"] {
        assert!(!html.contains(inline), "{inline}");
    }
}

#[test]
fn x78_a_browser_keeps_a_secret_of_its_own_beside_the_session() {
    let answer = Answer::redirect("/auth/apps").with_cookie(Cookie::Set("abc".into()));
    let response = respond_to(answer.with_device(Some("def".into())), None);
    let set: Vec<_> = response.headers().get_all("set-cookie").collect();
    assert_eq!(set.len(), 2);
    assert_eq!(
        set[0],
        "__Host-ward-session=abc; Path=/; HttpOnly; SameSite=Lax; Secure"
    );
    assert_eq!(
        set[1],
        "__Host-ward-browser=def; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=34560000"
    );
}

#[test]
fn s30_redirects_are_303_without_a_referrer() {
    let answer = Answer::redirect("https://app.example/back?code=x").with_cookie(Cookie::Clear);
    let response = respond_to(answer, None);
    assert_eq!(response.status(), 303);
    assert_eq!(
        header(&response, "location"),
        "https://app.example/back?code=x"
    );
    assert_eq!(header(&response, "referrer-policy"), "no-referrer");
    assert_eq!(header(&response, "cache-control"), "no-store");
    assert!(header(&response, "set-cookie").contains("Max-Age=0"));
    assert_eq!(
        respond_to(Answer::redirect("/\r\nX: y"), None).status(),
        500
    );
}

#[test]
fn answers_to_clients_are_kept_only_where_they_are_published() {
    let secret = Answer::json(200, &json!({ "access_token": "x" }));
    let response = respond_to(secret.with_header("DPoP-Nonce", "n".into()), None);
    assert_eq!(header(&response, "cache-control"), "no-store");
    assert_eq!(header(&response, "dpop-nonce"), "n");
    assert_eq!(header(&response, "etag"), "");

    let published = Answer::Json {
        status: 200,
        body: "{}".into(),
        headers: Vec::new(),
        cache: Cache::Public { max_age_s: 300 },
    };
    let response = respond_to(published.clone(), None);
    assert_eq!(header(&response, "cache-control"), "public, max-age=300");
    let tag = header(&response, "etag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    let strong = tag.trim_start_matches("W/");
    assert_eq!(respond_to(published.clone(), Some(strong)).status(), 304);
    let again = respond_to(published.clone(), Some(&format!("\"x\", {tag}")));
    assert_eq!(again.status(), 304);
    assert_eq!(header(&again, "etag"), tag);
    assert_eq!(respond_to(published, Some("\"x\"")).status(), 200);
}

#[test]
fn an_answer_of_try_again_says_when() {
    let page = respond_to(Answer::page(503, sign_in()), None);
    assert_eq!(header(&page, "retry-after"), "1");
    let page = respond_to(Answer::page(429, sign_in()).retry_after(40), None);
    assert_eq!(header(&page, "retry-after"), "40");
    let own = Answer::json(429, &json!({})).with_header("Retry-After", "30".into());
    assert_eq!(header(&respond_to(own, None), "retry-after"), "30");
}

#[test]
fn files_may_be_kept_for_good() {
    let response = file(files::path(&files::STYLE)).unwrap();
    assert_eq!(
        header(&response, "cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(header(&response, "content-type"), "text/css; charset=utf-8");
    assert_eq!(header(&response, "x-content-type-options"), "nosniff");
    assert!(file("/auth/files/style-0.css").is_none());
}

#[test]
fn the_origin_is_the_base_without_its_path() {
    assert_eq!(
        origin_of("https://ward.example/a/fhir"),
        "https://ward.example"
    );
    assert_eq!(origin_of("http://127.0.0.1:8080"), "http://127.0.0.1:8080");
}
