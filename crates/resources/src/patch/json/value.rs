//! A JSON value that keeps number text and member order. <https://www.rfc-editor.org/rfc/rfc8259>

use ward_fhir::json::write_string;
use ward_fhir::{Failure, Kind};

use super::super::{DEPTH_MAX, NODES_MAX};
use super::pointer;

#[derive(Clone, Debug)]
pub(in super::super) enum Value {
    Null,
    Bool(bool),
    /// As written.
    Number(String),
    String(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
    /// An array or object that a removal left empty.
    EmptiedArray,
    EmptiedObject,
}

/// Members of one object.
const MEMBERS_MAX: usize = 1_024;

impl Value {
    /// Reads one value; nothing but white space may follow.
    pub fn read(bytes: &[u8]) -> Result<Value, Failure> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| Failure::new(Kind::Malformed, "not valid UTF-8"))?;
        let mut reader = Reader {
            text,
            at: 0,
            count: 0,
        };
        let outcome = reader.value(0).and_then(|value| {
            reader.space();
            if reader.at == text.len() {
                Ok(value)
            } else {
                Err("something follows the value")
            }
        });
        outcome.map_err(|what| {
            Failure::new(
                Kind::Malformed,
                format!("not JSON at byte {}: {what}", reader.at),
            )
        })
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Bool(true) => out.extend_from_slice(b"true"),
            Value::Bool(false) => out.extend_from_slice(b"false"),
            Value::Number(text) => out.extend_from_slice(text.as_bytes()),
            Value::String(text) => write_string(text, out),
            Value::EmptiedArray => out.extend_from_slice(b"[]"),
            Value::EmptiedObject => out.extend_from_slice(b"{}"),
            Value::Array(items) => {
                let mut before = b'[';
                for item in items {
                    out.push(before);
                    item.write(out);
                    before = b',';
                }
                out.extend_from_slice(if items.is_empty() { b"[]" } else { b"]" });
            }
            Value::Object(members) => {
                let mut before = b'{';
                for (name, value) in members {
                    out.push(before);
                    write_string(name, out);
                    out.push(b':');
                    value.write(out);
                    before = b',';
                }
                out.extend_from_slice(if members.is_empty() { b"{}" } else { b"}" });
            }
        }
    }

    /// The value that the tokens of a pointer lead to.
    pub fn at_mut(&mut self, tokens: &[String]) -> Option<&mut Value> {
        tokens.iter().try_fold(self, |value, token| match value {
            Value::Object(members) => members.iter_mut().find(|(n, _)| n == token).map(|(_, v)| v),
            Value::Array(items) => pointer::index(token).and_then(|at| items.get_mut(at)),
            _ => None,
        })
    }

    /// Equal as RFC 6902 4.6 says: numbers by value, objects in any order.
    pub fn equals(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Number(a), Value::Number(b)) => a == b || normal(a) == normal(b),
            (Value::String(a), Value::String(b)) => a == b,
            (Value::Array(a), Value::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.equals(b))
            }
            (Value::Object(a), Value::Object(b)) => {
                let same = |(n, v): &(String, Value)| b.iter().any(|(m, w)| n == m && v.equals(w));
                a.len() == b.len() && a.iter().all(same)
            }
            (Value::EmptiedArray, Value::Array(b)) => b.is_empty(),
            (Value::EmptiedObject, Value::Object(b)) => b.is_empty(),
            _ => false,
        }
    }

    /// Levels of arrays and objects.
    pub fn depth(&self) -> usize {
        match self {
            Value::Array(items) => 1 + items.iter().map(Value::depth).max().unwrap_or(0),
            Value::Object(members) => 1 + members.iter().map(|(_, v)| v.depth()).max().unwrap_or(0),
            _ => 1,
        }
    }

    /// Number of values, itself included; a string counts by its length too.
    pub fn size(&self) -> usize {
        match self {
            Value::Array(items) => 1 + items.iter().map(Value::size).sum::<usize>(),
            Value::Object(members) => 1 + members.iter().map(|(_, v)| v.size()).sum::<usize>(),
            Value::String(text) | Value::Number(text) => 1 + text.len() / 64,
            _ => 1,
        }
    }

    /// Remembers that a removal left it empty.
    pub fn note_emptied(&mut self) {
        match self {
            Value::Array(items) if items.is_empty() => *self = Value::EmptiedArray,
            Value::Object(members) if members.is_empty() => *self = Value::EmptiedObject,
            _ => {}
        }
    }

    /// Something is about to be added to it.
    pub fn restore(&mut self) {
        match self {
            Value::EmptiedArray => *self = Value::Array(Vec::new()),
            Value::EmptiedObject => *self = Value::Object(Vec::new()),
            _ => {}
        }
    }

    /// Drops what removals left empty, and what that leaves empty.
    pub fn drop_emptied(&mut self) {
        let gone = |v: &mut Value| {
            v.drop_emptied();
            matches!(v, Value::EmptiedArray | Value::EmptiedObject)
        };
        let lost = match self {
            Value::Array(items) => {
                let before = items.len();
                items.retain_mut(|v| !gone(v));
                items.len() < before
            }
            Value::Object(members) => {
                let before = members.len();
                members.retain_mut(|(_, v)| !gone(v));
                members.len() < before
            }
            _ => false,
        };
        if lost {
            self.note_emptied();
        }
    }
}

/// Sign, digits without zeros at either end, exponent: equal for equal numbers. An exponent beyond 18 digits stays text.
fn normal(number: &str) -> (bool, String, std::result::Result<i64, &str>) {
    let (negative, rest) = number
        .strip_prefix('-')
        .map_or((false, number), |r| (true, r));
    let (mantissa, exponent) = rest.split_once(['e', 'E']).unwrap_or((rest, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return (false, String::new(), Ok(0));
    }
    let trailing = digits.len() - digits.trim_end_matches('0').len();
    let shift = trailing as i64 - fraction.len() as i64;
    let exponent = match exponent.parse::<i64>() {
        Ok(e) if e.abs() < i64::MAX / 2 => Ok(e + shift),
        _ => Err(exponent),
    };
    (negative, significant.to_owned(), exponent)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    count: usize,
}

type Read<T> = std::result::Result<T, &'static str>;

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Read<Value> {
        if depth >= DEPTH_MAX {
            return Err("nested too deeply");
        }
        self.count += 1;
        if self.count > NODES_MAX {
            return Err("too many values");
        }
        self.space();
        match self.peek() {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(Value::String),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Read<Value> {
        let mut members: Vec<(String, Value)> = Vec::new();
        self.at += 1;
        self.space();
        if self.take(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.space();
            let name = self.string()?;
            if members.iter().any(|(n, _)| *n == name) {
                return Err("a member name is repeated");
            }
            if members.len() == MEMBERS_MAX {
                return Err("an object has too many members");
            }
            self.space();
            if !self.take(b':') {
                return Err("a colon was expected");
            }
            members.push((name, self.value(depth + 1)?));
            self.space();
            if self.take(b'}') {
                return Ok(Value::Object(members));
            }
            if !self.take(b',') {
                return Err("a comma or a closing brace was expected");
            }
        }
    }

    fn array(&mut self, depth: usize) -> Read<Value> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        if self.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Ok(Value::Array(items));
            }
            if !self.take(b',') {
                return Err("a comma or a closing bracket was expected");
            }
        }
    }

    fn string(&mut self) -> Read<String> {
        if !self.take(b'"') {
            return Err("a string was expected");
        }
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest
                .find(|c: char| c == '"' || c == '\\' || c < ' ')
                .ok_or("a string is not closed")?;
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                b'"' => {
                    self.at += 1;
                    return Ok(out);
                }
                b'\\' => out.push(self.escape()?),
                _ => return Err("a control character in a string must be escaped"),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        self.at += 1;
        let c = self.peek();
        self.at += 1;
        Ok(match c {
            b'"' | b'\\' | b'/' => char::from(c),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut code = self.hex4()?;
                if (0xD800..0xDC00).contains(&code) {
                    if !(self.take(b'\\') && self.take(b'u')) {
                        return Err("a lone surrogate is not a character");
                    }
                    let low = self.hex4()?;
                    if !(0xDC00..0xE000).contains(&low) {
                        return Err("a lone surrogate is not a character");
                    }
                    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
                }
                char::from_u32(code).ok_or("a lone surrogate is not a character")?
            }
            _ => {
                self.at -= 1;
                return Err("an escape that JSON does not know");
            }
        })
    }

    fn hex4(&mut self) -> Read<u32> {
        let bytes = self
            .text
            .as_bytes()
            .get(self.at..self.at + 4)
            .ok_or("four hexadecimal digits were expected")?;
        let mut code = 0;
        for b in bytes {
            code = code * 16
                + char::from(*b)
                    .to_digit(16)
                    .ok_or("four hexadecimal digits were expected")?;
        }
        self.at += 4;
        Ok(code)
    }

    fn number(&mut self) -> Read<Value> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') && self.digits() == 0 {
            return Err("a value was expected");
        }
        if self.take(b'.') && self.digits() == 0 {
            return Err("not a JSON number");
        }
        if self.take(b'e') || self.take(b'E') {
            let _ = self.take(b'+') || self.take(b'-');
            if self.digits() == 0 {
                return Err("not a JSON number");
            }
        }
        Ok(Value::Number(self.text[start..self.at].to_owned()))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        self.at - start
    }

    fn word(&mut self, word: &str, value: Value) -> Read<Value> {
        if !self.text[self.at..].starts_with(word) {
            return Err("a value was expected");
        }
        self.at += word.len();
        Ok(value)
    }

    fn space(&mut self) {
        while matches!(self.peek(), b' ' | b'\n' | b'\t' | b'\r') {
            self.at += 1;
        }
    }

    /// 0 at the end.
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == byte;
        self.at += usize::from(found);
        found
    }
}
