//! A month of a synthetic hospital with misuse hidden in it: how much of it is found, and how many alerts that takes.
//!
//! The same seed gives the same month. Who misuses what is drawn like all else; what gives an incident away here is what
//! would give it away in life, and some of them nothing does.

mod incidents;
mod noise;
mod report;
mod rng;
mod stream;
mod town;
mod work;

pub use incidents::Kind;
pub use report::{Report, Summary};

use crate::access::Access;
use crate::alert::Alert;
use crate::detector::Detector;
use crate::thresholds::Thresholds;
use rng::Rng;
use std::collections::HashMap;
use town::Town;
use work::Census;

#[derive(Clone, Debug)]
pub struct Drill {
    pub seed: u64,
    pub staff: usize,
    pub patients: usize,
    pub days: i64,
    /// Incidents of each [`Kind`].
    pub of_each_kind: usize,
    pub limits: Thresholds,
}

impl Drill {
    /// 500 staff, 20,000 patients, 30 days, about a million accesses, 60 incidents of 20 kinds.
    pub fn new(seed: u64) -> Drill {
        Drill {
            seed,
            staff: 500,
            patients: 20_000,
            days: 30,
            of_each_kind: 3,
            limits: Thresholds::default(),
        }
    }

    /// `clock_us` is asked before and after what is measured; it must not go back.
    pub fn run(&self, clock_us: &dyn Fn() -> u64) -> Report {
        let mut month = Month::begin(self);
        let mut detector = Detector::new(self.limits.clone());
        let mut report = Report::new(self);
        let mut alerts = Vec::new();
        for day in 0..self.days {
            let accesses = month.day(day);
            let (town, before) = (&month.town, clock_us());
            for (access, _) in &accesses {
                detector.observe(access, town, &mut alerts);
            }
            report.took_us += clock_us().saturating_sub(before);
            report.add_day(&accesses, &mut alerts, &month.planted);
        }
        report.counted = detector.counted();
        report.remembered = detector.remembered();
        report.table_bytes = detector.table_bytes();
        report
    }
}

/// What is planted: which incident an access belongs to, and of what kind each is.
#[derive(Default)]
struct Planted {
    kinds: Vec<Kind>,
    of_access: HashMap<i64, u16>,
}

struct Month {
    town: Town,
    census: Census,
    rng: Rng,
    stream: stream::Day,
    planted: Planted,
    /// Kinds that are still to be planted, by the day.
    plan: Vec<(i64, Kind)>,
    seq: i64,
    days: i64,
}

impl Month {
    fn begin(drill: &Drill) -> Month {
        let mut rng = Rng::of(drill.seed, 2);
        let mut town = Town::build(drill.seed, drill.staff, drill.patients, START_S);
        noise::leaves(&mut town, &mut rng, START_S, drill.days + 20);
        work::plan(&mut town, &mut rng, START_S, drill.days);
        stream::lay_out(&mut town, &mut rng);
        let mut plan = Vec::new();
        for kind in Kind::ALL {
            for _ in 0..drill.of_each_kind {
                plan.push((rng.range(LEARNT_DAYS, drill.days - 2), kind));
            }
        }
        Month {
            town,
            census: Census::new(),
            rng,
            stream: stream::Day::default(),
            planted: Planted::default(),
            plan,
            seq: 0,
            days: drill.days,
        }
    }

    fn day(&mut self, day: i64) -> Vec<(Access, u16)> {
        let day_s = START_S + day * 86_400;
        let (town, rng) = (&mut self.town, &mut self.rng);
        self.census.turn(town, rng, day_s);
        work::work(town, &self.census, rng, day_s, &mut self.stream);
        noise::noise(town, &self.census, rng, day_s, &mut self.stream);
        self.plant(day, day_s);
        let mut accesses = self.stream.take(day_s + 86_400);
        for (access, incident) in &mut accesses {
            self.seq += 1;
            access.seq = self.seq;
            if *incident != 0 {
                self.planted.of_access.insert(self.seq, *incident);
            }
        }
        accesses
    }

    /// What finds nobody on its day is tried on the next.
    fn plant(&mut self, day: i64, day_s: i64) {
        let due: Vec<(i64, Kind)> = self.plan.extract_if(.., |(on, _)| *on <= day).collect();
        for (_, kind) in due {
            let incident = self.planted.kinds.len() as u16 + 1;
            let done = (0..TRIES).any(|_| {
                incidents::plant(
                    kind,
                    &mut self.town,
                    &self.census,
                    &mut self.rng,
                    day_s,
                    &mut self.stream,
                    incident,
                )
            });
            match done {
                true => self.planted.kinds.push(kind),
                false if day + 1 < self.days => self.plan.push((day + 1, kind)),
                false => (),
            }
        }
    }
}

/// Monday, 7 October 2024.
const START_S: i64 = 20_003 * 86_400;
/// Nothing is planted before, as in a hospital in which the log is some days old.
const LEARNT_DAYS: i64 = 4;
const TRIES: usize = 200;

/// For tests: what the stream of the first days is.
#[cfg(test)]
pub(crate) fn first_days(drill: &Drill, days: i64) -> (Vec<Access>, usize) {
    let mut month = Month::begin(drill);
    let mut all = Vec::new();
    for day in 0..days {
        all.extend(month.day(day).into_iter().map(|(access, _)| access));
    }
    (all, month.planted.kinds.len())
}

/// An alert and its incident, if it is one.
type Judged<'a> = (&'a Alert, Option<u16>);
