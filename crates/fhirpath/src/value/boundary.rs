//! The least and greatest value a partial value may stand for. <http://hl7.org/fhirpath/#lowboundaryprecision-integer>

use rust_decimal::{Decimal, RoundingStrategy};

use super::temporal::days_in_month;
use super::{Item, Kind, Precision, Quantity, Temporal};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Low,
    High,
}

/// Digits of a decimal boundary when none are asked for, and the most a decimal can hold.
const DECIMAL_DIGITS: i64 = 8;
const DECIMAL_DIGITS_MAX: i64 = 27;

/// `None`: the type has no boundary, or the digits are out of range.
pub(crate) fn boundary(item: &Item<'_>, side: Side, digits: Option<i64>) -> Option<Item<'static>> {
    Some(match item.system() {
        Item::Integer(i) => Item::Decimal(decimal(Decimal::from(i), side, digits)?),
        Item::Decimal(d) => Item::Decimal(decimal(d, side, digits)?),
        Item::Quantity(q) => {
            let value = decimal(q.value, side, digits)?;
            Item::Quantity(Box::new(Quantity {
                value,
                unit: q.unit.into_owned().into(),
                calendar: q.calendar,
            }))
        }
        Item::Temporal(t) => Item::Temporal(temporal(t, side, digits)?),
        _ => return None,
    })
}

/// Number of digits: after the point, or of a date and time without separators.
pub(crate) fn precision(item: &Item<'_>) -> Option<i64> {
    Some(match item.system() {
        Item::Integer(_) => 0,
        Item::Decimal(d) => i64::from(d.scale()),
        Item::Temporal(t) => {
            let own = match t.precision {
                Precision::Year => 4,
                Precision::Month => 6,
                Precision::Day => 8,
                Precision::Hour => 10,
                Precision::Minute => 12,
                Precision::Second if t.fraction_digits == 0 => 14,
                Precision::Second => 17,
            };
            if t.kind == Kind::Time { own - 8 } else { own }
        }
        _ => return None,
    })
}

/// Half a unit of the last digit down or up. To fewer digits the lower bound is cut towards zero, the upper rounded.
fn decimal(value: Decimal, side: Side, digits: Option<i64>) -> Option<Decimal> {
    let digits = digits.unwrap_or(DECIMAL_DIGITS);
    if !(0..=DECIMAL_DIGITS_MAX).contains(&digits) || value.scale() >= 28 {
        return None;
    }
    let half = Decimal::try_new(5, value.scale() + 1).ok()?;
    let away = (side == Side::High) != value.is_sign_negative();
    let bound = if side == Side::High {
        value.checked_add(half)?
    } else {
        value.checked_sub(half)?
    };
    let strategy = if away {
        RoundingStrategy::MidpointAwayFromZero
    } else {
        RoundingStrategy::ToZero
    };
    let mut rounded = bound.round_dp_with_strategy(digits as u32, strategy);
    rounded.rescale(digits as u32);
    Some(rounded)
}

fn temporal(t: Temporal, side: Side, digits: Option<i64>) -> Option<Temporal> {
    let (wanted, milliseconds) = wanted_precision(t.kind, digits)?;
    let high = side == Side::High;
    let mut b = t;
    if t.precision < Precision::Month {
        b.month = if high { 12 } else { 1 };
    }
    if t.precision < Precision::Day {
        b.day = if high {
            days_in_month(b.year, b.month)
        } else {
            1
        };
    }
    if t.precision < Precision::Hour {
        b.hour = if high { 23 } else { 0 };
    }
    if t.precision < Precision::Minute {
        b.minute = if high { 59 } else { 0 };
    }
    if t.precision < Precision::Second {
        b.second = if high { 59 } else { 0 };
    }
    let unit = 10u32.pow(9 - u32::from(t.fraction_digits));
    if t.fraction_digits < 3 {
        b.nanos = if high {
            t.nanos + unit - 1_000_000
        } else {
            t.nanos
        };
    }
    b.precision = wanted;
    b.fraction_digits = if milliseconds { 3 } else { 0 };
    if b.offset_min.is_none() && t.kind == Kind::DateTime && wanted >= Precision::Hour {
        b.offset_min = Some(if high { -12 * 60 } else { 14 * 60 });
    }
    Some(clear_beyond(b))
}

fn wanted_precision(kind: Kind, digits: Option<i64>) -> Option<(Precision, bool)> {
    let digits = match (kind, digits) {
        (Kind::Time, d) => d.unwrap_or(9).checked_add(8)?,
        (Kind::Date, d) => d.unwrap_or(8),
        (Kind::DateTime, d) => d.unwrap_or(17),
    };
    let range = match kind {
        Kind::Date => 4..=8,
        Kind::DateTime => 4..=17,
        Kind::Time => 10..=17,
    };
    if !range.contains(&digits) {
        return None;
    }
    Some(match digits {
        4 => (Precision::Year, false),
        6 => (Precision::Month, false),
        8 => (Precision::Day, false),
        10 => (Precision::Hour, false),
        12 => (Precision::Minute, false),
        14 => (Precision::Second, false),
        17 => (Precision::Second, true),
        _ => return None,
    })
}

/// Parts beyond the precision hold their smallest value.
fn clear_beyond(mut t: Temporal) -> Temporal {
    if t.precision < Precision::Month {
        t.month = 1;
    }
    if t.precision < Precision::Day {
        t.day = 1;
    }
    if t.precision < Precision::Hour {
        (t.hour, t.offset_min) = (0, None);
    }
    if t.precision < Precision::Minute {
        t.minute = 0;
    }
    if t.precision < Precision::Second {
        t.second = 0;
    }
    if t.fraction_digits == 0 {
        t.nanos = 0;
    }
    t
}
