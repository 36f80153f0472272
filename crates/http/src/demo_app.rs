//! The demo's sample app: static files that run in a browser, under a policy that lets them speak to this server only. What they
//! do is any app's work; the server gives them nothing that another app would not get.

use actix_web::HttpResponse;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderName, HeaderValue};
pub use ward_smart::demo::APP_PATH as PATH;

/// The answer, if this is the path of the app and the method reads.
pub fn answer(method: &Method, path: &str) -> Option<HttpResponse> {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    if PATH.strip_suffix('/') == Some(path) {
        let to = (header::LOCATION, PATH);
        return Some(HttpResponse::TemporaryRedirect().insert_header(to).finish());
    }
    let name = path.strip_prefix(PATH)?;
    let (_, content_type, text) = FILES.iter().find(|(known, ..)| *known == name)?;
    let mut response = HttpResponse::Ok().content_type(*content_type).body(*text);
    for (name, value) in HEADERS {
        response.headers_mut().insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    Some(response)
}

const FILES: [(&str, &str, &str); 3] = [
    (
        "",
        "text/html; charset=utf-8",
        include_str!("demo_app/index.html"),
    ),
    (
        "my-labs.js",
        "text/javascript; charset=utf-8",
        include_str!("demo_app/my-labs.js"),
    ),
    (
        "my-labs.css",
        "text/css; charset=utf-8",
        include_str!("demo_app/my-labs.css"),
    ),
];

/// The page's address has a code for a moment: it is told to nobody.
const HEADERS: [(&str, &str); 6] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-cache"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn header(response: &HttpResponse, name: &HeaderName) -> String {
        let value = response.headers().get(name).unwrap();
        value.to_str().unwrap().to_owned()
    }

    #[test]
    fn files_are_read_and_nothing_else() {
        for (name, content_type, _) in FILES {
            let response = answer(&Method::GET, &format!("{PATH}{name}")).unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(header(&response, &header::CONTENT_TYPE), content_type);
            let policy = header(&response, &header::CONTENT_SECURITY_POLICY);
            assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
        }
        let moved = answer(&Method::GET, "/demo/app").unwrap();
        assert_eq!(header(&moved, &header::LOCATION), PATH);
        for path in [
            "/demo/app/x.js",
            "/demo/",
            "/demo/app/../app/",
            "/demo/apple",
        ] {
            assert!(answer(&Method::GET, path).is_none(), "{path}");
        }
        assert!(answer(&Method::POST, PATH).is_none());
    }

    #[test]
    fn nothing_is_fetched_from_elsewhere() {
        for (name, _, text) in FILES {
            for word in [
                "http:",
                "https:",
                "@import",
                " url(",
                ":url(",
                "eval",
                "innerHTML",
                "onclick=\"",
                "style=",
            ] {
                assert!(!text.contains(word), "{name}: {word}");
            }
        }
    }
}
