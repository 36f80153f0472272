//! What is kept private, or allowed: from whom, of what, for which purpose, how long.

use super::attribute as a;
use super::form::{self, Field};
use super::html::{Html, Target};
use super::layout::{Frame, page};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::ConsentForm;

pub fn render(model: &ConsentForm) -> String {
    let frame = Frame::Place {
        person: &model.person,
        here: Endpoint::Consents,
    };
    let (title, lead) = match model.is_permit {
        false => (
            "Keep something private",
            "Say from whom, and what. You see what it changes before it is saved, and can withdraw it at any time.",
        ),
        true => (
            "Allow something more",
            "Say who may see what, and what for. You see what it changes before it is saved, and can withdraw it at any time.",
        ),
    };
    page(frame, title, |html| {
        html.line(tag::P, &[a::class("lead")], lead);
        form::refused(html, &model.errors, &FIELDS);
        form::form(html, &model.form, &[a::class("long card")], |html| {
            let new = if model.is_permit { "allow" } else { "keep" };
            form::hidden(html, "new", new);
            who(html, model);
            what(html, model);
            purposes(html, model);
            until(html, model);
            html.element(tag::DIV, &[a::class("decide")], |html| {
                form::decide(html, "main", "decision", "preview", "See what it changes");
                let back = [a::class("button"), a::href(Target::path(&model.back))];
                html.line(tag::A, &back, "Leave it as it is");
            });
        });
    })
}

fn who(html: &mut Html, model: &ConsentForm) {
    let label = match model.is_permit {
        false => "Who shall not see it",
        true => "Who may see it",
    };
    html.element(tag::FIELDSET, &[], |html| {
        html.line(tag::LEGEND, &[], label);
        let options: Vec<(&str, &str)> = model.who.iter().map(|(v, w)| (&**v, &**w)).collect();
        ticks(html, "who", "radio", &options, &[&model.chosen_who]);
        error(html, model, "who");
        html.element(tag::DIV, &[a::class("beside")], |html| {
            let attributes = [
                a::kind("text"),
                a::value(&model.sought),
                a::autocomplete("off"),
                a::spellcheck("false"),
                a::maxlength("100"),
            ];
            Field {
                name: "find",
                label: "Look for a person or an organization",
                hint: Some("A name, or how it begins."),
                ..Field::default()
            }
            .input(html, &attributes);
            form::decide(html, "plain", "decision", "find", "Look");
        });
        if model.found == Some(false) {
            let none = "Nobody of this name is known here.";
            html.line(tag::P, &[a::class("wrong"), a::role("status")], none);
        }
    });
}

fn what(html: &mut Html, model: &ConsentForm) {
    html.element(tag::FIELDSET, &[a::id("what")], |html| {
        html.line(tag::LEGEND, &[], "What it is about");
        let options = [
            ("yes", "My whole record"),
            ("no", "Only what is ticked here"),
        ];
        ticks(html, "whole", "radio", &options, &[yes(model.is_whole)]);
        let pairs = model.categories.iter().map(|(v, w)| (&**v, &**w));
        let chosen: Vec<&str> = model.chosen_categories.iter().map(|c| &**c).collect();
        nested(html, "what", &pairs.collect::<Vec<_>>(), &chosen);
        error(html, model, "what");
        html.line(tag::P, &[a::class("hint")], MARKED);
    });
}

fn purposes(html: &mut Html, model: &ConsentForm) {
    html.element(tag::FIELDSET, &[a::id("purpose")], |html| {
        html.line(tag::LEGEND, &[], "What for");
        let pairs: Vec<(&str, &str)> = model.purposes.iter().map(|(v, w)| (&**v, &**w)).collect();
        let chosen: Vec<&str> = model.chosen_purposes.iter().map(|c| &**c).collect();
        if model.is_permit {
            ticks(html, "purpose", "checkbox", &pairs, &chosen);
        } else {
            let options = [
                ("yes", "Whatever it is for"),
                ("no", "Only for what is ticked here"),
            ];
            ticks(html, "always", "radio", &options, &[yes(model.is_always)]);
            nested(html, "purpose", &pairs, &chosen);
        }
        error(html, model, "purpose");
    });
}

fn until(html: &mut Html, model: &ConsentForm) {
    html.element(tag::FIELDSET, &[], |html| {
        html.line(tag::LEGEND, &[], "How long");
        let attributes = [
            a::kind("date"),
            a::value(&model.until),
            a::min(&model.earliest),
        ];
        Field {
            name: "until",
            label: "Last day",
            hint: Some("Left empty, it holds until you withdraw it."),
            error: wrong(model, "until"),
        }
        .input(html, &attributes);
    });
}

/// Choices that count where the one before them says so.
fn nested(html: &mut Html, name: &'static str, options: &[(&str, &str)], chosen: &[&str]) {
    html.element(tag::DIV, &[a::class("parts")], |html| {
        ticks(html, name, "checkbox", options, chosen);
    });
}

/// `Title: meaning` is a label and a hint.
fn ticks(
    html: &mut Html,
    name: &'static str,
    kind: &'static str,
    options: &[(&str, &str)],
    chosen: &[&str],
) {
    html.element(tag::DIV, &[a::class("ticks")], |html| {
        for (at, (value, words)) in options.iter().enumerate() {
            one(
                html,
                (name, kind),
                at,
                (value, words),
                chosen.contains(value),
            );
        }
    });
}

fn one(
    html: &mut Html,
    (name, kind): (&'static str, &'static str),
    at: usize,
    (value, words): (&str, &str),
    is_chosen: bool,
) {
    let (title, meaning) = words.split_once(": ").unwrap_or((words, ""));
    let (id, hint_id) = (format!("{name}-{at}"), format!("{name}-{at}-hint"));
    let mut attributes = vec![a::kind(kind), a::id(&id), a::name(name), a::value(value)];
    if !meaning.is_empty() {
        attributes.push(a::described_by(&hint_id));
    }
    if is_chosen {
        attributes.push(a::checked());
    }
    html.element(tag::DIV, &[a::class("tick")], |html| {
        html.void(tag::INPUT, &attributes);
        html.line(tag::LABEL, &[a::labels(&id)], title);
        if !meaning.is_empty() {
            html.line(tag::P, &[a::class("hint"), a::id(&hint_id)], meaning);
        }
    });
}

fn error(html: &mut Html, model: &ConsentForm, name: &str) {
    if let Some(why) = wrong(model, name) {
        html.line(tag::P, &[a::class("wrong")], why);
    }
}

fn wrong<'m>(model: &'m ConsentForm, name: &str) -> Option<&'m str> {
    let found = model.errors.iter().find(|(field, _)| field == name);
    found.map(|(_, why)| why.as_str())
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

const FIELDS: [form::Named; 4] = [
    ("who", "#who-0", "Who"),
    ("what", "#what", "What it is about"),
    ("purpose", "#purpose", "What for"),
    ("until", "#until", "Last day"),
];
const MARKED: &str = "Entries are recognised by what is recorded in them, such as a diagnosis or a test. What stands only in the text of a note \
                      is not recognised.";
