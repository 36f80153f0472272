//! Shared computers, for staff.

use super::attribute as a;
use super::form::{self, Field};
use super::html::Html;
use super::layout::{Frame, page};
use super::table::{cell, table};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::{ComputerRow, Computers};

pub fn render(model: &Computers) -> String {
    let frame = Frame::Place {
        person: &model.person,
        here: Endpoint::Computers,
    };
    page(frame, "Shared computers", |html| {
        html.line(
            tag::P,
            &[a::class("lead")],
            "At a shared computer one person at a time is signed in. Who signs in there signs out whoever was there before, and ten \
             minutes without use end a session. A browser becomes one here, by somebody who sits at it.",
        );
        form::notice(html, model.notice.as_deref());
        form::error(html, model.error.as_deref());
        html.element(tag::SECTION, &[a::class("card")], |html| {
            this_browser(html, model)
        });
        match model.computers.as_slice() {
            [] => html.line(tag::P, &[a::class("nothing")], NONE),
            computers => form::form(html, &model.form, &[], |html| {
                table(html, "Shared computers", &COLUMNS, |html| {
                    for computer in computers {
                        html.element(tag::TR, &[], |html| row(html, computer));
                    }
                });
            }),
        }
    })
}

fn this_browser(html: &mut Html, model: &Computers) {
    html.line(tag::H2, &[], "This browser");
    if let Some(name) = &model.here {
        html.element(tag::P, &[], |html| {
            html.text("It is the shared computer ");
            html.element(tag::STRONG, &[], |html| html.line(tag::BDI, &[], name));
            html.text(".");
        });
        return;
    }
    form::form(html, &model.form, &[a::class("long")], |html| {
        let attributes = [
            a::kind("text"),
            a::value(&model.typed),
            a::autocomplete("off"),
            a::spellcheck("false"),
            a::maxlength("40"),
            a::required(),
        ];
        Field {
            name: "name",
            label: "Name of the computer",
            hint: Some("As it stands on it: icu-3, or Ward 3, desk 1."),
            ..Field::default()
        }
        .input(html, &attributes);
        form::submit(html, "main", "Make this browser a shared computer");
    });
}

fn row(html: &mut Html, computer: &ComputerRow) {
    html.element(tag::TH, &[a::scope("row")], |html| {
        html.line(tag::BDI, &[], &computer.name)
    });
    cell(html, COLUMNS[1], &computer.set_up_by);
    cell(html, COLUMNS[2], &computer.set_up);
    cell(html, COLUMNS[3], &computer.last_used);
    html.element(tag::TD, &[a::column(COLUMNS[4])], |html| {
        let label = format!("Remove {}", computer.name);
        let attributes = [
            a::kind("submit"),
            a::class("quiet"),
            a::name("remove"),
            a::value(&computer.id),
            a::label(&label),
        ];
        html.line(tag::BUTTON, &attributes, "Remove");
    });
}

const NONE: &str = "There is none that you could remove.";
const COLUMNS: [&str; 5] = ["Computer", "Set up by", "Set up", "Last used", "Change"];
