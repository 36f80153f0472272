//! The FHIR base and what lies beside it, as `tests/rest/routes` asks them.

use super::table::{Cell, Table};
use crate::rest::routes::{Route, Story, operations, outside, person, reads, tell, writes};
use std::sync::atomic::{AtomicUsize, Ordering};
use ward_smart::Endpoint;
use ward_testkit::{Client, Server};

const CALLERS: [&str; 4] = ["anonymous", "lab", "clinician", "loader"];

pub fn ask_all(server: &Server, table: &mut Table) {
    let loader = &server.client("loader");
    let patient = || {
        format!(
            "Patient/{}",
            loader.post("Patient", &person()).expect(201).id()
        )
    };
    let (own, other) = (patient(), patient());
    let clients: Vec<Client> = CALLERS
        .iter()
        .map(|caller| match *caller {
            "anonymous" => server.anonymous(),
            caller => server.client(caller),
        })
        .collect();
    // The first request of a client signs it in.
    clients
        .iter()
        .for_each(|client| drop(client.get("metadata")));
    let sections: [(&str, Vec<Route>); 4] = [
        ("Reads and searches", reads()),
        ("Changes", writes()),
        ("Operations, and what is none", operations()),
        ("Beside the FHIR base", outside()),
    ];
    for (title, routes) in sections {
        table.section(title, FHIR, &CALLERS);
        for route in &routes {
            let mut story = tell(loader, &own, &other);
            let mut cells = Vec::new();
            for client in &clients {
                cells.push(ask(client, route, &story));
                if !matches!((route.ask)(&story).0, "GET" | "HEAD") {
                    story = tell(loader, &own, &other);
                }
            }
            table.row(&format!("`{}`", route.shown), cells);
        }
    }
    endpoints(server, table);
}

fn ask(client: &Client, route: &Route, story: &Story) -> Cell {
    let (method, path, body) = (route.ask)(story);
    let path = match path.starts_with('/') {
        true => format!("{}{path}", client.base.strip_suffix("/fhir").unwrap()),
        false => path,
    };
    let name = name();
    let request = match method {
        "POST-IF" => client.request("POST", &path).header(
            "If-None-Exist",
            &format!("identifier=http://example.org/routes|{}", story.identifier),
        ),
        method => client.request(method, &path),
    };
    let request = request.header("X-Request-Id", &name);
    let answer = match body {
        Some(body) => request.json(&body).send(),
        None => request.send(),
    };
    let is_named = answer.header("x-request-id").is_none()
        || answer.header("x-correlation-id") == Some(name.as_str());
    assert!(is_named, "{}: {:?}", route.shown, answer.headers);
    Cell::Named(name)
}

/// Every endpoint of the authorization server, asked by nobody, with nothing.
fn endpoints(server: &Server, table: &mut Table) {
    table.section(
        "Endpoints of the authorization server, asked by nobody",
        ENDPOINTS,
        &METHODS,
    );
    let http = server.anonymous();
    let origin = server.base.strip_suffix("/fhir").unwrap();
    for endpoint in Endpoint::ALL {
        let below = match endpoint {
            Endpoint::SmartConfiguration => &server.base,
            _ => origin,
        };
        let url = format!("{below}{}", endpoint.path());
        let ask = |method: &&str| {
            let name = name();
            let request = http.request(method, &url).header("X-Request-Id", &name);
            let request = match *method {
                "POST" => request.body("application/x-www-form-urlencoded", Vec::new()),
                _ => request,
            };
            let answer = request.send();
            assert_eq!(
                answer.header("x-correlation-id"),
                Some(name.as_str()),
                "{endpoint:?}"
            );
            Cell::Named(name)
        };
        let cells = METHODS.iter().map(ask).collect();
        table.row(&format!("`GET {}`", endpoint.path()), cells);
    }
}

/// A name that no other request has.
pub fn name() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    format!("audit-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

const METHODS: [&str; 3] = ["GET", "POST", "DELETE"];
const FHIR: &str = "`own` and `other` are patients, `absent` was never there.";
const ENDPOINTS: &str = "The same path by other methods in the other columns.";
