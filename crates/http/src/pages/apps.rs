//! The apps that may act for whoever is signed in (S101).

use super::attribute as a;
use super::facts::fact;
use super::form;
use super::html::Html;
use super::layout::{Frame, page};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::{AppGrant, Apps};

pub fn render(model: &Apps) -> String {
    let frame = Frame::Place {
        person: &model.person,
        here: Endpoint::Apps,
    };
    page(frame, "Apps with access", |html| {
        html.line(
            tag::P,
            &[a::class("lead")],
            "You have allowed these apps to use records in your name. An app that you stop loses its access at once.",
        );
        form::notice(html, model.notice.as_deref());
        if model.apps.is_empty() {
            html.line(
                tag::P,
                &[a::class("nothing")],
                "No app has access in your name.",
            );
        }
        html.element(tag::UL, &[a::class("cards")], |html| {
            for app in &model.apps {
                html.element(tag::LI, &[a::class("card")], |html| grant(html, model, app));
            }
        });
    })
}

fn grant(html: &mut Html, model: &Apps, app: &AppGrant) {
    html.element(tag::DIV, &[a::class("top")], |html| {
        html.element(tag::H2, &[], |html| html.line(tag::BDI, &[], &app.name));
        html.element(tag::P, &[a::class("hint")], |html| {
            html.text("by ");
            html.line(tag::BDI, &[], &app.owner);
        });
        if app.offline {
            html.line(tag::P, &[a::class("badge warn")], "Also while you are away");
        }
    });
    html.element(tag::DL, &[a::class("facts")], |html| {
        if let Some(patient) = &app.patient {
            fact(html, "The record is of", patient);
        }
        fact(html, "Allowed", &app.approved);
        fact(
            html,
            "Last used",
            app.last_used.as_deref().unwrap_or("never"),
        );
    });
    html.line(tag::H3, &[], "It may");
    html.element(tag::UL, &[a::class("may")], |html| {
        for words in &app.may {
            html.line(tag::LI, &[], words);
        }
    });
    form::form(html, &model.form, &[], |html| {
        form::hidden(html, "grant", &app.grant);
        let name = format!("Stop the access of {}", app.name);
        let attributes = [
            a::kind("submit"),
            a::class("danger"),
            a::name("decision"),
            a::value("revoke"),
            a::label(&name),
        ];
        html.line(tag::BUTTON, &attributes, "Stop its access");
    });
}
