use std::cmp::Ordering;

use super::*;

fn decimal(text: &str) -> Decimal {
    parse_decimal(text).expect(text)
}

fn date_time(text: &str) -> Temporal {
    Temporal::parse(Kind::DateTime, text).expect(text)
}

#[test]
fn temporal_text_comes_back() {
    for text in [
        "2015",
        "2015-02",
        "2015-02-04",
        "2015-02-04T14",
        "2015-02-04T14:34Z",
        "2015-02-04T14:34:28.120-05:30",
    ] {
        assert_eq!(date_time(text).to_string(), text);
    }
    for text in ["14", "14:34", "14:34:28.000000001"] {
        assert_eq!(
            Temporal::parse(Kind::Time, text).expect(text).to_string(),
            text
        );
    }
}

#[test]
fn bad_temporals_are_none() {
    for text in [
        "",
        "201",
        "0000",
        "2015-13",
        "2015-02-30",
        "2015-2-4",
        "2015-02-04T24:00",
        "2015-02-04T10:60",
        "2015-02T10",
        "2015-02-04T10:00+15:00",
        "2015-02-04x",
        "é015",
    ] {
        assert!(Temporal::parse(Kind::DateTime, text).is_none(), "{text}");
    }
    assert!(Temporal::parse(Kind::Date, "2015-02-04T10").is_none());
    assert!(Temporal::parse(Kind::Time, "10:00Z").is_none());
}

#[test]
fn temporals_compare_as_far_as_they_are_known() {
    let order = |a: &str, b: &str| date_time(a).compare(&date_time(b));
    assert_eq!(order("2018-03", "2018-03-01"), None);
    assert_eq!(order("2018-03", "2018-04-01"), Some(Ordering::Less));
    assert_eq!(
        order("2018-03-01T10:00:00Z", "2018-03-01T12:00:00+02:00"),
        Some(Ordering::Equal)
    );
    assert_eq!(order("2018-03-01T10:00:00Z", "2018-03-01T10:00:00"), None);
    assert_eq!(
        order("2018-03-01T10:00:00Z", "2018-03-05T10:00:00"),
        Some(Ordering::Less)
    );
    assert_eq!(
        order("2018-12-31T23:30:00-01:00", "2019-01-01T00:30:00Z"),
        Some(Ordering::Equal)
    );
}

#[test]
fn temporals_move() {
    let moved = |text: &str, amount: &str, unit| {
        date_time(text)
            .add(decimal(amount), unit)
            .expect(text)
            .map(|t| t.to_string())
    };
    assert_eq!(
        moved("2020-02-29", "1", TimeUnit::Year).as_deref(),
        Some("2021-02-28")
    );
    assert_eq!(
        moved("2020-01-31", "1", TimeUnit::Month).as_deref(),
        Some("2020-02-29")
    );
    assert_eq!(
        moved("2020-01-31", "-1", TimeUnit::Month).as_deref(),
        Some("2019-12-31")
    );
    assert_eq!(
        moved("2014", "24", TimeUnit::Month).as_deref(),
        Some("2016")
    );
    assert_eq!(
        moved("2014", "23", TimeUnit::Month).as_deref(),
        Some("2015")
    );
    assert_eq!(
        moved("2014-01", "60", TimeUnit::Day).as_deref(),
        Some("2014-03")
    );
    assert_eq!(
        moved("2014-01-01", "49", TimeUnit::Hour).as_deref(),
        Some("2014-01-03")
    );
    assert_eq!(
        moved("2014-12-31T23:59:59.5Z", "0.5", TimeUnit::Second).as_deref(),
        Some("2015-01-01T00:00:00.0Z")
    );
    assert_eq!(moved("9999-12-31", "1", TimeUnit::Day), None);
    assert_eq!(moved("0001-01-01", "-1", TimeUnit::Day), None);
    assert_eq!(
        moved("2014", "79228162514264337593543950335", TimeUnit::Year),
        None
    );
    let time = Temporal::parse(Kind::Time, "23:30").expect("time");
    assert_eq!(
        time.add(decimal("45"), TimeUnit::Minute)
            .expect("fits")
            .map(|t| t.to_string())
            .as_deref(),
        Some("00:15")
    );
    assert!(time.add(decimal("1"), TimeUnit::Day).is_err());
}

#[test]
fn quantities_compare_through_their_units() {
    let order = |a: &str, x: &'static str, b: &str, y: &'static str| {
        Quantity::new(decimal(a), x).compare(&Quantity::new(decimal(b), y))
    };
    assert_eq!(order("1", "kg", "1000", "g"), Some(Ordering::Equal));
    assert_eq!(
        order("1", "[lb_av]", "453.59237", "g"),
        Some(Ordering::Equal)
    );
    assert_eq!(order("1", "mmol/L", "1", "mol/m3"), Some(Ordering::Equal));
    assert_eq!(order("90", "/min", "1.5", "Hz"), Some(Ordering::Equal));
    assert_eq!(order("1", "mg/dL", "10", "mg/L"), Some(Ordering::Equal));
    assert_eq!(order("760", "mm[Hg]", "1", "atm"), Some(Ordering::Less));
    assert_eq!(order("1", "10*3/uL", "1", "10*9/L"), Some(Ordering::Equal));
    assert_eq!(
        order("1", "{beats}/min", "1", "/min"),
        Some(Ordering::Equal)
    );
    assert_eq!(order("1", "week", "7", "d"), Some(Ordering::Equal));
    assert_eq!(order("1", "year", "12", "month"), Some(Ordering::Equal));
    assert_eq!(order("1", "year", "365.25", "d"), None);
    assert_eq!(order("1", "m", "1", "s"), None);
    assert_eq!(order("1", "Cel", "1", "K"), None);
    assert_eq!(order("1", "furlong", "1", "m"), None);
    assert_eq!(order("1", "furlong", "2", "furlong"), Some(Ordering::Less));
    assert_eq!(order("79228162514264337593543950335", "kg", "1", "g"), None);
}

#[test]
fn every_unit_of_the_table_is_readable() {
    for code in [
        "[MET]", "u", "eV", "m[H2O]", "deg", "'", "[in_us]", "Ci", "[kn_i]", "cal", "lx", "kat",
        "%", "[cin_i]",
    ] {
        assert!(ucum::parse(code).is_some(), "{code}");
    }
    for bad in [
        "", "1kg", "kg.", "(kg", "kg)", "m-", "m99", "é", "{", "10*99",
    ] {
        assert!(ucum::parse(bad).is_none(), "{bad}");
    }
}

#[test]
fn quantity_texts() {
    let text = |t: &str| parse_quantity(t).map(|q| q.to_string());
    assert_eq!(text("1.50 'mg'").as_deref(), Some("1.50 'mg'"));
    assert_eq!(text("-4 days").as_deref(), Some("-4 days"));
    assert_eq!(text("+3").as_deref(), Some("3 '1'"));
    for bad in ["", "mg", "1 mg", "1.", ".5", "1 'a'b'", "1 ''", "1-2", "1 "] {
        assert_eq!(text(bad), None, "{bad}");
    }
}

#[test]
fn number_texts() {
    assert_eq!(
        parse_decimal("1.10").map(|d| d.to_string()).as_deref(),
        Some("1.10")
    );
    assert_eq!(parse_decimal("1.5e3"), Some(Decimal::from(1500)));
    assert!(parse_decimal("0.12345678901234567890123456789012345").is_some());
    assert!(parse_decimal("1e400").is_none());
    assert_eq!(parse_integer("2147483648"), None);
    assert_eq!(parse_integer("-2147483648"), Some(-2_147_483_648));
}
