//! Numbers and quantities, in whole thousand-millionths so that nothing is rounded. <https://hl7.org/fhir/R4/search.html#quantity>

use super::criterion::{plain, split};
use super::date::{holds, prefix};
use serde_json::Value;

/// One, in the unit of this file. Inputs have at most nine digits after the point once scaled to their base unit.
const ONE: i128 = 1_000_000_000;
const UCUM: &str = "http://unitsofmeasure.org";
/// Units of the test data with the base unit they are counted in, and how many of it in thousandths.
const UNITS: [(&str, &str, i128); 5] = [
    ("mg", "g", 1),
    ("g", "g", 1_000),
    ("kg", "g", 1_000_000),
    ("cm", "m", 10),
    ("m", "m", 1_000),
];

/// `[prefix]number` against a decimal.
pub fn matches(element: &Value, value: &str) -> bool {
    let stored = element.as_number().map(ToString::to_string);
    let stored = stored.and_then(|text| read(&text));
    stored.is_some_and(|v| compare(value, (v, v), 1_000))
}

/// `[prefix]number`, `[prefix]number|system|code`, `[prefix]number||code` against a Quantity.
pub fn quantity(element: &Value, value: &str) -> bool {
    let Some(stored) = written(element) else {
        return false;
    };
    let range = |v| open(element, v);
    let parts: Vec<String> = split(value, '|').into_iter().map(plain).collect();
    let (number, system, code) = match parts.as_slice() {
        [number] => return compare(number, range(stored), 1_000),
        [number, system, code] => (number, system.as_str(), code.as_str()),
        _ => return false,
    };
    let own = |name: &str| element[name].as_str();
    // A UCUM unit means what it measures: 1 g is 1000 mg.
    let in_ucum = || {
        if own("system") != Some(UCUM) {
            return false;
        }
        match (unit(own("code").unwrap_or_default()), unit(code)) {
            (Some((base, scale)), Some((wanted, wanted_scale))) => {
                base == wanted && compare(number, range(stored * scale / 1_000), wanted_scale)
            }
            _ => own("code") == Some(code) && compare(number, range(stored), 1_000),
        }
    };
    match system {
        // Without a system: the code of any system, or the unit as written.
        "" => {
            let named = own("code").filter(|_| own("system") != Some(UCUM)) == Some(code)
                || own("unit").filter(|u| own("code") != Some(u)) == Some(code);
            in_ucum() || (named && compare(number, range(stored), 1_000))
        }
        UCUM => in_ucum(),
        _ => {
            own("system") == Some(system)
                && own("code") == Some(code)
                && compare(number, range(stored), 1_000)
        }
    }
}

/// The number in base units where its unit is one of UCUM, else as it is written; open on one side with a comparator.
pub fn in_base_units(element: &Value) -> Option<(i128, i128)> {
    let own = |name: &str| element[name].as_str().unwrap_or_default();
    let known = unit(own("code")).filter(|_| own("system") == UCUM);
    let scale = known.map_or(1_000, |(_, scale)| scale);
    written(element).map(|v| open(element, v * scale / 1_000))
}

fn written(element: &Value) -> Option<i128> {
    read(&element["value"].as_number()?.to_string())
}

fn open(element: &Value, v: i128) -> (i128, i128) {
    match element["comparator"].as_str() {
        Some("<") => (i128::MIN, v - 1),
        Some("<=") => (i128::MIN, v),
        Some(">") => (v + 1, i128::MAX),
        Some(">=") => (v, i128::MAX),
        _ => (v, v),
    }
}

fn unit(code: &str) -> Option<(&'static str, i128)> {
    let found = UNITS.iter().find(|u| u.0 == code);
    found.map(|u| (u.1, u.2))
}

/// `eq` and `ne` mean all that rounds to the digits given, `ap` a tenth on both sides, the others the number itself.
/// `scale`: thousandths of the base unit.
fn compare(value: &str, stored: (i128, i128), scale: i128) -> bool {
    let (prefix, text) = prefix(value);
    let Some(number) = read(text) else {
        return false;
    };
    let scaled = |v: i128| v * scale / 1_000;
    let search = match prefix {
        "eq" | "ne" => {
            let digits = text.split_once('.').map_or(0, |(_, d)| d.len());
            let half = ONE / 10_i128.pow(digits as u32) / 2;
            // The upper end belongs to the next number.
            (scaled(number - half), scaled(number + half) - 1)
        }
        "ap" => (
            scaled(number - number.abs() / 10),
            scaled(number + number.abs() / 10),
        ),
        _ => (scaled(number), scaled(number)),
    };
    holds(prefix, search, stored)
}

/// A decimal without exponent.
pub fn read(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = format!("{fraction:0<9}");
    let whole: i128 = whole.parse().ok()?;
    let fraction: i128 = fraction.get(..9)?.parse().ok()?;
    Some(sign * (whole * ONE + fraction))
}
