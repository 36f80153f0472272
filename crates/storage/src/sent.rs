//! When other systems say that something was recorded (`AuditEvent.recorded`), where that is far from when it came.
//!
//! Records are found by when they came. What says that it was recorded within [`NEAR_US`] of that is found by it, too; of what says another time the
//! day is among the keys, and the spans of 8, 64, 512, … days that it lies in, so that any range of time is a hundred keys at most.

use ward_fhir::date::PartialDate;

/// How far the clock of another system, and what it keeps before it sends it, may be away for its events to be found by when they came.
pub const NEAR_US: i64 = 86_400_000_000;
const DAY_US: i64 = 86_400_000_000;
/// Days are counted from before the year 1, in whatever zone.
const FIRST_DAY: i64 = -719_200;
/// A span holds so many of the next smaller ones, in bits.
const SPAN_BITS: u32 = 3;
/// The largest spans are of 8^7 days: two of them reach beyond the year 9999.
const LEVELS: u32 = 8;
const LAST_DAY: i64 = (1 << (SPAN_BITS * LEVELS)) - 1;

/// The names under which an event stands that says it was recorded at a time and came at another; none where they are near.
pub(crate) fn names(recorded: &str, came_us: i64) -> Vec<String> {
    let Some(date) = PartialDate::parse(recorded, true) else {
        return Vec::new();
    };
    let is_near = |us: i64| us.abs_diff(came_us) <= NEAR_US.unsigned_abs();
    if is_near(date.low_us()) && is_near(date.high_us()) {
        return Vec::new();
    }
    let day = day_of(date.low_us());
    let spans = (0..LEVELS).map(|level| name(level, day >> (SPAN_BITS * level)));
    spans.collect()
}

/// The names of which each event that stands under any was recorded within the times has one; others may have one, too, of a day around.
pub fn names_between(from_us: Option<i64>, until_us: Option<i64>) -> Vec<String> {
    let mut from = from_us.map_or(0, |from_us| day_of(from_us) - 1).max(0);
    let mut to = until_us.map_or(LAST_DAY, |until_us| day_of(until_us) + 1);
    let (mut names, last) = (Vec::new(), (1 << SPAN_BITS) - 1);
    for level in 0..LEVELS {
        let is_top = level + 1 == LEVELS;
        while from <= to && (is_top || from & last != 0) {
            names.push(name(level, from));
            from += 1;
        }
        while from <= to && to & last != last {
            names.push(name(level, to));
            to -= 1;
        }
        if from > to {
            break;
        }
        (from, to) = (from >> SPAN_BITS, to >> SPAN_BITS);
    }
    names
}

fn day_of(us: i64) -> i64 {
    (us.div_euclid(DAY_US) - FIRST_DAY).clamp(0, LAST_DAY)
}

/// No resource is called so.
fn name(level: u32, span: i64) -> String {
    format!("recorded {level} {span}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn us(text: &str) -> i64 {
        PartialDate::parse(text, true).unwrap().low_us()
    }

    const CAME: &str = "2026-12-01T12:00:00Z";

    #[test]
    fn what_is_near_stands_under_nothing() {
        for recorded in [
            "2026-12-01T12:00:00Z",
            "2026-12-02T11:59:59Z",
            "2026-11-30T12:00:00Z",
            "2026-12-02T23:00:00+14:00",
            "no time",
        ] {
            assert_eq!(names(recorded, us(CAME)), [""; 0], "{recorded}");
        }
        for recorded in [
            "2026-12-02T12:00:00Z",
            "2026-11-30T11:59:59.999Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-12:00",
        ] {
            assert_eq!(
                names(recorded, us(CAME)).len(),
                LEVELS as usize,
                "{recorded}"
            );
        }
    }

    #[test]
    fn any_range_of_time_is_a_few_names() {
        let times = [
            "0001-01-01T00:00:00+14:00",
            "0001-01-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00Z",
            "2024-02-29T10:00:00-05:00",
            "2026-11-29T00:00:00Z",
            "2026-12-03T00:00:00Z",
            "2027-01-01T00:00:00Z",
            "2126-06-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59-12:00",
        ];
        let bounds = || [None].into_iter().chain(times.map(|time| Some(us(time))));
        for (from_us, until_us) in
            bounds().flat_map(|from| bounds().map(move |until| (from, until)))
        {
            let asked: BTreeSet<String> = names_between(from_us, until_us).into_iter().collect();
            assert!(asked.len() <= 120, "{}", asked.len());
            for time in times {
                let at_us = us(time);
                let is_within = from_us.is_none_or(|from| from <= at_us)
                    && until_us.is_none_or(|until| at_us < until);
                let is_found = names(time, us(CAME))
                    .iter()
                    .filter(|name| asked.contains(*name))
                    .count();
                assert!(
                    is_found == 1 || !is_within && is_found == 0,
                    "{time} in {from_us:?} to {until_us:?}: {is_found}"
                );
            }
        }
        // Years away nothing is found.
        let asked = names_between(
            Some(us("2026-01-01T00:00:00Z")),
            Some(us("2026-02-01T00:00:00Z")),
        );
        let other = names("2027-01-15T00:00:00Z", us(CAME));
        assert!(asked.len() <= 33 && !other.iter().any(|name| asked.contains(name)));
    }
}
