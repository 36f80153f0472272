//! Numbers and quantities, in whole thousand-millionths so that nothing is rounded. <https://hl7.org/fhir/R4/search.html#quantity>

use super::criterion::{plain, split};
use super::date::{holds, prefix};
use serde_json::Value;

/// One, in the unit of this file. Inputs have at most nine digits after the point once scaled to their base unit.
const ONE: i128 = 1_000_000_000;
const UCUM: &str = "http://unitsofmeasure.org";
const CURRENCY: &str = "urn:iso:std:iso:4217";
/// Units of the test data with the base unit they are counted in, and how many of it in thousandths.
const UNITS: [(&str, &str, i128); 10] = [
    ("mg", "g", 1),
    ("g", "g", 1_000),
    ("kg", "g", 1_000_000),
    ("cm", "m", 10),
    ("m", "m", 1_000),
    ("min", "s", 60_000),
    ("h", "s", 3_600_000),
    ("d", "s", 86_400_000),
    // A twelfth of a year of 365.25 days.
    ("mo", "s", 2_629_800_000),
    ("a", "s", 31_557_600_000),
];

/// `[prefix]number` against a decimal or the numbers of a Range.
pub fn matches(element: &Value, value: &str) -> bool {
    reach(element, 1_000).is_some_and(|stored| compare(value, stored, 1_000))
}

/// `[prefix]number`, `[prefix]number|system|code`, `[prefix]number||code` against a Quantity, Range, Money or SampledData.
pub fn quantity(element: &Value, value: &str) -> bool {
    let Some(stored) = reach(element, 1_000) else {
        return false;
    };
    let parts: Vec<String> = split(value, '|').into_iter().map(plain).collect();
    let (number, system, code) = match parts.as_slice() {
        [number] => return compare(number, stored, 1_000),
        [number, system, code] => (number, system.as_str(), code.as_str()),
        _ => return false,
    };
    let own = Unit::of(element);
    // A UCUM unit means what it measures: 1 g is 1000 mg.
    let in_ucum = || {
        if own.system != Some(UCUM) {
            return false;
        }
        match (unit(own.code.unwrap_or_default()), unit(code)) {
            (Some((base, scale)), Some((wanted, wanted_scale))) => {
                let scaled = reach(element, scale);
                base == wanted && scaled.is_some_and(|own| compare(number, own, wanted_scale))
            }
            _ => own.code == Some(code) && compare(number, stored, 1_000),
        }
    };
    match system {
        // Without a system: the code of any system, or the unit as written.
        "" => {
            let named = own.code.filter(|_| own.system != Some(UCUM)) == Some(code)
                || own.text.filter(|u| own.code != Some(u)) == Some(code);
            in_ucum() || (named && compare(number, stored, 1_000))
        }
        UCUM => in_ucum(),
        _ => own.system == Some(system) && own.code == Some(code) && compare(number, stored, 1_000),
    }
}

/// From where to where it reaches, in base units where its unit is one of UCUM, else as it is written.
pub fn in_base_units(element: &Value) -> Option<(i128, i128)> {
    let own = Unit::of(element);
    let known = unit(own.code.unwrap_or_default()).filter(|_| own.system == Some(UCUM));
    reach(element, known.map_or(1_000, |(_, scale)| scale))
}

/// What an element is counted in.
struct Unit<'v> {
    system: Option<&'v str>,
    code: Option<&'v str>,
    text: Option<&'v str>,
}

impl<'v> Unit<'v> {
    fn of(element: &'v Value) -> Unit<'v> {
        if let Some(currency) = element.get("currency") {
            return Unit {
                system: Some(CURRENCY),
                code: currency.as_str(),
                text: None,
            };
        }
        let inside = ["low", "high", "origin"];
        let counted = inside.iter().find_map(|name| element.get(name));
        let own = |name: &str| counted.unwrap_or(element)[name].as_str();
        Unit {
            system: own("system"),
            code: own("code"),
            text: own("unit"),
        }
    }
}

/// From where to where a decimal, Quantity, Range, Money or SampledData reaches, counted in `scale` thousandths: a missing end
/// of a Range and one side of a comparator are open; samples lie between their limits of detection, and without them nowhere.
pub fn reach(element: &Value, scale: i128) -> Option<(i128, i128)> {
    let scaled = |number: &Value| {
        let number = read(&number.as_number()?.to_string())?;
        Some(number * scale / 1_000)
    };
    if element.is_number() {
        return scaled(element).map(|v| (v, v));
    }
    if element.get("origin").is_some() {
        return scaled(&element["lowerLimit"]).zip(scaled(&element["upperLimit"]));
    }
    let end = |name: &str| element.get(name).and_then(|end| scaled(&end["value"]));
    match (end("low"), end("high")) {
        (None, None) => scaled(&element["value"]).map(|v| open(element, v)),
        (low, high) => Some((low.unwrap_or(i128::MIN), high.unwrap_or(i128::MAX))),
    }
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
