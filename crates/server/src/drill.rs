//! `ward audit drill`: a month of a synthetic hospital with misuse hidden in it, and what of it detection finds.

use crate::token;
use clap::Args;
use std::process::ExitCode;
use std::time::Instant;
use ward_detection::Thresholds;
use ward_detection::drill;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Drill {
    /// Which month; the same number is the same month
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many months, from that one on
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: u64,
    /// A threshold with which it is tried
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = threshold)]
    set: Vec<(String, f64)>,
    /// List the thresholds instead
    #[arg(long)]
    thresholds: bool,
}

const EXAMPLES: &str = "\
Examples:
  ward audit drill                          500 staff, 20,000 patients, 30 days, a million accesses, 60 incidents
  ward audit drill --seed 301 --seeds 20    how much recall and alerts a day vary
  ward audit drill --set alert_points=65    what another threshold would cost

What each incident, rule and threshold is: docs/guide/misuse.md";

impl Drill {
    pub fn run(self) -> Result<ExitCode, String> {
        let mut limits = Thresholds::default();
        for (name, value) in &self.set {
            limits.set(name, *value)?;
        }
        if self.thresholds {
            for (name, value, meaning) in limits.list() {
                token::print(&format!("{name} = {value}\n    {meaning}"));
            }
            return Ok(ExitCode::SUCCESS);
        }
        let began = Instant::now();
        let clock = || u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut summary = drill::Summary::default();
        for seed in self.seed..self.seed.saturating_add(self.seeds) {
            let limits = limits.clone();
            let month = drill::Drill {
                limits,
                ..drill::Drill::new(seed)
            };
            let report = month.run(&clock);
            token::print(&report.to_string());
            summary.add(report);
        }
        if self.seeds > 1 {
            token::print(&summary.to_string());
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn threshold(text: &str) -> Result<(String, f64), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    let number: f64 = value.parse().map_err(|_| format!("{value} is no number"))?;
    Thresholds::default().set(name, number)?;
    Ok((name.to_owned(), number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_a_known_name_with_a_value_in_its_bounds() {
        assert_eq!(
            threshold("quick_opens=20"),
            Ok(("quick_opens".to_owned(), 20.0))
        );
        for wrong in ["quick_opens", "quick_opens=many", "quick_opens=1", "x=1"] {
            assert!(threshold(wrong).is_err(), "{wrong}");
        }
    }
}
