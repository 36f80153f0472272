//! An app's developer asks for a registration. <https://www.rfc-editor.org/rfc/rfc7591#section-2>

use super::attribute as a;
use super::facts::literal;
use super::form::{self, Field};
use super::html::{Html, Target};
use super::layout::{Frame, page};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::{Developer, Registered};

pub fn render(model: &Developer) -> String {
    let frame = match &model.person {
        Some(person) => Frame::Place {
            person,
            here: Endpoint::Developer,
        },
        None => Frame::OpenPlace,
    };
    page(frame, "Register an app", |html| match &model.registered {
        Some(registered) => done(html, model, registered),
        None => ask(html, model),
    })
}

fn done(html: &mut Html, model: &Developer, registered: &Registered) {
    html.element(
        tag::DIV,
        &[a::class("notice good"), a::role("status")],
        |html| {
            html.line(tag::P, &[], &registered.state);
        },
    );
    html.element(tag::DL, &[a::class("facts card")], |html| {
        literal(html, "Client id", &registered.client_id);
        if let Some(secret) = &registered.client_secret {
            literal(html, "Client secret", secret);
        }
    });
    if registered.client_secret.is_some() {
        html.line(
            tag::P,
            &[a::class("aside")],
            "Keep the secret now: it is not shown again.",
        );
    }
    html.element(tag::P, &[a::class("back")], |html| {
        if model
            .person
            .as_ref()
            .is_some_and(|person| person.administers)
        {
            let link = format!(
                "{}?client={}",
                Endpoint::Clients.path(),
                registered.client_id
            );
            html.line(
                tag::A,
                &[a::href(Target::path(&link))],
                "Look at the registration",
            );
        }
        let again = Target::path(Endpoint::Developer.path());
        html.line(tag::A, &[a::href(again)], "Register another");
    });
}

fn ask(html: &mut Html, model: &Developer) {
    html.line(
        tag::P,
        &[a::class("lead")],
        "An administrator looks at every registration before the app can sign anybody in.",
    );
    let named: Vec<form::Named> = fields().map(Line::named).collect();
    form::refused(html, &model.errors, &named);
    form::form(html, &model.form, &[a::class("long card")], |html| {
        html.element(tag::FIELDSET, &[], |html| {
            html.line(tag::LEGEND, &[], "The app");
            lines(html, model, &ABOUT);
            kinds(html, model);
        });
        html.element(tag::FIELDSET, &[], |html| {
            html.line(tag::LEGEND, &[], "What it needs");
            lines(html, model, &NEEDS);
        });
        html.element(tag::FIELDSET, &[], |html| {
            html.line(tag::LEGEND, &[], "Keys, where it has any");
            lines(html, model, &KEYS);
        });
        form::submit(html, "main", "Ask for registration");
    });
}

fn lines(html: &mut Html, model: &Developer, lines: &[Line]) {
    for line in lines {
        let field = Field {
            name: line.name,
            label: line.label,
            hint: line.hint,
            error: value_of(&model.errors, line.name),
        };
        let typed = value_of(&model.typed, line.name).unwrap_or_default();
        if line.is_long {
            field.textarea(html, "3", typed);
        } else {
            let attributes = [
                a::kind("text"),
                a::value(typed),
                a::autocomplete("off"),
                a::maxlength("2000"),
            ];
            field.input(html, &attributes);
        }
    }
}

fn kinds(html: &mut Html, model: &Developer) {
    let chosen = value_of(&model.typed, "kind").unwrap_or("public");
    html.element(tag::FIELDSET, &[a::class("kinds"), a::id("kind")], |html| {
        html.line(tag::LEGEND, &[], "Where it runs");
        if let Some(error) = value_of(&model.errors, "kind") {
            html.line(tag::P, &[a::class("wrong")], error);
        }
        for (value, label, hint) in KINDS {
            let (id, hint_id) = (format!("kind-{value}"), format!("kind-{value}-hint"));
            let mut attributes = vec![
                a::kind("radio"),
                a::name("kind"),
                a::value(value),
                a::id(&id),
                a::described_by(&hint_id),
            ];
            if value == chosen {
                attributes.push(a::checked());
            }
            html.element(tag::DIV, &[a::class("tick")], |html| {
                html.void(tag::INPUT, &attributes);
                html.line(tag::LABEL, &[a::labels(&id)], label);
                html.line(tag::P, &[a::class("hint"), a::id(&hint_id)], hint);
            });
        }
    });
}

fn value_of<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let pair = pairs.iter().find(|(known, _)| known == name);
    pair.map(|(_, value)| value.as_str())
}

fn fields() -> impl Iterator<Item = &'static Line> {
    [&ABOUT[..], &[KIND], &NEEDS, &KEYS].into_iter().flatten()
}

/// A field of the form.
struct Line {
    name: &'static str,
    /// Where it is on the page.
    anchor: &'static str,
    label: &'static str,
    hint: Option<&'static str>,
    /// Several lines of text.
    is_long: bool,
}

impl Line {
    fn named(&self) -> form::Named {
        (self.name, self.anchor, self.label)
    }
}

macro_rules! line {
    ($name:literal, $label:literal, $hint:expr, $is_long:literal) => {
        Line {
            name: $name,
            anchor: concat!("#", $name),
            label: $label,
            hint: $hint,
            is_long: $is_long,
        }
    };
}

const ABOUT: [Line; 5] = [
    line!("client_name", "Name that people will see", None, false),
    line!(
        "owner",
        "Who answers for it",
        Some("A person or an organization."),
        false
    ),
    line!(
        "contacts",
        "Contact",
        Some("Addresses of electronic mail, separated by spaces."),
        false
    ),
    line!(
        "purpose",
        "What it is for",
        Some("One or two sentences in plain words."),
        true
    ),
    line!(
        "client_uri",
        "Its page",
        Some("Optional: where people can read about it."),
        false
    ),
];
const NEEDS: [Line; 4] = [
    line!(
        "redirect_uris",
        "Redirect addresses",
        Some("One a line, exactly as the app sends them. A system needs none."),
        true
    ),
    line!(
        "launch_uri",
        "Launch address",
        Some("Only if an EHR starts the app."),
        false
    ),
    line!(
        "scope",
        "Scopes",
        Some("Separated by spaces, such as: openid fhirUser launch/patient patient/Observation.rs"),
        true
    ),
    line!(
        "purpose_of_use",
        "Purposes of use",
        Some(
            "Codes of v3 PurposeOfUse, the usual one first, such as: TREAT. Empty: what people are there for."
        ),
        false
    ),
];
const KEYS: [Line; 2] = [
    line!(
        "jwks_uri",
        "Address of its JWK Set",
        Some("Better than keys by value: they can be changed."),
        false
    ),
    line!("jwks", "JWK Set", Some("Only public keys."), true),
];
const KIND: Line = line!("kind", "Where it runs", None, false);
const KINDS: [(&str, &str, &str); 3] = [
    (
        "public",
        "In a browser or on a phone",
        "It cannot keep a secret, and needs none.",
    ),
    (
        "confidential",
        "On a server, with a person in front of it",
        "It keeps a secret or, better, a private key.",
    ),
    (
        "system",
        "On a server, by itself",
        "It signs in with a private key, without a person.",
    ),
];
