//! Pictures of the audit log, drawn as SVG, each with its numbers as text for whoever does not see it.

use super::attribute as a;
use super::html::{Html, Target};
use super::table::{cell, table};
use super::tag;
use ward_smart::page::{AccessMap, Timeline, TimelineRow, Volume};

/// Accesses along time, a row for each person or patient.
pub fn timeline(html: &mut Html, timeline: &Timeline) {
    html.line(tag::H2, &[], "Along time");
    if timeline.rows.is_empty() {
        html.line(tag::P, &[a::class("nothing")], "Nothing is found.");
        return;
    }
    more(html, timeline.more.as_deref());
    html.element(tag::DIV, &[a::class("top")], |html| {
        html.line(tag::SPAN, &[a::class("hint")], &timeline.from);
        html.line(tag::SPAN, &[a::class("hint")], &timeline.to);
    });
    html.element(tag::OL, &[a::class("timeline")], |html| {
        for row in &timeline.rows {
            html.element(tag::LI, &[], |html| line(html, row));
        }
    });
    html.line(
        tag::P,
        &[a::class("hint")],
        "A full dot was done, an open one refused or failed; a large one was an emergency.",
    );
}

fn line(html: &mut Html, row: &TimelineRow) {
    html.element(tag::DIV, &[a::class("top")], |html| {
        html.line(tag::A, &[a::href(Target::path(&row.link))], &row.name);
        html.line(
            tag::SPAN,
            &[a::class("badge")],
            &row.points.len().to_string(),
        );
    });
    let label = format!("{}: {} events", row.name, row.points.len());
    let drawing = [
        a::class("chart"),
        a::role("img"),
        a::label(&label),
        a::view_box("0 0 1020 24"),
    ];
    html.element(tag::SVG, &drawing, |html| {
        let axis = [
            a::x1("10"),
            a::y1("12"),
            a::x2("1010"),
            a::y2("12"),
            a::class("axis"),
        ];
        html.element(tag::DRAWN_LINE, &axis, |_| {});
        for point in &row.points {
            let at = (point.at + 10).to_string();
            let class = if point.is_failed { "failed" } else { "done" };
            let radius = if point.is_emergency { "9" } else { "5" };
            let dot = [a::cx(&at), a::cy("12"), a::r(radius), a::class(class)];
            html.element(tag::CIRCLE, &dot, |_| {});
        }
    });
}

/// A bar for each part of the time, and the same as a table.
pub fn volume(html: &mut Html, volume: &Volume) {
    html.line(tag::H2, &[], "How many");
    let most = volume.bars.iter().map(|bar| bar.events).max().unwrap_or(0);
    let count = volume.bars.len().max(1) as u64;
    let label = format!("Events in {count} parts of the time, {most} in the largest");
    let drawing = [
        a::class("chart"),
        a::role("img"),
        a::label(&label),
        a::view_box("0 0 1000 200"),
    ];
    html.element(tag::SVG, &drawing, |html| {
        let width = 1_000 / count;
        for (place, bar) in (0u64..).zip(&volume.bars) {
            let height = (bar.events * 190).checked_div(most).unwrap_or(0);
            let (x, y) = ((place * width + 1).to_string(), (199 - height).to_string());
            let (wide, high) = (
                width.saturating_sub(2).max(1).to_string(),
                (height + 1).to_string(),
            );
            let class = if bar.events == 0 { "axis" } else { "done" };
            let sides = [
                a::x(&x),
                a::y(&y),
                a::width(&wide),
                a::height(&high),
                a::class(class),
            ];
            html.element(tag::RECT, &sides, |_| {});
        }
    });
    table(html, "The same as numbers", &["From", "Events"], |html| {
        for bar in &volume.bars {
            html.element(tag::TR, &[], |html| {
                html.element(tag::TD, &[a::column("From")], |html| {
                    html.line(tag::A, &[a::href(Target::path(&bar.link))], &bar.from);
                });
                cell(html, "Events", &bar.events.to_string());
            });
        }
    });
}

/// People on the left, patients on the right, and a line for each pair, the broader the more accesses.
pub fn map(html: &mut Html, map: &AccessMap) {
    html.line(tag::H2, &[], "Who saw whom");
    if map.accesses.is_empty() {
        html.line(tag::P, &[a::class("nothing")], "Nothing is found.");
        return;
    }
    more(html, map.more.as_deref());
    let rows = map.people.len().max(map.patients.len()).max(1);
    let view_box = format!("0 0 1000 {}", rows * ROW);
    let label = format!(
        "{} people and {} patients",
        map.people.len(),
        map.patients.len()
    );
    let drawing = [
        a::class("chart"),
        a::role("img"),
        a::label(&label),
        a::view_box(&view_box),
    ];
    html.element(tag::SVG, &drawing, |html| {
        for (person, patient, times) in &map.accesses {
            let (left, right) = (middle(*person).to_string(), middle(*patient).to_string());
            let width = (1 + times.ilog2().min(9)).to_string();
            let ends = [a::x1("330"), a::y1(&left), a::x2("670"), a::y2(&right)];
            let drawn = [a::stroke_width(&width), a::class("access")];
            html.element(tag::DRAWN_LINE, &[&ends[..], &drawn[..]].concat(), |_| {});
        }
        side(html, &map.people, ("320", "end", "330"));
        side(html, &map.patients, ("680", "start", "670"));
    });
    let columns = ["Person", "Patient", "Times"];
    table(html, "The same as numbers", &columns, |html| {
        for (person, patient, times) in &map.accesses {
            html.element(tag::TR, &[], |html| {
                linked(html, "Person", map.people.get(*person));
                linked(html, "Patient", map.patients.get(*patient));
                cell(html, "Times", &times.to_string());
            });
        }
    });
}

fn side(html: &mut Html, names: &[(String, String)], (x, anchor, dot): (&str, &str, &str)) {
    for (place, (name, _)) in names.iter().enumerate() {
        let y = middle(place).to_string();
        let at = (middle(place) + 5).to_string();
        let round = [a::cx(dot), a::cy(&y), a::r("5"), a::class("done")];
        html.element(tag::CIRCLE, &round, |_| {});
        let shown: String = name.chars().take(NAME_CHARS).collect();
        let written = [a::x(x), a::y(&at), a::text_anchor(anchor)];
        html.line(tag::DRAWN_TEXT, &written, &shown);
    }
}

fn linked(html: &mut Html, column: &str, of: Option<&(String, String)>) {
    html.element(tag::TD, &[a::column(column)], |html| {
        if let Some((name, link)) = of {
            html.line(tag::A, &[a::href(Target::path(link))], name);
        }
    });
}

fn more(html: &mut Html, more: Option<&str>) {
    if let Some(more) = more {
        html.line(tag::P, &[a::class("hint")], more);
    }
}

fn middle(place: usize) -> usize {
    place * ROW + ROW / 2
}

const ROW: usize = 28;
/// Longer names are whole in the table.
const NAME_CHARS: usize = 36;
