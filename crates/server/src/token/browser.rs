//! As much of a browser as Ward's own pages need: one cookie, redirects within the server, and forms.

use super::remote::Remote;
use reqwest::{RequestBuilder, Response};
use std::ops::Deref;
use ward_http::ReadPage;
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
    read: ReadPage,
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
        let no_form = || format!("the page \"{}\" has no form", page.heading());
        // A path of the server: after its origin anything else could be another host.
        let action = page.action().filter(|action| action.starts_with('/'));
        let url = format!("{}{}", self.origin, action.ok_or_else(no_form)?);
        let csrf = page.csrf().ok_or_else(no_form)?;
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
                let read = ReadPage::new(html);
                return Ok(Shown::Page(Page { path, read }));
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
}

impl Deref for Page {
    type Target = ReadPage;
    fn deref(&self) -> &ReadPage {
        &self.read
    }
}
