//! One patient's record is opened in an emergency.

use super::attribute as a;
use super::form::{self, Field, Named};
use super::html::Html;
use super::layout::{Frame, page};
use super::table::{cell, table};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::{BreakGlass, GlassRow};

pub fn render(model: &BreakGlass) -> String {
    let frame = Frame::Place {
        person: &model.person,
        here: Endpoint::BreakGlass,
    };
    page(frame, "Emergency access", |html| {
        form::notice(html, model.notice.as_deref());
        form::refused(html, &model.errors, &FIELDS);
        let minutes = model.minutes;
        let lead = format!(
            "Opens one patient's record to you for {minutes} minutes, to read, where the patient or a rule keeps it closed. Some of it stays closed even then. Each \
             request is marked, and the privacy officer learns of this at once and reviews it."
        );
        html.line(tag::P, &[a::class("lead")], &lead);
        html.element(tag::SECTION, &[a::class("card")], |html| {
            html.line(tag::H2, &[], "Break the glass");
            form::form(html, &model.form, &[a::class("long")], |html| {
                declare(html, model)
            });
        });
        match model.grants.as_slice() {
            [] => html.line(
                tag::P,
                &[a::class("nothing")],
                "No record is open to you in this way.",
            ),
            grants => form::form(html, &model.form, &[], |html| {
                table(html, "Open to you in this way", &COLUMNS, |html| {
                    for grant in grants {
                        html.element(tag::TR, &[], |html| row(html, grant));
                    }
                });
            }),
        }
    })
}

fn declare(html: &mut Html, model: &BreakGlass) {
    let error = |field: &str| {
        let mut errors = model.errors.iter();
        errors
            .find(|(name, _)| name == field)
            .map(|(_, why)| why.as_str())
    };
    let attributes = [
        a::kind("text"),
        a::value(&model.patient),
        a::autocomplete("off"),
        a::autocapitalize("none"),
        a::spellcheck("false"),
        a::maxlength("64"),
        a::required(),
    ];
    Field {
        name: "patient",
        label: "Patient",
        hint: Some("The id of the patient in this system, as your app shows it."),
        error: error("patient"),
    }
    .input(html, &attributes);
    if let Some(name) = &model.patient_name {
        html.element(tag::P, &[], |html| {
            html.text("This is ");
            html.element(tag::STRONG, &[], |html| html.line(tag::BDI, &[], name));
            html.text(".");
        });
    }
    let reasons: Vec<(&str, &str)> = model
        .reasons
        .iter()
        .map(|(code, words)| (code.as_str(), words.as_str()))
        .collect();
    Field {
        name: "reason_code",
        label: "Reason",
        error: error("reason_code"),
        ..Field::default()
    }
    .one_of(html, &reasons, &model.reason_code);
    Field {
        name: "reason",
        label: "In your own words",
        hint: Some(
            "Ten letters or more, where none of these is the reason. The privacy officer reads it.",
        ),
        error: error("reason"),
    }
    .textarea(html, "3", &model.reason);
    form::submit(html, "main", "Open the record");
}

fn row(html: &mut Html, grant: &GlassRow) {
    html.element(tag::TH, &[a::scope("row")], |html| {
        html.line(tag::BDI, &[], &grant.patient)
    });
    cell(html, COLUMNS[1], &grant.until);
    let place = match grant.here {
        true => "This browser",
        false => "Elsewhere",
    };
    cell(html, COLUMNS[2], place);
    html.element(tag::TD, &[a::column(COLUMNS[3])], |html| {
        let label = format!("End the access to {}", grant.patient);
        let attributes = [
            a::kind("submit"),
            a::class("quiet"),
            a::name("end"),
            a::value(&grant.id),
            a::label(&label),
        ];
        html.line(tag::BUTTON, &attributes, "End");
    });
}

const COLUMNS: [&str; 4] = ["Patient", "Until", "Signed in at", "Change"];
const FIELDS: [Named; 3] = [
    ("patient", "#patient", "Patient"),
    ("reason_code", "#reason_code", "Reason"),
    ("reason", "#reason", "In your own words"),
];
