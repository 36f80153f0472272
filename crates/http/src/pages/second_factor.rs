//! The second factor, after a password.

use super::attribute as a;
use super::form::{self, Field};
use super::html::{Html, Target};
use super::layout::{Frame, page};
use super::{passkey, tag};
use ward_smart::page::{OnlyPasskey, SecondFactor};

pub fn render(model: &SecondFactor) -> String {
    page(Frame::Step, "Confirm that it is you", |html| {
        form::error(html, model.error.as_deref());
        if let Some(only) = &model.only_passkey {
            why(html, only);
        }
        if model.takes_code || model.passkey_challenge.is_some() {
            form::form(html, &model.form, &[], |html| prove(html, model));
        }
        if let Some(only) = &model.only_passkey {
            ways_on(html, model, only);
            return;
        }
        html.line(
            tag::P,
            &[a::class("aside")],
            "Lost your phone and your recovery codes? An administrator of this server can reset them.",
        );
    })
}

fn prove(html: &mut Html, model: &SecondFactor) {
    if model.takes_code {
        code(html, model);
    }
    if let Some(challenge) = &model.passkey_challenge {
        passkey::use_one(html, "wide", challenge, &model.rp_id);
    }
}

/// Why a code will not do.
fn why(html: &mut Html, only: &OnlyPasskey) {
    html.element(tag::P, &[a::class("lead")], |html| match &only.app {
        Some(app) => {
            html.line(tag::BDI, &[], app);
            html.text(match (only.has_one, &only.add) {
                (true, _) => " asks for a passkey: a code is not enough for it.",
                (false, Some(_)) => {
                    " asks for a passkey, and you have none here yet. Add one, and go on with it."
                }
                (false, None) => {
                    " asks for a passkey, and there can be none for the address of this server."
                }
            });
        }
        None => html.text("You have signed in with two factors, and nobody asks for more."),
    });
}

/// What there is to do for whoever has no passkey, or not at hand.
fn ways_on(html: &mut Html, model: &SecondFactor, only: &OnlyPasskey) {
    if only.app.is_none() {
        let onward = [a::class("button"), a::href(Target::path(&only.onward))];
        html.line(tag::A, &onward, "Go on");
        return;
    }
    if let Some(add) = &only.add {
        let add = [a::class("button"), a::href(Target::path(add))];
        html.line(tag::A, &add, "Add a passkey");
    }
    form::form(html, &model.form, &[], |html| {
        form::decide(
            html,
            "plain",
            "decision",
            "back",
            "Go back to the app without one",
        );
    });
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
