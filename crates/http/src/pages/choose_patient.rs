//! Whose record the app shall see.

use super::attribute as a;
use super::form::{self, Field};
use super::html::{Html, Target};
use super::layout::{Frame, page};
use super::tag;
use ward_smart::page::{ChoosePatient, PatientChoice};

pub fn render(model: &ChoosePatient) -> String {
    page(Frame::Step, "Choose a patient", |html| {
        html.element(tag::P, &[a::class("lead")], |html| {
            html.element(tag::STRONG, &[], |html| {
                html.line(tag::BDI, &[], &model.app)
            });
            html.text(" works with one patient's record at a time.");
        });
        form::error(html, model.error.as_deref());
        form::form(html, &model.form, &[a::role("search")], |html| {
            search(html, model)
        });
        form::form(html, &model.form, &[], |html| found(html, model));
    })
}

fn search(html: &mut Html, model: &ChoosePatient) {
    let attributes = [
        a::kind("search"),
        a::value(&model.searched),
        a::autocomplete("off"),
        a::spellcheck("false"),
        a::maxlength("100"),
        a::autofocus(),
    ];
    html.element(tag::DIV, &[a::class("beside")], |html| {
        Field {
            name: "name",
            label: "Name, birth date or number",
            ..Field::default()
        }
        .input(html, &attributes);
        form::submit(html, "plain", "Search");
    });
}

fn found(html: &mut Html, model: &ChoosePatient) {
    if model.patients.is_empty() {
        let why = match model.is_listed {
            true => {
                "There is no such patient among those whose records you may see. A birth date is written 1985-04-23."
            }
            false => {
                "There are too many patients to list them all. Search for one by name, birth date or number."
            }
        };
        html.line(tag::P, &[a::class("nothing"), a::role("status")], why);
        return;
    }
    html.element(tag::UL, &[a::class("choices")], |html| {
        for patient in &model.patients {
            html.element(tag::LI, &[], |html| choice(html, patient));
        }
    });
    turn(html, model);
}

/// To the pages beside this one.
fn turn(html: &mut Html, model: &ChoosePatient) {
    let pages = [
        ("Previous page", &model.previous),
        ("Next page", &model.next),
    ];
    if pages.iter().all(|(_, page)| page.is_none()) {
        return;
    }
    html.element(
        tag::NAV,
        &[a::class("turn"), a::label("Further patients")],
        |html| {
            for (name, page) in pages {
                if let Some(page) = page {
                    let attributes = [a::class("button"), a::href(Target::path(page))];
                    html.line(tag::A, &attributes, name);
                }
            }
        },
    );
}

fn choice(html: &mut Html, patient: &PatientChoice) {
    let attributes = [
        a::kind("submit"),
        a::class("choice"),
        a::name("patient"),
        a::value(&patient.id),
    ];
    html.element(tag::BUTTON, &attributes, |html| {
        html.element(tag::STRONG, &[], |html| {
            html.line(tag::BDI, &[], &patient.name)
        });
        html.element(tag::SPAN, &[], |html| {
            html.text("born ");
            html.text(&patient.birth_date);
        });
        html.element(tag::SPAN, &[], |html| {
            html.line(tag::BDI, &[], &patient.identifier)
        });
    });
}
