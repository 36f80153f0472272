//! What a consent would change, before it is given or withdrawn.

use super::attribute as a;
use super::consents::shown;
use super::facts::fact;
use super::form;
use super::html::{Html, Target};
use super::layout::{Frame, page};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::{ConsentPreview, EffectShown};

pub fn render(model: &ConsentPreview) -> String {
    let frame = Frame::Place {
        person: &model.person,
        here: Endpoint::Consents,
    };
    page(frame, &model.question, |html| {
        html.element(tag::P, &[a::class("lead")], |html| {
            html.text("Nothing is saved yet. This is what it changes of ");
            html.text(&entries(model.entries));
            html.text(" that are in your record today; it holds for those to come, too.");
        });
        html.element(tag::SECTION, &[a::class("card")], |html| {
            shown(html, &model.consent);
        });
        html.line(tag::H2, &[], "What it changes");
        effects(html, model);
        form::form(html, &model.form, &[a::class("decide")], |html| {
            for (name, value) in &model.fields {
                form::hidden(html, name, value);
            }
            let (value, words) = &model.decision;
            form::decide(html, "main", "decision", value, words);
            if let Some(edit) = &model.edit {
                form::decide(html, "plain", "decision", edit, "Change it");
            }
            let back = [a::class("button"), a::href(Target::path(&model.back))];
            html.line(tag::A, &back, "Leave it as it is");
        });
    })
}

fn effects(html: &mut Html, model: &ConsentPreview) {
    if model.effects.is_empty() {
        html.line(tag::P, &[a::class("nothing")], NOTHING);
    } else {
        html.element(tag::UL, &[a::class("cards effects")], |html| {
            for effect in &model.effects {
                html.element(tag::LI, &[a::class("card")], |html| one(html, effect));
            }
        });
    }
    if !model.unchanged.is_empty() {
        html.element(tag::P, &[a::class("hint")], |html| {
            html.text("It changes nothing for: ");
            for (at, who) in model.unchanged.iter().enumerate() {
                html.text(if at == 0 { "" } else { "; " });
                html.line(tag::BDI, &[], who);
            }
            html.text(".");
        });
    }
}

fn one(html: &mut Html, effect: &EffectShown) {
    html.element(tag::H3, &[], |html| html.line(tag::BDI, &[], &effect.who));
    html.element(tag::DL, &[a::class("facts")], |html| {
        fact(html, "Seen now", &entries(effect.before));
        fact(html, "Seen then", &entries(effect.after));
    });
    for (title, class, kinds) in [
        ("No longer seen", "may less", &effect.hidden),
        ("Seen from then on", "may more", &effect.shown),
    ] {
        if kinds.is_empty() {
            continue;
        }
        html.line(tag::P, &[a::class("hint")], title);
        html.element(tag::UL, &[a::class(class)], |html| {
            for (words, count) in kinds {
                html.element(tag::LI, &[], |html| {
                    html.line(tag::BDI, &[], words);
                    html.text(&format!(": {count}"));
                });
            }
        });
    }
}

fn entries(count: u64) -> String {
    match count {
        1 => "1 entry".to_owned(),
        _ => format!("{count} entries"),
    }
}

const NOTHING: &str = "Nothing that is in your record today is seen by more or by fewer people. It may matter for what is added later.";
