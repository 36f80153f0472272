//! What a hospital knows of the people in a stream of accesses. Whoever keeps the records gives it, from a cache: it is asked
//! several times for each access.

use crate::access::Key;
use crate::explain::Explanation;

pub trait Facts {
    fn person(&self, user: Key) -> Option<Person>;
    fn patient(&self, patient: i64) -> Option<Patient>;
    /// What ties a user to a patient through work.
    fn ties(&self, user: Key, patient: i64) -> &[Tie];
    /// Where a patient is and was.
    fn stays(&self, patient: i64) -> &[Stay];
    /// Whether they know each other at home.
    fn kin(&self, user: Key, patient: i64) -> Option<Kin>;
    /// What the rota says of any part of `[from_s, until_s)`.
    fn duty(&self, user: Key, from_s: i64, until_s: i64) -> Duty;
    /// Where an address is, if that is known.
    fn place(&self, source: Key) -> Option<Point>;
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Person {
    pub kind: Kind,
    pub department: Key,
    /// With the department: whose behaviour is compared.
    pub role: Key,
    /// Their own record; 0: none here.
    pub patient: i64,
    pub surname: Key,
    pub home: Option<Home>,
    /// When the account was used last before the stream began.
    pub used_s: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Staff,
    /// A patient or somebody who acts for one, by an app or portal of theirs.
    Patient,
    Service,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patient {
    pub surname: Key,
    /// Share of all patients who bear it.
    pub surname_share: f64,
    pub home: Option<Home>,
    pub deceased_s: Option<i64>,
    /// End of the last encounter.
    pub seen_s: Option<i64>,
    /// In the public eye.
    pub is_vip: bool,
    /// The user whose own record it is; 0: nobody who works here.
    pub staff: Key,
    /// Under a complaint or litigation hold: since when.
    pub held_s: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Home {
    pub address: Key,
    pub at: Option<Point>,
}

/// Millionths of a degree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    pub latitude: i32,
    pub longitude: i32,
}

impl Point {
    /// Metres, on a sphere laid flat: within a percent for a few hundred kilometres.
    pub fn metres_to(self, other: Point) -> f64 {
        let degree = 111_195.0 / 1e6;
        let mean = f64::midpoint(f64::from(self.latitude), f64::from(other.latitude)) / 1e6;
        let north = (f64::from(self.latitude) - f64::from(other.latitude)) * degree;
        let east = (f64::from(self.longitude) - f64::from(other.longitude)) * degree;
        (east * mean.to_radians().cos()).hypot(north)
    }
}

/// A reason that work gives, and for how long the record says so; margins are added when it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tie {
    pub by: Explanation,
    pub from_s: i64,
    pub until_s: i64,
    /// Since when the record says it: not before, whatever it says of earlier.
    pub known_s: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    pub department: Key,
    pub from_s: i64,
    /// `i64::MAX`: still there.
    pub until_s: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kin {
    /// RelatedPerson or emergency contact.
    Family,
    /// Lives or lived at the same address, was a proxy.
    Household,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    On,
    OnCall,
    Off,
    /// No rota names them.
    Unknown,
}
