//! As much of a browser as Ward's own pages need: one cookie, redirects within the server, and forms. What it reads are pages
//! that `ward_http::pages` writes, whose values are escaped without exception.

use super::remote::Remote;
use reqwest::{RequestBuilder, Response};
use ward_smart::Endpoint;

pub struct Browser<'a> {
    remote: &'a Remote,
    origin: String,
    /// `name=value`
    cookie: Option<String>,
}

pub enum Shown {
    Page(Page),
    /// A redirect that leads away from the server's own pages.
    Elsewhere(String),
}

pub struct Page {
    path: String,
    html: String,
}

/// Redirects that follow each other without a page.
const REDIRECTS_MAX: usize = 8;

impl<'a> Browser<'a> {
    pub fn new(remote: &'a Remote, origin: &str, cookie: Option<&str>) -> Browser<'a> {
        Browser {
            remote,
            origin: origin.to_owned(),
            cookie: cookie.map(str::to_owned),
        }
    }

    pub fn cookie(&self) -> Option<&str> {
        self.cookie.as_deref()
    }

    /// The page at a URL of the server, or where it leads.
    pub async fn get(&mut self, url: &str) -> Result<Shown, String> {
        let answer = self.ask(self.remote.get(url)).await?;
        self.followed(url.to_owned(), answer).await
    }

    /// Sends the form of a page with these fields, and what the page itself hides in it.
    pub async fn send(&mut self, page: &Page, fields: &[(&str, &str)]) -> Result<Shown, String> {
        let url = format!("{}{}", self.origin, page.action());
        let csrf = page.csrf();
        let all = [fields, &[("csrf", csrf.as_str())]].concat();
        let answer = self.ask(self.remote.post(&url, &all)).await?;
        self.followed(url, answer).await
    }

    async fn followed(&mut self, mut url: String, mut answer: Response) -> Result<Shown, String> {
        for _ in 0..REDIRECTS_MAX {
            let location = answer.headers().get("location");
            let Some(location) = location.and_then(|value| value.to_str().ok()) else {
                let html = answer.text().await.map_err(|e| format!("no page: {e}"))?;
                let path = url.strip_prefix(&self.origin).unwrap_or(&url);
                let path = path.split('?').next().unwrap_or_default().to_owned();
                return Ok(Shown::Page(Page { path, html }));
            };
            if !location.starts_with('/') {
                return Ok(Shown::Elsewhere(location.to_owned()));
            }
            url = format!("{}{location}", self.origin);
            answer = self.ask(self.remote.get(&url)).await?;
        }
        Err("the server's redirects do not come to an end".to_owned())
    }

    async fn ask(&mut self, request: RequestBuilder) -> Result<Response, String> {
        let request = match &self.cookie {
            Some(cookie) => request.header("Cookie", cookie),
            None => request,
        };
        let answer = self.remote.send(request).await?;
        let set = answer.headers().get("set-cookie");
        if let Some(set) = set.and_then(|value| value.to_str().ok()) {
            let pair = set.split(';').next().unwrap_or_default().trim();
            self.cookie = (!pair.ends_with('=')).then(|| pair.to_owned());
        }
        Ok(answer)
    }
}

impl Page {
    pub fn endpoint(&self) -> Option<Endpoint> {
        Endpoint::at(&self.path)
    }

    /// Whether the page says that what was sent to it will not do.
    pub fn has_error(&self) -> bool {
        self.html.contains("role=\"alert\"")
    }

    /// The text of the first element of a name.
    pub fn text_of(&self, tag: &str) -> String {
        let opened = self.html.find(&format!("<{tag}>"));
        let inside = opened.map_or("", |at| &self.html[at + tag.len() + 2..]);
        unescaped(inside.split('<').next().unwrap_or_default())
    }

    /// Values of the boxes of a name that are ticked, or hidden.
    pub fn ticked(&self, name: &str) -> Vec<String> {
        let inputs = self.inputs().filter(|input| is(input, "name", name));
        inputs
            .filter(|input| input.contains(" checked") || is(input, "type", "hidden"))
            .filter_map(|input| attribute(input, "value"))
            .collect()
    }

    fn csrf(&self) -> String {
        let mut fields = self.inputs().filter(|input| is(input, "name", "csrf"));
        let value = fields.next().and_then(|input| attribute(input, "value"));
        value.unwrap_or_default()
    }

    /// Where the page's form is sent.
    fn action(&self) -> String {
        let form = self.html.split("<form").nth(1);
        let tag = form.and_then(|rest| rest.split('>').next());
        tag.and_then(|tag| attribute(tag, "action"))
            .unwrap_or_default()
    }

    fn inputs(&self) -> impl Iterator<Item = &str> {
        let tags = self.html.split("<input").skip(1);
        tags.map(|rest| rest.split('>').next().unwrap_or_default())
    }
}

fn is(tag: &str, name: &str, value: &str) -> bool {
    attribute(tag, name).is_some_and(|known| known == value)
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    rest.split('"').next().map(unescaped)
}

/// The reverse of what the pages' writer does.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_as_it_was_written() {
        let page = Page {
            path: "/auth/approve".into(),
            html: "<main><h1>Give &lt;it&gt;?</h1><form method=\"post\" action=\"/auth/approve?tx=a&amp;b=1\">\
                   <input type=\"hidden\" name=\"csrf\" value=\"token\">\
                   <input type=\"checkbox\" id=\"scope-0\" checked disabled>\
                   <input type=\"hidden\" name=\"scope\" value=\"launch/patient\">\
                   <input type=\"checkbox\" id=\"scope-1\" checked name=\"scope\" value=\"patient/Observation.rs?a=b&amp;c=d\">\
                   <input type=\"checkbox\" name=\"scope\" value=\"a part\"></form>"
                .into(),
        };
        assert_eq!(page.endpoint(), Some(Endpoint::Approve));
        assert_eq!(page.text_of("h1"), "Give <it>?");
        assert_eq!(page.action(), "/auth/approve?tx=a&b=1");
        assert_eq!(page.csrf(), "token");
        let ticked = ["launch/patient", "patient/Observation.rs?a=b&c=d"];
        assert_eq!(page.ticked("scope"), ticked);
        assert!(!page.has_error());
    }
}
