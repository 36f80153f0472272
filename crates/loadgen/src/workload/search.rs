//! W3, W5, W7, W8 and the classes by which the cost of search is stated. Blocks of each class and of point reads take
//! turns, so that what the machine does besides falls on all alike, and each class has its ratio to the point read.

mod pools;
mod suites;

use std::sync::Arc;

use ward_hospital::Rng;

use super::together;
use crate::arguments::{Pace, Search, Suite};
use crate::client::Client;
use crate::record::{Phase, Record};
use crate::report::{Beside, Report};
use crate::run::{self, Measured, Script, Watched};
use crate::target::Target;
pub use pools::Pools;
pub use suites::Class;

/// The words of questions.
pub fn questions(all: &[&str]) -> Vec<String> {
    pools::words(all.iter().copied())
}

/// What everything else is compared with.
const READ: Class = Class {
    name: "read",
    questions: &["Patient/{patient}"],
};

pub async fn run(
    target: &Target,
    watched: &Watched,
    options: &Search,
    seed: u64,
) -> Result<Vec<Report>, String> {
    let classes: Vec<&'static Class> = suite(options.suite)
        .iter()
        .filter(|c| options.only.is_empty() || options.only.iter().any(|o| c.name == o))
        .collect();
    if classes.is_empty() {
        return Err("no class of the suite has such a name".to_owned());
    }
    let mut setup = Client::new(target, 0, Record::new(Phase::new(None)))?;
    let questions = classes.iter().flat_map(|c| c.questions.iter().copied());
    let words = pools::words(questions.chain(READ.questions.iter().copied()));
    let pools = Arc::new(Pools::harvest(&mut setup, &words).await?);
    let of = |classes: Vec<&'static Class>| Asked {
        classes: classes.into(),
        pools: pools.clone(),
        misses_percent: options.misses,
    };
    let turns: Vec<Asked> = if options.mixed {
        vec![of(vec![&READ]), of(classes)]
    } else {
        let each = classes.into_iter().map(|c| of(vec![c]));
        [of(vec![&READ])].into_iter().chain(each).collect()
    };
    let mut sums: Vec<Option<Measured>> = turns.iter().map(|_| None).collect();
    for round in 0..=options.rounds {
        for (turn, sum) in turns.iter().zip(&mut sums) {
            let seed = seed ^ round << 40;
            let block = block(target, watched, options, turn, seed).await?;
            // The first round warms what there is to be warmed.
            if round > 0 {
                *sum = Some(match sum.take() {
                    Some(sum) => together(sum, block),
                    None => block,
                });
            }
        }
    }
    Ok(reports(&turns, sums))
}

/// What all classes of a suite ask, with equal chances.
pub(super) async fn mixed(target: &Target, options: &Search) -> Result<Asked, String> {
    let classes: Vec<&'static Class> = suite(options.suite).iter().collect();
    let words = pools::words(classes.iter().flat_map(|c| c.questions.iter().copied()));
    let mut setup = Client::new(target, 0, Record::new(Phase::new(None)))?;
    Ok(Asked {
        pools: Arc::new(Pools::harvest(&mut setup, &words).await?),
        classes: classes.into(),
        misses_percent: options.misses,
    })
}

fn suite(suite: Suite) -> &'static [Class] {
    match suite {
        Suite::Classes => suites::CLASSES,
        Suite::HealthSamurai => suites::HEALTH_SAMURAI,
        Suite::MockHealth => suites::MOCK_HEALTH,
        Suite::Blaze => suites::BLAZE,
        Suite::Microsoft => suites::MICROSOFT,
    }
}

#[derive(Clone)]
pub(super) struct Asked {
    classes: Arc<[&'static Class]>,
    pools: Arc<Pools>,
    misses_percent: u64,
}

pub(super) async fn block(
    target: &Target,
    watched: &Watched,
    options: &Search,
    asked: &Asked,
    seed: u64,
) -> Result<Measured, String> {
    let pace = Pace {
        clients: options.clients,
        warm_up: 0,
        duration: options.block,
        requests: None,
    };
    let scripts = (0..options.clients).map(|n| Ask {
        asked: asked.clone(),
        rng: Rng::of(seed, n as u64),
    });
    run::run(target, watched, &pace, scripts.collect()).await
}

struct Ask {
    asked: Asked,
    rng: Rng,
}

impl Script for Ask {
    async fn step(&mut self, client: &mut Client) -> bool {
        let draw = |rng: &mut Rng, end: usize| rng.below(end as u64) as usize;
        let class = self.asked.classes[draw(&mut self.rng, self.asked.classes.len())];
        let question = class.questions[draw(&mut self.rng, class.questions.len())];
        // A read that misses is an error, not an answer.
        let misses = if question.contains('?') {
            self.asked.misses_percent
        } else {
            0
        };
        let (path, missed) = self.asked.pools.fill(question, &mut self.rng, misses);
        if let Some(reply) = client.get(class.name, &path).await {
            let entries = reply.body.windows(10).filter(|w| w == b"\"fullUrl\":");
            client.record.moved(entries.count() as u64);
            client.record.missed(missed);
        }
        true
    }
}

fn reports(turns: &[Asked], sums: Vec<Option<Measured>>) -> Vec<Report> {
    let mut reports: Vec<Report> = Vec::new();
    for (turn, measured) in turns.iter().zip(sums) {
        let Some(measured) = measured else { continue };
        let workload = match turn.classes.as_ref() {
            [class] => class.name.to_owned(),
            _ => "mixed".to_owned(),
        };
        let mut report = Report::new(workload, measured);
        report.beside = Some(match reports.first() {
            Some(read) => Beside::of(&report, read),
            None => Beside::of(&report, &report),
        });
        reports.push(report);
    }
    reports
}
