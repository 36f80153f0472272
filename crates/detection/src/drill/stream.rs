//! The accesses of one day, as they are put together and then sorted by time.

use super::rng::Rng;
use super::town::{TOWN, Town};
use crate::access::{Access, Act, Key, Labels, Outcome};
use crate::facts::Point;

/// A record that somebody opens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    pub user: Key,
    pub patient: i64,
    pub at_s: i64,
    pub reads: i64,
    /// Names and appointments only.
    pub is_administrative: bool,
    pub writes: bool,
    pub station: Key,
    pub source: Key,
    pub break_glass: bool,
    /// Which incident it is part of; 0: none.
    pub incident: u16,
}

impl Opening {
    pub fn of(user: Key, patient: i64, at_s: i64, reads: i64) -> Opening {
        Opening {
            user,
            patient,
            at_s,
            reads,
            is_administrative: false,
            writes: false,
            station: 1 + user % 320,
            source: 1 + user % BUILDINGS,
            break_glass: false,
            incident: 0,
        }
    }
}

#[derive(Default)]
pub(crate) struct Day {
    pub accesses: Vec<(Access, u16)>,
}

impl Day {
    pub fn push(&mut self, access: Access, incident: u16) {
        self.accesses.push((access, incident));
    }

    /// A search for them, now and then; then the patient, then what is read of the record. When that ends.
    pub fn open(&mut self, town: &Town, rng: &mut Rng, opening: &Opening) -> i64 {
        let mut at_s = opening.at_s;
        let base = Access {
            break_glass: opening.break_glass,
            ..blank(opening.user, opening.source, opening.station)
        };
        if rng.chance(0.35) {
            let search = Access {
                at_s: at_s - rng.range(2, 15),
                act: Act::Search,
                ty: PATIENT,
                is_listed: true,
                results: rng.range(1, 20) as u32,
                shape: 1,
                target: rng.below(1 << 40) as u64,
                ..base
            };
            self.push(search, opening.incident);
        }
        let patient = Access {
            at_s,
            patient: opening.patient,
            ..base
        };
        self.push(
            Access {
                ty: PATIENT,
                results: 1,
                ..patient
            },
            opening.incident,
        );
        let is_sensitive = town.patients[opening.patient as usize - 1].is_sensitive;
        for _ in 0..opening.reads {
            at_s += rng.range(2, 35);
            let ty = match opening.is_administrative {
                true => APPOINTMENT,
                false => kind_of(rng),
            };
            let (act, results) = match rng.below(100) {
                0..=44 => (Act::Search, rng.range(1, 40) as u32),
                45..=49 if opening.writes => (Act::Create, 1),
                50..=52 if opening.writes => (Act::Change, 1),
                53..=55 if !opening.is_administrative => (Act::Document, 1),
                _ => (Act::Read, 1),
            };
            let labels = match is_sensitive && rng.chance(0.4) {
                true => Labels::SENSITIVE,
                false => Labels::default(),
            };
            let access = Access {
                at_s,
                ty,
                act,
                results,
                labels,
                is_clinical: !opening.is_administrative,
                shape: 10 + u64::from(ty),
                target: rng.below(1 << 40) as u64,
                ..patient
            };
            self.push(access, opening.incident);
        }
        at_s
    }

    /// With a mistyped password now and then.
    pub fn sign_in(&mut self, rng: &mut Rng, user: Key, at_s: i64) {
        let base = blank(user, 1 + user % BUILDINGS, 0);
        let tries = match rng.chance(0.08) {
            true => rng.range(1, 4),
            false => 0,
        };
        for n in 0..=tries {
            let access = Access {
                at_s: at_s + n * rng.range(4, 12),
                act: Act::Login,
                target: user,
                outcome: match n < tries {
                    true => Outcome::Denied,
                    false => Outcome::Granted,
                },
                ..base
            };
            self.push(access, 0);
        }
    }

    /// All that is before `end_s`, in the order of time; the rest is kept for the days after.
    pub fn take(&mut self, end_s: i64) -> Vec<(Access, u16)> {
        self.accesses.sort_by_key(|(access, _)| access.at_s);
        let ended = self
            .accesses
            .partition_point(|(access, _)| access.at_s < end_s);
        let later = self.accesses.split_off(ended);
        std::mem::replace(&mut self.accesses, later)
    }
}

/// A read of nothing, to be filled in.
pub(crate) fn blank(user: Key, source: Key, workstation: Key) -> Access {
    Access {
        seq: 0,
        at_s: 0,
        user,
        client: EHR,
        patient: 0,
        ty: 0,
        is_clinical: false,
        labels: Labels::default(),
        act: Act::Read,
        outcome: Outcome::Granted,
        source,
        workstation,
        break_glass: false,
        is_listed: false,
        results: 0,
        shape: 0,
        target: 0,
    }
}

/// Where addresses are: buildings, homes, gateways of phones, elsewhere.
pub(crate) fn lay_out(town: &mut Town, rng: &mut Rng) {
    for building in 1..=BUILDINGS {
        town.places.insert(building, TOWN);
    }
    for user in 1..=town.staff.len() as Key {
        town.places.insert(HOME_SOURCE + user, TOWN);
    }
    for gateway in 0..GATEWAYS {
        town.places
            .insert(GATEWAY_SOURCE + gateway, far(rng, 3_000_000));
    }
    for elsewhere in 0..500 {
        town.places
            .insert(ELSEWHERE_SOURCE + elsewhere, far(rng, 30_000_000));
    }
}

fn far(rng: &mut Rng, spread: i64) -> Point {
    Point {
        latitude: TOWN.latitude + (rng.range(-spread, spread) / 2) as i32,
        longitude: TOWN.longitude + rng.range(-spread, spread) as i32,
    }
}

fn kind_of(rng: &mut Rng) -> u16 {
    let (one, other) = (rng.below(14), rng.below(14));
    one.min(other) as u16 + 1
}

pub(crate) const BUILDINGS: u64 = 8;
pub(crate) const HOME_SOURCE: Key = 10_000;
pub(crate) const GATEWAY_SOURCE: Key = 100_000;
pub(crate) const GATEWAYS: u64 = 6;
pub(crate) const ELSEWHERE_SOURCE: Key = 200_000;

pub(crate) const EHR: Key = 1;
pub(crate) const PORTAL: Key = 2;
pub(crate) const ANALYTICS: Key = 3;
pub(crate) const LABORATORY: Key = 4;
pub(crate) const DECISION_SUPPORT: Key = 5;
pub(crate) const ADMINISTRATION: Key = 6;

pub(crate) const PATIENT: u16 = 40;
pub(crate) const APPOINTMENT: u16 = 41;
