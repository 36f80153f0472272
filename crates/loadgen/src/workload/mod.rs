//! The workloads, one file each.

mod consents;
mod create;
mod crud;
mod get;
mod import;
mod mix;
mod search;
mod sign_ins;
mod smile;
mod steps;
mod sweep;
#[cfg(test)]
mod tests;
mod token;
mod visible;

pub use search::{Class, Pools, questions};

use crate::arguments::{Arguments, Command};
use crate::meter::Usage;
use crate::report::Report;
use crate::run::{Measured, Watched};
use crate::target::Target;

/// Runs what the command line asks for; several reports for a sweep.
pub async fn execute(arguments: &Arguments) -> Result<Vec<Report>, String> {
    let target = Target::of(arguments)?;
    let watched = Watched {
        server: arguments.server_pid.clone(),
        database: arguments.database_pid.clone(),
    };
    let seed = arguments.seed;
    match &arguments.command {
        Command::Crud(pace) => crud::run(&target, &watched, pace, seed)
            .await
            .map(|r| vec![r]),
        Command::Import(options) => import::run(&target, &watched, options, seed)
            .await
            .map(|r| vec![r]),
        Command::Mix(pace) => mix::run(&target, &watched, pace, seed, mix::Verbs::All)
            .await
            .map(|r| vec![r]),
        Command::Read(pace) => mix::run(&target, &watched, pace, seed, mix::Verbs::ReadOnly)
            .await
            .map(|r| vec![r]),
        Command::Create(pace) => create::run(&target, &watched, pace, seed)
            .await
            .map(|r| vec![r]),
        Command::Sweep(options) => sweep::run(&target, &watched, options, seed).await,
        Command::Search(options) => search::run(&target, &watched, options, seed).await,
        Command::Steps(options) => steps::run(&target, &watched, options, seed).await,
        Command::Visible(options) => visible::run(&target, options, seed).await,
        Command::Smile(options) => smile::run(&target, &watched, options, seed).await,
        Command::Token(options) => token::run(&target, &watched, options)
            .await
            .map(|r| vec![r]),
        Command::SignIns(options) => sign_ins::run(&target, &watched, options, seed).await,
        Command::Get(options) => get::run(&target, &watched, options).await.map(|r| vec![r]),
        Command::Consents(options) => {
            let stored = consents::run(&target, options, seed).await?;
            eprintln!("ward-loadgen: {stored} consents");
            Ok(Vec::new())
        }
        Command::Fsync(_) | Command::Compare(_) | Command::Timing(_) => {
            Err("this measures no workload".to_owned())
        }
    }
}

/// Two blocks of one run; memory is that of the second.
fn together(mut sum: Measured, block: Measured) -> Measured {
    let add = |a: Option<Usage>, b: Option<Usage>| match (a, b) {
        (Some(a), Some(b)) => Some(Usage {
            cpu_ms: a.cpu_ms + b.cpu_ms,
            ..b
        }),
        (a, b) => a.or(b),
    };
    sum.seconds += block.seconds;
    sum.own_cpu_ms += block.own_cpu_ms;
    sum.server = add(sum.server, block.server);
    sum.database = add(sum.database, block.database);
    sum.record.merge(block.record);
    sum
}
