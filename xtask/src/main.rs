//! The chores of this repository: `cargo xtask <chore>`.

mod bench;
mod dictionaries;
mod profiles;
mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (chore, rest) = arguments
        .split_first()
        .map_or(("", &[] as &[String]), |(chore, rest)| {
            (chore.as_str(), rest)
        });
    let outcome = match chore {
        "bench" => bench::run(rest),
        "dictionaries" => dictionaries::run(rest),
        "profiles" => profiles::run(rest),
        "tidy" => tidy::run(rest),
        _ => Err("cargo xtask bench | dictionaries | profiles | tidy".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
