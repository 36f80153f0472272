//! Misuse that is hidden in the month. Nothing in it is of a kind that only misuse has: the same people, addresses, apps and
//! types of access are in the work and the noise around it.

use super::noise::{break_glass, on_shift};
use super::rng::Rng;
use super::stream::{
    ADMINISTRATION, ANALYTICS, DECISION_SUPPORT, Day, ELSEWHERE_SOURCE, HOME_SOURCE, Opening, blank,
};
use super::town::{Staff, Town};
use super::work::{Census, Role};
use crate::access::{Access, Act, Key, Labels, Outcome};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    OwnRecord,
    CoWorker,
    Family,
    PublicEye,
    Neighbour,
    SameName,
    Mass,
    Serial,
    OffShift,
    Dormant,
    BreakGlass,
    Probing,
    Enumeration,
    TokenTheft,
    Privilege,
    MassDelete,
    Sensitive,
    Passwords,
    Export,
    App,
}

impl Kind {
    pub const ALL: [Kind; 20] = [
        Kind::OwnRecord,
        Kind::CoWorker,
        Kind::Family,
        Kind::PublicEye,
        Kind::Neighbour,
        Kind::SameName,
        Kind::Mass,
        Kind::Serial,
        Kind::OffShift,
        Kind::Dormant,
        Kind::BreakGlass,
        Kind::Probing,
        Kind::Enumeration,
        Kind::TokenTheft,
        Kind::Privilege,
        Kind::MassDelete,
        Kind::Sensitive,
        Kind::Passwords,
        Kind::Export,
        Kind::App,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Kind::OwnRecord => "own record",
            Kind::CoWorker => "co-worker",
            Kind::Family => "family",
            Kind::PublicEye => "public eye",
            Kind::Neighbour => "neighbour",
            Kind::SameName => "same rare name",
            Kind::Mass => "many records in a day",
            Kind::Serial => "one after the other",
            Kind::OffShift => "off shift",
            Kind::Dormant => "dormant account",
            Kind::BreakGlass => "emergency override",
            Kind::Probing => "probing searches",
            Kind::Enumeration => "trying ids",
            Kind::TokenTheft => "stolen token",
            Kind::Privilege => "role, then use",
            Kind::MassDelete => "mass deletion",
            Kind::Sensitive => "sensitive records",
            Kind::Passwords => "trying passwords",
            Kind::Export => "export",
            Kind::App => "app unlike itself",
        }
    }
}

/// Puts one incident into the days from `day_s` on. `false`: nobody is there who could do it; another day is tried.
pub(crate) fn plant(
    kind: Kind,
    town: &mut Town,
    census: &Census,
    rng: &mut Rng,
    day_s: i64,
    day: &mut Day,
    incident: u16,
) -> bool {
    let mut plot = Plot {
        town,
        census,
        rng,
        day_s,
        day,
        incident,
    };
    let done = match kind {
        Kind::OwnRecord => plot.own_record(),
        Kind::CoWorker => plot.co_worker(),
        Kind::Family => plot.family(),
        Kind::PublicEye => plot.public_eye(),
        Kind::Neighbour => plot.neighbour(),
        Kind::SameName => plot.same_name(),
        Kind::Mass => plot.mass(),
        Kind::Serial => plot.serial(),
        Kind::OffShift => plot.off_shift(),
        Kind::Dormant => plot.dormant(),
        Kind::BreakGlass => plot.emergency(),
        Kind::Probing => plot.probing(),
        Kind::Enumeration => plot.enumeration(),
        Kind::TokenTheft => plot.token(),
        Kind::Privilege => plot.privilege(),
        Kind::MassDelete => plot.deletion(),
        Kind::Sensitive => plot.sensitive(),
        Kind::Passwords => plot.passwords(),
        Kind::Export => plot.export(),
        Kind::App => plot.app(),
    };
    done.is_some()
}

struct Plot<'a> {
    town: &'a mut Town,
    census: &'a Census,
    rng: &'a mut Rng,
    day_s: i64,
    day: &'a mut Day,
    incident: u16,
}

impl Plot<'_> {
    fn who(&mut self, fits: impl Fn(&Staff) -> bool) -> Option<(Key, i64)> {
        on_shift(self.town, self.rng, self.day_s, fits)
    }

    fn clinician(&mut self) -> Option<(Key, i64)> {
        self.who(|staff| staff.role.is_clinical())
    }

    /// Reads in a record, on one to three occasions.
    fn look(&mut self, user: Key, patient: i64, at_s: i64, occasions: i64) {
        let mut at_s = at_s;
        for _ in 0..occasions {
            let mut opening = Opening::of(user, patient, at_s, self.rng.range(2, 9));
            opening.incident = self.incident;
            self.day.open(self.town, self.rng, &opening);
            at_s += 86_400 + self.rng.range(-7_200, 7_200);
        }
    }

    fn anybody(&mut self) -> i64 {
        match self.rng.chance(0.6) {
            true => self.rng.pick(&self.census.all),
            false => 1 + self.rng.below(self.town.patients.len()) as i64,
        }
    }

    fn all_where(&self, fits: impl Fn(&super::town::Someone) -> bool) -> Vec<i64> {
        let all = self.town.patients.iter().enumerate();
        all.filter(|(_, one)| fits(one))
            .map(|(at, _)| at as i64 + 1)
            .collect()
    }

    fn own_record(&mut self) -> Option<()> {
        let (user, at_s) = self.who(|staff| staff.patient != 0)?;
        let patient = self.town.staff[user as usize - 1].patient;
        let occasions = self.rng.range(1, 2);
        self.look(user, patient, at_s, occasions);
        Some(())
    }

    fn co_worker(&mut self) -> Option<()> {
        let (user, at_s) = self.who(|_| true)?;
        let colleagues = self.all_where(|one| one.staff != 0 && one.staff != user);
        let patient = self.rng.pick(&colleagues);
        let occasions = self.rng.range(1, 2);
        self.look(user, patient, at_s, occasions);
        Some(())
    }

    fn family(&mut self) -> Option<()> {
        let (user, at_s) = self.who(|staff| !staff.kin.is_empty())?;
        let kin = self.town.staff[user as usize - 1].kin.clone();
        let patient = self.rng.pick(&kin);
        let occasions = self.rng.range(1, 3);
        self.look(user, patient, at_s, occasions);
        Some(())
    }

    fn public_eye(&mut self) -> Option<()> {
        let (user, at_s) = self.who(|_| true)?;
        let vips = self.all_where(|one| one.is_vip);
        let patient = self.rng.pick(&vips);
        self.look(user, patient, at_s, 1);
        Some(())
    }

    fn neighbour(&mut self) -> Option<()> {
        let (user, at_s) = self.clinician()?;
        let near = self.town.neighbours(user, 200.0);
        if near.is_empty() {
            return None;
        }
        let patient = self.rng.pick(&near);
        let occasions = self.rng.range(1, 3);
        self.look(user, patient, at_s, occasions);
        Some(())
    }

    fn same_name(&mut self) -> Option<()> {
        let (user, at_s) = self.clinician()?;
        let staff = &self.town.staff[user as usize - 1];
        if self.town.surname_share(staff.surname) > 0.0015 {
            return None;
        }
        let (own, kin) = (staff.patient, staff.kin.clone());
        let mut namesakes = self.town.namesakes(staff.surname);
        namesakes.retain(|one| *one != own && !kin.contains(one));
        if namesakes.is_empty() {
            return None;
        }
        let patient = self.rng.pick(&namesakes);
        let occasions = self.rng.range(1, 3);
        self.look(user, patient, at_s, occasions);
        Some(())
    }

    fn mass(&mut self) -> Option<()> {
        let (user, mut at_s) = self.clinician()?;
        for _ in 0..self.rng.range(30, 90) {
            let patient = self.anybody();
            let mut opening = Opening::of(user, patient, at_s, self.rng.range(1, 4));
            opening.incident = self.incident;
            self.day.open(self.town, self.rng, &opening);
            at_s += self.rng.range(30, 240);
        }
        Some(())
    }

    fn serial(&mut self) -> Option<()> {
        let (user, mut at_s) = self.who(|_| true)?;
        let first = 1 + self.rng.below(self.town.patients.len() - 60) as i64;
        for n in 0..self.rng.range(18, 45) {
            let mut opening = Opening::of(user, first + n, at_s, 1);
            opening.incident = self.incident;
            self.day.open(self.town, self.rng, &opening);
            at_s += self.rng.range(6, 21);
        }
        Some(())
    }

    fn off_shift(&mut self) -> Option<()> {
        let at = self.rng.below(self.town.staff.len());
        let staff = &self.town.staff[at];
        let user = at as Key + 1;
        let at_s = self.day_s + self.rng.range(7, 23) * 3_600;
        let is_near = |shift: &super::work::Shift| {
            shift.from_s - 3 * 3_600 < at_s && at_s < shift.until_s + 3 * 3_600
        };
        let is_free = staff.role.is_clinical()
            && staff.away_until_s < self.day_s
            && !staff.shifts.iter().any(is_near);
        if !is_free {
            return None;
        }
        for n in 0..self.rng.range(3, 9) {
            let patient = self.anybody();
            let mut opening = Opening::of(user, patient, at_s + n * 400, self.rng.range(2, 7));
            opening.source = HOME_SOURCE + user;
            opening.station = 0;
            opening.incident = self.incident;
            self.day.open(self.town, self.rng, &opening);
        }
        Some(())
    }

    fn dormant(&mut self) -> Option<()> {
        // Who is on leave, or has left, and whose account somebody uses.
        let away = |staff: &Staff| {
            staff.away_until_s > self.day_s + 3 * 86_400 && staff.used_s < self.day_s - 46 * 86_400
        };
        let absent: Vec<Key> = (self.town.staff.iter().enumerate())
            .filter(|(_, staff)| away(staff))
            .map(|(at, _)| at as Key + 1)
            .collect();
        if absent.is_empty() {
            return None;
        }
        let user = self.rng.pick(&absent);
        let at_s = self.day_s + self.rng.range(6, 22) * 3_600;
        for n in 0..self.rng.range(2, 10) {
            let patient = self.anybody();
            self.look(user, patient, at_s + n * 300, 1);
        }
        self.town.staff[user as usize - 1].away_until_s = 0;
        Some(())
    }

    fn emergency(&mut self) -> Option<()> {
        let (user, at_s) = self.clinician()?;
        let near = self.town.neighbours(user, 200.0);
        let kin = self.town.staff[user as usize - 1].kin.clone();
        let known = match kin.is_empty() {
            true => near,
            false => kin,
        };
        if self.rng.chance(0.5) && !known.is_empty() {
            let patient = self.rng.pick(&known);
            break_glass(
                self.town,
                self.rng,
                self.day,
                user,
                patient,
                at_s,
                self.incident,
            );
            return Some(());
        }
        for n in 0..self.rng.range(4, 7) {
            let patient = self.anybody();
            let at_s = at_s + n * self.rng.range(20_000, 80_000);
            break_glass(
                self.town,
                self.rng,
                self.day,
                user,
                patient,
                at_s,
                self.incident,
            );
        }
        Some(())
    }

    fn probing(&mut self) -> Option<()> {
        let (user, mut at_s) = self.who(|_| true)?;
        let patient = self.anybody();
        let step = self.rng.range(4, 26);
        for n in 0..self.rng.range(10, 30) {
            let search = Access {
                at_s,
                act: Act::Search,
                ty: 1,
                patient,
                is_clinical: true,
                shape: 11,
                target: 1_000_000 + n as u64,
                results: self.rng.below(2) as u32,
                ..blank(user, 1 + user % 8, 1 + user % 320)
            };
            self.day.push(search, self.incident);
            at_s += step;
        }
        Some(())
    }

    fn enumeration(&mut self) -> Option<()> {
        let (user, at_s) = self.who(|_| true)?;
        let a_minute = self.rng.range(19, 60);
        let is_nobody = self.rng.chance(0.4);
        for n in 0..a_minute * self.rng.range(2, 8) {
            let from = blank(user, 1 + user % 8, 1 + user % 320);
            let refused = Access {
                at_s: at_s + n * 60 / a_minute,
                user: if is_nobody { 0 } else { user },
                outcome: match self.rng.chance(0.7) {
                    true => Outcome::NotFound,
                    false => Outcome::Denied,
                },
                ty: 1,
                is_clinical: true,
                target: 5_000_000 + n as u64,
                ..from
            };
            self.day.push(refused, self.incident);
        }
        Some(())
    }

    /// Used from elsewhere while its owner works.
    fn token(&mut self) -> Option<()> {
        let (user, at_s) = self.clinician()?;
        let source = ELSEWHERE_SOURCE + self.rng.below(500) as u64;
        for n in 0..self.rng.range(4, 25) {
            let patient = self.anybody();
            let mut opening = Opening::of(user, patient, at_s + n * 90, self.rng.range(1, 5));
            opening.source = source;
            opening.station = 0;
            opening.incident = self.incident;
            self.day.open(self.town, self.rng, &opening);
        }
        if self.rng.chance(0.4) {
            let reuse = Access {
                at_s: at_s + 1_800,
                act: Act::TokenReuse,
                outcome: Outcome::Denied,
                ..blank(user, 1 + user % 8, 0)
            };
            self.day.push(reuse, self.incident);
        }
        Some(())
    }

    fn privilege(&mut self) -> Option<()> {
        let (user, at_s) = self.who(|_| true)?;
        let admin = match self.rng.chance(0.3) {
            true => user,
            false => self.town.staff.len() as Key,
        };
        let grant = Access {
            at_s,
            act: Act::Grant,
            target: user,
            client: ADMINISTRATION,
            ..blank(admin, 1, 0)
        };
        self.day.push(grant, self.incident);
        for n in 0..self.rng.range(3, 12) {
            let patient = self.anybody();
            let at_s = at_s + 120 + n * self.rng.range(60, 300);
            self.look(user, patient, at_s, 1);
        }
        Some(())
    }

    fn deletion(&mut self) -> Option<()> {
        let (user, at_s) = self.who(|_| true)?;
        let a_minute = self.rng.range(28, 150);
        for n in 0..a_minute * self.rng.range(2, 5) {
            let delete = Access {
                at_s: at_s + n * 60 / a_minute,
                act: if n % 3 == 0 { Act::Change } else { Act::Delete },
                patient: self.rng.pick(&self.census.all),
                ty: 9,
                is_clinical: true,
                ..blank(user, 1 + user % 8, 1 + user % 320)
            };
            self.day.push(delete, self.incident);
        }
        Some(())
    }

    /// Through a day, among what they would read anyway.
    fn sensitive(&mut self) -> Option<()> {
        let (user, mut at_s) = self.who(|staff| {
            staff.role.is_clinical() && staff.role != Role::Float && staff.department < 16
        })?;
        let marked = self.all_where(|one| one.is_sensitive);
        for _ in 0..self.rng.range(9, 24) {
            let patient = self.rng.pick(&marked);
            for n in 0..self.rng.range(1, 3) {
                let read = Access {
                    at_s: at_s + n * 20,
                    patient,
                    ty: 2,
                    is_clinical: true,
                    labels: Labels::SENSITIVE,
                    results: 1,
                    ..blank(user, 1 + user % 8, 1 + user % 320)
                };
                self.day.push(read, self.incident);
            }
            at_s += self.rng.range(120, 1_200);
        }
        Some(())
    }

    fn passwords(&mut self) -> Option<()> {
        let source = ELSEWHERE_SOURCE + self.rng.below(500) as u64;
        let at_s = self.day_s + self.rng.range(0, 80_000);
        let is_sprayed = self.rng.chance(0.5);
        let victim = 1 + self.rng.below(self.town.staff.len()) as Key;
        for n in 0..self.rng.range(12, 60) {
            let failed = Access {
                at_s: at_s + n * 20,
                act: Act::Login,
                outcome: Outcome::Denied,
                target: match is_sprayed {
                    true => 1 + self.rng.below(self.town.staff.len()) as Key,
                    false => victim,
                },
                ..blank(0, source, 0)
            };
            self.day.push(failed, self.incident);
        }
        Some(())
    }

    fn export(&mut self) -> Option<()> {
        let (user, at_s) = match self.rng.chance(0.5) {
            true => self.who(|_| true)?,
            false => (0, self.day_s + self.rng.range(0, 80_000)),
        };
        let (size, shape) = match self.rng.chance(0.6) {
            true => (self.rng.range(40_000, 200_000), 77),
            false => (
                self.rng.range(10_000, 60_000),
                90 + self.rng.below(9) as u64,
            ),
        };
        let export = Access {
            at_s,
            act: Act::Export,
            results: size as u32,
            shape,
            client: ANALYTICS,
            ..blank(user, 1, 0)
        };
        self.day.push(export, self.incident);
        Some(())
    }

    fn app(&mut self) -> Option<()> {
        let at_s = self.day_s + self.rng.range(0, 80_000);
        let is_new = self.rng.chance(0.4);
        for _ in 0..self.rng.range(100, 500) {
            let patient = self.anybody();
            let read = Access {
                at_s: at_s + self.rng.range(0, 3_599),
                act: Act::Search,
                patient,
                ty: if is_new {
                    7 + self.rng.below(4) as u16
                } else {
                    1
                },
                is_clinical: true,
                results: 12,
                client: DECISION_SUPPORT,
                ..blank(0, 9, 0)
            };
            self.day.push(read, self.incident);
        }
        Some(())
    }
}
