//! Recovery codes, shown once.

use super::attribute as a;
use super::form;
use super::layout::{Frame, page};
use super::tag;
use ward_smart::page::RecoveryCodes;

pub fn render(model: &RecoveryCodes) -> String {
    page(Frame::Step, "Keep your recovery codes", |html| {
        html.line(
            tag::P,
            &[a::class("lead")],
            "Without your authenticator app or your passkey, each of these signs you in once. They are not shown again.",
        );
        html.element(
            tag::OL,
            &[a::class("recovery"), a::label("Recovery codes")],
            |html| {
                for code in &model.codes {
                    html.element(tag::LI, &[], |html| {
                        html.line(tag::CODE, &[a::translate("no")], code)
                    });
                }
            },
        );
        html.line(
            tag::P,
            &[a::class("aside")],
            "Print them, or keep them in a password manager: not on the phone with the authenticator app.",
        );
        form::form(html, &model.form, &[], |html| {
            form::submit(html, "main", "I have kept them")
        });
    })
}
