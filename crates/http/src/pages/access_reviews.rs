//! Access reviews: all of them with a form for a new one, and one with its items.

use super::attribute as a;
use super::facts::fact;
use super::form::{self, Field, Named};
use super::html::{Html, Target};
use super::layout::{Frame, page};
use super::table::{cell, table};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::{
    AccessReviewRow, AccessReviewShown, AccessReviews, NewAccessReview, Person, ReviewItemRow,
};

pub fn render_all(model: &AccessReviews) -> String {
    page(frame(&model.person), "Access reviews", |html| {
        html.line(
            tag::P,
            &[a::class("lead")],
            "Who may do what, looked at one by one. What nobody has kept or revoked by the deadline is suspended.",
        );
        form::error(html, model.error.as_deref());
        if let Some(new) = &model.new {
            form::refused(html, &new.errors, &FIELDS);
        }
        match model.reviews.as_slice() {
            [] => html.line(tag::P, &[a::class("nothing")], "There is no review."),
            reviews => table(html, "Access reviews", &COLUMNS, |html| {
                reviews.iter().for_each(|review| row(html, review));
            }),
        }
        if let Some(new) = &model.new {
            html.element(tag::SECTION, &[a::class("card")], |html| {
                html.line(tag::H2, &[], "Open a review");
                form::form(html, &model.form, &[], |html| fields(html, new));
            });
        }
    })
}

fn frame(person: &Person) -> Frame<'_> {
    Frame::Place {
        person,
        here: Endpoint::AccessReviews,
    }
}

fn row(html: &mut Html, review: &AccessReviewRow) {
    html.element(tag::TR, &[], |html| {
        html.element(tag::TD, &[a::column("Review")], |html| {
            html.line(tag::A, &[a::href(Target::path(&review.link))], &review.name);
        });
        cell(html, "Opened", &review.opened);
        cell(html, "Deadline", &review.deadline);
        cell(html, "Items", &review.items);
        cell(html, "Stage", &review.stage);
    });
}

fn fields(html: &mut Html, new: &NewAccessReview) {
    let typed = |name: &str| {
        let mut typed = new.typed.iter().filter(|(field, _)| field == name);
        typed.next().map_or("", |(_, typed)| typed.as_str())
    };
    let error = |name: &str| {
        let mut errors = new.errors.iter().filter(|(field, _)| field == name);
        errors.next().map(|(_, why)| why.as_str())
    };
    let field = |name, label, hint| Field {
        name,
        label,
        hint: Some(hint),
        error: error(name),
    };
    let name = [
        a::kind("text"),
        a::value(typed("name")),
        a::maxlength("100"),
        a::required(),
    ];
    field("name", "Name", "Such as: autumn 2026").input(html, &name);
    let deadline = [a::kind("date"), a::value(typed("deadline")), a::required()];
    let hint = "At the end of this day what is undecided is suspended";
    field("deadline", "Deadline", hint).input(html, &deadline);
    let chosen = new.kinds.iter().filter(|(.., is_chosen)| *is_chosen);
    let chosen: Vec<&str> = chosen.map(|(kind, ..)| kind.as_str()).collect();
    let kinds = new
        .kinds
        .iter()
        .map(|(kind, words, _)| (kind.as_str(), words.as_str()));
    let kinds: Vec<(&str, &str)> = kinds.collect();
    let of = Field {
        name: "kind",
        label: "What is reviewed",
        hint: None,
        error: error("kind"),
    };
    of.some_of(html, &kinds, &chosen);
    let hint = "Else those of staff alone, with what these let apps do";
    field("patients", "Patients, too", hint).tick(html, typed("patients") == "on");
    let since = [a::kind("date"), a::value(typed("since"))];
    let hint = "The last 90 days where none is given";
    field("since", "Emergencies since", hint).input(html, &since);
    let hint = "User names, one a line, at least two: nobody decides about their own access. Empty: administrators and privacy officers";
    field("reviewers", "Reviewers", hint).textarea(html, "4", typed("reviewers"));
    form::decide(html, "main", "decision", "open", "Open the review");
}

pub fn render_one(model: &AccessReviewShown) -> String {
    page(frame(&model.person), &model.name, |html| {
        form::notice(html, model.notice.as_deref());
        form::error(html, model.error.as_deref());
        html.element(tag::DL, &[a::class("facts")], |html| {
            for (name, value) in &model.facts {
                fact(html, name, value);
            }
        });
        ways(html, model);
        match (model.items.as_slice(), model.decides) {
            ([], _) => html.line(tag::P, &[a::class("nothing")], "Nothing is here."),
            (_, true) => form::form(html, &model.form, &[], |html| {
                items(html, model);
                decision(html, model);
            }),
            (_, false) => items(html, model),
        }
        further(html, model);
    })
}

fn ways(html: &mut Html, model: &AccessReviewShown) {
    let around = [a::class("turn"), a::label("What is shown")];
    html.element(tag::NAV, &around, |html| {
        for part in &model.parts {
            let mut attributes = vec![a::class("button"), a::href(Target::path(&part.link))];
            if part.is_here {
                attributes.push(a::current("page"));
            }
            html.line(tag::A, &attributes, &part.name);
        }
        let (words, link) = &model.undecided_only;
        html.line(tag::A, &[a::href(Target::path(link))], words);
    });
}

fn items(html: &mut Html, model: &AccessReviewShown) {
    table(
        html,
        "What was in force when the review was opened",
        &ITEM_COLUMNS,
        |html| {
            for item in &model.items {
                html.element(tag::TR, &[], |html| one(html, item));
            }
        },
    );
}

fn one(html: &mut Html, item: &ReviewItemRow) {
    html.element(tag::TD, &[a::column("What")], |html| {
        if item.may_choose {
            let field = format!("item-{}", item.n);
            let choice = [
                a::kind("checkbox"),
                a::id(&field),
                a::name("item"),
                a::value(&item.n),
            ];
            html.element(tag::DIV, &[a::class("tick")], |html| {
                html.void(tag::INPUT, &choice);
                html.element(tag::LABEL, &[a::labels(&field)], |html| {
                    html.line(tag::BDI, &[], &item.title);
                });
            });
        } else {
            html.line(tag::BDI, &[], &item.title);
        }
        html.line(tag::P, &[a::class("hint")], &item.kind);
    });
    html.element(tag::TD, &[a::column("As it was")], |html| {
        html.element(tag::UL, &[], |html| {
            for said in &item.facts {
                html.element(tag::LI, &[], |html| html.line(tag::BDI, &[], said));
            }
        });
    });
    html.element(tag::TD, &[a::column("Decision")], |html| {
        let class = if item.waits { "badge warn" } else { "badge" };
        html.line(tag::SPAN, &[a::class(class)], &item.state);
        for said in [&item.before, &item.again].into_iter().flatten() {
            html.line(tag::P, &[a::class("hint")], said);
        }
    });
}

fn decision(html: &mut Html, model: &AccessReviewShown) {
    let field = Field {
        name: "reason",
        label: "Why",
        hint: Some(
            "3 to 500 characters. It holds for all that are chosen, and stays in the evidence. What is kept can be revoked until the deadline; what is revoked stays so",
        ),
        error: None,
    };
    field.textarea(html, "2", &model.reason);
    form::decide(html, "main", "decision", "keep", "Keep what is chosen");
    form::decide(html, "plain", "decision", "revoke", "Revoke what is chosen");
}

fn further(html: &mut Html, model: &AccessReviewShown) {
    let around = [a::class("turn"), a::label("More")];
    html.element(tag::NAV, &around, |html| {
        let turns = [(&model.first, "First page"), (&model.next, "Next page")];
        for (link, words) in turns {
            if let Some(link) = link {
                let attributes = [a::class("button"), a::href(Target::path(link))];
                html.line(tag::A, &attributes, words);
            }
        }
        let evidence = Target::path(&model.evidence);
        html.line(tag::A, &[a::href(evidence)], "Evidence, signed (JSON)");
        html.line(tag::A, &[a::href(Target::path(&model.back))], "All reviews");
    });
}

const COLUMNS: [&str; 5] = ["Review", "Opened", "Deadline", "Items", "Stage"];
const ITEM_COLUMNS: [&str; 3] = ["What", "As it was", "Decision"];
const FIELDS: [Named; 5] = [
    ("name", "#name", "Name"),
    ("deadline", "#deadline", "Deadline"),
    ("kind", "#kind", "What is reviewed"),
    ("since", "#since", "Emergencies since"),
    ("reviewers", "#reviewers", "Reviewers"),
];
