//! What one PractitionerRole says. <https://hl7.org/fhir/R4/practitionerrole-definitions.html>

use super::{Assignment, DAY_S, Span, Weekly, Zone};
use crate::role_codes::RoleCodes;
use ward_fhir::Node;
use ward_fhir::date::{PartialDate, Precision, days_from_civil};

/// `availableTime` and `notAvailable` of one PractitionerRole.
const TIMES_MAX: usize = 64;
/// <http://hl7.org/fhir/days-of-week>
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const EVERY_DAY: u8 = 0x7f;

/// `None`: it gives no role. `availabilityExceptions` is text for people, and is passed over.
pub(super) fn assignment(role: Node<'_>, codes: &RoleCodes, zone: &dyn Zone) -> Option<Assignment> {
    let is_modified = |node: Node<'_>| node.name() == "modifierExtension";
    if role.descendants_and_self().any(is_modified) || !is_active(role) {
        return None;
    }
    let codings = role.all("code").flat_map(|concept| concept.all("coding"));
    let roles: Vec<String> = codings
        .filter_map(|coding| codes.role(coding).map(str::to_owned))
        .collect();
    if roles.is_empty()
        || role.all("availableTime").count() > TIMES_MAX
        || role.all("notAvailable").count() > TIMES_MAX
    {
        return None;
    }
    let is_always = role.get("availableTime").is_none();
    Some(Assignment {
        roles,
        period: match role.get("period") {
            None => Span::ALWAYS,
            Some(period) => span(period, zone)?,
        },
        weekly: (!is_always).then(|| role.all("availableTime").filter_map(weekly).collect()),
        away: role
            .all("notAvailable")
            .map(|away| away.get("during").and_then(|during| span(during, zone)))
            .map(|during| during.unwrap_or(Span::ALWAYS))
            .collect(),
    })
}

/// Without a value a role is taken to be active.
fn is_active(role: Node<'_>) -> bool {
    role.get("active")
        .is_none_or(|active| active.value() == Some("true"))
}

/// `None`: one of its sides is there and not told, or both are missing.
pub(super) fn span(period: Node<'_>, zone: &dyn Zone) -> Option<Span> {
    let side = |name: &str| match period.get(name) {
        None => Some(None),
        Some(side) => PartialDate::parse(side.value()?, false).map(Some),
    };
    let (start, end) = (side("start")?, side("end")?);
    if start.is_none() && end.is_none() {
        return None;
    }
    Some(Span {
        from_us: start.map_or(i64::MIN, |date| first_us(date, zone)),
        until_us: end.map_or(i64::MAX, |date| after_us(date, zone)),
    })
}

/// The first microsecond of a date where the site is, or of an instant.
fn first_us(date: PartialDate, zone: &dyn Zone) -> i64 {
    if date.offset_min.is_some() {
        return date.low_us();
    }
    let of_day = |hour: u8, minute: u8, second: u8| {
        u32::from(hour) * 3_600 + u32::from(minute) * 60 + u32::from(second)
    };
    zone.instant_us(
        days_from_civil(date.year, date.month, date.day),
        of_day(date.hour, date.minute, date.second),
    )
}

/// The first microsecond after it: the end of a Period is part of it.
fn after_us(date: PartialDate, zone: &dyn Zone) -> i64 {
    let next = |year, month| zone.instant_us(days_from_civil(year, month, 1), 0);
    match date.precision {
        _ if date.offset_min.is_some() => date.high_us().saturating_add(1),
        Precision::Year => next(date.year + 1, 1),
        Precision::Month if date.month == 12 => next(date.year + 1, 1),
        Precision::Month => next(date.year, date.month + 1),
        Precision::Day => zone.instant_us(days_from_civil(date.year, date.month, date.day) + 1, 0),
        _ => first_us(date, zone),
    }
}

/// `None`: hours that are not understood.
fn weekly(time: Node<'_>) -> Option<Weekly> {
    let mut days = 0;
    for day in time.all("daysOfWeek") {
        let at = DAYS.iter().position(|known| Some(*known) == day.value())?;
        days |= 1 << at;
    }
    let whole = Some((0, DAY_S));
    let (from_s, until_s) = match time.get("allDay").map(Node::value) {
        Some(Some("true")) => whole,
        Some(Some("false")) => hours(time),
        Some(_) => None,
        None if has_hours(time) => hours(time),
        // On these days, without a word of hours.
        None if days != 0 => whole,
        None => None,
    }?;
    Some(Weekly {
        days: if days == 0 { EVERY_DAY } else { days },
        from_s,
        until_s,
    })
}

fn has_hours(time: Node<'_>) -> bool {
    time.get("availableStartTime").is_some() || time.get("availableEndTime").is_some()
}

/// Both sides must be told. An end before the start is on the next day; of one that is the start nobody knows on which.
fn hours(time: Node<'_>) -> Option<(u32, u32)> {
    let from = second_of_day(time.text("availableStartTime")?)?;
    let until = second_of_day(time.text("availableEndTime")?)?;
    match from.cmp(&until) {
        std::cmp::Ordering::Less => Some((from, until)),
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => Some((from, until + DAY_S)),
    }
}

/// Of `hh:mm:ss`; what is less than a second is passed over.
fn second_of_day(text: &str) -> Option<u32> {
    let mut parts = text.split(':');
    let mut part = || parts.next()?.get(..2)?.parse::<u32>().ok();
    let (hour, minute, second) = (part()?, part()?, part()?);
    (hour < 24 && minute < 60 && second < 61).then_some(hour * 3_600 + minute * 60 + second)
}
