//! One client of the registry, and what may be decided about it.

use super::attribute as a;
use super::clients::state;
use super::facts::{fact, literal};
use super::form;
use super::html::{Html, Target};
use super::layout::{Frame, page};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::ClientDetail;

pub fn render(model: &ClientDetail) -> String {
    let frame = Frame::Place {
        person: &model.person,
        here: Endpoint::Clients,
    };
    page(frame, &model.row.name, |html| {
        html.element(tag::P, &[a::class("back")], |html| {
            let clients = Target::path(Endpoint::Clients.path());
            html.line(tag::A, &[a::href(clients)], "All clients");
        });
        html.element(tag::P, &[], |html| state(html, &model.row.state));
        html.element(tag::DL, &[a::class("facts card")], |html| {
            facts(html, model)
        });
        form::form(html, &model.form, &[a::class("decide")], |html| {
            for (decision, words) in &model.decisions {
                let class = if matches!(decision.as_str(), "suspend" | "remove") {
                    "danger"
                } else {
                    "main"
                };
                form::decide(html, class, "decision", decision, words);
            }
        });
    })
}

fn facts(html: &mut Html, model: &ClientDetail) {
    literal(html, "Client id", &model.row.client_id);
    fact(html, "Owner", &model.row.owner);
    fact(html, "Kind", &model.row.kind);
    fact(
        html,
        "Last used",
        model.row.last_used.as_deref().unwrap_or("never"),
    );
    for (name, value) in &model.facts {
        fact(html, name, value);
    }
}
