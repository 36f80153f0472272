//! A new account's first page: how its owner will sign in.

use super::attribute as a;
use super::form::{self, Field};
use super::html::Html;
use super::layout::{Frame, page};
use super::passkey::{self, Owner};
use super::tag;
use ward_smart::page::Invitation;

pub fn render(model: &Invitation) -> String {
    page(Frame::Step, "Choose how you sign in", |html| {
        html.element(tag::P, &[a::class("lead")], |html| {
            html.text("This account is for ");
            html.element(tag::STRONG, &[], |html| {
                html.line(tag::BDI, &[], &model.name)
            });
            html.text(". Its user name is ");
            html.element(tag::STRONG, &[], |html| {
                html.line(tag::BDI, &[], &model.username)
            });
            html.text(".");
        });
        form::error(html, model.error.as_deref());
        form::form(html, &model.form, &[], |html| fields(html, model));
    })
}

fn fields(html: &mut Html, model: &Invitation) {
    html.element(tag::SECTION, &[a::class("part")], |html| {
        html.line(tag::H2, &[], "A passkey");
        html.line(
            tag::P,
            &[a::class("hint")],
            "Your phone, your computer or a security key vouches for you. Nothing to remember, and nothing that can be given away by mistake.",
        );
        let owner = Owner {
            challenge: &model.passkey_challenge,
            rp_id: &model.rp_id,
            user_handle: &model.user_handle,
            username: &model.username,
            name: &model.name,
        };
        passkey::make_one(html, "main", owner, "Make a passkey");
    });
    html.element(tag::SECTION, &[a::class("part")], |html| {
        html.line(tag::H2, &[], "Or a password");
        html.line(
            tag::P,
            &[a::class("hint")],
            "You will also need an authenticator app, which comes next.",
        );
        form::hidden(html, "username", &model.username);
        let new = [
            a::kind("password"),
            a::autocomplete("new-password"),
            a::maxlength("256"),
        ];
        let hint = Some(
            "At least twelve characters. A few words that only you would put together are good.",
        );
        Field {
            name: "password",
            label: "Password",
            hint,
            ..Field::default()
        }
        .input(html, &new);
        Field {
            name: "again",
            label: "The same password again",
            ..Field::default()
        }
        .input(html, &new);
        form::submit(html, "wide", "Use this password");
    });
}
