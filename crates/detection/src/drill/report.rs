//! What a drill shows.

use super::{Drill, Judged, Kind, Planted};
use crate::access::Access;
use crate::alert::Alert;
use crate::detector::Counted;
use crate::rule::Rule;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

#[derive(Clone, Debug)]
pub struct Report {
    pub seed: u64,
    pub days: i64,
    /// Of the detector alone.
    pub took_us: u64,
    pub counted: Counted,
    /// Users, cases, teams, incidents in memory at the end.
    pub remembered: [usize; 4],
    pub table_bytes: usize,
    /// Alerts of each day.
    pub alerts: Vec<u32>,
    /// Further records that were added to alerts.
    pub follows: u32,
    /// By rule: alerts, and those of them that belong to an incident.
    pub by_rule: BTreeMap<Rule, (u32, u32)>,
    /// By incident: its kind, and how long after its first access it was told.
    incidents: BTreeMap<u16, (Kind, Option<i64>)>,
    began: HashMap<u16, i64>,
}

impl Report {
    pub(super) fn new(drill: &Drill) -> Report {
        Report {
            seed: drill.seed,
            days: drill.days,
            took_us: 0,
            counted: Counted::default(),
            remembered: [0; 4],
            table_bytes: 0,
            alerts: Vec::new(),
            follows: 0,
            by_rule: BTreeMap::new(),
            incidents: BTreeMap::new(),
            began: HashMap::new(),
        }
    }

    pub(super) fn add_day(
        &mut self,
        accesses: &[(Access, u16)],
        alerts: &mut Vec<Alert>,
        planted: &Planted,
    ) {
        for (access, incident) in accesses.iter().filter(|(_, incident)| *incident != 0) {
            self.began.entry(*incident).or_insert(access.at_s);
            let kind = planted.kinds[usize::from(*incident) - 1];
            self.incidents.entry(*incident).or_insert((kind, None));
        }
        let mut today = 0;
        for alert in alerts.drain(..) {
            let mut named = alert.evidence.iter().rev();
            let incident = named.find_map(|seq| planted.of_access.get(seq).copied());
            today += u32::from(alert.follows.is_none());
            self.add((&alert, incident));
        }
        self.alerts.push(today);
    }

    fn add(&mut self, (alert, incident): Judged) {
        if let Some(incident) = incident
            && let Some((_, told)) = self.incidents.get_mut(&incident)
            && told.is_none()
        {
            *told = Some(alert.at_s - self.began[&incident]);
        }
        if alert.follows.is_some() {
            self.follows += 1;
            return;
        }
        let (all, right) = self.by_rule.entry(alert.rule).or_default();
        *all += 1;
        *right += u32::from(incident.is_some());
    }

    /// Incidents, and those of them that were found.
    pub fn found(&self) -> (usize, usize) {
        let found = self.incidents.values().filter(|(_, told)| told.is_some());
        (self.incidents.len(), found.count())
    }

    pub fn recall(&self) -> f64 {
        let (all, found) = self.found();
        found as f64 / all.max(1) as f64
    }

    pub fn alerts_a_day(&self) -> f64 {
        let all: u32 = self.alerts.iter().sum();
        f64::from(all) / self.alerts.len().max(1) as f64
    }

    pub fn us_per_access(&self) -> f64 {
        self.took_us as f64 / self.counted.accesses.max(1) as f64
    }

    /// Incidents of a kind, those of them that were found, and the median of seconds until the first alert.
    pub fn of_kind(&self, kind: Kind) -> (usize, usize, i64) {
        let of_kind = self.incidents.values().filter(|(one, _)| *one == kind);
        let told: Vec<Option<i64>> = of_kind.map(|(_, told)| *told).collect();
        let mut found: Vec<i64> = told.iter().filter_map(|told| *told).collect();
        found.sort_unstable();
        let median = found.get(found.len() / 2).copied().unwrap_or(0);
        (told.len(), found.len(), median)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, found) = self.found();
        let counted = &self.counted;
        let percent = 100.0 * counted.unexplained as f64 / counted.opened.max(1) as f64;
        writeln!(
            out,
            "seed {}: {} accesses in {} days, {} to records by staff, {percent:.1} % of them unexplained",
            self.seed, counted.accesses, self.days, counted.opened
        )?;
        writeln!(
            out,
            "incidents found {found} of {all} (recall {:.3}); alerts a day {:.1}, {} on the worst day, {} more records added to them",
            self.recall(),
            self.alerts_a_day(),
            self.alerts.iter().max().unwrap_or(&0),
            self.follows
        )?;
        let [users, cases, teams, incidents] = self.remembered;
        writeln!(
            out,
            "{:.2} us an access, {:.1} s in all; {} MiB of tables: {users} users, {cases} cases, {teams} teams, {incidents} incidents",
            self.us_per_access(),
            self.took_us as f64 / 1e6,
            self.table_bytes >> 20
        )?;
        writeln!(
            out,
            "\n{:<24} {:>7} {:>6} {:>10}",
            "incident", "planted", "found", "median"
        )?;
        for kind in Kind::ALL {
            let (all, found, median) = self.of_kind(kind);
            writeln!(out, "{:<24} {all:>7} {found:>6} {median:>8} s", kind.name())?;
        }
        writeln!(out, "\n{:<5} {:>7} {:>9}  rule", "", "alerts", "incidents")?;
        for (rule, (all, right)) in &self.by_rule {
            writeln!(
                out,
                "{:<5} {all:>7} {right:>9}  {}",
                rule.to_string(),
                rule.title()
            )?;
        }
        Ok(())
    }
}

/// Of several seeds.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    reports: Vec<Report>,
}

impl Summary {
    pub fn add(&mut self, report: Report) {
        self.reports.push(report);
    }

    /// Least and median.
    pub fn recall(&self) -> (f64, f64) {
        let all = sorted(self.reports.iter().map(Report::recall));
        (all.first().copied().unwrap_or(0.0), median(&all))
    }

    /// Median and most.
    pub fn alerts_a_day(&self) -> (f64, f64) {
        let all = sorted(self.reports.iter().map(Report::alerts_a_day));
        (median(&all), all.last().copied().unwrap_or(0.0))
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut all: Vec<f64> = values.collect();
    all.sort_by(f64::total_cmp);
    all
}

fn median(sorted: &[f64]) -> f64 {
    let (one, other) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
    match sorted.get(other) {
        Some(high) => f64::midpoint(sorted[one], *high),
        None => 0.0,
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, middle) = self.recall();
        let (usual, most) = self.alerts_a_day();
        writeln!(
            out,
            "{} seeds: recall at least {least:.3}, median {middle:.3}; alerts a day median {usual:.1}, at most {most:.1}",
            self.reports.len()
        )?;
        writeln!(out, "\n{:<24} {:>7} {:>6}", "incident", "planted", "found")?;
        for kind in Kind::ALL {
            let of_all = self.reports.iter().map(|report| report.of_kind(kind));
            let (all, found) = of_all.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            writeln!(out, "{:<24} {all:>7} {found:>6}", kind.name())?;
        }
        let mut rules: BTreeMap<Rule, (u32, u32)> = BTreeMap::new();
        for (rule, (all, right)) in self.reports.iter().flat_map(|report| &report.by_rule) {
            let sum = rules.entry(*rule).or_default();
            *sum = (sum.0 + all, sum.1 + right);
        }
        writeln!(out, "\n{:<5} {:>7} {:>9}  rule", "", "alerts", "incidents")?;
        for (rule, (all, right)) in rules {
            writeln!(
                out,
                "{:<5} {all:>7} {right:>9}  {}",
                rule.to_string(),
                rule.title()
            )?;
        }
        Ok(())
    }
}
