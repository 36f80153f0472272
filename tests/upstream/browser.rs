//! As much of a browser as signing in over several servers takes: a cookie jar for each of them, redirects from one to the other,
//! links and forms.

use std::collections::BTreeMap;
use std::time::Duration;
use ward_http::ReadPage;
use ward_testkit::Answer;

#[derive(Clone)]
pub struct Browser {
    client: reqwest::blocking::Client,
    /// Pairs by origin, where a real browser has them for a host whatever its port.
    cookies: BTreeMap<String, Vec<String>>,
    /// Origins that were gone through, in order.
    pub visited: Vec<String>,
}

/// A page, and where it is. Status 0: where an app waits, which nobody asked.
#[derive(Debug)]
pub struct Page {
    pub url: String,
    pub status: u16,
    read: ReadPage,
}

/// Where the demo's desk app is: nobody listens there, so the way ends before it.
pub const APP: &str = "http://127.0.0.1/demo/desk";

const REDIRECTS_MAX: usize = 12;

impl Browser {
    pub fn new() -> Browser {
        Browser::trusting(&[])
    }

    /// One that trusts these authorities (PEM), and none but them.
    pub fn trusting(authorities: &[u8]) -> Browser {
        ward_testkit::install_provider();
        let authorities = reqwest::Certificate::from_pem_bundle(authorities).unwrap();
        let client = reqwest::blocking::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .no_proxy()
            .tls_certs_only(authorities)
            .build()
            .unwrap();
        Browser {
            client,
            cookies: BTreeMap::new(),
            visited: Vec::new(),
        }
    }

    /// `name=value` of the session that it has with an origin.
    pub fn cookie(&self, origin: &str) -> Option<&str> {
        let pairs = self.cookies.get(origin)?;
        let session = pairs.iter().find(|pair| pair.contains("session="));
        session.map(String::as_str)
    }

    /// Puts a cookie there as whoever can write to the browser would, or as nodes behind one name share it.
    pub fn put_cookie(&mut self, origin: &str, pair: &str) {
        let (name, value) = pair.split_once('=').unwrap();
        let pairs = self.cookies.entry(origin.to_owned()).or_default();
        pairs.retain(|known| known.split('=').next() != Some(name));
        if !value.is_empty() {
            pairs.push(pair.to_owned());
        }
    }

    /// One request that nothing is done about: redirects are not followed. `fields`: a form, else it is a GET.
    pub fn ask(
        &mut self,
        url: &str,
        fields: Option<&[(&str, &str)]>,
        headers: &[(&str, &str)],
    ) -> Answer {
        let request = match fields {
            None => self.client.get(url),
            Some(fields) => self
                .client
                .post(url)
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(form(fields)),
        };
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        });
        let answer = self.send(request, url);
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            bytes: answer.bytes().unwrap().to_vec(),
        }
    }

    pub fn get(&mut self, url: &str) -> Page {
        let answer = self.send(self.client.get(url), url);
        self.followed(url.to_owned(), answer)
    }

    /// Sends the last form of a page (the first may be the one to sign out with) with these fields, and what it hides itself.
    pub fn submit(&mut self, page: &Page, fields: &[(&str, &str)]) -> Page {
        let csrf = page.csrf();
        let all = [fields, &[("csrf", csrf.as_str())]].concat();
        self.post(&absolute(&page.url, &page.action()), &all)
    }

    /// Signs out of the server that the page is of.
    pub fn sign_out(&mut self, page: &Page) -> Page {
        self.post(&absolute(&page.url, "/auth/sign-out"), &[])
    }

    fn post(&mut self, url: &str, fields: &[(&str, &str)]) -> Page {
        let request = self
            .client
            .post(url)
            .header("Content-Type", "application/x-www-form-urlencoded");
        let answer = self.send(request.body(form(fields)), url);
        self.followed(url.to_owned(), answer)
    }

    /// Follows the link with this text.
    pub fn follow(&mut self, page: &Page, text: &str) -> Page {
        let link = page.read.link(text);
        let link = link.unwrap_or_else(|| panic!("no link {text}: {page:?}"));
        let url = absolute(&page.url, &link);
        self.get(&url)
    }

    fn followed(&mut self, mut url: String, mut answer: reqwest::blocking::Response) -> Page {
        for _ in 0..REDIRECTS_MAX {
            let location = answer.headers().get("location").cloned();
            let Some(location) = location else {
                return Page {
                    url,
                    status: answer.status().as_u16(),
                    read: ReadPage::new(answer.text().unwrap()),
                };
            };
            url = absolute(&url, location.to_str().unwrap());
            if !is_of_a_server(&url) {
                return Page {
                    url,
                    status: 0,
                    read: ReadPage::default(),
                };
            }
            answer = self.send(self.client.get(&url), &url);
        }
        panic!("the redirects do not end at {url}")
    }

    fn send(
        &mut self,
        request: reqwest::blocking::RequestBuilder,
        url: &str,
    ) -> reqwest::blocking::Response {
        let origin = origin(url);
        let request = match self.cookies.get(&origin) {
            Some(pairs) if !pairs.is_empty() => request.header("Cookie", pairs.join("; ")),
            _ => request,
        };
        let answer = request.send().unwrap();
        for set in answer.headers().get_all("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            self.put_cookie(&origin, pair);
        }
        if self.visited.last() != Some(&origin) {
            self.visited.push(origin);
        }
        answer
    }
}

impl Page {
    pub fn heading(&self) -> String {
        self.read.heading()
    }

    pub fn html(&self) -> &str {
        self.read.html()
    }

    /// Values of the boxes of a name that are ticked, or hidden.
    pub fn ticked(&self, name: &str) -> Vec<String> {
        self.read.ticked(name)
    }

    /// Path of the page.
    pub fn path(&self) -> &str {
        let below = &self.url[origin(&self.url).len()..];
        below.split('?').next().unwrap()
    }

    /// The value of the first attribute of a name, whichever element has it.
    pub fn attribute(&self, name: &str) -> Option<String> {
        self.read.attribute(name)
    }

    pub fn action(&self) -> String {
        let action = self.read.action();
        action.unwrap_or_else(|| panic!("no form: {self:?}"))
    }

    pub fn csrf(&self) -> String {
        let csrf = self.read.csrf();
        csrf.unwrap_or_else(|| panic!("no form: {self:?}"))
    }
}

/// A form as browsers send it; also the query of a URL.
pub fn form(fields: &[(&str, &str)]) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{}={}", coded(name), coded(value));
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Servers of tests are on this machine and have a port; where apps wait there is none.
fn is_of_a_server(url: &str) -> bool {
    [
        "http://127.0.0.1:",
        "http://localhost:",
        "https://127.0.0.1:",
    ]
    .iter()
    .any(|here| url.starts_with(here))
}

fn origin(url: &str) -> String {
    url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")
}

fn absolute(page: &str, target: &str) -> String {
    match target.starts_with('/') {
        true => format!("{}{target}", origin(page)),
        false => target.to_owned(),
    }
}

pub fn coded(text: &str) -> String {
    let byte = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(byte).collect()
}
