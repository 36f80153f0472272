//! When a person is on duty, and in which roles: what the PractitionerRole resources of one practitioner say (C4).
//! <https://hl7.org/fhir/R4/practitionerrole.html>
//!
//! Unknown never permits: what cannot be understood of a role gives no role, and an absence of which nobody says when it is, is always.

mod reading;

use crate::role_codes::RoleCodes;
use std::fmt::Debug;
use ward_fhir::Node;

/// The clock on the wall of a site.
pub trait Zone: Send + Sync + Debug {
    /// Microseconds since 1970 at which it shows this second of this day, counted from 1970-01-01. Of a time that it shows twice
    /// the first; of one that it leaves out, the moment that comes as long after the day's beginning.
    fn instant_us(&self, day: i64, second: u32) -> i64;

    /// The day, counted from 1970-01-01, and the second of it that it shows.
    fn shown(&self, at_us: i64) -> (i64, u32);
}

/// The roles of one person, each with its times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rota(Vec<Assignment>);

/// One PractitionerRole.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Assignment {
    roles: Vec<String>,
    period: Span,
    /// `None`: at all times of the period.
    weekly: Option<Vec<Weekly>>,
    away: Vec<Span>,
}

/// Hours that come again every week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Weekly {
    /// A bit for each day on which they begin, Monday the lowest.
    days: u8,
    from_s: u32,
    /// Beyond [`DAY_S`]: on the next day.
    until_s: u32,
}

/// From a moment until just before another, in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from_us: i64,
    until_us: i64,
}

/// How far ahead the next time on duty is looked for.
pub const LOOK_AHEAD_DAYS: i64 = 28;
/// PractitionerRole resources of one person that are read.
pub const ASSIGNMENTS_MAX: usize = 100;
const DAY_S: u32 = 86_400;

impl Rota {
    /// Of PractitionerRole resources. One that is not active, has no code that stands for a role, or is not understood, gives nothing.
    pub fn read<'a>(
        roles: impl IntoIterator<Item = Node<'a>>,
        codes: &RoleCodes,
        zone: &dyn Zone,
    ) -> Rota {
        let read = |role| reading::assignment(role, codes, zone);
        Rota(roles.into_iter().filter_map(read).collect())
    }

    /// Whether nobody has given the person any role.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The roles of whoever is on duty at a moment or was `grace_us` before, in order, each once. Some µs.
    pub fn roles_at(&self, at_us: i64, grace_us: i64, zone: &dyn Zone) -> Vec<String> {
        let from = at_us.saturating_sub(grace_us);
        // A shift that began on the day before may go on.
        let days = zone.shown(from).0 - 1..=zone.shown(at_us).0;
        let is_now =
            |time: &Span| time.from_us <= at_us && at_us < time.until_us.saturating_add(grace_us);
        let on_duty = self
            .0
            .iter()
            .filter(|assignment| assignment.times(days.clone(), zone).iter().any(is_now));
        let mut roles: Vec<String> = on_duty.flat_map(|one| one.roles.iter().cloned()).collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }

    /// When the person is on duty next, in microseconds since 1970; `None`: not within [`LOOK_AHEAD_DAYS`], as far as hours of the
    /// week are concerned.
    pub fn next_us(&self, after_us: i64, zone: &dyn Zone) -> Option<i64> {
        let today = zone.shown(after_us).0;
        let times = self
            .0
            .iter()
            .flat_map(|one| one.times(today - 1..=today + LOOK_AHEAD_DAYS, zone));
        times
            .map(|time| time.from_us)
            .filter(|from| *from > after_us)
            .min()
    }
}

/// The microseconds since 1970 from which on, and just before which, a Period holds; days are those of the zone. `None`: one of its sides
/// is there and not told, or both are missing.
pub fn period_us(period: Node<'_>, zone: &dyn Zone) -> Option<(i64, i64)> {
    reading::span(period, zone).map(|span| (span.from_us, span.until_us))
}

impl Assignment {
    /// Times on duty that begin on these days, or without hours of the week all there are.
    fn times(&self, days: std::ops::RangeInclusive<i64>, zone: &dyn Zone) -> Vec<Span> {
        let planned: Vec<Span> = match &self.weekly {
            None => vec![self.period],
            Some(weekly) => {
                let on = |day| weekly.iter().filter_map(move |hours| hours.on(day, zone));
                let hours = days.flat_map(on);
                hours.filter_map(|time| time.within(self.period)).collect()
            }
        };
        self.away.iter().fold(planned, |times, away| {
            times
                .into_iter()
                .flat_map(|time| time.without(*away))
                .collect()
        })
    }
}

impl Weekly {
    /// These hours, when they begin on a day.
    fn on(self, day: i64, zone: &dyn Zone) -> Option<Span> {
        // 1970-01-01 was a Thursday.
        let weekday = (day + 3).rem_euclid(7);
        (self.days >> weekday & 1 == 1).then(|| {
            let (days, second) = (self.until_s / DAY_S, self.until_s % DAY_S);
            Span {
                from_us: zone.instant_us(day, self.from_s),
                until_us: zone.instant_us(day + i64::from(days), second),
            }
        })
    }
}

impl Span {
    const ALWAYS: Span = Span {
        from_us: i64::MIN,
        until_us: i64::MAX,
    };

    fn within(self, other: Span) -> Option<Span> {
        let both = Span {
            from_us: self.from_us.max(other.from_us),
            until_us: self.until_us.min(other.until_us),
        };
        (both.from_us < both.until_us).then_some(both)
    }

    /// What is left before and after another.
    fn without(self, other: Span) -> impl Iterator<Item = Span> {
        let before = self.within(Span {
            until_us: other.from_us,
            ..Span::ALWAYS
        });
        let after = self.within(Span {
            from_us: other.until_us,
            ..Span::ALWAYS
        });
        before.into_iter().chain(after)
    }
}

#[cfg(test)]
#[path = "rota_tests.rs"]
mod tests;
