//! What looks like misuse and is none: colleagues who are helped, mistyped searches, broken apps, phones, people who come back
//! from leave, real emergencies, jobs at night.

use super::rng::Rng;
use super::stream::{
    ADMINISTRATION, ANALYTICS, DECISION_SUPPORT, Day, GATEWAY_SOURCE, GATEWAYS, LABORATORY,
    Opening, PATIENT, PORTAL, blank,
};
use super::town::{PORTAL_USER, Town};
use super::work::{Census, Role};
use crate::access::{Access, Act, Key, Outcome};

/// Some were away for long and come back.
pub(crate) fn leaves(town: &mut Town, rng: &mut Rng, start_s: i64, days: i64) {
    for staff in &mut town.staff {
        if rng.chance(0.012) {
            staff.away_until_s = start_s + rng.range(1, days.max(2)) * 86_400;
            staff.used_s = start_s - rng.range(30, 300) * 86_400;
        }
    }
}

pub(crate) fn noise(town: &mut Town, census: &Census, rng: &mut Rng, day_s: i64, day: &mut Day) {
    let mut noise = Noise {
        town,
        census,
        rng,
        day_s,
        day,
    };
    noise.acquaintances();
    noise.searches();
    noise.refusals();
    noise.emergencies();
    noise.accounts();
    noise.phones();
    noise.deletions();
    noise.services();
    noise.portal();
}

struct Noise<'a> {
    town: &'a mut Town,
    census: &'a Census,
    rng: &'a mut Rng,
    day_s: i64,
    day: &'a mut Day,
}

impl Noise<'_> {
    /// A day has more of everything where more people work.
    fn often(&mut self, a_day: f64) -> usize {
        let size = self.town.staff.len() as f64 / 500.0;
        self.rng.poisson(a_day * size)
    }

    fn on_shift(&mut self) -> Option<(Key, i64)> {
        on_shift(self.town, self.rng, self.day_s, |_| true)
    }

    fn open(&mut self, user: Key, patient: i64, at_s: i64) {
        let reads = self.rng.range(1, 6);
        let opening = Opening::of(user, patient, at_s, reads);
        self.day.open(self.town, self.rng, &opening);
    }

    fn acquaintances(&mut self) {
        let asked: Vec<i64> = (self.town.patients.iter().enumerate())
            .filter(|(_, one)| one.staff != 0)
            .map(|(at, _)| at as i64 + 1)
            .collect();
        let vips: Vec<i64> = (self.town.patients.iter().enumerate())
            .filter(|(_, one)| one.is_vip)
            .map(|(at, _)| at as i64 + 1)
            .collect();
        for (list, a_day) in [(asked, 0.5), (vips, 0.8)] {
            for _ in 0..self.often(a_day) {
                if let Some((user, at_s)) = self.on_shift().filter(|_| !list.is_empty()) {
                    let patient = self.rng.pick(&list);
                    self.open(user, patient, at_s);
                }
            }
        }
        for _ in 0..self.often(1.0) {
            if let Some((user, at_s)) = self.on_shift() {
                let kin = self.town.staff[user as usize - 1].kin.clone();
                if !kin.is_empty() {
                    let patient = self.rng.pick(&kin);
                    self.open(user, patient, at_s);
                }
            }
        }
        for _ in 0..self.often(0.5) {
            if let Some((user, at_s)) = self.on_shift() {
                let near = self.town.neighbours(user, 250.0);
                let own = self.town.staff[user as usize - 1].patient;
                if !near.is_empty() {
                    let patient = self.rng.pick(&near);
                    self.open(user, patient, at_s);
                }
                if own != 0 && self.rng.chance(0.8) {
                    self.open(user, own, at_s + 300);
                }
            }
        }
    }

    /// Names that are mistyped, results that are waited for, entries that are not there.
    fn searches(&mut self) {
        for _ in 0..self.often(60.0) {
            let Some((user, mut at_s)) = self.on_shift() else {
                return;
            };
            let is_name = self.rng.chance(0.6);
            let is_polled = !is_name && self.rng.chance(0.4);
            let patient = match is_name {
                true => 0,
                false => self.rng.pick(&self.census.all),
            };
            let tries = match is_polled {
                true => self.rng.range(5, 20),
                false => 1 + self.rng.poisson(1.8) as i64,
            };
            let target = self.rng.below(1 << 40) as u64;
            for n in 0..tries {
                let access = Access {
                    at_s,
                    act: Act::Search,
                    ty: if is_name { PATIENT } else { 1 },
                    patient,
                    is_clinical: !is_name,
                    shape: if is_name { 1 } else { 11 },
                    target: target + if is_polled { 0 } else { n as u64 },
                    results: self.rng.below(2) as u32,
                    ..blank(user, 1 + user % 8, 1 + user % 320)
                };
                self.day.push(access, 0);
                at_s += self.rng.range(5, 40);
            }
        }
    }

    fn refusals(&mut self) {
        for _ in 0..self.often(6.0) {
            let Some((user, at_s)) = self.on_shift() else {
                return;
            };
            // Broken links are one and the same, again and again; people try this and that.
            let is_broken = self.rng.chance(0.2);
            let count = match is_broken {
                true => self.rng.range(20, 90),
                false => 1 + self.rng.poisson(4.0) as i64,
            };
            let target = self.rng.below(1 << 40) as u64;
            for n in 0..count {
                let access = Access {
                    at_s: at_s + n * 60 / count.max(12),
                    outcome: match is_broken {
                        true => Outcome::NotFound,
                        false => Outcome::Denied,
                    },
                    is_clinical: true,
                    ty: 1,
                    target: target + if is_broken { 0 } else { n as u64 },
                    ..blank(user, 1 + user % 8, 1 + user % 320)
                };
                self.day.push(access, 0);
            }
        }
    }

    fn emergencies(&mut self) {
        for _ in 0..self.often(1.3) {
            let is_emergency = |role: Role, ward: usize| role.is_clinical() && ward <= 3;
            let found = on_shift(self.town, self.rng, self.day_s, |staff| {
                is_emergency(staff.role, staff.department)
            });
            let Some((user, at_s)) = found else { return };
            let patient = match self.rng.chance(0.9) {
                true => self.rng.pick(&self.census.all),
                false => 1 + self.rng.below(self.town.patients.len()) as i64,
            };
            break_glass(self.town, self.rng, self.day, user, patient, at_s, 0);
        }
    }

    fn accounts(&mut self) {
        for _ in 0..self.often(1.5) {
            let Some((user, at_s)) = self.on_shift() else {
                return;
            };
            let admin = self.town.staff.len() as Key;
            let grant = Access {
                at_s,
                act: Act::Grant,
                target: user,
                client: ADMINISTRATION,
                ..blank(admin, 1, 0)
            };
            self.day.push(grant, 0);
            for n in 0..self.rng.poisson(0.7) as i64 {
                let patient = self.rng.pick(&self.census.all);
                self.open(user, patient, at_s + 600 * (n + 1));
            }
        }
        for _ in 0..self.often(0.13) {
            if let Some((user, at_s)) = self.on_shift() {
                let reuse = Access {
                    at_s,
                    act: Act::TokenReuse,
                    outcome: Outcome::Denied,
                    ..blank(user, 1 + user % 8, 0)
                };
                self.day.push(reuse, 0);
            }
        }
        for _ in 0..self.often(0.1) {
            if let Some((user, at_s)) = self.on_shift() {
                let refused = Access {
                    at_s,
                    act: Act::LabelDown,
                    outcome: Outcome::Denied,
                    patient: self.rng.pick(&self.census.all),
                    ..blank(user, 1 + user % 8, 0)
                };
                self.day.push(refused, 0);
            }
        }
        if self.rng.chance(0.08) {
            // A job whose secret has expired.
            for n in 0..60 {
                let failed = Access {
                    at_s: self.day_s + 7_200 + n * 30,
                    act: Act::Login,
                    outcome: Outcome::Denied,
                    target: 900_001,
                    client: LABORATORY,
                    ..blank(0, 9, 0)
                };
                self.day.push(failed, 0);
            }
        }
    }

    /// A phone beside the workstation, by a gateway far away.
    fn phones(&mut self) {
        for _ in 0..self.often(8.0) {
            let found = on_shift(self.town, self.rng, self.day_s, |staff| {
                staff.role == Role::Physician
            });
            let Some((user, at_s)) = found else { return };
            let theirs = &self.town.staff[user as usize - 1].theirs;
            if theirs.is_empty() || user % 4 != 0 {
                continue;
            }
            let mut opening = Opening::of(user, self.rng.pick(theirs), at_s, 3);
            opening.source = GATEWAY_SOURCE + user / 4 % GATEWAYS;
            opening.station = 0;
            self.day.open(self.town, self.rng, &opening);
        }
    }

    /// Drafts that are cleared away.
    fn deletions(&mut self) {
        for _ in 0..self.often(3.0) {
            let Some((user, at_s)) = self.on_shift() else {
                return;
            };
            let patient = self.rng.pick(&self.census.all);
            for n in 0..1 + self.rng.poisson(6.0) as i64 {
                let access = Access {
                    at_s: at_s + n * 3,
                    act: Act::Delete,
                    patient,
                    ty: 9,
                    is_clinical: true,
                    ..blank(user, 1 + user % 8, 1 + user % 320)
                };
                self.day.push(access, 0);
            }
        }
    }

    fn services(&mut self) {
        let all = &self.census.all;
        for _ in 0..all.len() {
            let at_s = self.day_s + self.rng.range(0, 86_399);
            let patient = self.rng.pick(all);
            for n in 0..self.rng.range(1, 8) {
                let result = Access {
                    at_s: at_s + n,
                    act: if n == 0 { Act::Change } else { Act::Create },
                    patient,
                    ty: 1,
                    is_clinical: true,
                    client: LABORATORY,
                    ..blank(0, 9, 0)
                };
                self.day.push(result, 0);
            }
        }
        for hour in 0..24 {
            for _ in 0..self.rng.range(15, 45) {
                let read = Access {
                    at_s: self.day_s + hour * 3_600 + self.rng.range(0, 3_599),
                    act: Act::Search,
                    patient: self.rng.pick(all),
                    ty: 1 + self.rng.below(5) as u16,
                    is_clinical: true,
                    results: 12,
                    client: DECISION_SUPPORT,
                    ..blank(0, 9, 0)
                };
                self.day.push(read, 0);
            }
        }
        let weekday = self.day_s.div_euclid(86_400).rem_euclid(7);
        let export = |at_s: i64, results: i64, shape: u64| Access {
            at_s,
            act: Act::Export,
            results: results as u32,
            shape,
            client: ANALYTICS,
            ..blank(0, 9, 0)
        };
        if !matches!(weekday, 2 | 3) {
            let size = self.rng.range(17_000, 24_000);
            self.day.push(export(self.day_s + 10_800, size, 77), 0);
        }
        if self.rng.chance(0.06) {
            // Somebody has another question.
            let size = self.rng.range(3_000, 60_000);
            let shape = self.rng.below(4) as u64;
            self.day.push(export(self.day_s + 39_600, size, shape), 0);
        }
    }

    fn portal(&mut self) {
        for _ in 0..self.town.patients.len() / 60 {
            let at = self.rng.below(self.town.patients.len());
            let at_s = self.day_s + self.rng.range(0, 86_000);
            for n in 0..self.rng.range(2, 8) {
                let read = Access {
                    at_s: at_s + n * 9,
                    act: Act::Search,
                    patient: at as i64 + 1,
                    ty: 1 + n as u16,
                    is_clinical: true,
                    results: 5,
                    client: PORTAL,
                    ..blank(PORTAL_USER + at as Key + 1, 500_000 + at as Key, 0)
                };
                self.day.push(read, 0);
            }
        }
    }
}

/// Declared, then used.
pub(crate) fn break_glass(
    town: &Town,
    rng: &mut Rng,
    day: &mut Day,
    user: Key,
    patient: i64,
    at_s: i64,
    incident: u16,
) {
    let declared = Access {
        at_s,
        act: Act::BreakGlass,
        patient,
        break_glass: true,
        ..blank(user, 1 + user % 8, 1 + user % 320)
    };
    day.push(declared, incident);
    let mut opening = Opening::of(user, patient, at_s + 20, rng.range(3, 10));
    opening.break_glass = true;
    opening.incident = incident;
    day.open(town, rng, &opening);
}

/// Somebody who works on this day, and a moment of their shift.
pub(crate) fn on_shift(
    town: &Town,
    rng: &mut Rng,
    day_s: i64,
    fits: impl Fn(&super::town::Staff) -> bool,
) -> Option<(Key, i64)> {
    for _ in 0..400 {
        let at = rng.below(town.staff.len());
        let staff = &town.staff[at];
        let today = |s: &&super::work::Shift| (day_s..day_s + 86_400).contains(&s.from_s);
        if let Some(shift) = staff.shifts.iter().find(today).filter(|_| fits(staff)) {
            return Some((
                at as Key + 1,
                rng.range(shift.from_s, shift.until_s - 1_800),
            ));
        }
    }
    None
}
