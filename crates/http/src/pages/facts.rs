//! Names and values, as a list.

use super::attribute as a;
use super::html::Html;
use super::tag;

/// In a `dl`.
pub fn fact(html: &mut Html, name: &str, value: &str) {
    html.element(tag::DIV, &[], |html| {
        html.line(tag::DT, &[], name);
        html.element(tag::DD, &[], |html| html.line(tag::BDI, &[], value));
    });
}

/// A value to be copied: nobody translates it.
pub fn literal(html: &mut Html, name: &str, value: &str) {
    html.element(tag::DIV, &[], |html| {
        html.line(tag::DT, &[], name);
        html.element(tag::DD, &[], |html| {
            html.line(tag::CODE, &[a::translate("no")], value)
        });
    });
}
