//! As much of a browser as sign-in pages need: one cookie, pages with one form, and what a form hides. It reads what any server
//! may show whose pages hold a field `csrf`.

use std::net::IpAddr;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE};
use hyper::{Method, Request};

use crate::connection::{Answered, Connection};

pub struct Browser {
    authority: String,
    connection: Connection,
    /// `name=value`
    cookie: Option<String>,
}

/// What an answer brought.
pub struct Page {
    pub status: u16,
    /// Where a redirect leads.
    pub location: Option<String>,
    html: String,
}

impl Browser {
    pub fn new(authority: &str) -> Browser {
        Browser {
            authority: authority.to_owned(),
            connection: Connection::to(authority),
            cookie: None,
        }
    }

    pub fn come_from(&mut self, source: IpAddr) {
        self.connection.come_from(source);
    }

    pub async fn get(&mut self, path: &str) -> Result<Page, String> {
        self.ask(Method::GET, path, None).await
    }

    pub async fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> Result<Page, String> {
        let body = form(fields).into_bytes();
        let kind = "application/x-www-form-urlencoded";
        self.ask(Method::POST, path, Some((kind, body))).await
    }

    pub async fn send_json(&mut self, path: &str, json: String) -> Result<Page, String> {
        let body = Some(("application/json", json.into_bytes()));
        self.ask(Method::POST, path, body).await
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<Page, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.authority)
            .header(ACCEPT, "text/html, application/json");
        if let Some(cookie) = &self.cookie {
            request = request.header(COOKIE, cookie);
        }
        if let Some((kind, _)) = &body {
            request = request.header(CONTENT_TYPE, *kind);
        }
        let body = body.map_or_else(Bytes::new, |(_, bytes)| bytes.into());
        let request = request.body(Full::new(body));
        let request = request.map_err(|e| format!("request: {e}"))?;
        let answered = self.connection.exchange(request).await?;
        let set = text(&answered, SET_COOKIE.as_str());
        if let Some(pair) = set.as_deref().and_then(|set| set.split(';').next()) {
            self.cookie = Some(pair.trim().to_owned());
        }
        Ok(Page {
            status: answered.status.as_u16(),
            location: text(&answered, LOCATION.as_str()),
            html: String::from_utf8_lossy(&answered.body).into_owned(),
        })
    }
}

impl Page {
    /// What the page's form hides against other sites.
    pub fn csrf(&self) -> Option<&str> {
        let inputs = self.html.split("<input").skip(1);
        let tags = inputs.map(|rest| rest.split('>').next().unwrap_or_default());
        let mut named = tags.filter(|tag| tag.contains(" name=\"csrf\""));
        let (_, value) = named.next()?.split_once(" value=\"")?;
        value.split('"').next()
    }

    pub fn text(&self) -> &str {
        &self.html
    }
}

fn text(answered: &Answered, name: &str) -> Option<String> {
    let value = answered.headers.get(name)?;
    value.to_str().ok().map(str::to_owned)
}

/// <https://url.spec.whatwg.org/#application/x-www-form-urlencoded>
pub fn form(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)))
        .collect();
    pairs.join("&")
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_escaped_and_read() {
        let fields = [("a", "x y&z"), ("scope", "system/*.rs")];
        assert_eq!(form(&fields), "a=x%20y%26z&scope=system%2F%2A.rs");
        let page = |html: &str| Page {
            status: 200,
            location: None,
            html: html.to_owned(),
        };
        let whole = page(
            "<form action=\"/x\"><input type=\"text\" name=\"username\" value=\"\"><input type=\"hidden\" name=\"csrf\" value=\"abc-_9\">",
        );
        assert_eq!(whole.csrf(), Some("abc-_9"));
        assert_eq!(page("<input name=\"other\">").csrf(), None);
    }
}
