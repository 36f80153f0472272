//! Tables. On a narrow screen each row is a card in which the names of the columns stand beside the values (`style.css`).

use super::attribute as a;
use super::html::Html;
use super::tag;

pub fn table(html: &mut Html, caption: &str, columns: &[&str], rows: impl FnOnce(&mut Html)) {
    html.element(tag::TABLE, &[], |html| {
        html.line(tag::CAPTION, &[], caption);
        html.element(tag::THEAD, &[], |html| {
            html.element(tag::TR, &[], |html| {
                for column in columns {
                    html.line(tag::TH, &[a::scope("col")], column);
                }
            });
        });
        html.element(tag::TBODY, &[], rows);
    });
}

pub fn cell(html: &mut Html, column: &str, value: &str) {
    html.element(tag::TD, &[a::column(column)], |html| {
        html.line(tag::BDI, &[], value)
    });
}
