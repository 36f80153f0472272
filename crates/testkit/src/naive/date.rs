//! Dates are ranges: what the text leaves open is every instant it may mean. <https://hl7.org/fhir/R4/search.html#date>

use super::walk::flat;
use serde_json::Value;

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// First and last microsecond of a dateTime, Period or Timing; a missing end of a Period is open.
pub fn range(element: &Value) -> Option<(i64, i64)> {
    match element {
        Value::String(text) => parse(text),
        Value::Object(_) => period(element).or_else(|| timing(element)),
        _ => None,
    }
}

fn period(element: &Value) -> Option<(i64, i64)> {
    let end = |name: &str| element.get(name).and_then(Value::as_str).and_then(parse);
    match (end("start"), end("end")) {
        (None, None) => None,
        (start, end) => Some((
            start.map_or(i64::MIN, |s| s.0),
            end.map_or(i64::MAX, |e| e.1),
        )),
    }
}

/// Only the outer limits matter: those of the events and of the bounds, if they are a Period.
fn timing(element: &Value) -> Option<(i64, i64)> {
    let events = element.get("event").map(flat).unwrap_or_default();
    let events = events.into_iter().filter_map(Value::as_str);
    let mut ranges: Vec<(i64, i64)> = events.filter_map(parse).collect();
    ranges.extend(period(&element["repeat"]["boundsPeriod"]));
    let low = ranges.iter().map(|r| r.0).min()?;
    let high = ranges.iter().map(|r| r.1).max()?;
    Some((low, high))
}

/// `[prefix]date` against a range.
pub fn compare(value: &str, stored: (i64, i64), now_us: i64) -> bool {
    let (prefix, text) = prefix(value);
    let Some((mut low, mut high)) = parse(text) else {
        return false;
    };
    if prefix == "ap" {
        let tenth = (now_us - low).abs() / 10;
        (low, high) = (low - tenth, high + tenth);
    }
    holds(prefix, (low, high), stored)
}

/// The prefixes over the range of the search and that of the resource. <https://hl7.org/fhir/R4/search.html#prefix>
pub fn holds<T: PartialOrd + Copy>(prefix: &str, search: (T, T), stored: (T, T)) -> bool {
    let is_inside = stored.0 >= search.0 && stored.1 <= search.1;
    let reaches_above = stored.1 > search.1;
    let reaches_below = stored.0 < search.0;
    match prefix {
        "ne" => !is_inside,
        "gt" => reaches_above,
        "lt" => reaches_below,
        "ge" => reaches_above || is_inside,
        "le" => reaches_below || is_inside,
        "sa" => stored.0 > search.1,
        "eb" => stored.1 < search.0,
        "ap" => stored.1 >= search.0 && stored.0 <= search.1,
        _ => is_inside,
    }
}

pub fn prefix(value: &str) -> (&str, &str) {
    const PREFIXES: [&str; 9] = ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];
    match value.get(..2).filter(|start| PREFIXES.contains(start)) {
        Some(prefix) => (prefix, &value[2..]),
        None => ("eq", value),
    }
}

/// `yyyy[-mm[-dd[Thh:mm[:ss[.fff]]zone]]]`; no zone is UTC.
pub fn parse(text: &str) -> Option<(i64, i64)> {
    let (day, time) = match text.split_once('T') {
        Some((day, time)) => (day, Some(time)),
        None => (text, None),
    };
    let mut parts = day.split('-').map(|p| p.parse::<i64>().ok());
    let year = parts.next()??;
    let (month, day) = (parts.next().flatten(), parts.next().flatten());
    let first = days(year, month.unwrap_or(1)) + day.unwrap_or(1) - 1;
    let Some(time) = time else {
        let after = match (month, day) {
            (None, _) => days(year + 1, 1),
            (Some(12), None) => days(year + 1, 1),
            (Some(month), None) => days(year, month + 1),
            (Some(_), Some(_)) => first + 1,
        };
        return Some((first * DAY, after * DAY - 1));
    };
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone);
    let east_min = match zone {
        "" | "Z" => 0,
        text => {
            let (hours, minutes) = text[1..].split_once(':')?;
            let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
            if text.starts_with('-') {
                -minutes
            } else {
                minutes
            }
        }
    };
    let mut clock_parts = clock.split(':');
    let hours: i64 = clock_parts.next()?.parse().ok()?;
    let minutes: i64 = clock_parts.next()?.parse().ok()?;
    let start = first * DAY + (hours * 60 + minutes - east_min) * 60 * SECOND;
    Some(match clock_parts.next() {
        None => (start, start + 60 * SECOND - 1),
        Some(seconds) => {
            let (whole, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
            let start = start + whole.parse::<i64>().ok()? * SECOND;
            let unit = SECOND / 10_i64.pow(fraction.len().min(6) as u32);
            let digits: i64 = fraction.get(..fraction.len().min(6))?.parse().unwrap_or(0);
            (start + digits * unit, start + digits * unit + unit - 1)
        }
    })
}

/// Days from 1970-01-01 to the first of a month, counted year by year and month by month.
fn days(year: i64, month: i64) -> i64 {
    let is_leap = |y: i64| (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    let year_days = |y: i64| if is_leap(y) { 366 } else { 365 };
    let mut days: i64 = if year >= 1970 {
        (1970..year).map(year_days).sum()
    } else {
        -(year..1970).map(year_days).sum::<i64>()
    };
    for month in 1..month {
        days += match month {
            2 if is_leap(year) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
    }
    days
}
