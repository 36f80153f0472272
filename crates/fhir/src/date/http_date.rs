//! Dates of HTTP headers. <https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7>

use super::civil::{civil_from_days, days_from_civil, days_in_month};

/// `Sun, 22 Nov 2026 14:03:07 GMT` of microseconds since 1970.
pub fn http_date(us: i64) -> String {
    let seconds = us.div_euclid(1_000_000);
    let (days, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    // 1970-01-01 was a Thursday.
    let weekday = WEEKDAYS[(days + 4).rem_euclid(7) as usize];
    let month = MONTHS[usize::from(month) - 1];
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{weekday}, {day:02} {month} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

/// Microseconds since 1970 of any of the three forms a recipient must accept; the weekday is not checked.
pub fn parse_http_date(text: &str) -> Option<i64> {
    let words: Vec<&str> = text
        .split([' ', '-', ','])
        .filter(|w| !w.is_empty())
        .collect();
    let (day, month, year, time) = match words[..] {
        // Sun, 06 Nov 1994 08:49:37 GMT, and Sunday, 06-Nov-94 08:49:37 GMT
        [_, day, month, year, time, "GMT"] => (day, month, year, time),
        // Sun Nov  6 08:49:37 1994
        [_, month, day, time, year] => (day, month, year, time),
        _ => return None,
    };
    let month = MONTHS.iter().position(|m| *m == month)? as u8 + 1;
    let year = match (year.len(), digits(year)?) {
        (4, year) => year,
        (2, year) if year < 70 => 2000 + year,
        (2, year) => 1900 + year,
        _ => return None,
    } as i32;
    let day = digits(day)? as u8;
    if !(1..=days_in_month(year, month)).contains(&day) {
        return None;
    }
    let seconds = clock(time)?;
    Some((days_from_civil(year, month, day) * 86_400 + seconds) * 1_000_000)
}

/// Seconds of the day of `hh:mm:ss`.
fn clock(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let mut next = |max| {
        let part = parts.next().filter(|p| p.len() == 2)?;
        digits(part).filter(|n| *n <= max)
    };
    let (hour, minute, second) = (next(23)?, next(59)?, next(60)?);
    parts
        .next()
        .is_none()
        .then_some(i64::from(hour * 3_600 + minute * 60 + second))
}

/// At most four decimal digits.
fn digits(text: &str) -> Option<u32> {
    let is_number = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if is_number { text.parse().ok() } else { None }
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
