//! Which accesses work explains. It comes first: most of what a bare list of rules reports is somebody's work.

use crate::access::{Access, Key};
use crate::bounded::Bounded;
use crate::facts::{Facts, Person};
use crate::thresholds::Thresholds;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Explanation {
    /// Takes part in an encounter of the patient.
    Encounter,
    CareTeam,
    /// Has ordered something for the patient, made or signed a result, or is to get or carry it out.
    Order,
    Appointment,
    /// Named by the schedule or on call for where the patient is.
    Schedule,
    Referral,
    Task,
    /// Has a claim, an account or a coding of the patient to work on.
    Billing,
    Panel,
    /// Messages about the patient.
    Thread,
    /// The patient is in the user's department, or was within days.
    Department,
    /// Somebody of the same department had a reason of their own of late.
    Team,
    /// An emergency override, which has a review of its own.
    BreakGlass,
}

impl Explanation {
    pub fn name(self) -> &'static str {
        match self {
            Explanation::Encounter => "encounter",
            Explanation::CareTeam => "care-team",
            Explanation::Order => "order",
            Explanation::Appointment => "appointment",
            Explanation::Schedule => "schedule",
            Explanation::Referral => "referral",
            Explanation::Task => "task",
            Explanation::Billing => "billing",
            Explanation::Panel => "panel",
            Explanation::Thread => "thread",
            Explanation::Department => "department",
            Explanation::Team => "team",
            Explanation::BreakGlass => "break-glass",
        }
    }

    /// Days before and after what the record says in which it still explains.
    fn margin_days(self, limits: &Thresholds) -> (f64, f64) {
        match self {
            Explanation::Encounter => (1.0, limits.after_encounter_days),
            Explanation::Appointment => (limits.before_appointment_days, 7.0),
            Explanation::Order => (1.0, limits.after_order_days),
            Explanation::Referral | Explanation::Billing | Explanation::Thread => (1.0, 30.0),
            Explanation::Task => (0.5, 2.0),
            Explanation::Schedule => (0.1, 0.5),
            _ => (0.0, 0.0),
        }
    }
}

/// Departments in which somebody had a reason of their own, and when last.
pub(crate) type Teams = Bounded<(Key, i64), (i64, Key)>;

/// The first reason that holds, the strongest first.
pub(crate) fn explain(
    access: &Access,
    person: &Person,
    facts: &impl Facts,
    limits: &Thresholds,
    teams: &mut Teams,
) -> Option<Explanation> {
    let team = (person.department, access.patient);
    if let Some(by) = tied(access, facts, limits) {
        if person.department != 0 {
            teams.put(team, (access.at_s, access.user), access.at_s);
        }
        return Some(by);
    }
    let at = access.at_s;
    let days = (limits.around_stay_days * DAY_S) as i64;
    let stayed = facts.stays(access.patient).iter().any(|stay| {
        stay.department == person.department
            && stay.from_s.saturating_sub(days) <= at
            && at < stay.until_s.saturating_add(days)
    });
    if stayed && person.department != 0 {
        return Some(Explanation::Department);
    }
    let lately = (limits.team_hours * 3_600.0) as i64;
    match teams.get(&team) {
        Some((when, who)) if at - when < lately && *who != access.user => Some(Explanation::Team),
        _ => access.break_glass.then_some(Explanation::BreakGlass),
    }
}

fn tied(access: &Access, facts: &impl Facts, limits: &Thresholds) -> Option<Explanation> {
    let at = access.at_s;
    let mut ties = facts.ties(access.user, access.patient).iter();
    let holds = ties.find(|tie| {
        let (before, after) = tie.by.margin_days(limits);
        tie.known_s <= at
            && tie.from_s.saturating_sub((before * DAY_S) as i64) <= at
            && at < tie.until_s.saturating_add((after * DAY_S) as i64)
    });
    holds.map(|tie| tie.by)
}

const DAY_S: f64 = 86_400.0;
