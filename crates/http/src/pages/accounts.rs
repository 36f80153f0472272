//! People's accounts, for administrators.

use super::attribute as a;
use super::clients::state;
use super::form::{self, Field};
use super::html::{Html, Target};
use super::layout::{Frame, page};
use super::table::{cell, table};
use super::tag;
use ward_smart::endpoints::Endpoint;
use ward_smart::page::{AccountRow, Accounts, Form};

pub fn render(model: &Accounts) -> String {
    let frame = Frame::Place {
        person: &model.person,
        here: Endpoint::Accounts,
    };
    page(frame, "Accounts", |html| {
        form::error(html, model.error.as_deref());
        if let Some(invitation) = &model.invitation {
            invited(html, invitation);
        }
        let anywhere = Form {
            action: Endpoint::Accounts.path().to_owned(),
            ..model.form.clone()
        };
        form::form(html, &anywhere, &[a::role("search")], |html| {
            search(html, model)
        });
        match model.accounts.as_slice() {
            [] => html.line(
                tag::P,
                &[a::class("nothing"), a::role("status")],
                "There is no account of this user name.",
            ),
            accounts => table(html, "Accounts", &COLUMNS, |html| {
                for account in accounts {
                    html.element(tag::TR, &[], |html| row(html, model, account));
                }
            }),
        }
        turn(html, model);
        html.element(tag::SECTION, &[a::class("card")], |html| add(html, model));
        if let Some(provider) = &model.upstream {
            html.element(tag::SECTION, &[a::class("card")], |html| {
                link(html, model, provider)
            });
        }
    })
}

fn invited(html: &mut Html, invitation: &str) {
    html.element(tag::DIV, &[a::class("notice good"), a::role("status")], |html| {
        html.line(tag::H2, &[], "Give this link to its owner");
        html.element(tag::P, &[], |html| html.line(tag::CODE, &[a::translate("no")], invitation));
        html.line(tag::P, &[], "It works once, for a day, and is not shown again. Whoever has it becomes the account's owner.");
    });
}

/// Sent like every form here: what is looked for stands in no address.
fn search(html: &mut Html, model: &Accounts) {
    let attributes = [
        a::kind("search"),
        a::value(&model.sought),
        a::autocomplete("off"),
        a::autocapitalize("none"),
        a::spellcheck("false"),
        a::maxlength("64"),
    ];
    html.element(tag::DIV, &[a::class("beside")], |html| {
        Field {
            name: "find",
            label: "Find somebody",
            hint: Some("By the whole user name."),
            ..Field::default()
        }
        .input(html, &attributes);
        form::submit(html, "plain", "Find");
    });
}

/// To further accounts.
fn turn(html: &mut Html, model: &Accounts) {
    let pages = [("First page", &model.first), ("Next page", &model.next)];
    if pages.iter().all(|(_, page)| page.is_none()) {
        return;
    }
    let attributes = [a::class("turn"), a::label("Further accounts")];
    html.element(tag::NAV, &attributes, |html| {
        for (name, page) in pages {
            if let Some(page) = page {
                let attributes = [a::class("button"), a::href(Target::path(page))];
                html.line(tag::A, &attributes, name);
            }
        }
    });
}

fn row(html: &mut Html, model: &Accounts, account: &AccountRow) {
    html.element(tag::TH, &[a::scope("row")], |html| {
        html.line(tag::BDI, &[], &account.name);
        html.line(tag::CODE, &[a::class("id")], &account.username);
    });
    cell(html, COLUMNS[1], or_none(&account.roles));
    cell(html, COLUMNS[2], or_none(&account.fhir_user));
    cell(html, COLUMNS[3], &account.factors);
    html.element(tag::TD, &[a::column(COLUMNS[4])], |html| {
        state(html, &account.state)
    });
    cell(
        html,
        COLUMNS[5],
        account.last_sign_in.as_deref().unwrap_or("never"),
    );
    html.element(tag::TD, &[a::column(COLUMNS[6])], |html| {
        form::form(html, &model.form, &[a::class("decide")], |html| {
            form::hidden(html, "username", &account.username);
            if !model.sought.is_empty() {
                form::hidden(html, "find", &model.sought);
            }
            for (decision, words) in &account.decisions {
                let label = format!("{words}: {}", account.name);
                let attributes = [
                    a::kind("submit"),
                    a::class("quiet"),
                    a::name("decision"),
                    a::value(decision),
                    a::label(&label),
                ];
                html.line(tag::BUTTON, &attributes, words);
            }
        });
    });
}

/// Where there is nothing that is said, too.
fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

fn add(html: &mut Html, model: &Accounts) {
    html.line(tag::H2, &[], "Add an account");
    form::form(html, &model.form, &[a::class("long")], |html| {
        let text = [
            a::kind("text"),
            a::autocomplete("off"),
            a::autocapitalize("none"),
            a::spellcheck("false"),
            a::maxlength("64"),
        ];
        let required = [&text[..], &[a::required()]].concat();
        Field {
            name: "username",
            label: "User name",
            ..Field::default()
        }
        .input(html, &required);
        Field {
            name: "name",
            label: "Name",
            ..Field::default()
        }
        .input(html, &required);
        let hint =
            Some("Such as Practitioner/123 or Patient/123: who this person is in the records.");
        Field {
            name: "fhir_user",
            label: "Resource",
            hint,
            ..Field::default()
        }
        .input(html, &text);
        let roles = model.roles.iter();
        let roles: Vec<_> = roles
            .map(|(role, words)| (role.as_str(), words.as_str()))
            .collect();
        Field {
            name: "role",
            label: "Roles",
            ..Field::default()
        }
        .some_of(html, &roles, &[]);
        form::decide(
            html,
            "main",
            "decision",
            "add",
            "Add and make an invitation",
        );
    });
}

/// Whoever signs in at the provider and is not known here can say how they are called there.
fn link(html: &mut Html, model: &Accounts, provider: &str) {
    html.element(tag::H2, &[], |html| {
        html.text("Link an account with ");
        html.line(tag::BDI, &[], provider);
    });
    form::form(html, &model.form, &[a::class("long")], |html| {
        let text = [
            a::kind("text"),
            a::autocomplete("off"),
            a::autocapitalize("none"),
            a::spellcheck("false"),
            a::required(),
        ];
        html.element(tag::DIV, &[a::class("field")], |html| {
            html.line(tag::LABEL, &[a::labels("linked")], "User name");
            let own = [a::id("linked"), a::name("username"), a::maxlength("64")];
            html.void(tag::INPUT, &[&own[..], &text].concat());
        });
        Field {
            name: "upstream_person",
            label: "Called there",
            hint: Some("As the provider names the person: the page that refuses somebody says it."),
            ..Field::default()
        }
        .input(html, &[&text[..], &[a::maxlength("255")]].concat());
        form::decide(html, "main", "decision", "link", "Link");
    });
}

const COLUMNS: [&str; 7] = [
    "Account",
    "Roles",
    "Resource",
    "Signs in with",
    "State",
    "Last sign-in",
    "Change",
];
