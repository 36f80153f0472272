//! Who works in the hospital, who is its patient, where they live and how they are related.

use super::rng::Rng;
use super::work::{Role, Shift};
use crate::access::Key;
use crate::explain::Explanation;
use crate::facts::{Duty, Facts, Home, Kin, Kind, Patient, Person, Point, Stay, Tie};
use std::collections::HashMap;

pub(crate) struct Town {
    pub staff: Vec<Staff>,
    pub patients: Vec<Someone>,
    pub stays: Vec<Vec<Stay>>,
    pub ties: HashMap<(Key, i64), Vec<Tie>>,
    pub kin: HashMap<(Key, i64), Kin>,
    pub places: HashMap<Key, Point>,
    surname_shares: Vec<f64>,
}

pub(crate) struct Staff {
    pub role: Role,
    /// From 1.
    pub department: usize,
    pub surname: Key,
    pub home: Home,
    /// 0: not a patient here.
    pub patient: i64,
    pub shifts: Vec<Shift>,
    /// What the rota knows, which is not always how it was worked.
    pub rota: Option<Vec<Shift>>,
    pub used_s: i64,
    /// Away until then.
    pub away_until_s: i64,
    /// Patients in whose records they know somebody: kin and neighbours.
    pub kin: Vec<i64>,
    /// Patients who were theirs of late.
    pub theirs: Vec<i64>,
}

pub(crate) struct Someone {
    pub surname: Key,
    pub home: Home,
    pub deceased_s: Option<i64>,
    pub is_vip: bool,
    /// The user; 0: none.
    pub staff: Key,
    /// Much of the record is marked as sensitive.
    pub is_sensitive: bool,
}

impl Town {
    pub fn build(seed: u64, staff: usize, patients: usize, start_s: i64) -> Town {
        let mut rng = Rng::of(seed, 1);
        let names = Names::new((patients / 5).max(200));
        let people: Vec<Someone> = (0..patients)
            .map(|_| Someone::draw(&mut rng, &names, start_s))
            .collect();
        let mut town = Town {
            staff: Vec::with_capacity(staff),
            patients: people,
            stays: vec![Vec::new(); patients],
            ties: HashMap::new(),
            kin: HashMap::new(),
            places: HashMap::new(),
            surname_shares: names.shares.clone(),
        };
        for n in 0..(patients / 800).max(3) {
            let at = rng.below(patients);
            town.patients[at].is_vip = true;
            let _ = n;
        }
        for index in 0..staff {
            town.hire(&mut rng, &names, index, staff, start_s);
        }
        town.remember_stays(&mut rng, start_s);
        town
    }

    fn hire(&mut self, rng: &mut Rng, names: &Names, index: usize, staff: usize, start_s: i64) {
        let (role, department) = Role::of(index, staff, rng);
        let mut home = Home {
            address: 1_000_000 + index as u64,
            at: Some(somewhere(rng)),
        };
        let mut surname = names.draw(rng);
        let user = index as Key + 1;
        let mut patient = 0;
        if rng.chance(0.35) {
            let at = rng.below(self.patients.len());
            let own = &mut self.patients[at];
            if own.staff == 0 && own.deceased_s.is_none() {
                (own.staff, patient) = (user, at as i64 + 1);
                (surname, home) = (own.surname, own.home);
            }
        }
        let mut kin = Vec::new();
        for _ in 0..rng.below(4) {
            let at = rng.below(self.patients.len());
            if at as i64 + 1 == patient || self.patients[at].staff != 0 {
                continue;
            }
            let lives_together = rng.chance(0.6);
            let one = &mut self.patients[at];
            if lives_together {
                one.home = home;
            }
            if rng.chance(0.65) {
                one.surname = surname;
            }
            // Not every family is told of.
            if rng.chance(0.6) {
                self.kin.insert((user, at as i64 + 1), Kin::Family);
            } else if lives_together {
                self.kin.insert((user, at as i64 + 1), Kin::Household);
            }
            kin.push(at as i64 + 1);
        }
        let used_s = start_s - rng.range(3_600, 12 * 86_400);
        self.staff.push(Staff {
            role,
            department,
            surname,
            home,
            patient,
            shifts: Vec::new(),
            rota: None,
            used_s,
            away_until_s: 0,
            kin,
            theirs: Vec::new(),
        });
    }

    /// What was before the first day.
    fn remember_stays(&mut self, rng: &mut Rng, start_s: i64) {
        for stays in &mut self.stays {
            for _ in 0..rng.poisson(1.6) {
                let days_ago = 2.0 + 900.0 * rng.share() * rng.share();
                let from_s = start_s - (days_ago * 86_400.0) as i64;
                let hours = if rng.chance(0.3) {
                    rng.range(24, 200)
                } else {
                    3
                };
                stays.push(Stay {
                    department: rng.range(1, super::work::WARDS as i64) as Key,
                    from_s,
                    until_s: (from_s + hours * 3_600).min(start_s),
                });
            }
            stays.sort_by_key(|stay| stay.from_s);
        }
    }

    /// What the record says from `known_s` on, if it does not say it already.
    pub fn tie(
        &mut self,
        user: Key,
        patient: i64,
        by: Explanation,
        span: (i64, i64),
        known_s: i64,
    ) {
        let ties = self.ties.entry((user, patient)).or_default();
        let is_told = ties.last().is_some_and(|tie| {
            tie.by == by && tie.known_s <= known_s && tie.until_s >= span.1 - 86_400
        });
        if !is_told {
            let (from_s, until_s) = span;
            ties.push(Tie {
                by,
                from_s,
                until_s,
                known_s,
            });
        }
    }

    pub fn neighbours(&self, user: Key, metres: f64) -> Vec<i64> {
        let own = &self.staff[user as usize - 1];
        let near = |one: &Someone| {
            let homes = own.home.at.zip(one.home.at);
            one.home.address != own.home.address
                && homes.is_some_and(|(a, b)| a.metres_to(b) < metres)
        };
        let all = self.patients.iter().enumerate();
        all.filter(|(_, one)| near(one))
            .map(|(at, _)| at as i64 + 1)
            .collect()
    }

    pub fn namesakes(&self, surname: Key) -> Vec<i64> {
        let all = self.patients.iter().enumerate();
        all.filter(|(_, one)| one.surname == surname)
            .map(|(at, _)| at as i64 + 1)
            .collect()
    }

    pub fn surname_share(&self, surname: Key) -> f64 {
        self.surname_shares[surname as usize - 1]
    }
}

impl Someone {
    fn draw(rng: &mut Rng, names: &Names, start_s: i64) -> Someone {
        let deceased = rng.chance(0.03);
        Someone {
            surname: names.draw(rng),
            home: Home {
                address: 1 + rng.below(10_000_000) as u64 + 2_000_000,
                at: rng.chance(0.9).then(|| somewhere(rng)),
            },
            deceased_s: deceased.then(|| start_s - rng.range(1, 900) * 86_400),
            is_vip: false,
            staff: 0,
            is_sensitive: rng.chance(0.06),
        }
    }
}

/// In a town of about eleven kilometres across, denser in the middle.
fn somewhere(rng: &mut Rng) -> Point {
    let mut offset = || ((rng.share() + rng.share() - 1.0) * 50_000.0) as i32;
    Point {
        latitude: TOWN.latitude + offset(),
        longitude: TOWN.longitude + offset() * 3 / 2,
    }
}

pub(crate) const TOWN: Point = Point {
    latitude: 48_200_000,
    longitude: 11_600_000,
};

/// Few surnames that many bear, many that few do.
struct Names {
    shares: Vec<f64>,
    sums: Vec<f64>,
}

impl Names {
    fn new(count: usize) -> Names {
        let weights: Vec<f64> = (0..count).map(|n| 1.0 / (n as f64 + 12.0)).collect();
        let total: f64 = weights.iter().sum();
        let shares: Vec<f64> = weights.iter().map(|w| w / total).collect();
        let mut sum = 0.0;
        let sums = shares
            .iter()
            .map(|share| {
                sum += share;
                sum
            })
            .collect();
        Names { shares, sums }
    }

    fn draw(&self, rng: &mut Rng) -> Key {
        let at = rng.share();
        self.sums
            .partition_point(|sum| *sum < at)
            .min(self.sums.len() - 1) as Key
            + 1
    }
}

/// Users above are patients at the portal: this and their row.
pub(crate) const PORTAL_USER: Key = 1_000_000;

impl Facts for Town {
    fn person(&self, user: Key) -> Option<Person> {
        if user > PORTAL_USER {
            return Some(Person {
                kind: Kind::Patient,
                department: 0,
                role: 0,
                patient: (user - PORTAL_USER) as i64,
                surname: 0,
                home: None,
                used_s: None,
            });
        }
        let staff = self.staff.get((user as usize).checked_sub(1)?)?;
        Some(Person {
            kind: Kind::Staff,
            department: staff.department as Key,
            role: staff.role as Key + 1,
            patient: staff.patient,
            surname: staff.surname,
            home: Some(staff.home),
            used_s: Some(staff.used_s),
        })
    }

    fn patient(&self, patient: i64) -> Option<Patient> {
        let at = (patient as usize).checked_sub(1)?;
        let one = self.patients.get(at)?;
        let ends = self.stays[at].iter().map(|stay| match stay.until_s {
            i64::MAX => stay.from_s,
            until => until,
        });
        Some(Patient {
            surname: one.surname,
            surname_share: self.surname_share(one.surname),
            home: Some(one.home),
            deceased_s: one.deceased_s,
            seen_s: ends.max(),
            is_vip: one.is_vip,
            staff: one.staff,
            held_s: None,
        })
    }

    fn ties(&self, user: Key, patient: i64) -> &[Tie] {
        self.ties.get(&(user, patient)).map_or(&[], Vec::as_slice)
    }

    fn stays(&self, patient: i64) -> &[Stay] {
        let at = (patient as usize).wrapping_sub(1);
        self.stays.get(at).map_or(&[], Vec::as_slice)
    }

    fn kin(&self, user: Key, patient: i64) -> Option<Kin> {
        self.kin.get(&(user, patient)).copied()
    }

    fn duty(&self, user: Key, from_s: i64, until_s: i64) -> Duty {
        let staff = self.staff.get((user as usize).wrapping_sub(1));
        let Some(rota) = staff.and_then(|staff| staff.rota.as_ref()) else {
            return Duty::Unknown;
        };
        let first = rota.partition_point(|shift| shift.until_s <= from_s);
        match rota.get(first) {
            Some(shift) if shift.from_s < until_s => match shift.is_on_call {
                true => Duty::OnCall,
                false => Duty::On,
            },
            _ => Duty::Off,
        }
    }

    fn place(&self, source: Key) -> Option<Point> {
        self.places.get(&source).copied()
    }
}
