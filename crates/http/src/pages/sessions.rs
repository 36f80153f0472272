//! Where whoever is signed in is signed in.

use super::attribute as a;
use super::facts::fact;
use super::form;
use super::html::Html;
use super::layout::{Frame, page};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::{BrowserShown, SessionShown, Sessions};

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
        if !model.browsers.is_empty() {
            known(html, model);
        }
    })
}

fn known(html: &mut Html, model: &Sessions) {
    html.line(tag::H2, &[], "Browsers that your account knows");
    html.line(
        tag::P,
        &[a::class("hint")],
        "You signed in there with a second factor. Whatever others try with your name elsewhere, you are not made to wait there. \
         Nobody is signed in by it. Forget those that you do not use any more.",
    );
    html.element(tag::UL, &[a::class("cards")], |html| {
        for browser in &model.browsers {
            html.element(tag::LI, &[a::class("card browser")], |html| {
                one_known(html, model, browser)
            });
        }
    });
}

fn one_known(html: &mut Html, model: &Sessions, browser: &BrowserShown) {
    html.element(tag::DIV, &[a::class("top")], |html| {
        html.element(tag::H3, &[], |html| html.line(tag::BDI, &[], &browser.name));
        if browser.this_one {
            html.line(tag::P, &[a::class("badge good")], "This browser");
        }
    });
    html.element(tag::DL, &[a::class("facts")], |html| {
        fact(html, "Known since", &browser.since);
        fact(html, "Last signed in", &browser.last_used);
    });
    form::form(html, &model.form, &[], |html| {
        form::hidden(html, "browser", &browser.id);
        let name = format!("Forget {}", browser.name);
        let attributes = [
            a::kind("submit"),
            a::class("plain"),
            a::name("decision"),
            a::value("forget-browser"),
            a::label(&name),
        ];
        html.line(tag::BUTTON, &attributes, "Forget this browser");
    });
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
