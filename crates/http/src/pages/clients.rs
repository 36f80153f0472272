//! The registry of clients (C17).

use super::attribute as a;
use super::form;
use super::html::{Html, Target};
use super::layout::{Frame, page};
use super::table::{cell, table};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::{ClientRow, Clients, Form};

pub fn render(model: &Clients) -> String {
    let frame = Frame::Place {
        person: &model.person,
        here: Endpoint::Clients,
    };
    page(frame, "Clients", |html| {
        html.line(
            tag::P,
            &[a::class("lead")],
            "Every app and system that may ask this server for anything.",
        );
        form::notice(html, model.notice.as_deref());
        attention(html, &model.clients);
        match model.clients.as_slice() {
            [] => html.line(tag::P, &[a::class("nothing")], "No client is registered."),
            clients => table(html, "Clients", &COLUMNS, |html| {
                for client in clients {
                    html.element(tag::TR, &[], |html| row(html, client));
                }
            }),
        }
        html.element(tag::SECTION, &[a::class("card")], |html| {
            keys(html, &model.form)
        });
    })
}

/// What waits for an administrator.
fn attention(html: &mut Html, clients: &[ClientRow]) {
    let count = |state: &str| {
        clients
            .iter()
            .filter(|client| client.state == state)
            .count()
    };
    let waiting = match count(ClientRow::PENDING) {
        0 => None,
        1 => Some("One client waits for approval.".to_owned()),
        n => Some(format!("{n} clients wait for approval.")),
    };
    let due = match count(ClientRow::DUE) {
        0 => None,
        1 => Some(
            "One client is past its review, and gets no tokens until it is approved anew."
                .to_owned(),
        ),
        n => Some(format!(
            "{n} clients are past their review, and get no tokens until they are approved anew."
        )),
    };
    if waiting.is_none() && due.is_none() {
        return;
    }
    html.element(tag::DIV, &[a::class("notice warn")], |html| {
        for text in waiting.iter().chain(&due) {
            html.line(tag::P, &[], text);
        }
    });
}

/// For the day on which somebody may have read a signing key.
fn keys(html: &mut Html, form: &Form) {
    html.line(tag::H2, &[], "Keys of this server");
    html.line(
        tag::P,
        &[a::class("hint")],
        "They are exchanged every 90 days without anybody noticing. Replace them now only when somebody else may know one: \
         every token that apps and systems hold becomes void at once, and they have to ask for another.",
    );
    form::form(html, form, &[a::class("decide")], |html| {
        form::decide(
            html,
            "danger",
            "decision",
            "replace-keys",
            "Replace all keys",
        );
    });
}

fn row(html: &mut Html, client: &ClientRow) {
    html.element(tag::TH, &[a::scope("row")], |html| {
        html.element(tag::A, &[a::href(Target::path(&client.link))], |html| {
            html.line(tag::BDI, &[], &client.name);
        });
        html.line(tag::CODE, &[a::class("id")], &client.client_id);
    });
    cell(html, COLUMNS[1], &client.owner);
    cell(html, COLUMNS[2], &client.kind);
    html.element(tag::TD, &[a::column(COLUMNS[3])], |html| {
        state(html, &client.state)
    });
    cell(
        html,
        COLUMNS[4],
        client.last_used.as_deref().unwrap_or("never"),
    );
}

/// Colour follows the word, and never says more than it.
pub fn state(html: &mut Html, state: &str) {
    let class = match state {
        "active" => "badge good",
        "suspended" | "disabled" => "badge bad",
        _ => "badge warn",
    };
    html.line(tag::SPAN, &[a::class(class)], state);
}

const COLUMNS: [&str; 5] = ["Client", "Owner", "Kind", "State", "Last used"];
