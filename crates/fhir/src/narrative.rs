//! Narrative XHTML: what `text.div` may hold. <https://hl7.org/fhir/R4/narrative.html#xhtml>
//!
//! The text must be XML on its own: of named entities only the five of XML, since neither FHIR JSON nor FHIR XML can
//! declare `&nbsp;`, and no official example has any.
//!
//! Also refused, because an HTML parser reads them otherwise than an XML parser, so that what is checked would not be what
//! is shown: CDATA sections, and comments that HTML ends earlier.
//!
//! Departs: an image, of an `img` or of a style, may not be fetched from elsewhere. R4 leaves it open; a page that shows the record would tell a third
//! party who is looking at whom.

use std::ops::Range;

use crate::xml::XHTML_NAMESPACE;
use crate::xml::markup::{Attribute, Event, Scanner, Tag};

/// `None` when the div is acceptable: well-formed, root `<div>` in the XHTML namespace, only the permitted elements and
/// attributes, no script, event handlers, forms, external references beyond `a href` and `img src` as the paragraph permits; not empty.
/// Else what is wrong, without any of the text.
pub fn check(div: &str) -> Option<String> {
    let mut scanner = Scanner::new(div.trim(), DEPTH_MAX);
    let mut shows_something = false;
    loop {
        let event = match scanner.next() {
            Ok(event) => event,
            Err(failure) => return Some(first_text(failure)),
        };
        match event {
            Event::Start(tag) => {
                if let Some(what) = element(&tag, scanner.depth() == 1) {
                    return Some(what);
                }
                shows_something |= tag.local == "img";
            }
            Event::Text(text) => shows_something |= !is_blank(text),
            Event::CData(_) => {
                return Some("txt-1: a narrative must not hold CDATA sections".into());
            }
            Event::Reference(c) => shows_something |= !is_space(c),
            Event::Comment(_) if scanner.depth() == 0 => {
                return Some("a narrative must be one `div` element and nothing else".into());
            }
            Event::Comment(text) if text.starts_with('>') || text.starts_with("->") => {
                return Some("txt-1: a comment of a narrative must not start with `>`".into());
            }
            Event::Comment(_) | Event::End(_) => {}
            Event::Eof => break,
        }
    }
    (!shows_something)
        .then(|| "txt-2: a narrative must have some content other than white space".into())
}

/// Calls `f` with the byte span of every `href` and `src` attribute value, for rewriting `urn:uuid` links. The spans are of
/// values as written, in rising order; text that is not well-formed gives those before the fault.
pub fn links(div: &str, f: &mut dyn FnMut(Range<usize>)) {
    let mut scanner = Scanner::new(div, DEPTH_MAX);
    while let Ok(event) = scanner.next() {
        match event {
            Event::Start(tag) => {
                for a in tag.attributes {
                    if a.prefix.is_empty() && matches!(a.local, "href" | "src") {
                        f(a.span);
                    }
                }
            }
            Event::Eof => break,
            _ => {}
        }
    }
}

fn element(tag: &Tag<'_>, is_root: bool) -> Option<String> {
    if tag.namespace != XHTML_NAMESPACE || !tag.prefix.is_empty() {
        return Some(
            "every element of a narrative must be in the XHTML namespace, without a prefix".into(),
        );
    }
    if is_root && tag.local != "div" {
        return Some("the root of a narrative must be `div`".into());
    }
    if ELEMENTS.binary_search(&tag.local).is_err() {
        return Some("txt-1: a narrative holds an element that is not allowed".into());
    }
    if !is_root
        && !tag
            .declarations
            .iter()
            .all(|(p, uri)| p.is_empty() && uri == XHTML_NAMESPACE)
    {
        return Some("a narrative must not declare other namespaces".into());
    }
    tag.attributes.iter().find_map(|a| attribute(tag.local, a))
}

fn attribute(element: &str, a: &Attribute<'_>) -> Option<String> {
    if !is_allowed(element, a) {
        return Some(format!(
            "txt-1: an attribute of `{element}` is not allowed in a narrative"
        ));
    }
    let wrong = match a.local {
        "href" | "cite" | "longdesc" => !is_safe_link(&a.value),
        "src" => !is_safe_image(&a.value),
        // Both take a fragment only.
        "usemap" => !a.value.starts_with('#'),
        "style" => !is_safe_style(&a.value),
        _ => false,
    };
    wrong.then(|| {
        format!(
            "txt-1: the value of `{}` is not allowed in a narrative",
            a.local
        )
    })
}

fn is_allowed(element: &str, a: &Attribute<'_>) -> bool {
    match a.prefix {
        "" => {
            GLOBAL.binary_search(&a.local).is_ok()
                || OF_ELEMENT.contains(&(element, a.local))
                || is_cell(element, a.local)
        }
        "xml" => matches!(a.local, "lang" | "space"),
        _ => false,
    }
}

/// Alignment and grouping of the table chapter.
fn is_cell(element: &str, attribute: &str) -> bool {
    let aligned = matches!(
        element,
        "col" | "colgroup" | "thead" | "tbody" | "tfoot" | "tr" | "th" | "td"
    );
    match attribute {
        "align" | "valign" | "char" | "charoff" => aligned,
        "span" => matches!(element, "col" | "colgroup"),
        "width" => matches!(element, "col" | "colgroup" | "th" | "td"),
        "abbr" | "axis" | "headers" | "scope" | "rowspan" | "colspan" | "nowrap" | "height"
        | "bgcolor" => {
            matches!(element, "th" | "td") || (attribute == "bgcolor" && element == "tr")
        }
        _ => false,
    }
}

/// Where a reader may be led: the web, mail and phone, a fragment, a relative path, or an identity that a transaction replaces.
fn is_safe_link(value: &str) -> bool {
    scheme(value).is_some_and(|s| {
        matches!(
            s.as_str(),
            "" | "http" | "https" | "mailto" | "tel" | "urn" | "ftp" | "sftp"
        )
    })
}

/// Images come from the record itself: a fragment, a relative path, a `urn:` of the transaction, or pixels in place.
fn is_safe_image(value: &str) -> bool {
    match scheme(value).as_deref() {
        // Browsers drop line ends inside of a URL, so none may hide a second slash.
        Some("" | "urn") => !is_protocol_relative(value) && !value.contains(char::is_whitespace),
        Some("data") => {
            let lower = value.trim().to_ascii_lowercase();
            IMAGE_TYPES.iter().any(|t| {
                lower["data:".len()..]
                    .strip_prefix(t)
                    .is_some_and(|r| r.starts_with([';', ',']))
            })
        }
        _ => false,
    }
}

/// `//host/path`, also with the backslashes that browsers take for slashes.
fn is_protocol_relative(value: &str) -> bool {
    let mut bytes = value.trim().bytes();
    let mut slash = || bytes.next().is_some_and(|b| matches!(b, b'/' | b'\\'));
    slash() && slash()
}

/// Lower-case scheme, empty for a relative reference; none when the text holds characters that browsers drop or that hide
/// a scheme.
fn scheme(value: &str) -> Option<String> {
    let value = value.trim_matches(' ');
    if value.chars().any(|c| {
        c.is_control() || c == '\u{feff}' || c == '\u{ad}' || ('\u{200b}'..='\u{200f}').contains(&c)
    }) {
        return None;
    }
    let head = &value[..value.find(['/', '?', '#']).unwrap_or(value.len())];
    let Some((scheme, _)) = head.split_once(':') else {
        return Some(String::new());
    };
    let plain = scheme
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    plain.then(|| scheme.to_ascii_lowercase())
}

/// No styles that fetch from elsewhere, run or hide behind escapes and comments.
fn is_safe_style(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    !value.contains('\\')
        && !lower.contains("/*")
        && !STYLE_REFUSED.iter().any(|s| lower.contains(s))
        && lower.split("url(").skip(1).all(is_safe_style_url)
}

/// What follows `url(` is an image of the record and its `)`. Wherever it stands, also in a string: what a quote before it
/// means to a browser is not asked. <https://www.w3.org/TR/CSS22/syndata.html#uri>
fn is_safe_style_url(after: &str) -> bool {
    let Some((url, _)) = after.split_once(')') else {
        return false;
    };
    let url = url.trim_matches(' ');
    let bare = ['"', '\'']
        .iter()
        .find_map(|quote| url.strip_prefix(*quote)?.strip_suffix(*quote))
        .unwrap_or(url);
    !bare.contains(['"', '\'', '(']) && is_safe_image(bare)
}

fn is_blank(text: &str) -> bool {
    text.chars().all(is_space)
}

/// White space as txt-2 means it; a no-break space is none of it but shows nothing either.
fn is_space(c: char) -> bool {
    c.is_whitespace() || c == '\u{a0}'
}

fn first_text(failure: crate::issue::Failure) -> String {
    failure
        .issues
        .into_iter()
        .next()
        .map_or_else(|| "not well-formed XML".into(), |i| i.diagnostics)
}

/// Nesting of elements in one narrative.
const DEPTH_MAX: usize = 128;

/// HTML 4.0 chapters 7 to 11 without 9.4, chapter 15 without what it deprecates, `a`, images and their maps. Sorted.
const ELEMENTS: [&str; 53] = [
    "a",
    "abbr",
    "acronym",
    "address",
    "area",
    "b",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "kbd",
    "li",
    "map",
    "ol",
    "p",
    "pre",
    "q",
    "samp",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "ul",
    "var",
];

/// Sorted.
const GLOBAL: [&str; 8] = [
    "accesskey",
    "class",
    "dir",
    "id",
    "lang",
    "style",
    "tabindex",
    "title",
];

const OF_ELEMENT: [(&str, &str); 56] = [
    ("a", "charset"),
    ("a", "coords"),
    ("a", "href"),
    ("a", "hreflang"),
    ("a", "name"),
    ("a", "rel"),
    ("a", "rev"),
    ("a", "shape"),
    ("a", "type"),
    ("area", "alt"),
    ("area", "coords"),
    ("area", "href"),
    ("area", "nohref"),
    ("area", "shape"),
    ("blockquote", "cite"),
    ("br", "clear"),
    ("caption", "align"),
    ("div", "align"),
    ("h1", "align"),
    ("h2", "align"),
    ("h3", "align"),
    ("h4", "align"),
    ("h5", "align"),
    ("h6", "align"),
    ("hr", "align"),
    ("hr", "noshade"),
    ("hr", "size"),
    ("hr", "width"),
    ("img", "align"),
    ("img", "alt"),
    ("img", "border"),
    ("img", "height"),
    ("img", "hspace"),
    ("img", "ismap"),
    ("img", "longdesc"),
    ("img", "name"),
    ("img", "src"),
    ("img", "usemap"),
    ("img", "vspace"),
    ("img", "width"),
    ("li", "value"),
    ("map", "name"),
    ("ol", "start"),
    ("ol", "type"),
    ("p", "align"),
    ("pre", "width"),
    ("q", "cite"),
    ("table", "align"),
    ("table", "border"),
    ("table", "cellpadding"),
    ("table", "cellspacing"),
    ("table", "frame"),
    ("table", "rules"),
    ("table", "summary"),
    ("table", "width"),
    ("ul", "type"),
];

/// Pixels only: SVG can carry script.
const IMAGE_TYPES: [&str; 6] = [
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/bmp",
    "image/tiff",
];

const STYLE_REFUSED: [&str; 8] = [
    // Takes what `url(` takes. <https://www.w3.org/TR/css-values-4/#urls>
    "src(",
    "expression",
    "javascript:",
    "vbscript:",
    "@import",
    "behavior",
    "-moz-binding",
    "image-set(",
];

#[cfg(test)]
mod tests;
