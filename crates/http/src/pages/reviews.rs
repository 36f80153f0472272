//! What privacy officers have to look at.

use super::attribute as a;
use super::facts::fact;
use super::form;
use super::html::Html;
use super::layout::{Frame, page};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::{Review, ReviewPart, Reviews};

pub fn render(model: &Reviews) -> String {
    let frame = Frame::Place {
        person: &model.person,
        here: Endpoint::Reviews,
    };
    page(frame, "Reviews", |html| {
        html.line(
            tag::P,
            &[a::class("lead")],
            "What waits for somebody to look at it. A review stays open until it is closed with a note of what was found.",
        );
        form::notice(html, model.notice.as_deref());
        form::error(html, model.error.as_deref());
        for (at, part) in model.parts.iter().enumerate() {
            html.element(tag::SECTION, &[a::class("stack")], |html| {
                one_part(html, model, part, at);
            });
        }
    })
}

fn one_part(html: &mut Html, model: &Reviews, part: &ReviewPart, number: usize) {
    html.element(tag::DIV, &[a::class("top")], |html| {
        html.line(tag::H2, &[], &part.title);
        if !part.reviews.is_empty() {
            let open = format!("{} open", part.reviews.len());
            html.line(tag::P, &[a::class("badge warn")], &open);
        }
    });
    html.line(tag::P, &[a::class("hint")], &part.lead);
    if part.reviews.is_empty() {
        html.line(tag::P, &[a::class("nothing")], &part.nothing);
    }
    html.element(tag::UL, &[a::class("cards")], |html| {
        for (at, review) in part.reviews.iter().enumerate() {
            html.element(tag::LI, &[a::class("card")], |html| {
                one(html, model, review, &format!("note-{number}-{at}"));
            });
        }
    });
    if let Some(more) = &part.more {
        html.line(tag::P, &[a::class("hint")], more);
    }
}

fn one(html: &mut Html, model: &Reviews, review: &Review, field: &str) {
    html.element(tag::H3, &[], |html| html.line(tag::BDI, &[], &review.title));
    html.element(tag::DL, &[a::class("facts")], |html| {
        for (name, value) in &review.facts {
            fact(html, name, value);
        }
    });
    if review.closes.is_empty() {
        return;
    }
    form::form(html, &model.form, &[], |html| {
        form::hidden(html, "review", &review.id);
        html.element(tag::DIV, &[a::class("field")], |html| {
            html.line(tag::LABEL, &[a::labels(field)], "What you found");
            let attributes = [
                a::id(field),
                a::name("note"),
                a::rows("2"),
                a::minlength("10"),
                a::maxlength("2000"),
                a::required(),
            ];
            html.line(tag::TEXTAREA, &attributes, "");
        });
        for (decision, words) in &review.closes {
            form::decide(html, "plain", "decision", decision, words);
        }
    });
}
