//! Date, DateTime and Time with partial precision, and their arithmetic. <http://hl7.org/fhirpath/N1/#datetime-arithmetic>

use std::cmp::Ordering;
use std::fmt;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use ward_fhir::date::{civil_from_days, days_from_civil};

use super::quantity::TimeUnit;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Date,
    DateTime,
    Time,
}

/// The last part that is known. Seconds and their fraction are one precision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Precision {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

/// A point in time as far as it is known; parts beyond the precision hold their smallest value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Temporal {
    pub kind: Kind,
    pub precision: Precision,
    pub year: u16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    /// Digits written after the second, 0..=9.
    pub fraction_digits: u8,
    pub nanos: u32,
    /// Minutes east of UTC, when given.
    pub offset_min: Option<i16>,
}

const NANOS_PER_SECOND: i128 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;
/// Zones run from -12:00 to +14:00: two local times further apart than this are in order whatever their zones.
const ZONE_SPREAD_S: i64 = 26 * 3600;

impl Temporal {
    /// Text as in FHIR or in a literal without its `@` (and, for Time, without its `T`).
    pub fn parse(kind: Kind, text: &str) -> Option<Temporal> {
        let mut t = Temporal {
            kind,
            precision: Precision::Year,
            year: 1,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
            fraction_digits: 0,
            nanos: 0,
            offset_min: None,
        };
        if kind == Kind::Time {
            return t.read_time(text)?.is_empty().then_some(t);
        }
        let rest = t.read_date(text)?;
        if rest.is_empty() {
            return Some(t);
        }
        let rest = rest.strip_prefix('T').filter(|_| kind == Kind::DateTime)?;
        if rest.is_empty() {
            return Some(t);
        }
        if t.precision != Precision::Day {
            return None;
        }
        let rest = t.read_time(rest)?;
        t.offset_min = read_offset(rest)?;
        Some(t)
    }

    fn read_date<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let (year, rest) = digits(text, 4)?;
        self.year = u16::try_from(year).ok().filter(|y| *y > 0)?;
        let Some(rest) = rest.strip_prefix('-') else {
            return Some(rest);
        };
        let (month, rest) = digits(rest, 2)?;
        self.month = u8::try_from(month).ok().filter(|m| (1..=12).contains(m))?;
        self.precision = Precision::Month;
        let Some(rest) = rest.strip_prefix('-') else {
            return Some(rest);
        };
        let (day, rest) = digits(rest, 2)?;
        self.day = u8::try_from(day)
            .ok()
            .filter(|d| (1..=days_in_month(self.year, self.month)).contains(d))?;
        self.precision = Precision::Day;
        Some(rest)
    }

    fn read_time<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let (hour, rest) = digits(text, 2)?;
        self.hour = u8::try_from(hour).ok().filter(|h| *h < 24)?;
        self.precision = Precision::Hour;
        let Some(rest) = rest.strip_prefix(':') else {
            return Some(rest);
        };
        let (minute, rest) = digits(rest, 2)?;
        self.minute = u8::try_from(minute).ok().filter(|m| *m < 60)?;
        self.precision = Precision::Minute;
        let Some(rest) = rest.strip_prefix(':') else {
            return Some(rest);
        };
        let (second, rest) = digits(rest, 2)?;
        // 60 is a leap second, allowed by the FHIR form; it is read as 59.
        self.second = u8::try_from(second).ok().filter(|s| *s <= 60)?.min(59);
        self.precision = Precision::Second;
        let Some(rest) = rest.strip_prefix('.') else {
            return Some(rest);
        };
        let len = rest.bytes().take_while(u8::is_ascii_digit).count();
        if len == 0 {
            return None;
        }
        let kept = len.min(9);
        self.fraction_digits = kept as u8;
        self.nanos = rest[..kept].parse::<u32>().ok()? * 10u32.pow(9 - kept as u32);
        Some(&rest[len..])
    }

    /// The date part of a DateTime.
    pub fn date(&self) -> Temporal {
        let precision = self.precision.min(Precision::Day);
        Temporal {
            kind: Kind::Date,
            precision,
            hour: 0,
            minute: 0,
            second: 0,
            fraction_digits: 0,
            nanos: 0,
            offset_min: None,
            ..*self
        }
    }

    pub fn has_time(&self) -> bool {
        self.precision >= Precision::Hour
    }

    /// Seconds since 1970-01-01 of the first moment covered, as if in UTC.
    fn local_seconds(&self) -> i64 {
        let days = days_from_civil(i32::from(self.year), self.month, self.day);
        days * SECONDS_PER_DAY
            + i64::from(self.hour) * 3600
            + i64::from(self.minute) * 60
            + i64::from(self.second)
    }

    fn set_local_seconds(&mut self, seconds: i64) -> Option<()> {
        let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
        self.year = u16::try_from(year)
            .ok()
            .filter(|y| (1..=9999).contains(y))?;
        (self.month, self.day) = (month, day);
        let rest = seconds.rem_euclid(SECONDS_PER_DAY);
        self.hour = (rest / 3600) as u8;
        self.minute = (rest / 60 % 60) as u8;
        self.second = (rest % 60) as u8;
        Some(())
    }

    fn in_utc(mut self) -> Option<Temporal> {
        let offset = i64::from(self.offset_min.unwrap_or(0));
        if offset != 0 {
            self.set_local_seconds(self.local_seconds() - offset * 60)?;
        }
        Some(self)
    }

    fn parts(&self) -> [u64; 6] {
        let seconds = u64::from(self.second) * 1_000_000_000 + u64::from(self.nanos);
        [
            self.year.into(),
            self.month.into(),
            self.day.into(),
            self.hour.into(),
            self.minute.into(),
            seconds,
        ]
    }

    /// `None` where precision or zones leave it open.
    pub fn compare(&self, other: &Temporal) -> Option<Ordering> {
        let (mut a, mut b) = (*self, *other);
        if a.has_time() && b.has_time() && a.kind != Kind::Time {
            match (a.offset_min, b.offset_min) {
                (Some(x), Some(y)) if x != y => (a, b) = (a.in_utc()?, b.in_utc()?),
                (Some(_), None) | (None, Some(_)) => {
                    let apart = a.in_utc()?.local_seconds() - b.in_utc()?.local_seconds();
                    return (apart.abs() > ZONE_SPREAD_S).then(|| apart.cmp(&0));
                }
                _ => {}
            }
        }
        let common = a.precision.min(b.precision);
        let known = common as usize + 1;
        match a.parts()[..known].cmp(&b.parts()[..known]) {
            Ordering::Equal if a.precision != b.precision => None,
            order => Some(order),
        }
    }

    /// Equal with the same precision and the same knowledge of the zone.
    pub fn is_equivalent(&self, other: &Temporal) -> bool {
        self.precision == other.precision && self.compare(other) == Some(Ordering::Equal)
    }

    /// Adds `amount` units. `Ok(None)`: out of range. `Err`: the unit does not fit (days to a Time).
    pub(crate) fn add(mut self, amount: Decimal, unit: TimeUnit) -> Result<Option<Temporal>, ()> {
        if self.kind == Kind::Time {
            return self.add_to_time(amount, unit);
        }
        let Some((amount, unit)) = coarsen(amount, unit, self.precision) else {
            return Ok(None);
        };
        Ok(match unit {
            TimeUnit::Year => amount
                .to_i64()
                .and_then(|n| self.add_months(n.checked_mul(12)?)),
            TimeUnit::Month => amount.to_i64().and_then(|n| self.add_months(n)),
            _ => match nanos(amount, unit) {
                Some(n) => {
                    let total = i128::from(self.local_seconds()) * NANOS_PER_SECOND
                        + i128::from(self.nanos)
                        + n;
                    self.set_nanos((total.rem_euclid(NANOS_PER_SECOND)) as u32);
                    i64::try_from(total.div_euclid(NANOS_PER_SECOND))
                        .ok()
                        .and_then(|s| self.set_local_seconds_checked(s))
                }
                None => None,
            },
        })
    }

    /// Bounds the range before calendar arithmetic.
    fn set_local_seconds_checked(mut self, seconds: i64) -> Option<Temporal> {
        const YEAR_9999_END_S: i64 = 253_402_300_800;
        if !(-62_135_596_800..YEAR_9999_END_S).contains(&seconds) {
            return None;
        }
        self.set_local_seconds(seconds)?;
        Some(self)
    }

    fn set_nanos(&mut self, nanos: u32) {
        self.nanos = nanos;
        while self.fraction_digits < 9
            && !nanos.is_multiple_of(10u32.pow(9 - u32::from(self.fraction_digits)))
        {
            self.fraction_digits += 1;
        }
    }

    /// A day beyond the month's end becomes its last day.
    fn add_months(mut self, months: i64) -> Option<Temporal> {
        let total = i64::from(self.year)
            .checked_mul(12)?
            .checked_add(i64::from(self.month) - 1)?
            .checked_add(months)?;
        self.year = u16::try_from(total.div_euclid(12))
            .ok()
            .filter(|y| (1..=9999).contains(y))?;
        self.month = (total.rem_euclid(12) + 1) as u8;
        self.day = self.day.min(days_in_month(self.year, self.month));
        Some(self)
    }

    /// Times wrap around midnight.
    fn add_to_time(mut self, amount: Decimal, unit: TimeUnit) -> Result<Option<Temporal>, ()> {
        if matches!(
            unit,
            TimeUnit::Year | TimeUnit::Month | TimeUnit::Week | TimeUnit::Day
        ) {
            return Err(());
        }
        let Some((amount, unit)) = coarsen(amount, unit, self.precision) else {
            return Ok(None);
        };
        let Some(added) = nanos(amount, unit) else {
            return Ok(None);
        };
        let seconds =
            i64::from(self.hour) * 3600 + i64::from(self.minute) * 60 + i64::from(self.second);
        let total = (i128::from(seconds) * NANOS_PER_SECOND + i128::from(self.nanos) + added)
            .rem_euclid(i128::from(SECONDS_PER_DAY) * NANOS_PER_SECOND);
        let seconds = (total / NANOS_PER_SECOND) as i64;
        (self.hour, self.minute, self.second) = (
            (seconds / 3600) as u8,
            (seconds / 60 % 60) as u8,
            (seconds % 60) as u8,
        );
        self.set_nanos((total % NANOS_PER_SECOND) as u32);
        Ok(Some(self))
    }
}

/// An amount in a unit finer than the precision is turned into the precision's unit, whole ones only:
/// 24 months are 2 years to a year, 30 days a month. Decimals count for seconds only.
fn coarsen(amount: Decimal, unit: TimeUnit, precision: Precision) -> Option<(Decimal, TimeUnit)> {
    let (mut amount, mut unit) = match unit {
        TimeUnit::Second => (amount, unit),
        TimeUnit::Millisecond => (
            amount.trunc().checked_div(Decimal::ONE_THOUSAND)?,
            TimeUnit::Second,
        ),
        TimeUnit::Week => (amount.trunc().checked_mul(Decimal::from(7))?, TimeUnit::Day),
        _ => (amount.trunc(), unit),
    };
    loop {
        let (own, next, divisor) = match unit {
            TimeUnit::Second => (Precision::Second, TimeUnit::Minute, 60),
            TimeUnit::Minute => (Precision::Minute, TimeUnit::Hour, 60),
            TimeUnit::Hour => (Precision::Hour, TimeUnit::Day, 24),
            TimeUnit::Day if precision == Precision::Year => (Precision::Day, TimeUnit::Year, 365),
            TimeUnit::Day => (Precision::Day, TimeUnit::Month, 30),
            TimeUnit::Month => (Precision::Month, TimeUnit::Year, 12),
            _ => return Some((amount, unit)),
        };
        if own <= precision {
            return Some((amount, unit));
        }
        amount = (amount / Decimal::from(divisor)).trunc();
        unit = next;
    }
}

fn nanos(amount: Decimal, unit: TimeUnit) -> Option<i128> {
    let seconds = match unit {
        TimeUnit::Day => 86_400,
        TimeUnit::Hour => 3600,
        TimeUnit::Minute => 60,
        _ => 1,
    };
    amount
        .checked_mul(Decimal::from(seconds))?
        .checked_mul(Decimal::from(1_000_000_000u32))?
        .trunc()
        .to_i128()
}

pub(super) fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

fn digits(text: &str, count: usize) -> Option<(u32, &str)> {
    let head = text.get(..count)?;
    if !head.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((head.parse().ok()?, &text[count..]))
}

/// Empty, `Z`, `+hh:mm` or `-hh:mm`, and nothing behind.
#[allow(clippy::option_option)]
fn read_offset(text: &str) -> Option<Option<i16>> {
    if text.is_empty() {
        return Some(None);
    }
    if text == "Z" {
        return Some(Some(0));
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = digits(rest, 2)?;
    let (minutes, rest) = digits(rest.strip_prefix(':')?, 2)?;
    if !rest.is_empty() || hours > 14 || minutes > 59 {
        return None;
    }
    Some(Some(sign * (hours * 60 + minutes) as i16))
}

impl fmt::Display for Temporal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind != Kind::Time {
            write!(f, "{:04}", self.year)?;
            if self.precision >= Precision::Month {
                write!(f, "-{:02}", self.month)?;
            }
            if self.precision >= Precision::Day {
                write!(f, "-{:02}", self.day)?;
            }
            if self.has_time() {
                f.write_str("T")?;
            }
        }
        if self.has_time() {
            write!(f, "{:02}", self.hour)?;
        }
        if self.precision >= Precision::Minute {
            write!(f, ":{:02}", self.minute)?;
        }
        if self.precision >= Precision::Second {
            write!(f, ":{:02}", self.second)?;
        }
        if self.fraction_digits > 0 {
            let digits = usize::from(self.fraction_digits);
            write!(
                f,
                ".{:0digits$}",
                self.nanos / 10u32.pow(9 - u32::from(self.fraction_digits))
            )?;
        }
        match self.offset_min {
            Some(0) => f.write_str("Z"),
            Some(m) => write!(
                f,
                "{}{:02}:{:02}",
                if m < 0 { '-' } else { '+' },
                m.abs() / 60,
                m.abs() % 60
            ),
            None => Ok(()),
        }
    }
}
