//! Partial dates: original precision, low and high instants. <https://hl7.org/fhir/R4/datatypes.html#date>

mod civil;
mod http_date;

pub use civil::{civil_from_days, days_from_civil, instant_text};
pub use http_date::{http_date, parse_http_date};

use civil::days_in_month;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    Year,
    Month,
    Day,
    Minute,
    Second,
    /** Digits after the second, 1..=9 */
    Fraction(u8),
}

/// A parsed date, dateTime or instant. The text stays with the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialDate {
    pub year: i32,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub nanos: u32,
    pub precision: Precision,
    /// Minutes east of UTC when given.
    pub offset_min: Option<i16>,
}

impl PartialDate {
    /// Accepts every form of date, dateTime and instant (a dateTime without zone only as FHIRPath literals need it;
    /// seconds may be absent only with `lenient`, as in search values). The day must exist in its month; second 60
    /// is allowed, as in the regular expressions of R4; digits after the ninth of a fraction are read and dropped.
    pub fn parse(text: &str, lenient: bool) -> Option<PartialDate> {
        let bytes = text.as_bytes();
        let mut date = PartialDate {
            year: number(bytes, 0, 4)?.into(),
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
            nanos: 0,
            precision: Precision::Year,
            offset_min: None,
        };
        if date.year == 0 {
            return None;
        }
        if bytes.len() == 4 {
            return Some(date);
        }
        date.month = part(bytes, 4, b'-', 1, 12)?;
        date.precision = Precision::Month;
        if bytes.len() == 7 {
            return Some(date);
        }
        date.day = part(bytes, 7, b'-', 1, days_in_month(date.year, date.month))?;
        date.precision = Precision::Day;
        if bytes.len() == 10 {
            return Some(date);
        }
        let zone = date.time(bytes, 10, b'T', lenient)?;
        date.zone(&bytes[zone..])?;
        Some(date)
    }

    /// First microsecond since 1970-01-01T00:00:00Z that the value covers; a value without zone is read in UTC.
    pub fn low_us(&self) -> i64 {
        let days = days_from_civil(self.year, self.month, self.day);
        let minutes = i64::from(self.hour) * 60 + i64::from(self.minute)
            - i64::from(self.offset_min.unwrap_or(0));
        let seconds = days * 86_400 + minutes * 60 + i64::from(self.second);
        seconds * 1_000_000 + i64::from(self.nanos / 1_000)
    }

    /// Last microsecond it covers (inclusive).
    pub fn high_us(&self) -> i64 {
        let low = self.low_us();
        let width = match self.precision {
            Precision::Year => {
                (days_from_civil(self.year + 1, 1, 1) - days_from_civil(self.year, 1, 1)) * DAY_US
            }
            Precision::Month => i64::from(days_in_month(self.year, self.month)) * DAY_US,
            Precision::Day => DAY_US,
            Precision::Minute => 60_000_000,
            Precision::Second => 1_000_000,
            Precision::Fraction(digits) => 10i64.pow(6u32.saturating_sub(digits.into())),
        };
        low + width - 1
    }

    /// Reads `Thh:mm:ss.f` at `at` into the time fields; the position after it.
    fn time(&mut self, bytes: &[u8], at: usize, before: u8, lenient: bool) -> Option<usize> {
        self.hour = part(bytes, at, before, 0, 23)?;
        self.minute = part(bytes, at + 3, b':', 0, 59)?;
        self.precision = Precision::Minute;
        let at = at + 6;
        if bytes.get(at) != Some(&b':') {
            return lenient.then_some(at);
        }
        self.second = part(bytes, at, b':', 0, 60)?;
        self.precision = Precision::Second;
        if bytes.get(at + 3) != Some(&b'.') {
            return Some(at + 3);
        }
        let fraction = &bytes[at + 4..];
        let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
        let kept = digits.min(9);
        if digits == 0 {
            return None;
        }
        let value = fraction[..kept]
            .iter()
            .fold(0, |n, d| n * 10 + u32::from(d - b'0'));
        self.nanos = value * 10u32.pow(9 - kept as u32);
        self.precision = Precision::Fraction(kept as u8);
        Some(at + 4 + digits)
    }

    /// `Z`, `+hh:mm` or `-hh:mm` up to 14:00, or nothing.
    fn zone(&mut self, bytes: &[u8]) -> Option<()> {
        let east = match bytes.first() {
            None => return Some(()),
            Some(b'Z') if bytes.len() == 1 => 0,
            Some(sign @ (b'+' | b'-')) if bytes.len() == 6 => {
                let hours = number(bytes, 1, 2)? as i16;
                let minutes = i16::from(part(bytes, 3, b':', 0, 59)?);
                let total = hours * 60 + minutes;
                if total > ZONE_MINUTES_MAX {
                    return None;
                }
                if *sign == b'-' { -total } else { total }
            }
            Some(_) => return None,
        };
        self.offset_min = Some(east);
        Some(())
    }
}

/// Whether `text` is a FHIR `time`: `hh:mm:ss` with an optional fraction.
pub(crate) fn is_time(text: &str) -> bool {
    // The time of any day, in the form that follows the `T` of a dateTime.
    let mut any = PartialDate {
        year: 1,
        month: 1,
        day: 1,
        hour: 0,
        minute: 0,
        second: 0,
        nanos: 0,
        precision: Precision::Day,
        offset_min: None,
    };
    let bytes = text.as_bytes();
    if bytes.len() > TIME_BYTES_MAX {
        return false;
    }
    let mut with_t = [b'T'; TIME_BYTES_MAX + 1];
    with_t[1..=bytes.len()].copy_from_slice(bytes);
    any.time(&with_t[..=bytes.len()], 0, b'T', false) == Some(bytes.len() + 1)
}

const DAY_US: i64 = 86_400_000_000;
const ZONE_MINUTES_MAX: i16 = 14 * 60;
/// No clock has more digits.
const TIME_BYTES_MAX: usize = 64;

/// A two-digit part after its separator at `at`, within bounds.
#[inline]
fn part(bytes: &[u8], at: usize, before: u8, min: u8, max: u8) -> Option<u8> {
    if *bytes.get(at)? != before {
        return None;
    }
    let value = number(bytes, at + 1, 2)? as u8;
    (min..=max).contains(&value).then_some(value)
}

#[inline]
fn number(bytes: &[u8], at: usize, digits: usize) -> Option<u16> {
    bytes.get(at..at + digits)?.iter().try_fold(0, |n, b| {
        b.is_ascii_digit().then(|| n * 10 + u16::from(b - b'0'))
    })
}

#[cfg(test)]
mod tests;
