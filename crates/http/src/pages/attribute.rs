//! Attributes by what they mean. None of them runs its value, and those that lead somewhere take a [`Target`].

use super::files::{self, File};
use super::html::Target;

/// One attribute with its value.
#[derive(Clone, Copy, Debug)]
pub struct Attribute<'a> {
    name: &'static str,
    value: Option<&'a str>,
}

impl<'a> Attribute<'a> {
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// `None`: the name alone says it.
    pub fn value(&self) -> Option<&'a str> {
        self.value
    }
}

pub fn href(target: Target<'_>) -> Attribute<'_> {
    leads("href", target)
}

/// Where a form is sent.
pub fn action(target: Target<'_>) -> Attribute<'_> {
    leads("action", target)
}

/// A style sheet of ours.
pub fn style_sheet(file: &'static File) -> Attribute<'static> {
    of("href", files::path(file))
}

/// A script of ours.
pub fn source(file: &'static File) -> Attribute<'static> {
    of("src", files::path(file))
}

macro_rules! valued {
    ($($function:ident = $name:literal),* $(,)?) => { $(
        pub fn $function(value: &str) -> Attribute<'_> {
            of($name, value)
        }
    )* };
}

macro_rules! flags {
    ($($function:ident),* $(,)?) => { $(
        pub fn $function() -> Attribute<'static> {
            Attribute { name: stringify!($function), value: None }
        }
    )* };
}

valued! {
    class = "class",
    id = "id",
    role = "role",
    lang = "lang",
    name = "name",
    value = "value",
    rel = "rel",
    charset = "charset",
    content = "content",
    width = "width",
    height = "height",
    view_box = "viewBox",
    d = "d",
    rx = "rx",
    x = "x",
    y = "y",
    cx = "cx",
    cy = "cy",
    r = "r",
    x1 = "x1",
    y1 = "y1",
    x2 = "x2",
    y2 = "y2",
    stroke_width = "stroke-width",
    text_anchor = "text-anchor",
    kind = "type",
    labels = "for",
    method = "method",
    autocomplete = "autocomplete",
    inputmode = "inputmode",
    autocapitalize = "autocapitalize",
    spellcheck = "spellcheck",
    rows = "rows",
    minlength = "minlength",
    maxlength = "maxlength",
    min = "min",
    pattern = "pattern",
    scope = "scope",
    tabindex = "tabindex",
    translate = "translate",
    label = "aria-label",
    described_by = "aria-describedby",
    invalid = "aria-invalid",
    current = "aria-current",
    hidden_from_readers = "aria-hidden",
    column = "data-column",
    passkey = "data-passkey",
    challenge = "data-challenge",
    relying_party = "data-relying-party",
    user_handle = "data-user-handle",
    user_name = "data-user-name",
    display_name = "data-display-name",
}

flags! { required, checked, selected, autofocus, disabled, hidden, defer }

fn leads<'a>(name: &'static str, target: Target<'a>) -> Attribute<'a> {
    of(name, target.as_str())
}

fn of<'a>(name: &'static str, value: &'a str) -> Attribute<'a> {
    Attribute {
        name,
        value: Some(value),
    }
}
