use super::*;

fn parse(text: &str) -> PartialDate {
    PartialDate::parse(text, false).unwrap_or_else(|| panic!("{text}"))
}

fn range(text: &str) -> (String, String) {
    let date = parse(text);
    (instant_text(date.low_us()), instant_text(date.high_us()))
}

#[test]
fn a_partial_date_covers_its_whole_range() {
    let cases = [
        (
            "2023",
            "2023-01-01T00:00:00.000Z",
            "2023-12-31T23:59:59.999Z",
        ),
        (
            "2024-02",
            "2024-02-01T00:00:00.000Z",
            "2024-02-29T23:59:59.999Z",
        ),
        (
            "2023-02",
            "2023-02-01T00:00:00.000Z",
            "2023-02-28T23:59:59.999Z",
        ),
        (
            "2000-02-29",
            "2000-02-29T00:00:00.000Z",
            "2000-02-29T23:59:59.999Z",
        ),
        (
            "2023-12-31T23:59:59Z",
            "2023-12-31T23:59:59.000Z",
            "2023-12-31T23:59:59.999Z",
        ),
        (
            "2023-06-01T00:30:00+02:00",
            "2023-05-31T22:30:00.000Z",
            "2023-05-31T22:30:00.999Z",
        ),
        (
            "2023-06-01T20:30:00.5-05:30",
            "2023-06-02T02:00:00.500Z",
            "2023-06-02T02:00:00.599Z",
        ),
        (
            "0001",
            "0001-01-01T00:00:00.000Z",
            "0001-12-31T23:59:59.999Z",
        ),
        (
            "9999-12-31",
            "9999-12-31T00:00:00.000Z",
            "9999-12-31T23:59:59.999Z",
        ),
        (
            "1969-12-31T23:59:59.999Z",
            "1969-12-31T23:59:59.999Z",
            "1969-12-31T23:59:59.999Z",
        ),
    ];
    for (text, low, high) in cases {
        assert_eq!(range(text), (low.into(), high.into()), "{text}");
    }
    let fine = parse("2023-06-01T00:00:00.123456789Z");
    assert_eq!(
        (fine.nanos, fine.precision),
        (123_456_789, Precision::Fraction(9))
    );
    assert_eq!(fine.low_us(), fine.high_us());
}

#[test]
fn days_that_do_not_exist_are_refused() {
    for text in [
        "2023-02-29",
        "1900-02-29",
        "2023-04-31",
        "2023-00",
        "2023-13",
        "2023-01-00",
        "2023-01-32",
        "0000",
        "203",
        "20233",
        "2023-1",
        "2023-01-1",
        "2023-01-01T",
        "2023-01-01T10",
        "2023-01-01T10:00",
        "2023-01-01T24:00:00Z",
        "2023-01-01T10:60:00Z",
        "2023-01-01T10:00:61Z",
        "2023-01-01T10:00:00.Z",
        "2023-01-01T10:00:00+14:01",
        "2023-01-01T10:00:00+1:00",
        "2023-01-01T10:00:00z",
        "2023-01-01 10:00:00Z",
        "2023-01-01T10:00:00Zx",
        "+2023",
        "٢٠٢٣",
    ] {
        assert_eq!(PartialDate::parse(text, false), None, "{text}");
    }
    assert!(PartialDate::parse("2024-02-29", false).is_some());
    assert!(PartialDate::parse("2016-12-31T23:59:60Z", false).is_some());
}

#[test]
fn only_search_values_may_leave_out_seconds() {
    let date = PartialDate::parse("2023-01-01T10:05Z", true).unwrap();
    assert_eq!(
        (date.precision, date.offset_min),
        (Precision::Minute, Some(0))
    );
    assert_eq!(date.high_us() - date.low_us(), 59_999_999);
    let local = PartialDate::parse("2023-01-01T10:05", true).unwrap();
    assert_eq!((local.low_us(), local.offset_min), (date.low_us(), None));
}

#[test]
fn every_day_goes_there_and_back() {
    let mut expected = days_from_civil(1, 1, 1);
    for year in 1..=2401 {
        for month in 1..=12 {
            for day in 1..=civil::days_in_month(year, month) {
                assert_eq!(days_from_civil(year, month, day), expected);
                assert_eq!(civil_from_days(expected), (year, month, day));
                expected += 1;
            }
        }
    }
    assert_eq!(days_from_civil(1970, 1, 1), 0);
}

#[test]
fn http_dates_in_three_forms() {
    let us = 784_111_777_000_000;
    assert_eq!(http_date(us), "Sun, 06 Nov 1994 08:49:37 GMT");
    for text in [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
    ] {
        assert_eq!(parse_http_date(text), Some(us), "{text}");
    }
    assert_eq!(http_date(-1_000_000), "Wed, 31 Dec 1969 23:59:59 GMT");
    for text in [
        "",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT",
        "1994-11-06",
        "a b c d e f",
    ] {
        assert_eq!(parse_http_date(text), None, "{text}");
    }
}

#[test]
fn times() {
    for good in ["00:00:00", "23:59:60", "10:00:00.123"] {
        assert!(is_time(good), "{good}");
    }
    for bad in [
        "",
        "24:00:00",
        "12:05",
        "12:05:00Z",
        "12:05:00.",
        "1:05:00",
        "T12:05:00",
    ] {
        assert!(!is_time(bad), "{bad}");
    }
}
