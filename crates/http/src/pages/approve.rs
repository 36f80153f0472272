//! What an app asks for, and the person's answer.

use super::attribute as a;
use super::facts::fact;
use super::form;
use super::html::Html;
use super::layout::{Frame, page};
use super::tag;
use ward_smart::page::{AppShown, Approve, Asked};

pub fn render(model: &Approve) -> String {
    page(Frame::Step, "Give this app access?", |html| {
        app(html, &model.app);
        html.element(tag::DL, &[a::class("facts")], |html| {
            fact(html, "You are", &model.user);
            if let Some(patient) = &model.patient {
                fact(html, "The record is of", patient);
            }
        });
        form::error(html, model.error.as_deref());
        form::form(html, &model.form, &[], |html| decision(html, model));
    })
}

/// The name is what the app's owner wrote; beside it stands what this server knows.
fn app(html: &mut Html, app: &AppShown) {
    html.element(
        tag::SECTION,
        &[a::class("app"), a::label("The app")],
        |html| {
            html.element(tag::H2, &[], |html| html.line(tag::BDI, &[], &app.name));
            if app.verified {
                html.line(
                    tag::P,
                    &[a::class("badge good")],
                    "Its owner is known to this server",
                );
            } else {
                html.line(
                    tag::P,
                    &[a::class("badge warn")],
                    "Nobody has checked who its owner is",
                );
            }
            html.element(tag::DL, &[a::class("facts small")], |html| {
                fact(html, "Owner", &app.owner);
                fact(html, "Contact", &app.contact);
                fact(html, "Leads you back to", &app.host);
                fact(html, "Known since", &app.registered);
            });
        },
    );
}

fn decision(html: &mut Html, model: &Approve) {
    html.element(tag::FIELDSET, &[a::class("asked")], |html| {
        html.line(tag::LEGEND, &[], "It asks to");
        for (n, asked) in model.asked.iter().enumerate() {
            thing(html, n, asked);
        }
    });
    html.line(
        tag::P,
        &[a::class("aside")],
        "Untick what you do not want to give. You can take all of it back at any time, under Apps.",
    );
    html.element(tag::DIV, &[a::class("decide")], |html| {
        form::decide(html, "main", "decision", "approve", "Allow what is ticked");
        form::decide(html, "plain", "decision", "deny", "Do not allow");
    });
}

fn thing(html: &mut Html, n: usize, asked: &Asked) {
    let id = format!("scope-{n}");
    let detail_id = format!("{id}-detail");
    let class = if asked.away { "tick away" } else { "tick" };
    html.element(tag::DIV, &[a::class(class)], |html| {
        let box_ = [
            a::kind("checkbox"),
            a::id(&id),
            a::described_by(&detail_id),
            a::checked(),
        ];
        if asked.fixed {
            // A box that cannot be unticked is not sent either, so the value goes beside it.
            html.void(tag::INPUT, &[&box_[..], &[a::disabled()]].concat());
            form::hidden(html, "scope", &asked.scope);
        } else {
            let sent = [a::name("scope"), a::value(&asked.scope)];
            html.void(tag::INPUT, &[&box_[..], &sent].concat());
        }
        html.line(tag::LABEL, &[a::labels(&id)], &asked.words);
        html.line(
            tag::P,
            &[a::class("hint"), a::id(&detail_id)],
            &asked.detail,
        );
        if !asked.parts.is_empty() {
            parts(html, &id, &asked.parts);
        }
    });
}

/// Shown when the whole is unticked (`style.css`); a browser that cannot do that shows them always, and the words still hold.
fn parts(html: &mut Html, whole: &str, parts: &[(String, String)]) {
    html.element(tag::FIELDSET, &[a::class("parts")], |html| {
        html.line(tag::LEGEND, &[], "If not all of it, then only");
        for (n, (scope, words)) in parts.iter().enumerate() {
            let id = format!("{whole}-{n}");
            html.element(tag::DIV, &[a::class("tick")], |html| {
                html.void(
                    tag::INPUT,
                    &[
                        a::kind("checkbox"),
                        a::id(&id),
                        a::name("scope"),
                        a::value(scope),
                    ],
                );
                html.line(tag::LABEL, &[a::labels(&id)], words);
            });
        }
    });
}
