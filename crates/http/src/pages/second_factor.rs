//! The second factor, after a password.

use super::attribute as a;
use super::form::{self, Field};
use super::html::Html;
use super::layout::{Frame, page};
use super::{passkey, tag};
use ward_smart::page::SecondFactor;

pub fn render(model: &SecondFactor) -> String {
    page(Frame::Step, "Confirm that it is you", |html| {
        form::error(html, model.error.as_deref());
        form::form(html, &model.form, &[], |html| {
            if model.takes_code {
                code(html, model);
            }
            if let Some(challenge) = &model.passkey_challenge {
                passkey::use_one(html, "wide", challenge, &model.rp_id);
            }
        });
        html.line(
            tag::P,
            &[a::class("aside")],
            "Lost your phone and your recovery codes? An administrator of this server can reset them.",
        );
    })
}

fn code(html: &mut Html, model: &SecondFactor) {
    let attributes = [
        a::kind("text"),
        a::class("code"),
        a::autocomplete("one-time-code"),
        a::autocapitalize("none"),
        a::spellcheck("false"),
        a::maxlength("32"),
        a::required(),
        a::autofocus(),
    ];
    let hint = if model.has_totp {
        "Six digits from your authenticator app, or one of your recovery codes."
    } else {
        "One of your recovery codes. Each works once."
    };
    let label = if model.has_totp {
        "Code"
    } else {
        "Recovery code"
    };
    Field {
        name: "code",
        label,
        hint: Some(hint),
        ..Field::default()
    }
    .input(html, &attributes);
    form::submit(html, "main", "Go on");
}
