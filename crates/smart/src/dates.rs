//! Days and times for pages, in UTC. <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>

/// `12 March 2026`; empty for the beginning of time, which stands for not known.
pub(crate) fn day(seconds: i64) -> String {
    if seconds <= 0 {
        return String::new();
    }
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    format!("{day} {} {year}", MONTHS[month - 1])
}

/// `12 March 2026, 14:05 UTC`
pub(crate) fn moment(seconds: i64) -> String {
    let minutes = seconds.rem_euclid(86_400) / 60;
    format!(
        "{}, {:02}:{:02} UTC",
        day(seconds),
        minutes / 60,
        minutes % 60
    )
}

/// `2026-03-12`
pub(crate) fn iso_day(seconds: i64) -> String {
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    format!("{year:04}-{month:02}-{day:02}")
}

/// The beginning of a day such as `2026-03-12`; `None`: there is no such day, or it is before 1970.
pub(crate) fn from_iso_day(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = text.get(from..to)?;
        let all = digits.bytes().all(|b| b.is_ascii_digit());
        all.then(|| digits.parse().ok()).flatten()
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let march_based = (month + 9).rem_euclid(12);
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * march_based + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let seconds = days.checked_mul(86_400).filter(|seconds| *seconds >= 0)?;
    // What no calendar has (31 April) comes back as another day.
    (iso_day(seconds) == text).then_some(seconds)
}

/// `2026-03-12T14:05:09Z`, as FHIR writes an instant.
pub(crate) fn instant(seconds: i64) -> String {
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hours, minutes) = (of_day / 3600, of_day / 60 % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{:02}Z",
        of_day % 60
    )
}

/// Year, month and day of a day since 1970.
fn civil(days: i64) -> (i64, usize, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let march_based = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_based + 2) / 5 + 1;
    let month = if march_based < 10 {
        march_based + 3
    } else {
        march_based - 9
    };
    let year = year + era * 400 + i64::from(month <= 2);
    (year, usize::try_from(month).unwrap_or(1), day)
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments() {
        assert_eq!(day(1), "1 January 1970");
        assert_eq!(day(951_782_400), "29 February 2000");
        assert_eq!(moment(1_700_000_000), "14 November 2023, 22:13 UTC");
        assert_eq!(day(0), "");
        assert_eq!(instant(0), "1970-01-01T00:00:00Z");
        assert_eq!(instant(1_700_000_000), "2023-11-14T22:13:20Z");
    }

    #[test]
    fn days_are_read_as_they_are_written() {
        for seconds in [0, 86_400, 951_782_400, 1_699_920_000, 4_102_444_800] {
            assert_eq!(from_iso_day(&iso_day(seconds)), Some(seconds));
        }
        assert_eq!(iso_day(951_782_400), "2000-02-29");
        for bad in [
            "",
            "2026-02-29",
            "2026-04-31",
            "2026-13-01",
            "2026-00-10",
            "2026-1-1",
            "1969-12-31",
            "12026-01-01",
            "2026-01-01T",
            "2026/01/01",
            "+026-01-01",
            "²026-01-01",
        ] {
            assert_eq!(from_iso_day(bad), None, "{bad}");
        }
    }
}
