//! A hospital of a few lines.

use crate::*;
use std::collections::HashMap;

/// Noon of a Wednesday.
pub const NOON: i64 = 20_005 * DAY + 12 * 3_600;
pub const DAY: i64 = 86_400;
/// A nurse of department 1.
pub const NURSE: Key = 1;
/// Another of the same.
pub const COLLEAGUE: Key = 2;
pub const SERVICE: Key = 90;

pub struct World {
    pub people: HashMap<Key, Person>,
    pub patients: HashMap<i64, Patient>,
    pub ties: HashMap<(Key, i64), Vec<Tie>>,
    pub stays: HashMap<i64, Vec<Stay>>,
    pub kin: HashMap<(Key, i64), Kin>,
    pub places: HashMap<Key, Point>,
    pub duty: Duty,
    pub detector: Detector,
    pub seq: i64,
}

impl World {
    pub fn new() -> World {
        let person = |kind, role| Person {
            kind,
            department: 1,
            role,
            patient: 0,
            surname: 0,
            home: None,
            used_s: Some(NOON - DAY),
        };
        let people = [
            (NURSE, person(Kind::Staff, 1)),
            (COLLEAGUE, person(Kind::Staff, 1)),
            (SERVICE, person(Kind::Service, 9)),
        ];
        World {
            people: people.into(),
            patients: HashMap::new(),
            ties: HashMap::new(),
            stays: HashMap::new(),
            kin: HashMap::new(),
            places: HashMap::new(),
            duty: Duty::On,
            detector: Detector::new(Thresholds::default()),
            seq: 0,
        }
    }

    pub fn about(&mut self, id: i64) -> &mut Patient {
        self.patients.entry(id).or_insert(PLAIN)
    }

    pub fn nurse(&mut self) -> &mut Person {
        self.people.get_mut(&NURSE).unwrap()
    }

    pub fn tie(&mut self, user: Key, patient: i64, by: Explanation) {
        self.ties.entry((user, patient)).or_default().push(Tie {
            by,
            from_s: NOON - 3_600,
            until_s: NOON + 7 * DAY,
            known_s: NOON - 3_600,
        });
    }

    /// The patient is in the department for long.
    pub fn stay(&mut self, patient: i64, department: Key) {
        self.stays.entry(patient).or_default().push(Stay {
            department,
            from_s: NOON - 400 * DAY,
            until_s: i64::MAX,
        });
    }

    pub fn see(&mut self, access: Access) -> Vec<Alert> {
        self.seq += 1;
        if access.patient != 0 {
            self.about(access.patient);
        }
        let mut alerts = Vec::new();
        let seq = self.seq;
        let mut detector =
            std::mem::replace(&mut self.detector, Detector::new(Thresholds::default()));
        detector.observe(&Access { seq, ..access }, &*self, &mut alerts);
        self.detector = detector;
        alerts
    }

    /// Of all of them, in order.
    pub fn see_all(&mut self, accesses: impl IntoIterator<Item = Access>) -> Vec<Alert> {
        let mut alerts = Vec::new();
        for access in accesses {
            alerts.extend(self.see(access));
        }
        alerts
    }

    /// Reads of four clinical types in a patient's record, a minute apart.
    pub fn read_deeply(&mut self, user: Key, patient: i64, at_s: i64) -> Vec<Alert> {
        let accesses = (0..4).map(|n| Access {
            ty: n,
            ..read(user, patient, at_s + i64::from(n) * 60)
        });
        self.see_all(accesses)
    }

    /// Days on which the nurse and the colleague see some patients of their department each hour.
    pub fn learn_days(&mut self, days: i64, patients: i64) -> i64 {
        let begin = NOON - days * DAY;
        for day in 0..days {
            for hour in 0..4 {
                for n in 0..patients {
                    let at = begin + day * DAY + hour * 3_600 + n * 120;
                    let patient = 1_000 + n;
                    if day == 0 && hour == 0 {
                        self.stay(patient, 1);
                    }
                    for user in [NURSE, COLLEAGUE] {
                        let alerts = self.see(read(user, patient, at + user as i64));
                        assert_eq!(rules(&alerts), [], "work");
                    }
                }
            }
        }
        NOON + 4 * 3_600
    }
}

pub const PLAIN: Patient = Patient {
    surname: 0,
    surname_share: 0.0,
    home: None,
    deceased_s: None,
    seen_s: None,
    is_vip: false,
    staff: 0,
    held_s: None,
};

pub fn read(user: Key, patient: i64, at_s: i64) -> Access {
    Access {
        seq: 0,
        at_s,
        user,
        client: 1,
        patient,
        ty: 1,
        is_clinical: true,
        labels: Labels::default(),
        act: Act::Read,
        outcome: Outcome::Granted,
        source: 5,
        workstation: 0,
        break_glass: false,
        is_listed: false,
        results: 1,
        shape: 0,
        target: 0,
    }
}

pub fn rules(alerts: &[Alert]) -> Vec<Rule> {
    let told = alerts.iter().filter(|alert| alert.follows.is_none());
    told.map(|alert| alert.rule).collect()
}

impl Facts for World {
    fn person(&self, user: Key) -> Option<Person> {
        self.people.get(&user).copied()
    }

    fn patient(&self, patient: i64) -> Option<Patient> {
        self.patients.get(&patient).copied()
    }

    fn ties(&self, user: Key, patient: i64) -> &[Tie] {
        self.ties.get(&(user, patient)).map_or(&[], Vec::as_slice)
    }

    fn stays(&self, patient: i64) -> &[Stay] {
        self.stays.get(&patient).map_or(&[], Vec::as_slice)
    }

    fn kin(&self, user: Key, patient: i64) -> Option<Kin> {
        self.kin.get(&(user, patient)).copied()
    }

    fn duty(&self, _: Key, _: i64, _: i64) -> Duty {
        self.duty
    }

    fn place(&self, source: Key) -> Option<Point> {
        self.places.get(&source).copied()
    }
}
