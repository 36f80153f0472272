//! One client of the registry: what it is, what may be decided about it, and the forms that change it.

use super::attribute as a;
use super::client_parts;
use super::clients::state;
use super::facts::{fact, literal};
use super::form::{self, Field};
use super::html::{Html, Target};
use super::layout::{Frame, page};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::{ClientDetail, Limits};

pub fn render(model: &ClientDetail) -> String {
    let frame = Frame::Place {
        person: &model.person,
        here: Endpoint::Clients,
    };
    page(frame, &model.row.name, |html| {
        html.element(tag::P, &[a::class("back")], |html| {
            let clients = Target::path(Endpoint::Clients.path());
            html.line(tag::A, &[a::href(clients)], "All clients");
            state(html, &model.row.state);
        });
        form::notice(html, model.notice.as_deref());
        if let Some(secret) = &model.secret {
            new_secret(html, secret);
        }
        let parts = model.parts.iter().flat_map(|part| &part.errors);
        let errors: Vec<_> = parts.chain(&model.limits.errors).cloned().collect();
        let fields = [&client_parts::named()[..], &ANCHORS].concat();
        form::refused(html, &errors, &fields);
        html.element(tag::DL, &[a::class("facts card")], |html| {
            facts(html, model)
        });
        form::form(html, &model.form, &[a::class("decide")], |html| {
            for (decision, words) in &model.decisions {
                let class = match decision.as_str() {
                    "suspend" | "remove" => "danger",
                    "may-launch" | "may-not-launch" | "new-secret" => "plain",
                    _ => "main",
                };
                form::decide(html, class, "decision", decision, words);
            }
        });
        for part in &model.parts {
            client_parts::render(html, &model.form, part);
        }
        html.element(tag::SECTION, &[a::class("card")], |html| {
            html.line(tag::H2, &[], "Limits");
            html.line(tag::P, &[a::class("hint")], HINT);
            form::form(html, &model.form, &[a::class("long")], |html| {
                limits(html, &model.limits)
            });
        });
    })
}

fn new_secret(html: &mut Html, secret: &str) {
    html.element(tag::DIV, &[a::class("notice warn")], |html| {
        html.line(tag::H2, &[], "The new secret");
        html.element(tag::P, &[], |html| {
            html.line(tag::CODE, &[a::translate("no")], secret)
        });
        html.line(tag::P, &[], "Keep it now: it is not shown again.");
    });
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

fn limits(html: &mut Html, limits: &Limits) {
    let whole_number = [
        a::kind("text"),
        a::inputmode("numeric"),
        a::autocomplete("off"),
        a::maxlength("20"),
    ];
    let requests = format!(
        "A read costs 1, a write 5, a search 10. Empty: as the installation says ({}). 0: no limit.",
        limits.requests_of_installation
    );
    let patients = format!(
        "Of so many patients records may leave to it within an hour. Empty: as the installation says ({}). 0: no limit.",
        limits.patients_of_installation
    );
    let fields = [
        ("requests_per_minute", "Requests in a minute", &requests),
        ("patients_per_hour", "Patients in an hour", &patients),
    ];
    for (name, label, hint) in fields {
        let field = field(limits, name, label, hint);
        let value = [a::value(value_of(&limits.values, name).unwrap_or_default())];
        field.input(html, &[&whole_number[..], &value].concat());
    }
    if limits.binds {
        bindings(html, limits);
    }
    form::decide(html, "main", "decision", "limits", "Set these limits");
}

/// Where it comes from, and with what.
fn bindings(html: &mut Html, limits: &Limits) {
    let hint = "One a line, such as 192.0.2.7 or 192.0.2.0/24. Empty: from anywhere.";
    field(limits, "addresses", "Addresses it comes from", hint).textarea(
        html,
        "3",
        value_of(&limits.values, "addresses").unwrap_or_default(),
    );
    let hint = "Its SHA-256, as openssl x509 -fingerprint -sha256 says it. The client then needs it with every request. Empty: none.";
    let value = value_of(&limits.values, "certificate").unwrap_or_default();
    let attributes = [
        a::kind("text"),
        a::value(value),
        a::autocomplete("off"),
        a::autocapitalize("none"),
        a::spellcheck("false"),
        a::maxlength("128"),
    ];
    field(limits, "certificate", "TLS certificate", hint).input(html, &attributes);
}

fn field<'a>(limits: &'a Limits, name: &'a str, label: &'a str, hint: &'a str) -> Field<'a> {
    Field {
        name,
        label,
        hint: Some(hint),
        error: value_of(&limits.errors, name),
    }
}

fn value_of<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let pair = pairs.iter().find(|(known, _)| known == name);
    pair.map(|(_, value)| value.as_str())
}

const HINT: &str = "They hold on every server of this installation within seconds.";

/// Fields of the form, where they are on the page, and how they are called.
const ANCHORS: [(&str, &str, &str); 4] = [
    (
        "requests_per_minute",
        "#requests_per_minute",
        "Requests in a minute",
    ),
    (
        "patients_per_hour",
        "#patients_per_hour",
        "Patients in an hour",
    ),
    ("addresses", "#addresses", "Addresses it comes from"),
    ("certificate", "#certificate", "TLS certificate"),
];
