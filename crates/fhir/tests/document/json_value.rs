//! A JSON value that keeps number text and forgets member order: the witness of round trips, independent of the
//! reader under test.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

#[derive(Debug, PartialEq, Eq, Clone)]
pub enum Value {
    Word(String),
    Number(String),
    String(String),
    Array(Vec<Value>),
    Object(BTreeMap<String, Value>),
}

/// Of well-formed JSON only.
pub fn parse(text: &str) -> Value {
    let mut chars = text.chars().peekable();
    let value = value(&mut chars);
    space(&mut chars);
    assert_eq!(chars.next(), None, "text after the value");
    value
}

fn value(chars: &mut Peekable<Chars<'_>>) -> Value {
    space(chars);
    match chars.peek().unwrap() {
        '{' => object(chars),
        '[' => array(chars),
        '"' => Value::String(string(chars)),
        'a'..='z' => Value::Word(run(chars, |c| c.is_ascii_lowercase())),
        _ => Value::Number(run(chars, |c| c.is_ascii_digit() || "+-.eE".contains(c))),
    }
}

fn object(chars: &mut Peekable<Chars<'_>>) -> Value {
    let mut members = BTreeMap::new();
    chars.next();
    while !closes(chars, '}') {
        let name = string(chars);
        space(chars);
        assert_eq!(chars.next(), Some(':'));
        let value = value(chars);
        assert!(members.insert(name, value).is_none(), "duplicate name");
    }
    Value::Object(members)
}

fn array(chars: &mut Peekable<Chars<'_>>) -> Value {
    let mut items = Vec::new();
    chars.next();
    while !closes(chars, ']') {
        items.push(value(chars));
    }
    Value::Array(items)
}

/// Passes commas, and the closing bracket when it is next.
fn closes(chars: &mut Peekable<Chars<'_>>, close: char) -> bool {
    space(chars);
    if chars.peek() == Some(&',') {
        chars.next();
        space(chars);
    }
    let closes = chars.peek() == Some(&close);
    if closes {
        chars.next();
    }
    closes
}

fn string(chars: &mut Peekable<Chars<'_>>) -> String {
    assert_eq!(chars.next(), Some('"'));
    let mut units: Vec<u16> = Vec::new();
    loop {
        let c = chars.next().unwrap();
        let plain = match c {
            '"' => return String::from_utf16(&units).unwrap(),
            '\\' => match chars.next().unwrap() {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'u' => {
                    let hex: String = chars.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&hex, 16).unwrap());
                    continue;
                }
                other => other,
            },
            other => other,
        };
        units.extend_from_slice(plain.encode_utf16(&mut [0; 2]));
    }
}

fn run(chars: &mut Peekable<Chars<'_>>, belongs: impl Fn(char) -> bool) -> String {
    std::iter::from_fn(|| chars.next_if(|c| belongs(*c))).collect()
}

fn space(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| " \n\r\t".contains(*c)).is_some() {}
}
