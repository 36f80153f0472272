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
    }
}
