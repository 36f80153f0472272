//! The workloads, one file each.

mod create;
mod crud;
mod get;
mod import;
mod mix;
mod search;
mod smile;
mod sweep;
#[cfg(test)]
mod tests;

use crate::arguments::{Arguments, Command};
use crate::report::Report;
use crate::run::Watched;
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
        Command::Smile(options) => smile::run(&target, &watched, options, seed).await,
        Command::Get(options) => get::run(&target, &watched, options).await.map(|r| vec![r]),
        Command::Fsync(_) => Err("fsync needs no server".to_owned()),
    }
}
