//! A secret for an authenticator app.

use super::attribute as a;
use super::form::{self, Field};
use super::html::{Html, Target};
use super::layout::{Frame, page};
use super::{qr, tag};
use ward_smart::page::EnrolTotp;

pub fn render(model: &EnrolTotp) -> String {
    page(Frame::Step, "Add an authenticator app", |html| {
        html.line(
            tag::P,
            &[a::class("lead")],
            "Records of patients are opened with two proofs that it is you. The second is a code that changes every 30 seconds.",
        );
        form::error(html, model.error.as_deref());
        html.element(tag::OL, &[a::class("steps")], |html| {
            html.element(tag::LI, &[], |html| secret(html, model));
            html.element(tag::LI, &[], |html| code(html, model));
        });
    })
}

fn secret(html: &mut Html, model: &EnrolTotp) {
    html.line(tag::H2, &[], "Scan this with the app");
    qr::draw(
        html,
        &model.uri,
        "The secret as a picture for an authenticator app",
    );
    html.element(tag::P, &[], |html| {
        html.text("On this device? ");
        match Target::of(&model.uri) {
            Some(uri) => html.line(tag::A, &[a::href(uri)], "Open the authenticator app"),
            None => html.text("Type the secret into the app"),
        }
        html.text(". Or type it in yourself:");
    });
    html.element(tag::P, &[a::class("secret")], |html| {
        html.line(tag::CODE, &[a::translate("no")], &model.secret);
    });
}

fn code(html: &mut Html, model: &EnrolTotp) {
    html.line(tag::H2, &[], "Type what the app shows");
    form::form(html, &model.form, &[], |html| {
        let attributes = [
            a::kind("text"),
            a::class("code"),
            a::inputmode("numeric"),
            a::autocomplete("one-time-code"),
            a::pattern("[0-9 ]*"),
            a::maxlength("8"),
            a::required(),
        ];
        Field {
            name: "code",
            label: "Six digits",
            ..Field::default()
        }
        .input(html, &attributes);
        form::submit(html, "main", "Go on");
    });
}
