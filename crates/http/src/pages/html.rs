//! Writes HTML so that nothing a person or an app has typed can become part of its structure: names of elements and attributes
//! are of this source, values are escaped, and what leads somewhere is a [`Target`]. There is no way to insert text unescaped,
//! to write an attribute in which a value would run (`on…`, `style`, `srcdoc`), or to write the inside of a script.
//! <https://html.spec.whatwg.org/multipage/syntax.html>

use super::attribute::Attribute;
use super::tag::{Tag, VoidTag};

/// A piece of a page.
#[derive(Debug, Default)]
pub struct Html(String);

impl Html {
    /// An element with what `inside` writes in it.
    pub fn element(
        &mut self,
        tag: Tag,
        attributes: &[Attribute<'_>],
        inside: impl FnOnce(&mut Html),
    ) {
        self.open(tag.name(), attributes);
        inside(self);
        self.0.push_str("</");
        self.0.push_str(tag.name());
        self.0.push('>');
    }

    /// An element with text in it.
    pub fn line(&mut self, tag: Tag, attributes: &[Attribute<'_>], text: &str) {
        self.element(tag, attributes, |html| html.text(text));
    }

    /// An element that has no inside.
    pub fn void(&mut self, tag: VoidTag, attributes: &[Attribute<'_>]) {
        self.open(tag.name(), attributes);
    }

    pub fn text(&mut self, text: &str) {
        escape(text, &mut self.0);
    }

    pub fn into_document(self) -> String {
        format!("<!DOCTYPE html>\n{}\n", self.0)
    }

    fn open(&mut self, tag: &str, attributes: &[Attribute<'_>]) {
        self.0.push('<');
        self.0.push_str(tag);
        for attribute in attributes {
            self.0.push(' ');
            self.0.push_str(attribute.name());
            if let Some(value) = attribute.value() {
                self.0.push_str("=\"");
                escape(value, &mut self.0);
                self.0.push('"');
            }
        }
        self.0.push('>');
    }
}

/// Where a link or a form leads: never to a script, never to a place that a browser would guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target<'a>(&'a str);

impl<'a> Target<'a> {
    /// A path of this server; for anything else the page that is shown.
    pub fn path(text: &'a str) -> Target<'a> {
        Target(if is_own_path(text) { text } else { "" })
    }

    /// A path of this server, a web address, or an authenticator's `otpauth:`. `None` for anything else.
    pub fn of(text: &'a str) -> Option<Target<'a>> {
        let known = ["https://", "http://", "otpauth://"]
            .iter()
            .any(|scheme| text.len() > scheme.len() && text.starts_with(scheme));
        (is_own_path(text) || known && is_visible(text)).then_some(Target(text))
    }

    /// A place on the page that is shown.
    pub fn fragment(id: &'static str) -> Target<'static> {
        Target(id)
    }

    pub fn as_str(self) -> &'a str {
        self.0
    }
}

/// `//host` and `/\host` are other servers to a browser.
fn is_own_path(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next() == Some(b'/') && !matches!(bytes.next(), Some(b'/' | b'\\')) && is_visible(text)
}

fn is_visible(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_graphic())
}

/// What would break out of text or of a quoted value is escaped. Control characters, and marks that turn the direction of
/// writing (with which a name could pass for another), show as U+FFFD.
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(character),
            '\u{202A}'..='\u{202E}'
            | '\u{2066}'..='\u{2069}'
            | '\u{200E}'
            | '\u{200F}'
            | '\u{061C}' => out.push(char::REPLACEMENT_CHARACTER),
            _ if character.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{attribute as a, tag};
    use super::*;

    #[test]
    fn values_stay_values() {
        let mut html = Html::default();
        let hostile = "</p><script>alert('1')</script>\" onload=\"x & \u{202E}\0";
        html.line(tag::P, &[a::id(hostile)], hostile);
        let escaped = "&lt;/p&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot; onload=&quot;x &amp; \u{FFFD}\u{FFFD}";
        let expected = format!("<!DOCTYPE html>\n<p id=\"{escaped}\">{escaped}</p>\n");
        assert_eq!(html.into_document(), expected);
    }

    #[test]
    fn links_lead_to_places_only() {
        for good in [
            "/auth/apps?x=1",
            "/",
            "https://app.example/",
            "otpauth://totp/Ward:a?secret=B",
        ] {
            assert_eq!(Target::of(good).map(Target::as_str), Some(good));
        }
        for bad in [
            "javascript:alert(1)",
            "//evil.example",
            "/\\evil.example",
            "data:text/html,x",
            "https://",
            "auth/apps",
            "/a b",
            "/\t/evil.example",
            " /a",
            "",
            "HTTPS://a b",
        ] {
            assert_eq!(Target::of(bad), None, "{bad}");
            assert_eq!(Target::path(bad).as_str(), "", "{bad}");
        }
        assert_eq!(Target::path("https://app.example/").as_str(), "");
    }
}
