//! Signing in: the first thing that most people see of Ward.

use super::attribute as a;
use super::form::{self, Field};
use super::html::{Html, Target};
use super::layout::{Frame, page};
use super::{passkey, tag};
use ward_smart::page::SignIn;

pub fn render(model: &SignIn) -> String {
    page(Frame::Step, "Sign in", |html| {
        html.element(tag::P, &[a::class("lead")], |html| whereto(html, model));
        form::error(html, model.error.as_deref());
        form::form(html, &model.form, &[], |html| fields(html, model));
        if !model.upstream.is_empty() {
            upstream(html, model);
        }
    })
}

/// Whose server it is, and what waits behind it.
fn whereto(html: &mut Html, model: &SignIn) {
    let named = |html: &mut Html, name: &str| {
        html.element(tag::STRONG, &[], |html| html.line(tag::BDI, &[], name));
    };
    html.text("at ");
    named(html, &model.organization);
    if let Some(app) = &model.app {
        html.text(" to go on to ");
        named(html, app);
    }
}

fn fields(html: &mut Html, model: &SignIn) {
    if model.takes_password {
        password(html, model);
    }
    if let Some(challenge) = &model.passkey_challenge {
        passkey::use_one(html, "wide", challenge, &model.rp_id);
    }
}

fn password(html: &mut Html, model: &SignIn) {
    let username = [
        a::kind("text"),
        a::value(&model.username),
        a::autocomplete("username webauthn"),
        a::autocapitalize("none"),
        a::spellcheck("false"),
        a::maxlength("64"),
        a::required(),
    ];
    Field {
        name: "username",
        label: "User name",
        ..Field::default()
    }
    .input(html, &username);
    let password = [
        a::kind("password"),
        a::autocomplete("current-password"),
        a::maxlength("256"),
        a::required(),
    ];
    Field {
        name: "password",
        label: "Password",
        ..Field::default()
    }
    .input(html, &password);
    match &model.computer {
        Some(name) => at_computer(html, name),
        None => shared(html, model.shared),
    }
    form::submit(html, "main", "Sign in");
}

/// The browser has shown that it is one: nobody has to say so.
fn at_computer(html: &mut Html, name: &str) {
    html.element(tag::P, &[a::class("hint")], |html| {
        html.text("This is the shared computer ");
        html.line(tag::BDI, &[], name);
        html.text(". You are signed out when you are away for ten minutes, or when somebody else signs in.");
    });
}

fn shared(html: &mut Html, is_ticked: bool) {
    let mut attributes = vec![
        a::kind("checkbox"),
        a::name("shared"),
        a::value("yes"),
        a::id("shared"),
    ];
    if is_ticked {
        attributes.push(a::checked());
    }
    attributes.push(a::described_by("shared-hint"));
    html.element(tag::DIV, &[a::class("tick")], |html| {
        html.void(tag::INPUT, &attributes);
        html.line(
            tag::LABEL,
            &[a::labels("shared")],
            "Others use this computer too",
        );
        html.line(
            tag::P,
            &[a::class("hint"), a::id("shared-hint")],
            "You are signed out when you are away for ten minutes, or when somebody else signs in.",
        );
    });
}

fn upstream(html: &mut Html, model: &SignIn) {
    if model.takes_password || model.passkey_challenge.is_some() {
        html.line(tag::P, &[a::class("or")], "or");
    }
    html.element(tag::UL, &[a::class("providers")], |html| {
        for (name, link) in &model.upstream {
            html.element(tag::LI, &[], |html| {
                let attributes = [a::class("button"), a::href(Target::path(link))];
                html.element(tag::A, &attributes, |html| {
                    html.text("Sign in with ");
                    html.line(tag::BDI, &[], name);
                });
            });
        }
    });
}
