//! The clock on the wall where the site is.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ward_access::Zone;
use ward_fhir::date::{civil_from_days, days_from_civil, instant_text};

/// The time zone of a site. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WallClock {
    zone: TimeZone,
    name: String,
}

const SECOND_US: i64 = 1_000_000;
const DAY_S: i64 = 86_400;

impl WallClock {
    /// A name of the IANA database (`Europe/Berlin`), where the system has it, or a rule as POSIX writes it
    /// (`CET-1CEST,M3.5.0,M10.5.0/3`), which needs no database.
    pub fn named(name: &str) -> Result<WallClock, String> {
        let zone = match name {
            "UTC" => Ok(TimeZone::UTC),
            _ => TimeZone::get(name).or_else(|_| TimeZone::posix(name)),
        };
        let zone = zone.map_err(|_| {
            format!(
                "`{name}` is no time zone that this system knows; install its time zone database (tzdata), or write the rule, such as CET-1CEST,M3.5.0,M10.5.0/3"
            )
        })?;
        Ok(WallClock {
            zone,
            name: name.to_owned(),
        })
    }

    /// For people: `2026-11-30 07:00 (Europe/Berlin)`.
    pub fn text(&self, at_us: i64) -> String {
        let (day, second) = self.shown(at_us);
        let wall = instant_text((day * DAY_S + i64::from(second)) * SECOND_US);
        format!("{} {} ({})", &wall[..10], &wall[11..16], self.name)
    }
}

impl Default for WallClock {
    fn default() -> WallClock {
        WallClock {
            zone: TimeZone::UTC,
            name: "UTC".to_owned(),
        }
    }
}

impl Zone for WallClock {
    fn instant_us(&self, day: i64, second: u32) -> i64 {
        let utc = || (day * DAY_S + i64::from(second)).saturating_mul(SECOND_US);
        let (year, month, day_of_month) = civil_from_days(day);
        let part = |n: u32| i8::try_from(n).unwrap_or(0);
        let wall = i16::try_from(year).ok().and_then(|year| {
            DateTime::new(
                year,
                part(month.into()),
                part(day_of_month.into()),
                part(second / 3_600),
                part(second / 60 % 60),
                part(second % 60),
                0,
            )
            .ok()
        });
        // Beyond the years that a clock shows its offset does not matter.
        wall.and_then(|wall| self.zone.to_ambiguous_timestamp(wall).compatible().ok())
            .map_or_else(utc, Timestamp::as_microsecond)
    }

    fn shown(&self, at_us: i64) -> (i64, u32) {
        let at = Timestamp::from_microsecond(at_us).unwrap_or(match at_us < 0 {
            true => Timestamp::MIN,
            false => Timestamp::MAX,
        });
        let wall = self.zone.to_datetime(at);
        let part = |n: i8| u8::try_from(n).unwrap_or(0);
        let day = days_from_civil(wall.year().into(), part(wall.month()), part(wall.day()));
        let second = u32::from(part(wall.hour())) * 3_600
            + u32::from(part(wall.minute())) * 60
            + u32::from(part(wall.second()));
        (day, second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

    #[test]
    fn a_rule_says_what_the_wall_shows() {
        let clock = WallClock::named(BERLIN).unwrap();
        for (year, month, day, hour, ahead) in [(2026, 11, 30, 7, 1), (2026, 7, 1, 7, 2)] {
            let day = days_from_civil(year, month, day);
            let at = clock.instant_us(day, hour * 3_600);
            assert_eq!(
                at,
                (day * DAY_S + i64::from(hour) * 3_600 - ahead * 3_600) * SECOND_US
            );
            assert_eq!(clock.shown(at), (day, hour * 3_600));
        }
        let at = clock.instant_us(days_from_civil(2026, 11, 30), 7 * 3_600);
        assert_eq!(clock.text(at), format!("2026-11-30 07:00 ({BERLIN})"));
    }

    #[test]
    fn hours_that_are_left_out_and_shown_twice_have_a_moment() {
        let clock = WallClock::named(BERLIN).unwrap();
        let spring = days_from_civil(2027, 3, 28);
        let at = clock.instant_us(spring, 2 * 3_600 + 1_800);
        assert_eq!(clock.shown(at), (spring, 3 * 3_600 + 1_800));
        let autumn = days_from_civil(2026, 10, 25);
        let first = clock.instant_us(autumn, 2 * 3_600);
        assert_eq!(clock.shown(first + 3_600 * SECOND_US), (autumn, 2 * 3_600));
    }

    #[test]
    fn every_moment_has_an_answer() {
        let clock = WallClock::named(BERLIN).unwrap();
        for at in [i64::MIN, i64::MIN / 2, 0, i64::MAX] {
            let (day, second) = clock.shown(at);
            assert!(second < 86_400);
            clock.instant_us(day, second);
        }
        assert!(clock.instant_us(i64::from(i32::MAX), 0) > 0);
        assert!(WallClock::named("Nowhere/Town").is_err() && WallClock::named("").is_err());
        assert_eq!(WallClock::named("UTC").unwrap().shown(0), (0, 0));
    }
}
