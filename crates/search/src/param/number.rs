//! Number parameters, and the numbers of quantities. <https://hl7.org/fhir/R4/search.html#number>

use super::string::any;
use super::{Ask, prefix};
use crate::extract::Collector;
use crate::plan::{Filter, NumberTest, Prefix};
use crate::registry::Leaf;
use ward_fhir::{Failure, Node};

/// Modifiers answered now, beside `:missing`.
pub(crate) const MODIFIERS: &[&str] = &[];

pub(crate) fn index(out: &mut Collector<'_>, node: Node<'_>, leaf: &Leaf) {
    if let Some(value) = node.value().and_then(read) {
        let term = out.key().number(leaf.param);
        out.quantity(leaf, term, value, value);
        out.value(leaf, value);
    }
}

/// `[prefix]number`
pub(crate) fn ask(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    if let Some(modifier) = ask.modifier {
        return Err(ask.bad_modifier(modifier, &["missing"]));
    }
    let (prefix, text) = prefix(value);
    let test = test(prefix, text)
        .ok_or_else(|| ask.bad("must be a number, optionally after a prefix such as 'ge'"))?;
    Ok(any(&ask.parameter.owners, |owner| Filter::Quantity {
        term: ask.key.number(owner.param),
        test,
    }))
}

/// A finite number as FHIR writes it.
pub(crate) fn read(text: &str) -> Option<f64> {
    let form = text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    text.parse().ok().filter(|v: &f64| form && v.is_finite())
}

/// The test of a search number: `eq` and `ne` cover what rounds to the digits given (100 is [99.5, 100.5), 100.00 is
/// [99.995, 100.005)); `ap` a tenth on both sides; the other prefixes are exact.
pub(crate) fn test(prefix: Prefix, text: &str) -> Option<NumberTest> {
    test_as(prefix, text, &read)
}

/// The same of what `scale` makes of a number: its value in other units.
pub(crate) fn test_as(
    prefix: Prefix,
    text: &str,
    scale: &dyn Fn(&str) -> Option<f64>,
) -> Option<NumberTest> {
    let value = read(text).and_then(|_| scale(text))?;
    let (low, high) = match prefix {
        Prefix::Eq | Prefix::Ne => rounding(text, scale).unwrap_or((value, value)),
        Prefix::Ap => (value - value.abs() / 10.0, value + value.abs() / 10.0),
        _ => (value, value),
    };
    Some(NumberTest { prefix, low, high })
}

/// All that rounds to `text`: half a unit of its last digit on both sides, in decimal, so that the ends are the doubles
/// nearest to the true ends. `1e2` counts as `1.0e2`: the specification reads it as [95, 105). `None` beyond 36 digits.
fn rounding(text: &str, scale: &dyn Fn(&str) -> Option<f64>) -> Option<(f64, f64)> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let mut exponent: i32 = exponent.parse().ok()?;
    let mut digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    exponent = exponent.checked_sub(mantissa.split_once('.').map_or(0, |(_, d)| d.len() as i32))?;
    if mantissa.len() < text.len() && !mantissa.contains('.') {
        digits.push('0');
        exponent = exponent.checked_sub(1)?;
    }
    let tenths = digits.parse::<i128>().ok()?.checked_mul(10)?;
    let end = |n: i128| scale(&format!("{n}e{}", exponent - 1));
    Some((end(tenths - 5)?, end(tenths + 5)?.next_down()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_of_the_specification() {
        let range = |text| test(Prefix::Eq, text).map(|t| (t.low, t.high.next_up()));
        assert_eq!(range("100"), Some((99.5, 100.5)));
        assert_eq!(range("100.00"), Some((99.995, 100.005)));
        assert_eq!(range("1e2"), Some((95.0, 105.0)));
        assert_eq!(range("5.40e-3"), Some((0.005395, 0.005405)));
        assert_eq!(range("-0.1"), Some((-0.15, -0.05)));
        assert_eq!(range("0"), Some((-0.5, 0.5)));
        assert_eq!(
            test(Prefix::Gt, "100").map(|t| (t.low, t.high)),
            Some((100.0, 100.0))
        );
        for bad in ["", "abc", "inf", "NaN", "1e999", "1 ", "--1"] {
            assert_eq!(test(Prefix::Eq, bad), None, "{bad}");
        }
    }
}
