//! Days and moments without a clock: the hospital's "today" is a constant, so that a document never depends on the
//! day it was made.

use std::fmt;

/// The last day of every history: 2025-12-31. Nothing generated lies after it.
pub const TODAY: Day = Day::of(2025, 12, 31);

pub const MINUTE_S: i64 = 60;
pub const DAY_S: i64 = 86_400;

/// A day, counted from 1970-01-01 in the proleptic Gregorian calendar; shown as `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

/// Seconds since 1970-01-01T00:00:00Z; shown as a FHIR dateTime with offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

/// A moment shown as a FHIR instant with milliseconds.
pub struct Instant(pub Moment);

impl Day {
    /// Howard Hinnant's `days_from_civil`.
    pub const fn of(year: i64, month: i64, day: i64) -> Self {
        let y = if month <= 2 { year - 1 } else { year };
        let era = y.div_euclid(400);
        let yoe = y - era * 400;
        let doy = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        Self(era * 146_097 + doe - 719_468)
    }

    /// Howard Hinnant's `civil_from_days`: year, month, day.
    pub const fn civil(self) -> (i64, i64, i64) {
        let z = self.0 + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z - era * 146_097;
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + if month <= 2 { 1 } else { 0 };
        (year, month, doy - (153 * mp + 2) / 5 + 1)
    }

    pub const fn at(self, second: i64) -> Moment {
        Moment(self.0 * DAY_S + second)
    }

    /// Whole years from `self` to `later`.
    pub fn years_to(self, later: Day) -> i64 {
        let (y, m, d) = self.civil();
        let (ly, lm, ld) = later.civil();
        ly - y - i64::from((lm, ld) < (m, d))
    }
}

impl Moment {
    pub const fn day(self) -> Day {
        Day(self.0.div_euclid(DAY_S))
    }

    pub const fn plus_minutes(self, minutes: i64) -> Self {
        Self(self.0 + minutes * MINUTE_S)
    }

    pub const fn plus_days(self, days: i64) -> Self {
        Self(self.0 + days * DAY_S)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = self.0.rem_euclid(DAY_S);
        write!(
            f,
            "{}T{:02}:{:02}:{:02}+00:00",
            self.day(),
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let second = self.0.0.rem_euclid(DAY_S);
        let milli = self.0.0.rem_euclid(997);
        let day = self.0.day();
        write!(
            f,
            "{day}T{:02}:{:02}:{:02}.{milli:03}+00:00",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }
}
