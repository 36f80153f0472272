//! The value of a template: text with `{parameter}` where the caller's own value stands. A brace is written twice.

/// A value in its pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// Of the parameter with this name.
    Value(String),
}

impl Template {
    /// `None`: a brace without its partner, or without a name inside.
    pub fn read(text: &str) -> Option<Template> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let (brace, after) = (&rest[at..=at], &rest[at + 1..]);
            if let Some(after) = after.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let (name, after) = after.split_once('}').filter(|_| brace == "{")?;
            if !super::definition::is_name(name) {
                return None;
            }
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
            pieces.push(Piece::Value(name.to_owned()));
            rest = after;
        }
        plain.push_str(rest);
        pieces.push(Piece::Text(plain));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        Some(Template(pieces))
    }

    /// Parameters whose values it takes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Text(_) => None,
            Piece::Value(name) => Some(name.as_str()),
        })
    }

    /// With the values of the parameters; `None`: one of them has none.
    pub fn fill(&self, value: impl Fn(&str) -> Option<String>) -> Option<String> {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Value(name) => out.push_str(&value(name)?),
            }
        }
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_and_braces() {
        let filled = |text: &str| {
            let template = Template::read(text)?;
            template.fill(|name| (name != "none").then(|| format!("<{name}>")))
        };
        for (text, expected) in [
            ("", Some("")),
            ("plain", Some("plain")),
            ("lt{before}", Some("lt<before>")),
            ("{a}|{b-2}", Some("<a>|<b-2>")),
            ("5||{{score}}", Some("5||{score}")),
            ("{{{a}}}", Some("{<a>}")),
            ("x{none}", None),
            ("{a", None),
            ("a}", None),
            ("{}", None),
            ("{a b}", None),
            ("{ü}", None),
        ] {
            assert_eq!(filled(text).as_deref(), expected, "{text}");
        }
    }
}
