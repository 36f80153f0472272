//! Literal values. <http://hl7.org/fhirpath/N1/#literals>

use std::borrow::Cow;

use crate::error::SyntaxError;
use crate::value::{Item, Kind, Quantity, Temporal, TimeUnit, parse_decimal, parse_integer};

pub(super) fn number(text: &str, at: usize) -> Result<Item<'static>, SyntaxError> {
    let value = if text.contains('.') {
        parse_decimal(text).map(Item::Decimal)
    } else {
        parse_integer(text).map(Item::Integer)
    };
    value.ok_or_else(|| SyntaxError::new(at, "number out of range"))
}

/// A number with a unit: `4 days`, `10 'mg'`.
pub(super) fn quantity(
    text: &str,
    unit: &str,
    calendar: bool,
    at: usize,
) -> Result<Item<'static>, SyntaxError> {
    let value = parse_decimal(text).ok_or_else(|| SyntaxError::new(at, "number out of range"))?;
    Ok(Item::Quantity(Box::new(Quantity {
        value,
        unit: Cow::Owned(unit.to_owned()),
        calendar,
    })))
}

pub(super) fn is_calendar_word(word: &str) -> bool {
    TimeUnit::named(word).is_some()
}

pub(super) fn date(text: &str, at: usize) -> Result<Item<'static>, SyntaxError> {
    let kind = if text.contains('T') {
        Kind::DateTime
    } else {
        Kind::Date
    };
    temporal(kind, text, at)
}

pub(super) fn time(text: &str, at: usize) -> Result<Item<'static>, SyntaxError> {
    temporal(Kind::Time, text, at)
}

fn temporal(kind: Kind, text: &str, at: usize) -> Result<Item<'static>, SyntaxError> {
    Temporal::parse(kind, text)
        .map(Item::Temporal)
        .ok_or_else(|| SyntaxError::new(at, "not a date or time"))
}

/// Resolves `\'`, `\n`, `\u0041`, ...; `None` for an unknown escape.
/// Departs: R4 invariants escape characters that need none (`\.` in patterns): those keep the character.
pub(super) fn unescape(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('\\') {
        return Some(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next()? {
            'n' => out.push('\n'),
            'r' => out.push('\r'),
            't' => out.push('\t'),
            'f' => out.push('\u{c}'),
            'u' => {
                let hex = chars.as_str().get(..4)?;
                out.push(char::from_u32(u32::from_str_radix(hex, 16).ok()?)?);
                chars = chars.as_str()[4..].chars();
            }
            other => out.push(other),
        }
    }
    Some(Cow::Owned(out))
}
