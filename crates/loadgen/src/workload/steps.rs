//! W12: the same work with authorization, consent and audit switched on one by one, in turns, so that what the machine does besides falls on
//! all alike. The server is one that is built with the feature `bench`, which obeys the header that names the steps.

use super::mix::{self, Verbs};
use super::{search, together};
use crate::arguments::{Pace, Search, Steps, Suite, Work};
use crate::report::{Report, Slowed};
use crate::run::{Measured, Watched};
use crate::target::Target;

/// The last is all but consent: what a decision costs is the one before it beside it.
const STEPS: [&str; 5] = [
    "",
    "auth",
    "auth consent",
    "auth consent audit",
    "auth audit",
];

pub async fn run(
    target: &Target,
    watched: &Watched,
    options: &Steps,
    seed: u64,
) -> Result<Vec<Report>, String> {
    let asked = Search {
        suite: Suite::MockHealth,
        only: Vec::new(),
        mixed: true,
        misses: 5,
        clients: options.clients,
        block: options.block,
        rounds: options.rounds,
    };
    let questions = match options.work {
        Work::W5 => Some(search::mixed(target, &asked).await?),
        Work::Read | Work::Mix => None,
    };
    let pace = Pace {
        clients: options.clients,
        warm_up: 0,
        duration: options.block,
        requests: None,
    };
    let verbs = match options.work {
        Work::Mix => Verbs::All,
        Work::Read | Work::W5 => Verbs::ReadOnly,
    };
    let mut sums: [Option<Measured>; STEPS.len()] = Default::default();
    for round in 0..=options.rounds {
        for (steps, sum) in STEPS.into_iter().zip(&mut sums) {
            let target = Target {
                steps: Some(steps),
                ..target.clone()
            };
            let seed = seed ^ round << 40;
            let block = match &questions {
                Some(questions) => search::block(&target, watched, &asked, questions, seed).await?,
                None => mix::measured(&target, watched, &pace, seed, verbs).await?,
            };
            // The first round warms what there is to be warmed.
            if round > 0 {
                *sum = Some(match sum.take() {
                    Some(sum) => together(sum, block),
                    None => block,
                });
            }
        }
    }
    let mut reports: Vec<Report> = Vec::new();
    for (steps, measured) in STEPS.into_iter().zip(sums) {
        let name = if steps.is_empty() { "nothing" } else { steps };
        let mut report = Report::new(name.to_owned(), measured.ok_or("there was no round")?);
        report.slowed = reports.first().map(|first| Slowed::of(&report, first));
        reports.push(report);
    }
    Ok(reports)
}
