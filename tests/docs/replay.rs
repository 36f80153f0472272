//! A file of requests as the editors' HTTP clients read it: variables, `###` between requests, `# @name` for what later ones
//! refer to. `# answers 201` says what comes back; there may be several, with `or` between them.

use serde_json::Value;
use std::collections::HashMap;
use ward_testkit::{Answer, Client, Server};

pub struct Asked {
    pub title: String,
    name: Option<String>,
    pub answers: Vec<u16>,
    /// Lines before the body, the title apart.
    head: String,
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

pub struct File {
    variables: HashMap<String, String>,
    pub requests: Vec<Asked>,
}

impl File {
    /// Variables that are tokens to be pasted get them; the base is the server's.
    pub fn read(text: &str, server: &Server) -> File {
        let mut parts = text.split("\n###");
        let head = parts.next().unwrap();
        let variables = head
            .lines()
            .filter_map(|line| line.strip_prefix('@')?.split_once(" = "));
        let value = |name: &str, value: &str| match value.split_once("ward token --as ") {
            Some((_, caller)) => server.token(caller.trim()),
            None if name == "base" => server.base.clone(),
            None => value.to_owned(),
        };
        File {
            variables: variables
                .map(|(n, v)| (n.to_owned(), value(n, v)))
                .collect(),
            requests: parts.map(Asked::read).collect(),
        }
    }

    /// Asks in order; each answer with what was asked.
    pub fn replay(&self, client: &Client) -> Vec<(&Asked, Answer)> {
        let mut known: HashMap<&str, Value> = HashMap::new();
        let mut answers = Vec::new();
        for asked in &self.requests {
            let fill = |text: &str| self.fill(text, &known);
            let mut request = client.request(&asked.method, &fill(&asked.url));
            for (name, value) in &asked.headers {
                request = request.header(name, &fill(value));
            }
            if !asked.body.is_empty() {
                request = request.bytes(fill(&asked.body).into_bytes());
            }
            let answer = request.send();
            if let Some(name) = &asked.name {
                known.insert(name, answer.json());
            }
            answers.push((asked, answer));
        }
        answers
    }

    fn fill(&self, text: &str, known: &HashMap<&str, Value>) -> String {
        let mut parts = text.split("{{");
        let mut out = parts.next().unwrap().to_owned();
        for part in parts {
            let (variable, rest) = part.split_once("}}").unwrap();
            match variable.split_once(".response.body.$.") {
                Some((name, path)) => out.push_str(at(&known[name], path)),
                None => out.push_str(&self.variables[variable]),
            }
            out.push_str(rest);
        }
        out
    }
}

impl Asked {
    /// What follows `###`: its title, comments, the request line, headers, and after an empty line the body.
    fn read(part: &str) -> Asked {
        let (head, body) = part.split_once("\n\n").unwrap_or((part, ""));
        let mut lines = head.lines();
        let title = lines.next().unwrap().trim().to_owned();
        let comment = |start: &str| {
            let mut lines = head.lines().filter_map(|line| line.strip_prefix(start));
            lines.next().map(|rest| rest.trim().to_owned())
        };
        let answers = comment("# answers ").unwrap_or_else(|| panic!("{title}: no '# answers'"));
        let mut sent = head.lines().skip(1).filter(|line| !line.starts_with('#'));
        let (method, url) = sent.next().unwrap().split_once(' ').unwrap();
        let header = |line: &str| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_owned(), value.to_owned())
        };
        Asked {
            head: head.to_owned(),
            name: comment("# @name "),
            answers: answers.split(" or ").map(|a| a.parse().unwrap()).collect(),
            method: method.to_owned(),
            url: url.to_owned(),
            headers: sent.map(header).collect(),
            body: body.trim().to_owned(),
            title,
        }
    }

    /// What stands behind the beginning of a comment.
    pub fn comment(&self, start: &str) -> Option<String> {
        let mut lines = self
            .head
            .lines()
            .filter_map(|line| line.strip_prefix(start));
        lines.next().map(|rest| rest.trim().to_owned())
    }

    /// A search of which no match is expected says so by its count.
    pub fn finds_something(&self) -> bool {
        !self.url.contains("_count=0")
    }
}

/// `entry[0].resource.id`
fn at<'a>(value: &'a Value, path: &str) -> &'a str {
    let steps = path
        .split(['.', '['])
        .map(|step| step.trim_end_matches(']'));
    let found = steps.fold(value, |value, step| match step.parse::<usize>() {
        Ok(index) => &value[index],
        Err(_) => &value[step],
    });
    found
        .as_str()
        .unwrap_or_else(|| panic!("{path} is no text in {value}"))
}
