//! As much YAML as the test metadata is written in: maps and sequences by indentation, plain and quoted scalars on one line
//! or folded, empty collections, anchors. <https://yaml.org/spec/1.2.2/>

use serde_json::{Map, Value};
use std::collections::HashMap;

pub fn parse(text: &str) -> Value {
    let lines = text
        .lines()
        .filter(|line| !line.trim().is_empty() && *line != "---")
        .map(|line| {
            let content = line.trim_start_matches(' ');
            (line.len() - content.len(), content)
        })
        .collect();
    let mut reader = Reader {
        lines,
        at: 0,
        anchors: HashMap::new(),
    };
    reader.block(0)
}

struct Reader<'a> {
    /// Indentation and content.
    lines: Vec<(usize, &'a str)>,
    at: usize,
    anchors: HashMap<String, Value>,
}

impl<'a> Reader<'a> {
    /// The map or sequence that begins here, of lines at least so far in.
    fn block(&mut self, least: usize) -> Value {
        match self.lines.get(self.at) {
            Some((indent, content)) if *indent >= least => match is_item(content) {
                true => self.sequence(*indent),
                false => self.map(*indent),
            },
            _ => Value::Null,
        }
    }

    fn sequence(&mut self, indent: usize) -> Value {
        let mut items = Vec::new();
        while let Some((at, content)) = self.lines.get(self.at).copied() {
            if at != indent || !is_item(content) {
                break;
            }
            // What follows the dash is a line of its own, further in.
            let rest = content[1..].trim_start_matches(' ');
            let within = indent + content.len() - rest.len();
            if key(rest).is_some() || is_item(rest) {
                self.lines[self.at] = (within, rest);
                items.push(self.block(within));
            } else {
                self.at += 1;
                items.push(self.scalar(rest, indent));
            }
        }
        Value::Array(items)
    }

    fn map(&mut self, indent: usize) -> Value {
        let mut members = Map::new();
        while let Some((at, content)) = self.lines.get(self.at).copied() {
            let Some((name, rest)) = key(content).filter(|_| at == indent) else {
                break;
            };
            self.at += 1;
            let (anchor, rest) = match rest.strip_prefix('&') {
                Some(anchored) => match anchored.split_once(' ') {
                    Some((anchor, rest)) => (Some(anchor), rest),
                    None => (Some(anchored), ""),
                },
                None => (None, rest),
            };
            let value = match rest.strip_prefix('*') {
                Some(known) => self.anchors[known].clone(),
                // A sequence may stand as far out as its key.
                None if rest.is_empty() => match self.lines.get(self.at) {
                    Some((at, content)) if *at == indent && is_item(content) => {
                        self.sequence(indent)
                    }
                    _ => self.block(indent + 1),
                },
                None => self.scalar(rest, indent),
            };
            if let Some(anchor) = anchor {
                self.anchors.insert(anchor.to_owned(), value.clone());
            }
            members.insert(name.to_owned(), value);
        }
        Value::Object(members)
    }

    /// With the lines further in that it goes on over.
    fn scalar(&mut self, first: &'a str, indent: usize) -> Value {
        let mut text = first.to_owned();
        while let Some((at, content)) = self.lines.get(self.at).copied() {
            if at <= indent {
                break;
            }
            text = format!("{text} {content}");
            self.at += 1;
        }
        match text.as_str() {
            "[]" => Value::Array(Vec::new()),
            "{}" => Value::Object(Map::new()),
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            plain => Value::String(plain.trim_matches(['\'', '"']).to_owned()),
        }
    }
}

fn is_item(content: &str) -> bool {
    content == "-" || content.starts_with("- ")
}

/// `:name: rest`, as Ruby writes a symbol, or `name: rest`.
fn key(content: &str) -> Option<(&str, &str)> {
    let symbol = content.strip_prefix(':').unwrap_or(content);
    let (name, rest) = match symbol.split_once(": ") {
        Some((name, rest)) => (name, rest.trim()),
        None => (symbol.strip_suffix(':')?, ""),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    (!name.is_empty() && name.chars().all(is_name)).then_some((name, rest))
}

#[test]
fn the_forms_of_the_metadata_are_understood() {
    let text = "---\n:a: 1\n:b:\n- :c: x y\n    z\n  :d: &1 []\n- :c: 'q'\n  :d: *1\n:e: &2\n- f:g\n:h: *2\n:i:\n  :j: {}\n";
    let expected = serde_json::json!({ "a": "1", "b": [{ "c": "x y z", "d": [] }, { "c": "q", "d": [] }],
        "e": ["f:g"], "h": ["f:g"], "i": { "j": {} } });
    assert_eq!(parse(text), expected);
}
