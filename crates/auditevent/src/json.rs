//! A writer of compact JSON that leaves out what is empty, as FHIR wants it. <https://hl7.org/fhir/R4/json.html>

use ward_fhir::json::write_string;

#[derive(Default)]
pub(crate) struct Json {
    out: Vec<u8>,
}

impl Json {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// The outermost object.
    pub(crate) fn root(&mut self, members: impl FnOnce(&mut Json)) {
        self.within(b'{', b'}', members);
    }

    pub(crate) fn object(&mut self, name: &str, members: impl FnOnce(&mut Json)) {
        self.named(name, |j| j.within(b'{', b'}', members));
    }

    pub(crate) fn array(&mut self, name: &str, items: impl FnOnce(&mut Json)) {
        self.named(name, |j| j.within(b'[', b']', items));
    }

    /// An object in an array.
    pub(crate) fn item(&mut self, members: impl FnOnce(&mut Json)) {
        let start = self.out.len();
        self.comma();
        self.within(b'{', b'}', members);
        self.forget_if_empty(start);
    }

    /// A string in an array.
    pub(crate) fn text_item(&mut self, text: &str) {
        if let Some(text) = clean(text) {
            self.comma();
            write_string(&text, &mut self.out);
        }
    }

    /// A string, unless there is nothing in it to read.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        if let Some(text) = clean(text) {
            self.named(name, |j| write_string(&text, &mut j.out));
        }
    }

    /// A number or truth value as it is written.
    pub(crate) fn literal(&mut self, name: &str, literal: &str) {
        self.named(name, |j| j.out.extend_from_slice(literal.as_bytes()));
    }

    fn named(&mut self, name: &str, value: impl FnOnce(&mut Json)) {
        let start = self.out.len();
        self.comma();
        write_string(name, &mut self.out);
        self.out.push(b':');
        value(self);
        self.forget_if_empty(start);
    }

    fn within(&mut self, open: u8, close: u8, content: impl FnOnce(&mut Json)) {
        self.out.push(open);
        content(self);
        self.out.push(close);
    }

    /// Of the pairs of brackets only those that were just written can be empty: all else was looked at before.
    fn forget_if_empty(&mut self, start: usize) {
        if self.out.ends_with(b"{}") || self.out.ends_with(b"[]") {
            self.out.truncate(start);
        }
    }

    fn comma(&mut self) {
        if !matches!(self.out.last(), None | Some(b'{' | b'[' | b':')) {
            self.out.push(b',');
        }
    }
}

/// Without control characters and space around; `None`: nothing is left. <https://hl7.org/fhir/R4/datatypes.html#string>
fn clean(text: &str) -> Option<std::borrow::Cow<'_, str>> {
    let text = text.trim();
    let is_bad = |c: char| c.is_control() && !matches!(c, '\t' | '\r' | '\n');
    match text.is_empty() {
        true => None,
        false if text.contains(is_bad) => Some(text.replace(is_bad, " ").into()),
        false => Some(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_is_left_out() {
        let mut json = Json::default();
        json.root(|j| {
            j.text("a", " ");
            j.object("b", |j| j.array("c", |j| j.item(|_| {})));
            j.array("d", |j| {
                j.text_item("x\u{1}y{}");
                j.item(|j| j.literal("e", "1"));
            });
            j.text("f", "[]");
            j.text("g", "\"");
        });
        let text = String::from_utf8(json.into_bytes()).unwrap();
        assert_eq!(text, r#"{"d":["x y{}",{"e":1}],"f":"[]","g":"\""}"#);
    }
}
