//! Who may see a patient's own record: what holds, and what the patient has said.

use super::attribute as a;
use super::facts::fact;
use super::form;
use super::html::{Html, Target};
use super::layout::{Frame, page};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::{ConsentShown, Consents, RuleShown};

pub fn render(model: &Consents) -> String {
    let frame = Frame::Place {
        person: &model.person,
        here: Endpoint::Consents,
    };
    page(frame, "Who may see your record", |html| {
        html.line(
            tag::P,
            &[a::class("lead")],
            "You decide what of your record stays private, and what may be used for more than your care. Before anything is saved you \
             see what it changes.",
        );
        form::notice(html, model.notice.as_deref());
        form::error(html, model.error.as_deref());
        begin(html, model);
        standing(html, model);
        defaults(html, model);
        ended(html, model);
    })
}

fn begin(html: &mut Html, model: &Consents) {
    html.element(tag::NAV, &[a::class("turn"), a::label("Change")], |html| {
        for (link, words) in [(&model.keep, KEEP), (&model.allow, ALLOW)] {
            let attributes = [a::class("button"), a::href(Target::path(link))];
            html.line(tag::A, &attributes, words);
        }
    });
}

fn standing(html: &mut Html, model: &Consents) {
    html.line(tag::H2, &[], "What you have said");
    if model.standing.is_empty() {
        html.line(tag::P, &[a::class("nothing")], NOTHING);
        return;
    }
    html.element(tag::UL, &[a::class("cards")], |html| {
        for consent in &model.standing {
            html.element(tag::LI, &[a::class("card")], |html| {
                shown(html, consent);
                withdraw(html, model, consent);
            });
        }
    });
}

fn defaults(html: &mut Html, model: &Consents) {
    html.element(tag::SECTION, &[a::class("card")], |html| {
        html.line(tag::H2, &[], "What holds besides");
        html.element(tag::UL, &[a::class("may")], |html| {
            for sentence in &model.defaults {
                html.line(tag::LI, &[], sentence);
            }
        });
    });
}

fn ended(html: &mut Html, model: &Consents) {
    if model.ended.is_empty() {
        return;
    }
    html.line(tag::H2, &[], "What counts no longer");
    html.element(tag::UL, &[a::class("cards past")], |html| {
        for consent in &model.ended {
            html.element(tag::LI, &[a::class("card")], |html| shown(html, consent));
        }
    });
}

/// A consent with everything that it says; also on the page that asks whether it is meant.
pub fn shown(html: &mut Html, consent: &ConsentShown) {
    html.element(tag::DIV, &[a::class("top")], |html| {
        html.element(tag::H2, &[], |html| {
            html.line(tag::BDI, &[], &consent.title)
        });
        let class = match (consent.is_in_force, consent.is_permit) {
            (true, true) => "badge good",
            (true, false) => "badge main",
            (false, _) => "badge past",
        };
        html.line(tag::P, &[a::class(class)], &consent.state);
    });
    if let Some(doubt) = &consent.doubt {
        html.element(tag::DIV, &[a::class("notice warn")], |html| {
            html.line(tag::P, &[], doubt);
        });
    }
    match consent.rules.as_slice() {
        [] => {}
        // The title says for whom it is.
        [only] => rule(html, only, false),
        rules => html.element(tag::OL, &[a::class("rules")], |html| {
            for one in rules {
                let class = match one.is_exception {
                    true => "exception",
                    false => "base",
                };
                html.element(tag::LI, &[a::class(class)], |html| {
                    html.line(tag::H3, &[], effect(one));
                    rule(html, one, true);
                });
            }
        }),
    }
    html.element(tag::P, &[a::class("hint")], |html| {
        html.text("Given ");
        html.line(tag::BDI, &[], &consent.given);
    });
}

fn effect(rule: &RuleShown) -> &'static str {
    match (rule.is_exception, rule.is_permit) {
        (false, true) => "Open",
        (false, false) => "Kept private",
        (true, true) => "But open",
        (true, false) => "But kept private",
    }
}

fn rule(html: &mut Html, rule: &RuleShown, names_who: bool) {
    let who = if rule.is_permit {
        "Open to"
    } else {
        "Kept from"
    };
    html.element(tag::DL, &[a::class("facts")], |html| {
        if names_who {
            fact(html, who, &rule.who);
        }
        for (name, value) in [
            ("What", &rule.what),
            ("What for", &rule.purposes),
            ("How long", &rule.until),
        ] {
            if !value.is_empty() {
                fact(html, name, value);
            }
        }
    });
}

fn withdraw(html: &mut Html, model: &Consents, consent: &ConsentShown) {
    form::form(html, &model.form, &[], |html| {
        form::hidden(html, "consent", &consent.id);
        let name = format!("Withdraw: {}", consent.title);
        let attributes = [
            a::kind("submit"),
            a::class("plain"),
            a::name("decision"),
            a::value("withdraw"),
            a::label(&name),
        ];
        html.line(tag::BUTTON, &attributes, "Withdraw…");
    });
}

const KEEP: &str = "Keep something private";
const ALLOW: &str = "Allow something more";
const NOTHING: &str = "You have said nothing yet. What holds then stands below.";
