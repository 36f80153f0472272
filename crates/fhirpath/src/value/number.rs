//! Decimal and integer text. <http://hl7.org/fhirpath/N1/#decimal>

use rust_decimal::Decimal;

/// A FHIR decimal (exponents allowed). Beyond 28 digits it is rounded; beyond the range it is `None`.
pub(crate) fn parse_decimal(text: &str) -> Option<Decimal> {
    if let Ok(exact) = Decimal::from_str_exact(text) {
        return Some(exact);
    }
    if text.bytes().any(|b| b == b'e' || b == b'E') {
        return Decimal::from_scientific(text).ok();
    }
    text.parse().ok()
}

/// `[+-]?digits` within 32 bits.
pub(crate) fn parse_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse::<i32>().ok().map(i64::from)
}
