//! What the stand-in shows of an authorization server: registration, pages of an administrator, and tokens.

use actix_web::http::Method;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

/// `None`: the request is for something else.
pub fn answer(request: &HttpRequest, body: &web::Bytes) -> Option<HttpResponse> {
    let body = String::from_utf8_lossy(body);
    let is_post = request.method() == Method::POST;
    let answer = match (request.path(), is_post) {
        ("/fhir/.well-known/smart-configuration", false) => HttpResponse::Ok().json(json!({
            "token_endpoint": "http://h/auth/token",
            "registration_endpoint": "http://h/auth/register",
        })),
        ("/auth/register", true) => {
            let metadata: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(metadata["jwks"]["keys"].as_array().unwrap().len(), 1);
            HttpResponse::Created().json(json!({ "client_id": "made" }))
        }
        ("/auth/sign-in", true) if is_ours(request, &body) => {
            match body.contains("username=admin&password=secret") {
                true => to("/auth/second-factor?to=x"),
                false => HttpResponse::BadRequest().finish(),
            }
        }
        ("/auth/second-factor", true) if is_ours(request, &body) => to("/auth/clients"),
        ("/auth/clients", true) if is_ours(request, &body) => {
            assert_eq!(request.query_string(), "client=made");
            assert!(body.contains("decision=approve"));
            HttpResponse::Ok().finish()
        }
        ("/auth/token", true) => {
            assert!(body.contains("client_assertion="));
            HttpResponse::Ok().json(json!({ "access_token": "secret" }))
        }
        (path, false) if path.starts_with("/auth/") => HttpResponse::Ok()
            .insert_header(("Set-Cookie", "session=mine; Path=/; HttpOnly"))
            .body(r#"<form><input type="hidden" name="csrf" value="ours"></form>"#),
        (path, true) if path.starts_with("/auth/") => HttpResponse::Forbidden().finish(),
        _ => return None,
    };
    Some(answer)
}

/// Whether a form is of a page that this browser was shown.
fn is_ours(request: &HttpRequest, body: &str) -> bool {
    let cookie = request.headers().get("cookie");
    cookie.is_some_and(|cookie| cookie == "session=mine") && body.contains("csrf=ours")
}

fn to(location: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header(("Location", location))
        .finish()
}
