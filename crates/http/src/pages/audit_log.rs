//! The audit log: a filter, and what it finds.

use super::attribute as a;
use super::audit_charts as charts;
use super::facts::fact;
use super::form;
use super::form::Field;
use super::html::{Html, Target};
use super::layout::{Frame, page};
use super::table::{cell, table};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::{
    AUDIT_KINDS, AUDIT_OUTCOMES, AuditChoice, AuditDetail, AuditFilter, AuditList, AuditLog,
    AuditRow, AuditShown, ProofStatus,
};

pub fn render(model: &AuditLog) -> String {
    let frame = Frame::Place {
        person: &model.person,
        here: Endpoint::AuditLog,
    };
    page(frame, "Audit log", |html| {
        html.line(
            tag::P,
            &[a::class("lead")],
            "Who has done what with which record. Looking at it is in it, too.",
        );
        form::notice(html, model.notice.as_deref());
        form::error(html, model.error.as_deref());
        form::refused(html, &model.errors, &FIELDS);
        filter(html, model);
        ways(html, model);
        html.element(tag::SECTION, &[a::class("stack")], |html| {
            shown(html, model)
        });
        views(html, model);
    })
}

fn shown(html: &mut Html, model: &AuditLog) {
    match &model.shown {
        AuditShown::Nothing => {}
        AuditShown::List(found) => list(html, found),
        AuditShown::Event(event) => one(html, event),
        AuditShown::Timeline(timeline) => charts::timeline(html, timeline),
        AuditShown::Volume(volume) => charts::volume(html, volume),
        AuditShown::Map(map) => charts::map(html, map),
        AuditShown::Proof(status) => proof(html, status),
    }
}

/// Sent by GET: what is looked for stands in the address, and can be kept there.
fn filter(html: &mut Html, model: &AuditLog) {
    let attributes = [
        a::method("get"),
        a::action(Target::path(Endpoint::AuditLog.path())),
        a::class("card filter"),
    ];
    html.element(tag::FORM, &attributes, |html| {
        let error = |name: &str| {
            let mut errors = model.errors.iter();
            errors
                .find(|(field, _)| field == name)
                .map(|(_, why)| why.as_str())
        };
        let asked = &model.filter;
        let texts = [
            ("patient", "Patient", "Patient/123", &asked.patient),
            ("user", "Person", "Practitioner/123", &asked.user),
            ("client", "Client", "lab", &asked.client),
        ];
        for (name, label, hint, value) in texts {
            let field = Field {
                name,
                label,
                hint: Some(hint),
                error: error(name),
            };
            field.input(
                html,
                &[a::kind("text"), a::value(value), a::spellcheck("false")],
            );
        }
        choice(html, ("kind", "What"), &AUDIT_KINDS, &asked.kind);
        choice(
            html,
            ("outcome", "Outcome"),
            &AUDIT_OUTCOMES,
            &asked.outcome,
        );
        for (name, label, value) in [("from", "From", &asked.from), ("to", "To", &asked.to)] {
            let field = Field {
                name,
                label,
                hint: Some("The last week where none is given"),
                error: error(name),
            };
            field.input(html, &[a::kind("date"), a::value(value)]);
        }
        if !asked.way.is_empty() {
            form::hidden(html, "way", &asked.way);
        }
        form::submit(html, "main", "Look for it");
    });
}

fn choice(html: &mut Html, (name, label): (&str, &str), options: &[AuditChoice], chosen: &str) {
    html.element(tag::DIV, &[a::class("field")], |html| {
        html.line(tag::LABEL, &[a::labels(name)], label);
        html.element(tag::SELECT, &[a::id(name), a::name(name)], |html| {
            for (value, words, ..) in options {
                let mut attributes = vec![a::value(value)];
                if *value == chosen {
                    attributes.push(a::selected());
                }
                html.line(tag::OPTION, &attributes, words);
            }
        });
    });
}

fn ways(html: &mut Html, model: &AuditLog) {
    let around = [a::class("turn"), a::label("Ways to look at it")];
    html.element(tag::NAV, &around, |html| {
        for (name, link, is_here) in &model.ways {
            let mut attributes = vec![a::class("button"), a::href(Target::path(link))];
            if *is_here {
                attributes.push(a::current("page"));
            }
            html.line(tag::A, &attributes, name);
        }
    });
}

fn list(html: &mut Html, found: &AuditList) {
    if found.events.is_empty() {
        html.line(tag::P, &[a::class("nothing")], "Nothing is found.");
    } else {
        let columns = ["When", "Who", "By", "What", "Patient", "Outcome"];
        table(html, &found.total, &columns, |html| {
            found.events.iter().for_each(|row| event(html, row));
        });
    }
    let around = [a::class("turn"), a::label("More")];
    html.element(tag::NAV, &around, |html| {
        let turns = [(&found.first, "First page"), (&found.next, "Older events")];
        for (link, words) in turns {
            if let Some(link) = link {
                let attributes = [a::class("button"), a::href(Target::path(link))];
                html.line(tag::A, &attributes, words);
            }
        }
        let files = [
            (&found.ndjson, "Keep with proofs (NDJSON)"),
            (&found.report, "Report (PDF)"),
        ];
        for (link, words) in files {
            if !found.events.is_empty() {
                html.line(tag::A, &[a::href(Target::path(link))], words);
            }
        }
    });
}

fn event(html: &mut Html, row: &AuditRow) {
    html.element(tag::TR, &[], |html| {
        html.element(tag::TD, &[a::column("When")], |html| {
            html.line(tag::A, &[a::href(Target::path(&row.link))], &row.when);
        });
        cell(html, "Who", &row.who);
        cell(html, "By", &row.client);
        cell(html, "What", &row.what);
        cell(html, "Patient", &row.patient);
        html.element(tag::TD, &[a::column("Outcome")], |html| {
            let class = if row.is_failed { "badge warn" } else { "badge" };
            html.line(tag::SPAN, &[a::class(class)], &row.outcome);
            if row.is_emergency {
                html.line(tag::SPAN, &[a::class("badge warn")], "Emergency");
            }
        });
    });
}

fn one(html: &mut Html, event: &AuditDetail) {
    html.line(tag::H2, &[], "One event");
    html.element(tag::DIV, &[a::class("card")], |html| {
        html.element(tag::H3, &[], |html| html.line(tag::BDI, &[], &event.title));
        html.element(tag::DL, &[a::class("facts")], |html| {
            for (name, value) in &event.facts {
                fact(html, name, value);
            }
        });
        folded(html, "All that is recorded", &event.json);
        match &event.proof {
            Some(Ok(proof)) => folded(html, "Proof that it is in the log", proof),
            Some(Err(why)) => html.line(tag::P, &[a::class("hint")], why),
            None => {}
        }
    });
    html.line(
        tag::A,
        &[a::href(Target::path(&event.back))],
        "Back to the list",
    );
}

/// Long text that is opened where it is wanted.
fn folded(html: &mut Html, name: &str, text: &str) {
    html.element(tag::DETAILS, &[], |html| {
        html.line(tag::SUMMARY, &[], name);
        html.line(tag::PRE, &[a::translate("no"), a::tabindex("0")], text);
    });
}

fn proof(html: &mut Html, status: &ProofStatus) {
    html.line(tag::H2, &[], "Whether the log can be proved");
    let class = if status.is_well {
        "notice good"
    } else {
        "notice bad"
    };
    html.element(tag::DIV, &[a::class(class), a::role("status")], |html| {
        html.line(tag::P, &[], &status.says);
    });
    html.element(tag::DL, &[a::class("facts card")], |html| {
        for (name, value) in &status.facts {
            fact(html, name, value);
        }
    });
    if let Some(note) = &status.note {
        folded(html, "The signed checkpoint, to be kept elsewhere", note);
    }
}

fn views(html: &mut Html, model: &AuditLog) {
    html.element(tag::SECTION, &[a::class("card stack")], |html| {
        html.line(tag::H2, &[], "Saved views");
        if model.views.is_empty() {
            html.line(
                tag::P,
                &[a::class("nothing")],
                "Keep what you look for again under a name.",
            );
        }
        html.element(tag::UL, &[a::class("views")], |html| {
            for (name, link, id) in &model.views {
                html.element(tag::LI, &[], |html| {
                    html.line(tag::A, &[a::href(Target::path(link))], name);
                    form::form(html, &model.form, &[], |html| {
                        form::hidden(html, "view", id);
                        let words = format!("Remove {name}");
                        form::decide(html, "plain", "decision", "forget", &words);
                    });
                });
            }
        });
        form::form(html, &model.form, &[a::class("beside")], |html| {
            kept(html, &model.filter);
            let field = Field {
                name: "name",
                label: "Keep this filter as",
                ..Field::default()
            };
            field.input(html, &[a::kind("text"), a::maxlength("80"), a::required()]);
            form::decide(html, "plain", "decision", "save", "Save");
        });
    });
}

/// The filter, in a form that keeps it.
fn kept(html: &mut Html, filter: &AuditFilter) {
    let fields = [
        ("patient", &filter.patient),
        ("user", &filter.user),
        ("client", &filter.client),
        ("kind", &filter.kind),
        ("outcome", &filter.outcome),
        ("from", &filter.from),
        ("to", &filter.to),
        ("way", &filter.way),
    ];
    for (name, value) in fields {
        if !value.is_empty() {
            form::hidden(html, name, value);
        }
    }
}

const FIELDS: [form::Named; 7] = [
    ("patient", "#patient", "Patient"),
    ("user", "#user", "Person"),
    ("client", "#client", "Client"),
    ("kind", "#kind", "What"),
    ("outcome", "#outcome", "Outcome"),
    ("from", "#from", "From"),
    ("to", "#to", "To"),
];
