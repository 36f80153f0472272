//! A day of work: who is there, which records they open, and what of it the records tell.

use super::rng::Rng;
use super::stream::{Day, HOME_SOURCE, Opening};
use super::town::Town;
use crate::access::Key;
use crate::explain::Explanation;
use crate::facts::Stay;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Physician,
    Nurse,
    Float,
    Technician,
    Pharmacist,
    Registrar,
    Billing,
    Student,
    Researcher,
    Support,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift {
    pub from_s: i64,
    pub until_s: i64,
    pub is_on_call: bool,
}

/// How a role works.
struct Habit {
    /// Records opened in a shift.
    opens: f64,
    /// Resources read in each.
    reads: (i64, i64),
    /// Share of records for which nothing tells the reason.
    stray: f64,
}

/// Departments with patients: 1 to this. The last is psychiatry.
pub(crate) const WARDS: usize = 16;
const PSYCHIATRY: usize = WARDS;

impl Role {
    /// The share of each in a hospital; the rest are nurses.
    pub fn of(index: usize, staff: usize, rng: &mut Rng) -> (Role, usize) {
        let place = index as f64 / staff as f64;
        let ward = 1 + index % WARDS;
        match place {
            p if p < 0.22 => (Role::Physician, ward),
            p if p < 0.30 => (Role::Technician, WARDS + 1 + index % 2),
            p if p < 0.33 => (Role::Pharmacist, WARDS + 3),
            p if p < 0.41 => (Role::Registrar, WARDS + 4),
            p if p < 0.48 => (Role::Billing, WARDS + 5),
            p if p < 0.51 => (Role::Float, WARDS + 6),
            p if p < 0.53 => (Role::Student, 1 + rng.below(WARDS)),
            p if p < 0.54 => (Role::Researcher, WARDS + 7),
            p if p < 0.55 => (Role::Support, WARDS + 8),
            _ => (Role::Nurse, ward),
        }
    }

    fn habit(self) -> Habit {
        let habit = |opens, reads, stray| Habit {
            opens,
            reads,
            stray,
        };
        match self {
            Role::Physician => habit(13.0, (1, 8), 0.025),
            Role::Nurse => habit(11.0, (1, 6), 0.015),
            Role::Float => habit(11.0, (1, 6), 0.12),
            Role::Technician => habit(28.0, (1, 4), 0.03),
            Role::Pharmacist => habit(30.0, (1, 5), 0.03),
            Role::Registrar => habit(34.0, (0, 2), 0.03),
            Role::Billing => habit(26.0, (2, 6), 0.025),
            Role::Student => habit(10.0, (2, 8), 0.15),
            Role::Researcher => habit(150.0, (1, 4), 0.05),
            Role::Support => habit(6.0, (1, 4), 0.4),
        }
    }

    pub fn is_clinical(self) -> bool {
        matches!(
            self,
            Role::Physician | Role::Nurse | Role::Float | Role::Student
        )
    }
}

/// Shifts of all days, and the rota of them: some swap without telling it.
pub(crate) fn plan(town: &mut Town, rng: &mut Rng, start_s: i64, days: i64) {
    for staff in &mut town.staff {
        let phase = rng.range(0, 20);
        let mut shifts: Vec<Shift> = Vec::new();
        let mut rota = Vec::new();
        for day in 0..days {
            let Some(shift) = shift(staff.role, day + phase, day, start_s, rng) else {
                continue;
            };
            if shift.from_s < staff.away_until_s {
                continue;
            }
            let overlaps = shifts.last().is_some_and(|s| s.until_s > shift.from_s);
            if overlaps {
                continue;
            }
            shifts.push(shift);
            if rng.chance(0.985) {
                rota.push(shift);
            }
        }
        let has_rota = match staff.role {
            Role::Student | Role::Support | Role::Researcher => rng.chance(0.4),
            _ => true,
        };
        staff.shifts = shifts;
        staff.rota = has_rota.then_some(rota);
    }
}

fn shift(role: Role, turn: i64, day: i64, start_s: i64, rng: &mut Rng) -> Option<Shift> {
    let weekend = day % 7 >= 5;
    let (hour, hours, is_on_call) = match role {
        Role::Nurse | Role::Float => match turn % 8 {
            0 | 1 => (6, 8, false),
            2 | 3 => (14, 8, false),
            4 => (22, 8, false),
            _ => return None,
        },
        Role::Physician if turn % 9 == 0 => (17, 15, true),
        Role::Physician if !weekend || turn % 4 == 0 => (8, 9, false),
        Role::Technician | Role::Pharmacist | Role::Registrar if weekend && turn % 4 != 0 => {
            return None;
        }
        Role::Technician | Role::Pharmacist | Role::Registrar => {
            (if turn % 3 == 0 { 13 } else { 7 }, 8, false)
        }
        _ if weekend => return None,
        _ => (8, 8, false),
    };
    if rng.chance(0.07) {
        return None;
    }
    let from_s = start_s + day * 86_400 + hour * 3_600 + rng.range(-900, 900);
    Some(Shift {
        from_s,
        until_s: from_s + hours * 3_600,
        is_on_call,
    })
}

/// Patients who are in each department on a day.
pub(crate) struct Census {
    pub wards: Vec<Vec<i64>>,
    pub all: Vec<i64>,
    /// Who was there of late, and is no more.
    pub former: Vec<Vec<i64>>,
    inpatients: Vec<Vec<i64>>,
}

impl Census {
    pub fn new() -> Census {
        Census {
            wards: vec![Vec::new(); WARDS + 1],
            all: Vec::new(),
            former: vec![Vec::new(); WARDS + 1],
            inpatients: vec![Vec::new(); WARDS + 1],
        }
    }

    /// Discharges, admissions and visits of the day.
    pub fn turn(&mut self, town: &mut Town, rng: &mut Rng, day_s: i64) {
        let per_ward = (town.patients.len() / 1_000).clamp(3, 22);
        self.all.clear();
        for ward in 1..=WARDS {
            let mut stay_on = Vec::new();
            let former = &mut self.former[ward];
            for patient in self.wards[ward].drain(..) {
                if former.len() > 200 {
                    former.swap_remove(rng.below(200));
                }
                former.push(patient);
            }
            for patient in std::mem::take(&mut self.inpatients[ward]) {
                if rng.chance(0.2) {
                    let stays = &mut town.stays[patient as usize - 1];
                    let open = stays.iter_mut().rev().find(|s| s.until_s == i64::MAX);
                    if let Some(stay) = open {
                        stay.until_s = day_s + rng.range(9, 14) * 3_600;
                    }
                    self.wards[ward].push(patient);
                } else {
                    stay_on.push(patient);
                }
            }
            while stay_on.len() < per_ward {
                let patient = arriving(town, rng, ward);
                let from_s = day_s + rng.range(0, 6) * 3_600;
                admit(town, patient, ward, from_s, i64::MAX);
                stay_on.push(patient);
            }
            self.wards[ward].extend(&stay_on);
            self.inpatients[ward] = stay_on;
            for _ in 0..per_ward * 2 {
                let patient = arriving(town, rng, ward);
                let from_s = day_s + rng.range(8, 15) * 3_600;
                admit(town, patient, ward, from_s, from_s + 7_200);
                self.wards[ward].push(patient);
            }
            self.all.extend(&self.wards[ward]);
        }
    }
}

fn admit(town: &mut Town, patient: i64, ward: usize, from_s: i64, until_s: i64) {
    town.stays[patient as usize - 1].push(Stay {
        department: ward as Key,
        from_s,
        until_s,
    });
}

fn arriving(town: &Town, rng: &mut Rng, ward: usize) -> i64 {
    for _ in 0..40 {
        let at = rng.below(town.patients.len());
        let one = &town.patients[at];
        let fits = (ward == PSYCHIATRY) == one.is_sensitive || rng.chance(0.3);
        let is_here = town.stays[at].last().is_some_and(|s| s.until_s == i64::MAX);
        if one.deceased_s.is_none() && !is_here && fits {
            return at as i64 + 1;
        }
    }
    1 + rng.below(town.patients.len()) as i64
}

/// All that staff do on a day, explained or not.
pub(crate) fn work(town: &mut Town, census: &Census, rng: &mut Rng, day_s: i64, day: &mut Day) {
    for index in 0..town.staff.len() {
        let today = |s: &Shift| (day_s..day_s + 86_400).contains(&s.from_s);
        let Some(shift) = town.staff[index].shifts.iter().copied().find(today) else {
            continue;
        };
        shift_of(town, census, rng, index as Key + 1, shift, day);
    }
}

fn shift_of(
    town: &mut Town,
    census: &Census,
    rng: &mut Rng,
    user: Key,
    shift: Shift,
    day: &mut Day,
) {
    let role = town.staff[user as usize - 1].role;
    let habit = role.habit();
    let busy = match rng.chance(0.012) {
        true => 2.5,
        false if shift.is_on_call => 0.5,
        false => 0.6 + 0.8 * rng.share(),
    };
    let opens = (habit.opens * busy) as usize;
    let begins_s = shift.from_s + rng.range(0, 600);
    day.sign_in(rng, user, begins_s);
    if role == Role::Nurse && rng.chance(0.3) || role == Role::Float && rng.chance(0.15) {
        handover(town, census, rng, user, shift, day);
    }
    let mut times: Vec<i64> = (0..opens)
        .map(|_| match rng.chance(0.012) {
            // Notes that are finished afterwards, often from home.
            true => shift.until_s + rng.range(600, 5 * 3_600),
            false => rng.range(shift.from_s, shift.until_s - 60),
        })
        .collect();
    times.sort_unstable();
    let mut free_s = shift.from_s;
    for time_s in times {
        // One after the other, but for those that are left open meanwhile.
        let is_beside = rng.chance(0.15);
        let at_s = if is_beside {
            time_s
        } else {
            time_s.max(free_s)
        };
        let (patient, reads) = open(town, census, rng, user, at_s, &habit);
        let mut opening = Opening::of(user, patient, at_s, reads);
        if at_s > shift.until_s && rng.chance(0.5) {
            opening.source = HOME_SOURCE + user;
        }
        opening.is_administrative = role == Role::Registrar;
        if !is_beside && rng.chance(0.1) {
            opening.station = 1 + rng.below(320) as u64;
        }
        opening.writes = role.is_clinical() || role == Role::Technician;
        free_s = day.open(town, rng, &opening) + rng.range(5, 40);
    }
}

/// Every record of the ward, one after the other.
fn handover(
    town: &mut Town,
    census: &Census,
    rng: &mut Rng,
    user: Key,
    shift: Shift,
    day: &mut Day,
) {
    let staff = &town.staff[user as usize - 1];
    let ward = match staff.role {
        Role::Float => 1 + rng.below(WARDS),
        _ => staff.department,
    };
    let mut at_s = shift.from_s + rng.range(300, 1_800);
    let count = rng.range(8, 24) as usize;
    for patient in census.wards[ward].iter().copied().take(count) {
        if staff.role == Role::Float && rng.chance(0.5) {
            continue;
        }
        day.open(town, rng, &Opening::of(user, patient, at_s, 1));
        at_s += rng.range(6, 32);
    }
}

/// Which record is opened, and how many resources of it are read; what ties them is told in the records.
fn open(
    town: &mut Town,
    census: &Census,
    rng: &mut Rng,
    user: Key,
    at_s: i64,
    habit: &Habit,
) -> (i64, i64) {
    let reads = rng.range(habit.reads.0, habit.reads.1);
    if rng.chance(habit.stray) {
        return (stray(town, census, rng, user), reads);
    }
    let patient = explained(town, census, rng, user, at_s);
    if rng.chance(0.006) {
        return (mistaken(town, rng, patient), rng.range(0, 2));
    }
    (patient, reads)
}

/// A colleague's call, a former patient, a cover, a question of quality: work that no record tells.
fn stray(town: &Town, census: &Census, rng: &mut Rng, user: Key) -> i64 {
    let staff = &town.staff[user as usize - 1];
    let own = census.former.get(staff.department);
    match rng.below(10) {
        0..=4 => rng.pick(&census.all),
        5..=7 => match own.filter(|former| !former.is_empty()) {
            Some(former) => rng.pick(former),
            None => rng.pick(&census.all),
        },
        _ => 1 + rng.below(town.patients.len()) as i64,
    }
}

/// The wrong one of a list, most often of the same name.
fn mistaken(town: &Town, rng: &mut Rng, patient: i64) -> i64 {
    let namesakes = match rng.chance(0.6) {
        true => town.namesakes(town.patients[patient as usize - 1].surname),
        false => Vec::new(),
    };
    match namesakes.is_empty() {
        true => 1 + rng.below(town.patients.len()) as i64,
        false => rng.pick(&namesakes),
    }
}

fn explained(town: &mut Town, census: &Census, rng: &mut Rng, user: Key, at_s: i64) -> i64 {
    let staff = &town.staff[user as usize - 1];
    let (role, ward) = (staff.role, staff.department);
    let here = census.wards.get(ward).filter(|ward| !ward.is_empty());
    let here = here.unwrap_or(&census.all);
    let own = |rng: &mut Rng| rng.pick(here);
    let day = 86_400;
    let soon = (at_s - 3_600, at_s + day);
    let (patient, by, span) = match role {
        Role::Physician => match rng.below(20) {
            0..=9 => (own(rng), Some(Explanation::Encounter), soon),
            10..=14 => (own(rng), None, soon),
            15 | 16 if !staff.theirs.is_empty() => {
                (rng.pick(&staff.theirs), Some(Explanation::Order), soon)
            }
            15..=17 => (
                own(rng),
                Some(Explanation::CareTeam),
                (at_s, at_s + 30 * day),
            ),
            _ => (rng.pick(&census.all), Some(Explanation::Referral), soon),
        },
        Role::Nurse | Role::Student => {
            let by = rng.chance(0.4).then_some(Explanation::Encounter);
            (own(rng), by, soon)
        }
        Role::Float => (rng.pick(&census.all), Some(Explanation::Encounter), soon),
        Role::Technician | Role::Pharmacist => {
            (rng.pick(&census.all), Some(Explanation::Order), soon)
        }
        Role::Registrar => (rng.pick(&census.all), Some(Explanation::Appointment), soon),
        Role::Billing => {
            let former = &census.former[1 + rng.below(WARDS)];
            let one = match former.is_empty() {
                true => rng.pick(&census.all),
                false => rng.pick(former),
            };
            (one, Some(Explanation::Billing), soon)
        }
        Role::Researcher | Role::Support => {
            let one = 1 + rng.below(town.patients.len()) as i64;
            (one, Some(Explanation::Task), soon)
        }
    };
    if let Some(by) = by {
        // Some is written down afterwards.
        let known_s = match rng.chance(0.015) {
            true => at_s + rng.range(1_800, 8 * 3_600),
            false => at_s - 600,
        };
        town.tie(user, patient, by, span, known_s);
        let theirs = &mut town.staff[user as usize - 1].theirs;
        if role == Role::Physician {
            if theirs.len() > 60 {
                theirs.swap_remove(rng.below(60));
            }
            theirs.push(patient);
        }
    }
    patient
}
