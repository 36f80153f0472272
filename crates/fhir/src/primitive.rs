//! Lexical forms of the R4 primitive types. <https://hl7.org/fhir/R4/datatypes.html#primitive>
//!
//! Departs: a leading `+` of integers, which the regular expressions of R4 allow, is refused, because JSON has no such
//! number and the text of a number is kept through every format.

use crate::date::{PartialDate, Precision, is_time};
use crate::json::number_end;
use crate::schema::Primitive;

/// `None` when `text` is a valid value; else what is wrong, without repeating the value. Emptiness is judged here
/// only where the type has no empty form; the readers refuse every empty value. The content of xhtml is the matter of
/// `narrative`. Cost: linear, about 1 ns per 8 bytes for text.
#[inline]
pub fn check(primitive: Primitive, text: &str) -> Option<&'static str> {
    use Primitive::*;
    let bytes = text.as_bytes();
    match primitive {
        String | Markdown => check_string(text),
        Code => check_code(text),
        Uri | Url | Canonical => check_uri(text),
        Id => unless(
            crate::reference::is_id(text),
            "1 to 64 letters, digits, dots and hyphens",
        ),
        DateTime => check_date_time(text),
        Date => unless(is_date(text), "YYYY, YYYY-MM or YYYY-MM-DD of the calendar"),
        Instant => unless(
            is_instant(text),
            "YYYY-MM-DDThh:mm:ss, perhaps a fraction, and a zone",
        ),
        Time => unless(
            is_time(text),
            "hh:mm:ss with an optional fraction and no zone",
        ),
        Boolean => unless(matches!(bytes, b"true" | b"false"), "true or false"),
        Decimal => check_decimal(bytes),
        Integer => check_integer(text, i32::MIN),
        UnsignedInt => check_integer(text, 0),
        PositiveInt => check_integer(text, 1),
        Oid => unless(is_oid(text), "urn:oid: and numbers separated by dots"),
        Uuid => unless(is_uuid(text), "urn:uuid: and a UUID in lower case"),
        Base64Binary => unless(is_base64(bytes), "base64 in groups of four characters"),
        Xhtml => None,
    }
}

/// Characters of string, markdown, code and uri. <https://hl7.org/fhir/R4/datatypes.html#string>
pub const STRING_CHARS_MAX: usize = 1024 * 1024;
/// Characters of a decimal: far beyond any measurement, short enough for arithmetic.
pub const DECIMAL_CHARS_MAX: usize = 1024;

const TOO_LONG: &str = "longer than 1,048,576 characters";

fn unless(good: bool, expected: &'static str) -> Option<&'static str> {
    if good { None } else { Some(expected) }
}

fn too_long(text: &str) -> bool {
    text.len() > STRING_CHARS_MAX && text.chars().count() > STRING_CHARS_MAX
}

#[inline]
fn check_string(text: &str) -> Option<&'static str> {
    if too_long(text) {
        return Some(TOO_LONG);
    }
    let is_control = |b: u8| b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r');
    if first_at_most(text.as_bytes(), 0, 0x1f).is_some() && text.bytes().any(is_control) {
        return Some(
            "control characters other than tab, line feed and carriage return are not allowed",
        );
    }
    let is_space = |b: u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
    unless(
        !text.bytes().all(is_space),
        "must hold something other than white space",
    )
}

#[inline]
fn check_code(text: &str) -> Option<&'static str> {
    if too_long(text) {
        return Some(TOO_LONG);
    }
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
        return Some("must not be empty");
    };
    let (mut at, mut single) = (0, *first > b' ' && *last > b' ');
    while let Some(space) = first_at_most(bytes, at, b' ') {
        let allowed = matches!(bytes[space], b' ' | b'\t' | b'\n' | b'\r');
        single &= allowed && bytes.get(space + 1).is_some_and(|b| *b > b' ');
        if !single {
            break;
        }
        at = space + 1;
    }
    unless(
        single,
        "no white space at the ends, and only single spaces within",
    )
}

#[inline]
fn check_uri(text: &str) -> Option<&'static str> {
    if too_long(text) {
        return Some(TOO_LONG);
    }
    unless(
        first_at_most(text.as_bytes(), 0, b' ').is_none(),
        "white space is not allowed",
    )
}

#[inline]
fn check_date_time(text: &str) -> Option<&'static str> {
    let good =
        PartialDate::parse(text, false).is_some_and(|d| has_time(&d) == d.offset_min.is_some());
    unless(
        good,
        "YYYY, YYYY-MM, YYYY-MM-DD or YYYY-MM-DDThh:mm:ss with a zone, of the calendar",
    )
}

fn has_time(date: &PartialDate) -> bool {
    matches!(date.precision, Precision::Second | Precision::Fraction(_))
}

fn is_date(text: &str) -> bool {
    text.len() <= 10 && PartialDate::parse(text, false).is_some()
}

fn is_instant(text: &str) -> bool {
    PartialDate::parse(text, false).is_some_and(|d| has_time(&d) && d.offset_min.is_some())
}

fn check_decimal(bytes: &[u8]) -> Option<&'static str> {
    if bytes.len() > DECIMAL_CHARS_MAX {
        return Some("longer than 1,024 characters");
    }
    unless(
        number_end(bytes, 0) == Some(bytes.len()),
        "a decimal number",
    )
}

/// A whole number of at most 32 bits in its shortest form.
fn check_integer(text: &str, min: i32) -> Option<&'static str> {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let shortest = match digits {
        b"0" => text == "0",
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !shortest {
        return Some("a whole number without fraction, exponent, leading zeros or plus sign");
    }
    match (text.parse::<i32>(), min) {
        (Ok(value), min) if value >= min => None,
        (_, i32::MIN) => Some("from -2,147,483,648 to 2,147,483,647"),
        (_, 0) => Some("from 0 to 2,147,483,647"),
        (_, _) => Some("from 1 to 2,147,483,647"),
    }
}

fn is_oid(text: &str) -> bool {
    let Some(arcs) = text.strip_prefix("urn:oid:") else {
        return false;
    };
    let arc = |a: &str| {
        a == "0" || !a.starts_with('0') && !a.is_empty() && a.bytes().all(|b| b.is_ascii_digit())
    };
    let root = |a: &str| matches!(a, "0" | "1" | "2");
    let mut parts = arcs.split('.');
    parts.next().is_some_and(root) && arcs.contains('.') && parts.all(arc)
}

fn is_uuid(text: &str) -> bool {
    let Some(uuid) = text.strip_prefix("urn:uuid:").filter(|u| u.len() == 36) else {
        return false;
    };
    uuid.bytes().enumerate().all(|(i, b)| match i {
        8 | 13 | 18 | 23 => b == b'-',
        _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
    })
}

/// White space may stand between and around groups of four; padding only ends the last.
fn is_base64(bytes: &[u8]) -> bool {
    let (mut rest, mut any, mut padded) = (bytes, false, false);
    loop {
        // Whole groups, which is nearly all of any data.
        while let Some((_, after)) = rest.split_first_chunk::<4>().filter(|(g, _)| is_group(**g)) {
            if padded {
                return false;
            }
            any = true;
            rest = after;
        }
        match rest {
            [] => return any,
            [b' ' | b'\t' | b'\n' | b'\r', after @ ..] => rest = after,
            [a, b, c, b'=', after @ ..]
                if !padded && is_group([*a, *b, if *c == b'=' { b'A' } else { *c }, b'A']) =>
            {
                (any, padded, rest) = (true, true, after);
            }
            _ => return false,
        }
    }
}

fn is_group(group: [u8; 4]) -> bool {
    let [a, b, c, d] = group.map(|byte| BASE64[usize::from(byte)]);
    a & b & c & d
}

/// The 64 characters of base64.
static BASE64: [bool; 256] = {
    let mut table = [false; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        table[i] = byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/';
        i += 1;
    }
    table
};

/// First position from `from` on whose byte is at most `limit` (below 128), eight bytes at a time.
#[inline]
fn first_at_most(bytes: &[u8], from: usize, limit: u8) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let below = ONES * u64::from(limit + 1);
    let mut at = from;
    while let Some(chunk) = bytes.get(at..at + 8).and_then(|c| c.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let hits = word.wrapping_sub(below) & !word & (ONES * 0x80);
        if hits != 0 {
            return Some(at + (hits.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    rest.iter().position(|b| *b <= limit).map(|i| at + i)
}

#[cfg(test)]
mod tests;
