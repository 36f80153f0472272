//! Forms and what stands in them: labels, fields, notices.

use super::attribute as a;
use super::attribute::Attribute;
use super::html::{Html, Target};
use super::tag;
use ward_smart::page::Form;

/// A form that is posted, with the field that says that it is ours.
pub fn form(
    html: &mut Html,
    form: &Form,
    attributes: &[Attribute<'_>],
    inside: impl FnOnce(&mut Html),
) {
    let mut all = vec![a::method("post"), a::action(Target::path(&form.action))];
    all.extend_from_slice(attributes);
    html.element(tag::FORM, &all, |html| {
        hidden(html, "csrf", &form.csrf);
        inside(html);
    });
}

pub fn hidden(html: &mut Html, name: &str, value: &str) {
    html.void(
        tag::INPUT,
        &[a::kind("hidden"), a::name(name), a::value(value)],
    );
}

/// A field of one line with its label, a hint, and what was wrong with it.
#[derive(Clone, Copy, Default)]
pub struct Field<'a> {
    pub name: &'a str,
    pub label: &'a str,
    pub hint: Option<&'a str>,
    pub error: Option<&'a str>,
}

impl Field<'_> {
    pub fn input(self, html: &mut Html, attributes: &[Attribute<'_>]) {
        self.around(html, |html, common| {
            html.void(tag::INPUT, &[common, attributes].concat());
        });
    }

    pub fn textarea(self, html: &mut Html, rows: &str, value: &str) {
        self.around(html, |html, common| {
            let own = [a::rows(rows), a::spellcheck("false")];
            html.line(tag::TEXTAREA, &[common, &own].concat(), value);
        });
    }

    /// A box to be ticked; its value is `on`.
    pub fn tick(self, html: &mut Html, is_ticked: bool) {
        let mut attributes = vec![a::kind("checkbox"), a::value("on")];
        if is_ticked {
            attributes.push(a::checked());
        }
        self.within("tick", html, |html, common, about| {
            html.void(tag::INPUT, &[common, &attributes].concat());
            about(html);
        });
    }

    /// One of several values, each with its words.
    pub fn one_of(self, html: &mut Html, options: &[(&str, &str)], chosen: &str) {
        self.choice(html, "radio", options, &[chosen]);
    }

    /// Any of several values.
    pub fn some_of(self, html: &mut Html, options: &[(&str, &str)], chosen: &[&str]) {
        self.choice(html, "checkbox", options, chosen);
    }

    fn choice(
        self,
        html: &mut Html,
        kind: &'static str,
        options: &[(&str, &str)],
        chosen: &[&str],
    ) {
        let around = [a::class("kinds"), a::id(self.name)];
        html.element(tag::FIELDSET, &around, |html| {
            html.line(tag::LEGEND, &[], self.label);
            if let Some(hint) = self.hint {
                html.line(tag::P, &[a::class("hint")], hint);
            }
            if let Some(error) = self.error {
                html.line(tag::P, &[a::class("wrong")], error);
            }
            for (value, words) in options {
                option(
                    html,
                    kind,
                    self.name,
                    (*value, *words),
                    chosen.contains(value),
                );
            }
        });
    }

    /// Hints and errors are named by the field, so that they are read aloud with it.
    fn around(self, html: &mut Html, write: impl FnOnce(&mut Html, &[Attribute<'_>])) {
        self.within("field", html, |html, common, about| {
            about(html);
            write(html, common);
        });
    }

    /// `write` gets what is common to the field, and what writes label, hint and error.
    fn within(
        self,
        class: &'static str,
        html: &mut Html,
        write: impl FnOnce(&mut Html, &[Attribute<'_>], &dyn Fn(&mut Html)),
    ) {
        let hint_id = format!("{}-hint", self.name);
        let error_id = format!("{}-error", self.name);
        let described: Vec<&str> = [self.hint.map(|_| &hint_id), self.error.map(|_| &error_id)]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let described = described.join(" ");
        let about = |html: &mut Html| {
            html.line(tag::LABEL, &[a::labels(self.name)], self.label);
            if let Some(hint) = self.hint {
                html.line(tag::P, &[a::id(&hint_id), a::class("hint")], hint);
            }
            if let Some(error) = self.error {
                html.line(tag::P, &[a::id(&error_id), a::class("wrong")], error);
            }
        };
        html.element(tag::DIV, &[a::class(class)], |html| {
            let mut common = vec![a::id(self.name), a::name(self.name)];
            if !described.is_empty() {
                common.push(a::described_by(&described));
            }
            if self.error.is_some() {
                common.push(a::invalid("true"));
            }
            write(html, &common, &about);
        });
    }
}

/// `Nurse: cares for patients` is a name and what it means, which is said as a sentence.
fn option(
    html: &mut Html,
    kind: &'static str,
    field: &str,
    (value, words): (&str, &str),
    is_chosen: bool,
) {
    let (id, hint_id) = (format!("{field}-{value}"), format!("{field}-{value}-hint"));
    let (title, meaning) = words.split_once(": ").unwrap_or((words, ""));
    let mut attributes = vec![
        a::kind(kind),
        a::id(&id),
        a::name(field),
        a::value(value),
        a::described_by(&hint_id),
    ];
    if is_chosen {
        attributes.push(a::checked());
    }
    html.element(tag::DIV, &[a::class("tick")], |html| {
        html.void(tag::INPUT, &attributes);
        html.line(tag::LABEL, &[a::labels(&id)], title);
        let hint = [a::class("hint"), a::id(&hint_id)];
        html.line(tag::P, &hint, &sentence(meaning));
    });
}

fn sentence(text: &str) -> String {
    let mut rest = text.chars();
    match rest.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), rest.as_str()),
        None => String::new(),
    }
}

/// The button that sends the form on, or one of several with what it decides.
pub fn submit(html: &mut Html, class: &'static str, text: &str) {
    html.line(tag::BUTTON, &[a::kind("submit"), a::class(class)], text);
}

pub fn decide(html: &mut Html, class: &'static str, name: &str, value: &str, text: &str) {
    let attributes = [
        a::kind("submit"),
        a::class(class),
        a::name(name),
        a::value(value),
    ];
    html.line(tag::BUTTON, &attributes, text);
}

/// What went wrong, read aloud at once.
pub fn error(html: &mut Html, error: Option<&str>) {
    if let Some(error) = error {
        html.element(
            tag::DIV,
            &[a::class("notice bad"), a::role("alert")],
            |html| {
                html.line(tag::P, &[], error);
            },
        );
    }
}

/// A field that may be complained of: its name, where it is on the page (`#name`), and its label.
pub type Named = (&'static str, &'static str, &'static str);

/// All that is wrong with a form in one place, each with a link to its field. Read aloud at once.
pub fn refused(html: &mut Html, errors: &[(String, String)], fields: &[Named]) {
    if errors.is_empty() {
        return;
    }
    let around = [a::class("notice bad"), a::role("alert")];
    html.element(tag::DIV, &around, |html| {
        html.line(tag::H2, &[], "Please mend this");
        html.element(tag::UL, &[], |html| {
            for (name, why) in errors {
                let field = fields.iter().find(|(known, ..)| known == name);
                html.element(tag::LI, &[], |html| match field {
                    Some((_, place, label)) => {
                        html.line(tag::A, &[a::href(Target::fragment(place))], label);
                        html.text(": ");
                        html.text(why);
                    }
                    None => html.text(why),
                });
            }
        });
    });
}

/// What has been done.
pub fn notice(html: &mut Html, notice: Option<&str>) {
    if let Some(notice) = notice {
        html.element(
            tag::DIV,
            &[a::class("notice good"), a::role("status")],
            |html| {
                html.line(tag::P, &[], notice);
            },
        );
    }
}
