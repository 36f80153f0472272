//! `cargo xtask bench floor`: our figures beside the floors of this machine, measured in turns in the same run, so that
//! the ratio counts and not the hour. Prints a Markdown table.

mod floor;
mod instructions;
mod process;

/// `bench floor [--rounds N] [--seconds N] [--clients N] [--patients N] [--database URL] [--database-pid PID]`
pub fn run(arguments: &[String]) -> Result<(), String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    std::env::set_current_dir(root).map_err(|e| format!("the root of the repository: {e}"))?;
    match arguments.split_first() {
        Some((what, _)) if what == "instructions" => instructions::run(),
        Some((what, rest)) if what == "floor" => floor::run(&floor::Options::read(rest)?),
        _ => Err(format!("cargo xtask bench floor {}", floor::USAGE)),
    }
}
