//! Quantities: System ones, those of the tree, and time-valued ones. <http://hl7.org/fhirpath/N1/#quantity>

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use rust_decimal::Decimal;
use ward_fhir::tree::Node;

use super::ucum::{self, Measure};
use super::{is_quantity, number::parse_decimal};

/// Longest unit that arithmetic may build, in bytes.
const UNIT_BYTES_MAX: usize = 256;
/// Significant digits that survive a conversion: a factor such as 1/60 misses the last of Decimal's 28.
const DIGITS_KEPT: u32 = 22;
const UCUM: &str = "http://unitsofmeasure.org";

#[derive(Clone, Debug)]
pub struct Quantity<'a> {
    pub value: Decimal,
    /// A UCUM code, or a calendar word (`week`, `years`) when `calendar` is set.
    pub unit: Cow<'a, str>,
    pub calendar: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    Year,
    Month,
    Week,
    Day,
    Hour,
    Minute,
    Second,
    Millisecond,
}

impl TimeUnit {
    /// `year`, `years`, ...
    pub fn named(word: &str) -> Option<Self> {
        Some(match word.strip_suffix('s').unwrap_or(word) {
            "year" => Self::Year,
            "month" => Self::Month,
            "week" => Self::Week,
            "day" => Self::Day,
            "hour" => Self::Hour,
            "minute" => Self::Minute,
            "second" => Self::Second,
            "millisecond" => Self::Millisecond,
            _ => return None,
        })
    }

    /// The UCUM code of the definite durations: those that equal their calendar word.
    fn of_ucum(code: &str) -> Option<Self> {
        Some(match code {
            "wk" => Self::Week,
            "d" => Self::Day,
            "h" => Self::Hour,
            "min" => Self::Minute,
            "s" => Self::Second,
            "ms" => Self::Millisecond,
            _ => return None,
        })
    }

    fn ucum(self) -> &'static str {
        match self {
            Self::Year => "a",
            Self::Month => "mo",
            Self::Week => "wk",
            Self::Day => "d",
            Self::Hour => "h",
            Self::Minute => "min",
            Self::Second => "s",
            Self::Millisecond => "ms",
        }
    }
}

impl<'a> Quantity<'a> {
    pub fn new(value: Decimal, unit: impl Into<Cow<'a, str>>) -> Self {
        Self {
            value,
            unit: unit.into(),
            calendar: false,
        }
    }

    pub(crate) fn of_number(value: Decimal) -> Self {
        Self::new(value, "1")
    }

    /// The unit for date arithmetic; `None` when it is not a calendar word or a definite UCUM duration.
    pub(crate) fn time_unit(&self) -> Option<TimeUnit> {
        TimeUnit::named(&self.unit).or_else(|| TimeUnit::of_ucum(&self.unit))
    }

    fn calendar_unit(&self) -> Option<TimeUnit> {
        TimeUnit::named(&self.unit)
    }

    /// What the unit measures. A calendar year or month is a dimension of its own unless `loosely` (equivalence)
    /// asks for the UCUM mean year and month.
    fn measure(&self, loosely: bool) -> Option<Measure> {
        match self.calendar_unit() {
            Some(TimeUnit::Year) if !loosely => Some(Measure::calendar_months(12)),
            Some(TimeUnit::Month) if !loosely => Some(Measure::calendar_months(1)),
            Some(unit) => ucum::parse(unit.ucum()),
            None => ucum::parse(&self.unit),
        }
    }

    fn has_same_unit(&self, other: &Quantity<'_>) -> bool {
        if self.unit == other.unit {
            return true;
        }
        matches!((self.calendar_unit(), other.calendar_unit()), (Some(a), Some(b)) if a == b)
    }

    /// `None`: not comparable.
    pub(crate) fn compare(&self, other: &Quantity<'_>) -> Option<Ordering> {
        if self.has_same_unit(other) {
            return Some(self.value.cmp(&other.value));
        }
        let (a, b) = (self.measure(false)?, other.measure(false)?);
        if !a.is_comparable(&b) {
            return None;
        }
        nearly(
            self.value.checked_mul(a.factor)?,
            other.value.checked_mul(b.factor)?,
        )
    }

    /// Compared in the larger of the two units, to the precision of the less precise value.
    pub(crate) fn is_equivalent(&self, other: &Quantity<'_>) -> bool {
        if self.has_same_unit(other) {
            return super::equal::decimals_equivalent(self.value, other.value);
        }
        let (Some(a), Some(b)) = (self.measure(true), other.measure(true)) else {
            return false;
        };
        if !a.is_comparable(&b) {
            return false;
        }
        let scaled = |value: Decimal, own: Decimal, wanted: Decimal| {
            value.checked_mul(own)?.checked_div(wanted)
        };
        let (left, right) = if a.factor >= b.factor {
            (Some(self.value), scaled(other.value, b.factor, a.factor))
        } else {
            (scaled(self.value, a.factor, b.factor), Some(other.value))
        };
        matches!((left, right), (Some(x), Some(y)) if super::equal::decimals_equivalent(x, y))
    }

    pub(crate) fn is_comparable(&self, other: &Quantity<'_>) -> bool {
        self.has_same_unit(other)
            || matches!((self.measure(false), other.measure(false)), (Some(a), Some(b)) if a.is_comparable(&b))
    }

    /// The sum in this quantity's unit; `None` when the units do not fit or it overflows.
    pub(crate) fn plus(&self, other: &Quantity<'_>, sign: i64) -> Option<Quantity<'a>> {
        let other_value = if self.has_same_unit(other) {
            other.value
        } else {
            let (a, b) = (self.measure(false)?, other.measure(false)?);
            if !a.is_comparable(&b) {
                return None;
            }
            other
                .value
                .checked_mul(b.factor)?
                .checked_div(a.factor)?
                .round_sf(DIGITS_KEPT)?
                .normalize()
        };
        let value = self
            .value
            .checked_add(other_value.checked_mul(Decimal::from(sign))?)?;
        Some(Quantity {
            value,
            ..self.clone()
        })
    }

    pub(crate) fn times(&self, other: &Quantity<'_>) -> Option<Quantity<'a>> {
        self.combined(self.value.checked_mul(other.value)?, ".", other)
    }

    pub(crate) fn divided_by(&self, other: &Quantity<'_>) -> Option<Quantity<'a>> {
        self.combined(self.value.checked_div(other.value)?, "/", other)
    }

    fn combined(
        &self,
        value: Decimal,
        operator: &str,
        other: &Quantity<'_>,
    ) -> Option<Quantity<'a>> {
        if other.is_number() {
            return Some(Quantity {
                value,
                ..self.clone()
            });
        }
        if self.has_same_unit(other) && operator == "/" {
            return Some(Quantity::of_number(value));
        }
        let left = if self.is_number() {
            String::new()
        } else {
            self.factor_text()
        };
        let unit = match (left.is_empty(), operator) {
            (true, ".") => {
                return Some(Quantity {
                    value,
                    unit: Cow::Owned(other.unit.to_string()),
                    calendar: other.calendar,
                });
            }
            _ => format!("{left}{operator}{}", other.factor_text()),
        };
        (unit.len() <= UNIT_BYTES_MAX).then(|| Quantity::new(value, unit))
    }

    pub(crate) fn is_number(&self) -> bool {
        self.unit == "1"
    }

    fn factor_text(&self) -> String {
        let code: &str = self.calendar_unit().map_or(&self.unit, |u| u.ucum());
        if code.contains(['.', '/']) {
            format!("({code})")
        } else {
            code.to_owned()
        }
    }
}

/// The order of two converted values, equal within `DIGITS_KEPT`.
fn nearly(a: Decimal, b: Decimal) -> Option<Ordering> {
    let tolerance = a
        .abs()
        .max(b.abs())
        .checked_mul(Decimal::try_new(1, DIGITS_KEPT).ok()?)?;
    Some(if a.checked_sub(b)?.abs() <= tolerance {
        Ordering::Equal
    } else {
        a.cmp(&b)
    })
}

impl fmt::Display for Quantity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.calendar {
            true => write!(f, "{} {}", self.value, self.unit),
            false => write!(f, "{} '{}'", self.value, self.unit),
        }
    }
}

/// A Quantity element with a value and no comparator. UCUM code where given, else the human unit.
pub(super) fn of_node(node: Node<'_>) -> Option<Quantity<'_>> {
    if !is_quantity(node) {
        return None;
    }
    let (mut value, mut unit, mut system, mut code) = (None, None, None, None);
    for child in node.children() {
        match child.name() {
            "value" => value = child.value(),
            "unit" => unit = child.value(),
            "system" => system = child.value(),
            "code" => code = child.value(),
            "comparator" => return None,
            _ => {}
        }
    }
    let value = parse_decimal(value?)?;
    let unit = match (system, code) {
        (Some(UCUM), Some(code)) => code,
        (_, code) => unit.or(code).unwrap_or("1"),
    };
    Some(Quantity::new(value, unit))
}

/// `'4 days'`, `'1.5 \'mg\''`, `'3'`.
pub(crate) fn parse_quantity(text: &str) -> Option<Quantity<'static>> {
    let number_end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')))
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(number_end);
    let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
    let well_formed = digits.split('.').count() <= 2
        && digits
            .split('.')
            .all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    if !well_formed {
        return None;
    }
    let value = parse_decimal(number.strip_prefix('+').unwrap_or(number))?;
    let unit = rest.trim_start();
    if unit.is_empty() {
        return rest.is_empty().then(|| Quantity::of_number(value));
    }
    if let Some(code) = unit.strip_prefix('\'').and_then(|u| u.strip_suffix('\'')) {
        return (!code.is_empty() && !code.contains('\''))
            .then(|| Quantity::new(value, code.to_owned()));
    }
    TimeUnit::named(unit)?;
    Some(Quantity {
        value,
        unit: Cow::Owned(unit.to_owned()),
        calendar: true,
    })
}
