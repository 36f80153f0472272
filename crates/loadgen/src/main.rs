//! `ward-loadgen`: closed-loop load on any FHIR R4 base URL, with the workloads of the published benchmarks, and the
//! floors of this machine. One process, few threads, so that it costs little beside what it measures.
//!
//! Must not know: how the server works. It speaks HTTP, signs as clients do, and reads `/proc`.

mod arguments;
mod browser;
mod client;
mod compare;
mod connection;
mod fsync;
mod meter;
mod record;
mod report;
mod run;
mod service;
mod sources;
mod target;
mod timing;
mod tokens;
mod workload;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match execute(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("ward-loadgen: {problem}");
            ExitCode::from(2)
        }
    }
}

/// True where no request failed.
fn execute(arguments: &Arguments) -> Result<bool, String> {
    if let Command::Fsync(options) = &arguments.command {
        return fsync::run(options, arguments.json).map(|()| true);
    }
    let mut builder = if arguments.threads > 1 {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(arguments.threads);
        builder
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|e| format!("runtime: {e}"))?;
    match &arguments.command {
        Command::Compare(options) => return runtime.block_on(compare::run(arguments, options)),
        Command::Timing(options) => return runtime.block_on(timing::run(arguments, options)),
        _ => {}
    }
    let reports = runtime.block_on(workload::execute(arguments))?;
    report::print(&reports, arguments.json);
    Ok(reports.iter().all(report::Report::is_clean))
}
