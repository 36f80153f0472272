//! The route × caller matrix: every interaction on every level, asked by every kind of caller.
//! <https://hl7.org/fhir/R4/http.html#summary>
//!
//! The matrix is the file `routes.md`; `WARD_BLESS=1` writes it anew. Read every changed cell: a new 200 is a finding.

mod asked;
mod callers;
mod void_tokens;

use super::expect_file;
pub use asked::{Route, Story, operations, outside, person, reads, writes};
use asked::{claim, observation};
use callers::{CALLERS, clients, is_within, may_see};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;
use void_tokens::with_void_tokens;
use ward_testkit::{Answer, Client, backends};

pub fn tell(loader: &Client, own: &str, other: &str) -> Story {
    let create = |body: Value| {
        let ty = body["resourceType"].as_str().unwrap();
        format!("{ty}/{}", loader.post(ty, &body).expect(201).id())
    };
    let identifier = super::unique("route");
    let encounter = json!({ "resourceType": "Encounter", "status": "finished", "class": { "code": "AMB" }, "subject": { "reference": own } });
    Story {
        observation: create(observation(own, &identifier)),
        others_observation: create(observation(other, "other")),
        claim: create(claim(own)),
        encounter: create(encounter),
        organization: create(json!({ "resourceType": "Organization", "name": "Ward" })),
        own: own.to_owned(),
        other: other.to_owned(),
        identifier,
    }
}

/// The status; of a batch with one entry, also that of the entry.
fn ask(caller: &str, client: &Client, route: &Route, story: &Story) -> String {
    let (method, path, body) = (route.ask)(story);
    let is_outside = path.starts_with('/');
    let path = match is_outside {
        true => format!("{}{path}", client.base.strip_suffix("/fhir").unwrap()),
        false => path,
    };
    let request = match method {
        "POST-IF" => client.request("POST", &path).header(
            "If-None-Exist",
            &format!("identifier=http://example.org/routes|{}", story.identifier),
        ),
        method => client.request(method, &path),
    };
    let answer = match body {
        Some(body) => request.json(&body).send(),
        None => request.send(),
    };
    assert!(answer.status < 500, "{}: {}", route.shown, answer.text());
    if is_outside {
        // No resource of the FHIR base: see `start/health.rs`, `app_state.rs`.
        return answer.status.to_string();
    }
    demand_within(caller, route, story, &answer);
    if answer.status == 200 && route.interaction == "batch" {
        let entry = answer.json()["entry"][0]["response"]["status"]
            .as_str()
            .unwrap()
            .split(' ')
            .next()
            .unwrap()
            .to_owned();
        return format!("200 ({entry})");
    }
    answer.status.to_string()
}

/// A 200 says little: what came with it must be within the caller's scopes and role, and for apps within their patient's compartment.
fn demand_within(caller: &str, route: &Route, story: &Story, answer: &Answer) {
    if answer.status != 200 || !answer.text().starts_with("{\"resourceType\":\"Bundle\"") {
        return;
    }
    let bundle = answer.json();
    for entry in bundle["entry"].as_array().into_iter().flatten() {
        let Some(resource) = entry.get("resource") else {
            continue;
        };
        let ty = resource["resourceType"].as_str().unwrap();
        assert!(
            may_see(caller, ty),
            "{caller} got a {ty} by {}",
            route.shown
        );
        assert!(
            is_within(caller, story, resource),
            "{caller} got another patient's {ty} by {}",
            route.shown
        );
    }
}

#[test]
fn every_route_answers_every_caller_as_expected() {
    for backend in backends() {
        println!("on {backend:?}");
        let (server, void) = with_void_tokens(backend);
        let loader = &server.client("loader");
        let patient = || {
            format!(
                "Patient/{}",
                loader.post("Patient", &person()).expect(201).id()
            )
        };
        let (own, other) = (patient(), patient());
        let clients = clients(&server, &own, &void);
        let mut matrix = format!(
            "{HEAD}| interaction | request | {} |\n|---|---|{}\n",
            CALLERS.join(" | "),
            "---|".repeat(CALLERS.len())
        );
        let routes: Vec<Route> = reads()
            .into_iter()
            .chain(writes())
            .chain(operations())
            .chain(outside())
            .collect();
        for route in &routes {
            let mut story = tell(loader, &own, &other);
            let mut cells = Vec::with_capacity(CALLERS.len());
            for (caller, client) in CALLERS.into_iter().zip(&clients) {
                cells.push(ask(caller, client, route, &story));
                if !matches!((route.ask)(&story).0, "GET" | "HEAD") {
                    story = tell(loader, &own, &other);
                }
            }
            let _ = writeln!(
                matrix,
                "| {} | `{}` | {} |",
                route.interaction,
                route.shown,
                cells.join(" | ")
            );
        }
        expect_file("routes.md", &matrix);
        // The statement is asked for by an interaction that no statement names.
        let covered: BTreeSet<&str> = routes
            .iter()
            .map(|r| r.interaction)
            .filter(|code| !code.is_empty() && *code != "capabilities")
            .collect();
        let stated = served(loader);
        let stated: BTreeSet<&str> = stated.iter().map(String::as_str).collect();
        assert_eq!(covered, stated, "in the matrix and in the statement");
    }
}

/// Interactions and operations that the CapabilityStatement names on any level.
fn served(loader: &Client) -> BTreeSet<String> {
    let statement = loader.get("metadata").expect(200).json();
    let rest = &statement["rest"][0];
    let mut served = BTreeSet::new();
    let resources = rest["resource"].as_array().unwrap();
    for level in resources.iter().chain([rest]) {
        for (list, member) in [("interaction", "code"), ("operation", "name")] {
            let items = level[list].as_array().into_iter().flatten();
            served.extend(items.map(|item| item[member].as_str().unwrap().to_owned()));
        }
    }
    assert!(served.len() > 10, "{served:?}");
    served
}

const HEAD: &str = "# Routes and callers

Every interaction on every level, asked by every demo caller, by a person of each other role that Ward comes with (at a desk
of theirs), and by the loader with tokens that will not do: `expired`, of the same server at another address (`elsewhere`), `revoked`,
and `bound` to a key that nothing proves: HTTP status. `app` is an app that a clinician opened about one patient, `patient` the same
app of that patient at home. `own` is in the compartment of that patient, `other` in that of another one, `shared` in none, `absent`
was never there. Each write meets fresh resources. What comes with a 200 is checked to lie within the caller's scopes, role and
compartment. Paths with a leading slash lie outside the FHIR base. Checked by `tests/rest/routes.rs` on both stores; `WARD_BLESS=1`
writes it anew.

";
