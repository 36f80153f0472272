//! Where whoever is signed in is signed in.

use super::attribute as a;
use super::facts::fact;
use super::form;
use super::html::Html;
use super::layout::{Frame, page};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::{SessionShown, Sessions};

pub fn render(model: &Sessions) -> String {
    let frame = Frame::Place {
        person: &model.person,
        here: Endpoint::Sessions,
    };
    page(frame, "Where you are signed in", |html| {
        html.line(
            tag::P,
            &[a::class("lead")],
            "Ending a session also ends what apps do through it. If you do not know one of these, end it and change your sign-in methods.",
        );
        form::notice(html, model.notice.as_deref());
        html.element(tag::UL, &[a::class("cards")], |html| {
            for session in &model.sessions {
                html.element(tag::LI, &[a::class("card")], |html| {
                    one(html, model, session)
                });
            }
        });
        if model.sessions.iter().any(|session| !session.this_one) {
            form::form(html, &model.form, &[], |html| {
                form::decide(
                    html,
                    "plain",
                    "decision",
                    "end-others",
                    "End all the others",
                );
            });
        }
    })
}

fn one(html: &mut Html, model: &Sessions, session: &SessionShown) {
    html.element(tag::DIV, &[a::class("top")], |html| {
        html.element(tag::H2, &[], |html| {
            html.line(tag::BDI, &[], &session.workstation)
        });
        if session.this_one {
            html.line(tag::P, &[a::class("badge good")], "This session");
        }
    });
    html.element(tag::DL, &[a::class("facts")], |html| {
        for (name, value) in [
            ("Signed in", &session.begun),
            ("Last used", &session.last_used),
            ("With", &session.how),
        ] {
            fact(html, name, value);
        }
    });
    if !session.this_one {
        form::form(html, &model.form, &[], |html| {
            form::hidden(html, "session", &session.id);
            form::decide(html, "danger", "decision", "end", "End this session");
        });
    }
}
