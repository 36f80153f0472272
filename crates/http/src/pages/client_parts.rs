//! The forms that change a registration, each a part of it. (C17)

use super::attribute as a;
use super::form::{self, Field};
use super::html::Html;
use super::tag;
use ward_smart::page::{ClientPart, Form, PartShown};

/// One part as a card of the client's page.
pub fn render(html: &mut Html, form: &Form, shown: &PartShown) {
    let (title, hint, button) = words(shown.part);
    html.element(tag::SECTION, &[a::class("card")], |html| {
        html.line(tag::H2, &[], title);
        html.line(tag::P, &[a::class("hint")], hint);
        form::form(html, form, &[a::class("long")], |html| {
            for line in of(shown.part) {
                let mut values = values(shown, line.name).peekable();
                // What is no field of this client is not there.
                if values.peek().is_some() {
                    field(html, shown, line, &values.collect::<Vec<_>>());
                }
            }
            form::decide(html, "main", "decision", shown.part.word(), button);
        });
    });
}

/// All fields, for the list of what is wrong.
pub fn named() -> Vec<form::Named> {
    let parts = ClientPart::ALL.into_iter();
    let lines = parts.flat_map(of);
    lines
        .map(|line| (line.name, line.anchor, line.label))
        .collect()
}

fn field(html: &mut Html, shown: &PartShown, line: &Line, values: &[&str]) {
    let error = shown.errors.iter().find(|(field, _)| field == line.name);
    let field = Field {
        name: line.name,
        label: line.label,
        hint: (!line.hint.is_empty()).then_some(line.hint),
        error: error.map(|(_, why)| why.as_str()),
    };
    let value = values.first().copied().unwrap_or_default();
    let one_line = |kind, most| {
        [
            a::kind(kind),
            a::value(value),
            a::autocomplete("off"),
            a::maxlength(most),
        ]
    };
    match line.holds {
        Holds::Line => field.input(html, &one_line("text", "2000")),
        Holds::Day => field.input(html, &one_line("date", "10")),
        Holds::Lines => field.textarea(html, "3", value),
        Holds::Tick => field.tick(html, !value.is_empty()),
        Holds::One => field.one_of(html, &offered(shown, line.name), value),
        Holds::Some => field.some_of(html, &offered(shown, line.name), values),
    }
}

fn values<'a>(shown: &'a PartShown, name: &'a str) -> impl Iterator<Item = &'a str> {
    let of = shown.values.iter().filter(move |(field, _)| field == name);
    of.map(|(_, value)| value.as_str())
}

fn offered<'a>(shown: &'a PartShown, name: &str) -> Vec<(&'a str, &'a str)> {
    let of = shown.offered.iter().filter(|(field, ..)| field == name);
    of.map(|(_, value, words)| (value.as_str(), words.as_str()))
        .collect()
}

/// A field of a form.
struct Line {
    name: &'static str,
    /// Where it is on the page.
    anchor: &'static str,
    label: &'static str,
    /// Empty: none.
    hint: &'static str,
    holds: Holds,
}

#[derive(Clone, Copy)]
enum Holds {
    Line,
    Lines,
    Day,
    Tick,
    /// One of what is offered.
    One,
    /// Any of what is offered.
    Some,
}

macro_rules! line {
    ($name:literal, $holds:ident, $label:literal, $hint:literal) => {
        Line {
            name: $name,
            anchor: concat!("#", $name),
            label: $label,
            hint: $hint,
            holds: Holds::$holds,
        }
    };
}

/// Title, what is to be known, and the words of the button.
fn words(part: ClientPart) -> (&'static str, &'static str, &'static str) {
    match part {
        ClientPart::About => (
            "Who answers for it",
            "People read this where they allow the app, and whoever looks after clients.",
            "Save who answers for it",
        ),
        ClientPart::Rights => (
            "What it may do",
            "Less than before holds at once: tokens that were issued for more are void within seconds, and what people have allowed is worth \
             what is left of it here.",
            "Save what it may do",
        ),
        ClientPart::Proof => (
            "How it proves itself",
            "With any change here the tokens that it has are void within seconds; it asks for others in the new way.",
            "Save how it proves itself",
        ),
    }
}

fn of(part: ClientPart) -> &'static [Line] {
    match part {
        ClientPart::About => &ABOUT,
        ClientPart::Rights => &RIGHTS,
        ClientPart::Proof => &PROOF,
    }
}

const ABOUT: [Line; 6] = [
    line!("client_name", Line, "Name that people see", ""),
    line!(
        "owner",
        Line,
        "Who answers for it",
        "A person or an organization."
    ),
    line!(
        "contacts",
        Line,
        "Contact",
        "Addresses of electronic mail, separated by spaces."
    ),
    line!(
        "purpose",
        Lines,
        "What it is for",
        "One or two sentences in plain words."
    ),
    line!(
        "client_uri",
        Line,
        "Its page",
        "Optional: where people can read about it."
    ),
    line!(
        "review_due",
        Day,
        "Next review",
        "From this day on it gets no new tokens until somebody has looked at it again."
    ),
];
const RIGHTS: [Line; 13] = [
    line!(
        "scope",
        Lines,
        "Scopes at most",
        "Separated by spaces, such as: openid fhirUser launch/patient patient/Observation.rs system/Patient.rs"
    ),
    line!(
        "purpose_of_use",
        Line,
        "Purposes of use",
        "Codes of v3 PurposeOfUse that it may act for, separated by spaces, such as: TREAT ETREAT. The first holds where it names none. \
         Empty: a system has none, and people act for what their roles are for."
    ),
    line!(
        "organization",
        Line,
        "Whose it is",
        "Such as Organization/123: what it and its people read is a disclosure where another organization keeps it, and consents that name \
         the organization are about them. Empty: not said."
    ),
    line!(
        "clearance",
        Line,
        "Cleared for",
        "How sensitive data it sees: a level (U, L, M, N, R, V), then labels, such as: R HIV SUD, or * for every one. A person sees no more \
         through it, whatever their role. Empty: what is usual."
    ),
    line!(
        "sees_labels",
        Tick,
        "Is shown labels",
        "Which sensitivities resources are labelled with, and searches by them. Without this it is shown the level, and how to handle a resource. \
         People are shown labels where their role is."
    ),
    line!(
        "redirect_uris",
        Lines,
        "Redirect addresses",
        "One a line, exactly as the app sends them."
    ),
    line!(
        "launch_uri",
        Line,
        "Launch address",
        "Only if an EHR starts the app."
    ),
    line!(
        "approved_for_staff",
        Tick,
        "Staff are not asked each time",
        "The hospital has approved it for everybody who works here. Patients are always asked."
    ),
    line!(
        "acts_for_user",
        Line,
        "Acts for",
        "Such as Practitioner/123: its tokens speak for this person, and user/ scopes are theirs. Empty: for nobody."
    ),
    line!(
        "role",
        Some,
        "In the roles",
        "What that person may do by it. Without any, those of the rota while they are on duty."
    ),
    line!(
        "acts_for_patient",
        Line,
        "Is about the patient",
        "The id of one patient, whose record patient/ scopes open to the person it acts for. Empty: about nobody."
    ),
    line!(
        "may_introspect",
        Tick,
        "May ask about every token",
        "It is a resource server that has to know what tokens of others are worth. Without this it learns of its own only."
    ),
    line!(
        "frame_origins",
        Lines,
        "Shows pages of its launches at",
        "Origins of the EHR, one a line, such as https://ehr.example: they may show the choice of a patient and the question for consent within \
         their own pages. Empty: nobody may."
    ),
];
const PROOF: [Line; 7] = [
    line!("token_endpoint_auth_method", One, "It proves itself by", ""),
    line!(
        "jwks_uri",
        Line,
        "Address of its JWK Set",
        "Better than keys by value: it can change them there itself."
    ),
    line!(
        "jwks",
        Lines,
        "JWK Set",
        "Only public keys, and only where there is no address."
    ),
    line!("tokens_bound_to", One, "Its tokens are bound to", ""),
    line!(
        "require_par",
        Tick,
        "It must push its authorization requests",
        "They come from its server (PAR, RFC 9126), and never through the browser."
    ),
    line!(
        "fapi2",
        Tick,
        "FAPI 2.0 security profile",
        "A key or a certificate in place of a secret, pushed requests, bound tokens, signatures by PS256, ES256 or EdDSA, and the issuer \
         as the audience of what it signs: nothing else is taken from it."
    ),
    line!(
        "id_token_signed_response_alg",
        One,
        "Its id_tokens are signed by",
        ""
    ),
];
