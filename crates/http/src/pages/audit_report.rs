//! The audit log as a report to be printed: PDF 1.7 with the standard fonts. (ISO 32000-1)

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str};
use ward_smart::page::{AuditReport, AuditRow};

/// A4 in points.
const PAGE: (f32, f32) = (595.0, 842.0);
const MARGIN: f32 = 48.0;
const LINE: f32 = 12.0;
const LINES: usize = 60;
/// Characters of a line in the small fixed font.
const LINE_CHARS: usize = 96;

/// What the standard fonts have no letter for is written as `?`.
pub fn pdf(report: &AuditReport) -> Vec<u8> {
    let lines = lines(report);
    let pages: Vec<&[Line]> = match lines.is_empty() {
        true => vec![&[]],
        false => lines.chunks(LINES).collect(),
    };
    let reference = |n: usize| Ref::new(i32::try_from(n).unwrap_or(i32::MAX));
    let [catalog, tree, plain, bold, fixed] = [1, 2, 3, 4, 5].map(reference);
    let page_ids: Vec<Ref> = (0..pages.len()).map(|n| reference(6 + 2 * n)).collect();
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(tree);
    let count = i32::try_from(pages.len()).unwrap_or(i32::MAX);
    pdf.pages(tree).kids(page_ids.iter().copied()).count(count);
    for (at, lines) in pages.iter().enumerate() {
        let content_id = reference(7 + 2 * at);
        let mut page = pdf.page(page_ids[at]);
        page.media_box(Rect::new(0.0, 0.0, PAGE.0, PAGE.1))
            .parent(tree)
            .contents(content_id);
        let mut resources = page.resources();
        let mut fonts = resources.fonts();
        for (font, id) in [(PLAIN, plain), (BOLD, bold), (FIXED, fixed)] {
            fonts.pair(font, id);
        }
        fonts.finish();
        resources.finish();
        page.finish();
        let foot = format!("Page {} of {}", at + 1, pages.len());
        pdf.stream(content_id, &drawn(lines, &foot).finish());
    }
    for (id, name) in [
        (plain, "Helvetica"),
        (bold, "Helvetica-Bold"),
        (fixed, "Courier"),
    ] {
        let mut font = pdf.type1_font(id);
        font.base_font(Name(name.as_bytes()))
            .encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    pdf.finish()
}

struct Line {
    font: Name<'static>,
    size: f32,
    text: String,
}

fn lines(report: &AuditReport) -> Vec<Line> {
    let mut lines = vec![line(BOLD, 16.0, &report.title), line(PLAIN, 10.0, "")];
    for (label, value) in report.facts.iter().chain(&report.proof.facts) {
        lines.push(line(PLAIN, 9.0, &format!("{label}: {value}")));
    }
    lines.push(line(PLAIN, 9.0, &report.proof.says));
    lines.extend(report.more.iter().map(|more| line(PLAIN, 9.0, more)));
    lines.push(line(BOLD, 11.0, &format!("{} events", report.rows.len())));
    for row in &report.rows {
        lines.extend(written(row).iter().map(|text| line(FIXED, 8.0, text)));
    }
    if let Some(note) = &report.proof.note {
        lines.push(line(BOLD, 11.0, "The checkpoint behind it"));
        let texts = note.lines().flat_map(broken);
        lines.extend(texts.map(|text| line(FIXED, 8.0, &text)));
    }
    lines
}

fn written(row: &AuditRow) -> Vec<String> {
    let parts = [
        &row.when,
        &row.who,
        &row.client,
        &row.what,
        &row.patient,
        &row.outcome,
    ];
    let parts: Vec<&str> = parts
        .into_iter()
        .map(String::as_str)
        .filter(|part| !part.is_empty())
        .collect();
    let emergency = if row.is_emergency { " | EMERGENCY" } else { "" };
    broken(&format!("{}{emergency}", parts.join(" | ")))
}

/// Pieces that fit, all but the first moved in.
fn broken(text: &str) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    let Some((first, rest)) = characters.split_at_checked(LINE_CHARS) else {
        return vec![text.to_owned()];
    };
    let mut pieces = vec![first.iter().collect()];
    let more = rest.chunks(LINE_CHARS - 4);
    pieces.extend(more.map(|piece| format!("    {}", piece.iter().collect::<String>())));
    pieces
}

fn line(font: Name<'static>, size: f32, text: &str) -> Line {
    Line {
        font,
        size,
        text: text.to_owned(),
    }
}

fn drawn(lines: &[Line], foot: &str) -> Content {
    let mut content = Content::new();
    let mut y = PAGE.1 - MARGIN;
    let foot = line(PLAIN, 8.0, foot);
    let mut write = |line: &Line, y: f32| {
        content.begin_text();
        content.set_font(line.font, line.size);
        content.next_line(MARGIN, y);
        content.show(Str(&win_ansi(&line.text)));
        content.end_text();
    };
    for line in lines {
        write(line, y);
        y -= LINE;
    }
    write(&foot, MARGIN / 2.0);
    content
}

/// Latin letters as Windows code page 1252 has them, which equals Unicode from U+00A0 to U+00FF.
fn win_ansi(text: &str) -> Vec<u8> {
    let byte = |character: char| match character {
        ' '..='~' => character as u8,
        '\u{A0}'..='\u{FF}' => character as u32 as u8,
        '\u{20AC}' => 0x80,
        '\u{2026}' => 0x85,
        '\u{2018}' => 0x91,
        '\u{2019}' => 0x92,
        '\u{201C}' => 0x93,
        '\u{201D}' => 0x94,
        '\u{2013}' => 0x96,
        '\u{2014}' => 0x97,
        _ => b'?',
    };
    text.chars().map(byte).collect()
}

const PLAIN: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");
const FIXED: Name<'static> = Name(b"F3");

#[cfg(test)]
mod tests {
    use super::*;
    use ward_smart::page::ProofStatus;

    #[test]
    fn a_report_has_a_page_for_every_sixty_lines() {
        let row = AuditRow {
            when: "now".into(),
            who: "Dr. Å (x)".into(),
            ..AuditRow::default()
        };
        let report = AuditReport {
            title: "Audit log".into(),
            facts: vec![("By".into(), "auditor".into())],
            rows: vec![row; 130],
            more: None,
            proof: ProofStatus::default(),
        };
        let bytes = pdf(&report);
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.starts_with("%PDF-1.7") && text.trim_end().ends_with("%%EOF"));
        assert!(text.contains("/Count 3"), "{}", &text[..400]);
        assert!(text.contains("Page 3 of 3"));
    }

    #[test]
    fn long_lines_are_broken_and_strange_letters_replaced() {
        assert_eq!(broken("short"), ["short"]);
        let pieces = broken(&"x".repeat(LINE_CHARS * 2));
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|piece| piece.len() <= LINE_CHARS));
        assert_eq!(win_ansi("aé\u{4E00}\n"), [b'a', 0xE9, b'?', b'?']);
    }
}
