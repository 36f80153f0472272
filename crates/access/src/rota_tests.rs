use super::*;
use ward_fhir::date::days_from_civil;
use ward_fhir::json;
use ward_fhir::schema::r4;
use ward_fhir::tree::Limits;

/// An hour ahead of UTC, and two from the last Sunday of March on, at 01:00 UTC of 2027.
#[derive(Debug)]
struct Town;

const HOUR_US: i64 = 3_600_000_000;
const MINUTE_US: i64 = 60_000_000;
const QUARTER: i64 = 15 * MINUTE_US;

impl Zone for Town {
    fn instant_us(&self, day: i64, second: u32) -> i64 {
        let wall = day * 24 * HOUR_US + i64::from(second) * 1_000_000;
        let ahead = if wall >= summer() + HOUR_US { 2 } else { 1 };
        wall - ahead * HOUR_US
    }

    fn shown(&self, at_us: i64) -> (i64, u32) {
        let ahead = if at_us >= summer() { 2 } else { 1 };
        let wall = (at_us + ahead * HOUR_US) / 1_000_000;
        (wall.div_euclid(86_400), wall.rem_euclid(86_400) as u32)
    }
}

fn summer() -> i64 {
    days_from_civil(2027, 3, 28) * 24 * HOUR_US + HOUR_US
}

/// What the clock on the wall shows in November 2026.
fn at(day: u8, hour: i64, minute: i64) -> i64 {
    days_from_civil(2026, 11, day) * 24 * HOUR_US + (hour - 1) * HOUR_US + minute * MINUTE_US
}

const NURSE: &str = r#""code":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/practitioner-role","code":"nurse"}]}]"#;

fn rota(roles: &[&str]) -> Rota {
    let ty = r4().resource_type("PractitionerRole");
    let documents: Vec<_> = roles
        .iter()
        .map(|rest| {
            let text = format!(r#"{{"resourceType":"PractitionerRole",{rest}}}"#);
            json::read(text.as_bytes(), ty, &Limits::default()).unwrap()
        })
        .collect();
    let nodes = documents.iter().map(|document| document.root());
    Rota::read(nodes, &RoleCodes::shipped(), &Town)
}

fn nurse(rest: &str) -> Rota {
    rota(&[&format!("{NURSE}{rest}")])
}

fn is_on(rota: &Rota, at_us: i64) -> bool {
    rota.roles_at(at_us, 0, &Town) == ["nurse"]
}

/// Monday to Friday, 07:00 to 19:00. 2026-11-30 is a Monday.
const DAYS_SHIFT: &str = r#","availableTime":[{"daysOfWeek":["mon","tue","wed","thu","fri"],"availableStartTime":"07:00:00","availableEndTime":"19:00:00"}]"#;

#[test]
fn at4_a_shift_begins_and_ends_by_the_clock_on_the_wall() {
    let rota = nurse(DAYS_SHIFT);
    for (day, hour, minute, on) in [
        (27, 6, 59, false),
        (27, 7, 0, true),
        (27, 18, 59, true),
        (27, 19, 0, false),
        (28, 12, 0, false),
        (29, 12, 0, false),
        (30, 7, 0, true),
    ] {
        assert_eq!(
            is_on(&rota, at(day, hour, minute)),
            on,
            "{day} {hour}:{minute}"
        );
    }
    assert_eq!(rota.next_us(at(27, 19, 1), &Town), Some(at(30, 7, 0)));
    assert_eq!(rota.next_us(at(27, 6, 0), &Town), Some(at(27, 7, 0)));
}

#[test]
fn at4_grace_follows_a_shift_and_does_not_precede_it() {
    let rota = nurse(DAYS_SHIFT);
    let on = |hour, minute| {
        !rota
            .roles_at(at(27, hour, minute), QUARTER, &Town)
            .is_empty()
    };
    assert!(on(19, 14) && !on(19, 15) && !on(6, 59) && on(7, 0));
}

#[test]
fn a_night_ends_on_the_next_day() {
    let night = r#","availableTime":[{"daysOfWeek":["fri"],"availableStartTime":"19:00:00","availableEndTime":"07:00:00"}]"#;
    let rota = nurse(night);
    assert!(is_on(&rota, at(27, 23, 0)) && is_on(&rota, at(28, 6, 59)));
    assert!(
        !is_on(&rota, at(28, 7, 0)) && !is_on(&rota, at(27, 6, 0)) && !is_on(&rota, at(28, 20, 0))
    );
    // Grace reaches over midnight of the day on which it ends.
    let late = nurse(
        r#","availableTime":[{"daysOfWeek":["thu"],"availableStartTime":"12:00:00","availableEndTime":"23:55:00"}]"#,
    );
    assert_eq!(late.roles_at(at(27, 0, 9), QUARTER, &Town), ["nurse"]);
    assert!(late.roles_at(at(27, 0, 10), QUARTER, &Town).is_empty());
}

#[test]
fn a_period_bounds_a_role_by_the_days_of_the_site() {
    let rota = nurse(r#","period":{"start":"2026-11-27","end":"2026-11-28"}"#);
    assert!(!is_on(&rota, at(26, 23, 59)) && is_on(&rota, at(27, 0, 0)));
    assert!(is_on(&rota, at(28, 23, 59)) && !is_on(&rota, at(29, 0, 0)));
    let rota = nurse(
        r#","period":{"start":"2026-11-27T07:00:00+01:00","end":"2026-11-27T19:00:00+01:00"}"#,
    );
    assert!(
        !is_on(&rota, at(27, 6, 59)) && is_on(&rota, at(27, 7, 0)) && is_on(&rota, at(27, 19, 0))
    );
    assert!(!is_on(&rota, at(27, 19, 1)));
    assert_eq!(rota.next_us(at(20, 0, 0), &Town), Some(at(27, 7, 0)));
    assert_eq!(rota.next_us(at(28, 0, 0), &Town), None);
    let month = nurse(r#","period":{"end":"2026-10"}"#);
    assert!(!is_on(&month, at(1, 0, 0)) && is_on(&month, at(1, 0, 0) - 1));
    let both = nurse(&format!(
        r#"{DAYS_SHIFT},"period":{{"start":"2026-12-01"}}"#
    ));
    assert!(!is_on(&both, at(30, 12, 0)));
    assert_eq!(
        both.next_us(at(30, 12, 0), &Town),
        Some(at(30, 7, 0) + 24 * HOUR_US)
    );
}

#[test]
fn an_absence_takes_its_time_out() {
    let leave = r#","notAvailable":[{"description":"leave","during":{"start":"2026-11-27T10:00:00+01:00","end":"2026-11-27T11:59:59+01:00"}}]"#;
    let rota = nurse(&format!("{DAYS_SHIFT}{leave}"));
    assert!(is_on(&rota, at(27, 9, 59)) && !is_on(&rota, at(27, 10, 0)));
    assert!(!is_on(&rota, at(27, 11, 59)) && is_on(&rota, at(27, 12, 0)));
    assert_eq!(rota.next_us(at(27, 10, 30), &Town), Some(at(27, 12, 0)));
    // Nobody says when.
    for unknown in [
        r#"{"description":"some day"}"#,
        r#"{"description":"x","during":{"id":"a"}}"#,
    ] {
        let rota = nurse(&format!(r#","notAvailable":[{unknown}]"#));
        assert!(
            !rota.is_empty() && !is_on(&rota, at(27, 12, 0)),
            "{unknown}"
        );
        assert_eq!(rota.next_us(at(27, 12, 0), &Town), None);
    }
}

#[test]
fn hours_are_the_walls_when_clocks_change() {
    let rota = nurse(
        r#","availableTime":[{"daysOfWeek":["sat","sun"],"availableStartTime":"07:00:00","availableEndTime":"19:00:00"}]"#,
    );
    let saturday = days_from_civil(2027, 3, 27) * 24 * HOUR_US;
    assert_eq!(rota.next_us(saturday, &Town), Some(saturday + 6 * HOUR_US));
    let sunday = saturday + 24 * HOUR_US;
    assert_eq!(rota.next_us(sunday, &Town), Some(sunday + 5 * HOUR_US));
    assert!(is_on(&rota, sunday + 17 * HOUR_US - 1) && !is_on(&rota, sunday + 17 * HOUR_US));
}

#[test]
fn what_is_not_understood_gives_nothing() {
    let always = at(27, 12, 0);
    assert!(is_on(&nurse(""), always));
    assert!(is_on(&nurse(r#","active":true"#), always));
    for silent in [
        r#","active":false"#,
        r#","_active":{"id":"a"}"#,
        r#","period":{"id":"a"}"#,
        r#","period":{"_start":{"id":"a"},"end":"2027"}"#,
        r#","modifierExtension":[{"url":"urn:not","valueBoolean":true}]"#,
        r#","availableTime":[{"allDay":false}]"#,
        r#","availableTime":[{"id":"a"}]"#,
        r#","availableTime":[{"availableStartTime":"07:00:00"}]"#,
        r#","availableTime":[{"availableEndTime":"19:00:00"}]"#,
        r#","availableTime":[{"availableStartTime":"07:00:00","availableEndTime":"07:00:00"}]"#,
        r#","availableTime":[{"allDay":true,"_daysOfWeek":[{"id":"a"}]}]"#,
    ] {
        assert!(!is_on(&nurse(silent), always), "{silent}");
    }
    let all_day = nurse(
        r#","availableTime":[{"daysOfWeek":["fri"],"allDay":true,"availableStartTime":"01:00:00"}]"#,
    );
    assert!(is_on(&all_day, always) && !is_on(&all_day, at(28, 0, 0)));
    let named = nurse(r#","availableTime":[{"daysOfWeek":["fri"]}]"#);
    assert!(is_on(&named, always) && !is_on(&named, at(26, 12, 0)));
    for coding in [
        r#""active":true"#,
        r#""code":[{"text":"nurse"}]"#,
        r#""code":[{"coding":[{"system":"urn:other","code":"nurse"}]}]"#,
        r#""code":[{"coding":[{"code":"nurse"}]}]"#,
    ] {
        assert!(rota(&[coding]).is_empty(), "{coding}");
    }
}

#[test]
fn several_roles_are_united() {
    let doctor = r#""code":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/practitioner-role","code":"doctor"}]}],
        "availableTime":[{"daysOfWeek":["sat"],"allDay":true}]"#;
    let rota = rota(&[doctor, &format!("{NURSE}{DAYS_SHIFT}"), NURSE]);
    assert_eq!(
        rota.roles_at(at(28, 12, 0), 0, &Town),
        ["nurse", "physician"]
    );
    assert_eq!(rota.roles_at(at(27, 12, 0), 0, &Town), ["nurse"]);
}
