//! What people would rather look at than read: accesses along time, how many there were, and who saw whom.

use super::events::{Told, named, told};
use super::filter::{Asked, DAY_S, link};
use super::{Auditor, MAP, TIMELINE, VOLUME};
use crate::answer::OAuthError;
use crate::dates;
use crate::page::{
    AccessMap, AuditFilter, Timeline, TimelinePoint, TimelineRow, Volume, VolumeBar,
};
use crate::records::{cursor_of, matches};
use serde_json::Value;

/// Events that a picture is made of, the newest; more are said to be there.
const EVENTS_MAX: usize = 1_000;
/// Bytes of the events that are looked at for a picture or a file: other systems send up to 256 KiB in one.
const BYTES_MAX: usize = 32 << 20;
const AT_ONCE: &str = "200";
/// Rows of a timeline, and people or patients of a map: those with the most accesses.
const ROWS_MAX: usize = 30;
/// Parts of the time of which the events are counted, each by a search of its own.
const BARS_MAX: i64 = 31;

/// A row for each person where a patient is looked for, else for each patient.
pub(super) async fn timeline(
    auditor: &Auditor<'_>,
    filter: &AuditFilter,
    asked: &Asked,
) -> Result<Result<Timeline, String>, OAuthError> {
    let found = match newest(auditor, asked, EVENTS_MAX, Keeping::Told).await? {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    let by_person = !filter.patient.is_empty() || filter.user.is_empty();
    let mut rows: Vec<((String, String), Vec<&Told>)> = Vec::new();
    for told in &found.events {
        let whose = if by_person { &told.user } else { &told.patient };
        match rows.iter_mut().find(|(known, _)| known == whose) {
            Some((_, events)) => events.push(told),
            None => rows.push((whose.clone(), vec![told])),
        }
    }
    rows.sort_by_key(|(_, events)| std::cmp::Reverse(events.len()));
    let left_out = rows.len().saturating_sub(ROWS_MAX);
    rows.truncate(ROWS_MAX);
    let place = |at_s: i64| {
        let part = (at_s - asked.from_s).clamp(0, asked.to_s - asked.from_s);
        u32::try_from(part * 1_000 / (asked.to_s - asked.from_s)).unwrap_or(1_000)
    };
    let point = |told: &&Told| TimelinePoint {
        at: place(told.at_s),
        is_failed: told.is_failed,
        is_emergency: told.is_emergency,
    };
    let row = |(whose, events): &((String, String), Vec<&Told>)| TimelineRow {
        name: name(whose, by_person),
        link: link(&narrowed(filter, by_person, &whose.0, TIMELINE), &[]),
        points: events.iter().map(point).collect(),
    };
    Ok(Ok(Timeline {
        from: dates::day(asked.from_s),
        to: dates::day(asked.to_s - 1),
        rows: rows.iter().map(row).collect(),
        more: found.more(left_out),
    }))
}

pub(super) async fn volume(
    auditor: &Auditor<'_>,
    filter: &AuditFilter,
    asked: &Asked,
) -> Result<Result<Volume, String>, OAuthError> {
    let days = (asked.to_s - asked.from_s) / DAY_S;
    // Hours of a single day; else whole days, several together where there are many.
    let part_s = match days {
        ..=1 => 3_600,
        _ => DAY_S * ((days + BARS_MAX - 1) / BARS_MAX),
    };
    let mut bars = Vec::new();
    let mut from_s = asked.from_s;
    while from_s < asked.to_s {
        let to_s = (from_s + part_s).min(asked.to_s);
        let counting = [("_summary", "count"), ("_total", "accurate")];
        let search = asked.between((from_s, to_s), &counting);
        let bundle = match auditor.records.bundle("AuditEvent", search).await? {
            Ok(bundle) => bundle,
            Err(why) => return Ok(Err(why)),
        };
        let of_days = AuditFilter {
            from: dates::iso_day(from_s),
            to: dates::iso_day(to_s - 1),
            way: if part_s > DAY_S {
                VOLUME.to_owned()
            } else {
                String::new()
            },
            ..filter.clone()
        };
        bars.push(VolumeBar {
            from: match part_s < DAY_S {
                true => format!("{:02}:00", from_s.rem_euclid(DAY_S) / 3_600),
                false => dates::day(from_s),
            },
            link: link(&of_days, &[]),
            events: bundle["total"].as_u64().unwrap_or(0),
        });
        from_s = to_s;
    }
    Ok(Ok(Volume { bars }))
}

pub(super) async fn map(
    auditor: &Auditor<'_>,
    filter: &AuditFilter,
    asked: &Asked,
) -> Result<Result<AccessMap, String>, OAuthError> {
    let found = match newest(auditor, asked, EVENTS_MAX, Keeping::Told).await? {
        Ok(found) => found,
        Err(why) => return Ok(Err(why)),
    };
    let events = || {
        found
            .events
            .iter()
            .filter(|told| !told.patient.0.is_empty())
    };
    let (people, fewer_people) = most_of(events().map(|told| &told.user));
    let (patients, fewer_patients) = most_of(events().map(|told| &told.patient));
    let mut accesses: Vec<(usize, usize, u32)> = Vec::new();
    for told in events() {
        let person = people.iter().position(|known| *known == told.user);
        let patient = patients.iter().position(|known| *known == told.patient);
        let Some((person, patient)) = person.zip(patient) else {
            continue;
        };
        match accesses
            .iter_mut()
            .find(|(a, b, _)| (*a, *b) == (person, patient))
        {
            Some((_, _, times)) => *times += 1,
            None => accesses.push((person, patient, 1)),
        }
    }
    let linked = |whose: &(String, String), is_person: bool| {
        let narrowed = narrowed(filter, is_person, &whose.0, MAP);
        (name(whose, is_person), link(&narrowed, &[]))
    };
    Ok(Ok(AccessMap {
        people: people.iter().map(|whose| linked(whose, true)).collect(),
        patients: patients.iter().map(|whose| linked(whose, false)).collect(),
        accesses,
        more: found.more(fewer_people + fewer_patients),
    }))
}

/// The filter with one person or patient more.
fn narrowed(filter: &AuditFilter, is_person: bool, reference: &str, way: &str) -> AuditFilter {
    let mut narrowed = AuditFilter {
        way: way.to_owned(),
        ..filter.clone()
    };
    match is_person {
        true => narrowed.user = reference.to_owned(),
        false => narrowed.patient = reference.to_owned(),
    }
    narrowed
}

fn name(whose: &(String, String), is_person: bool) -> String {
    match (named(whose), is_person) {
        (name, true) if name.is_empty() => "No person".to_owned(),
        (name, false) if name.is_empty() => "No patient".to_owned(),
        (name, _) => name,
    }
}

/// Those that come most often, and how many others there are.
fn most_of<'a>(all: impl Iterator<Item = &'a (String, String)>) -> (Vec<(String, String)>, usize) {
    let mut counted: Vec<(&(String, String), u32)> = Vec::new();
    for one in all {
        match counted.iter_mut().find(|(known, _)| *known == one) {
            Some((_, times)) => *times += 1,
            None => counted.push((one, 1)),
        }
    }
    counted.sort_by_key(|(_, times)| std::cmp::Reverse(*times));
    let left_out = counted.len().saturating_sub(ROWS_MAX);
    let most = counted.into_iter().take(ROWS_MAX);
    (most.map(|(one, _)| one.clone()).collect(), left_out)
}

pub(super) struct Found {
    pub(super) events: Vec<Told>,
    pub(super) resources: Vec<Value>,
    /// There are more.
    pub(super) goes_on: bool,
}

impl Found {
    /// What is not in the picture, in words.
    fn more(&self, left_out: usize) -> Option<String> {
        let newest = self.goes_on.then(|| {
            format!(
                "It is made of the newest {} events; choose fewer days to see the others.",
                self.events.len()
            )
        });
        let most = (left_out > 0).then(|| format!("{left_out} with fewer events are left out."));
        let sentences: Vec<String> = newest.into_iter().chain(most).collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }
}

/// What of events stays in memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    /// What is told of them.
    Told,
    /// The resources as well.
    Whole,
}

/// The newest events of the filter: so many at most, and as many as have [`BYTES_MAX`].
pub(super) async fn newest(
    auditor: &Auditor<'_>,
    asked: &Asked,
    most: usize,
    keeping: Keeping,
) -> Result<Result<Found, String>, OAuthError> {
    let (mut events, mut resources, mut bytes) = (Vec::new(), Vec::new(), 0);
    let mut cursor: Option<String> = None;
    loop {
        let mut more = vec![("_count", AT_ONCE), ("_sort", "-date"), ("_total", "none")];
        more.extend(cursor.as_deref().map(|cursor| ("_cursor", cursor)));
        let bundle = match auditor
            .records
            .bundle("AuditEvent", asked.search(&more))
            .await?
        {
            Ok(bundle) => bundle,
            Err(why) => return Ok(Err(why)),
        };
        cursor = cursor_of(&bundle, "next");
        let mut goes_on = cursor.is_some();
        for resource in matches(&bundle) {
            if events.len() == most || bytes >= BYTES_MAX {
                goes_on = true;
                break;
            }
            bytes += resource.to_string().len();
            events.push(told(&resource));
            resources.extend((keeping == Keeping::Whole).then_some(resource));
        }
        if !goes_on || events.len() == most || bytes >= BYTES_MAX {
            return Ok(Ok(Found {
                events,
                resources,
                goes_on,
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_come_most_often_come_first() {
        let one = |name: &str| (name.to_owned(), String::new());
        let (a, b) = (one("a"), one("b"));
        let (most, left_out) = most_of([&a, &b, &b].into_iter());
        assert_eq!((most, left_out), (vec![b, a], 0));
        let many: Vec<_> = (0..ROWS_MAX + 2).map(|n| one(&n.to_string())).collect();
        assert_eq!(most_of(many.iter()).1, 2);
    }

    #[test]
    fn what_is_left_out_is_said() {
        let found = |goes_on| Found {
            events: Vec::new(),
            resources: Vec::new(),
            goes_on,
        };
        assert_eq!(found(false).more(0), None);
        assert!(found(true).more(3).unwrap().contains("3 with fewer events"));
    }
}
