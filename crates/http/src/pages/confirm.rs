//! Whether somebody means what cannot be undone.

use super::attribute as a;
use super::form;
use super::html::{Html, Target};
use super::layout::{Frame, page};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::Confirm;

pub fn render(model: &Confirm) -> String {
    let frame = Frame::Place {
        person: &model.person,
        here: Endpoint::Clients,
    };
    page(frame, &model.question, |html| {
        html.element(tag::SECTION, &[a::class("card")], |html| {
            html.line(tag::P, &[], &model.text);
            form::form(html, &model.form, &[a::class("decide")], |html| {
                answers(html, model)
            });
        });
    })
}

fn answers(html: &mut Html, model: &Confirm) {
    let (decision, words) = &model.decision;
    form::hidden(html, "sure", "yes");
    form::decide(html, "danger", "decision", decision, words);
    let back = [a::class("button"), a::href(Target::path(&model.back))];
    html.line(tag::A, &back, "Leave it as it is");
}
