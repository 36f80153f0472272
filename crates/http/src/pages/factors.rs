//! How whoever is signed in signs in.

use super::attribute as a;
use super::form::{self, Field};
use super::html::Html;
use super::layout::{Frame, page};
use super::passkey::{self, Owner};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::Factors;

pub fn render(model: &Factors) -> String {
    let frame = Frame::Place {
        person: &model.person,
        here: Endpoint::Enrol,
    };
    page(frame, "How you sign in", |html| {
        form::notice(html, model.notice.as_deref());
        html.element(tag::SECTION, &[a::class("card")], |html| {
            passkeys(html, model)
        });
        html.element(tag::SECTION, &[a::class("card")], |html| totp(html, model));
        html.element(tag::SECTION, &[a::class("card")], |html| {
            recovery_codes(html, model)
        });
    })
}

fn passkeys(html: &mut Html, model: &Factors) {
    html.line(tag::H2, &[], "Passkeys");
    html.line(
        tag::P,
        &[a::class("hint")],
        "A phone, a computer or a security key that vouches for you, without a password.",
    );
    html.element(tag::UL, &[a::class("rows")], |html| {
        for (id, name, added) in &model.passkeys {
            html.element(tag::LI, &[], |html| one(html, model, id, name, added));
        }
    });
    form::form(html, &model.form, &[a::class("adding")], |html| {
        let attributes = [a::kind("text"), a::maxlength("64"), a::autocomplete("off")];
        let hint = Some("Such as “phone” or “blue key”.");
        Field {
            name: "label",
            label: "Name of a new passkey",
            hint,
            ..Field::default()
        }
        .input(html, &attributes);
        let owner = Owner {
            challenge: &model.passkey_challenge,
            rp_id: &model.rp_id,
            user_handle: &model.user_handle,
            username: &model.username,
            name: &model.person.name,
        };
        passkey::make_one(html, "main", owner, "Add a passkey");
    });
}

fn one(html: &mut Html, model: &Factors, id: &str, name: &str, added: &str) {
    html.element(tag::DIV, &[], |html| {
        html.element(tag::STRONG, &[], |html| html.line(tag::BDI, &[], name));
        html.element(tag::SPAN, &[a::class("hint")], |html| {
            html.text("added ");
            html.text(added);
        });
    });
    form::form(html, &model.form, &[], |html| {
        form::hidden(html, "remove", id);
        let label = format!("Remove the passkey {name}");
        html.line(
            tag::BUTTON,
            &[a::kind("submit"), a::class("danger"), a::label(&label)],
            "Remove",
        );
    });
}

fn totp(html: &mut Html, model: &Factors) {
    html.line(tag::H2, &[], "Authenticator app");
    let (state, words) = if model.has_totp {
        (
            "It is set up. A new one takes the place of the one before.",
            "Set up a new one",
        )
    } else {
        ("None is set up.", "Set one up")
    };
    html.line(tag::P, &[a::class("hint")], state);
    form::form(html, &model.form, &[], |html| {
        form::decide(html, "plain", "decision", "totp", words);
    });
}

fn recovery_codes(html: &mut Html, model: &Factors) {
    html.line(tag::H2, &[], "Recovery codes");
    let left = match model.recovery_codes_left {
        0 => "None is left.".to_owned(),
        1 => "One is left.".to_owned(),
        n => format!("{n} are left."),
    };
    html.element(tag::P, &[a::class("hint")], |html| {
        html.text(&left);
        html.text(" New ones take the place of all of them.");
    });
    form::form(html, &model.form, &[], |html| {
        form::decide(html, "plain", "decision", "recovery-codes", "Make new ones");
    });
}
