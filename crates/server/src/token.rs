//! `ward token`: a bearer token of a demo caller. Only a data folder that `--demo` made has such callers.

use crate::config;
use crate::{data_folder, wiring};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub struct Token {
    /// lab, billing, app, auditor, clinician, admin or loader
    #[arg(long = "as", value_name = "CALLER")]
    caller: String,
    /// Data folder of the demo store
    #[arg(long, default_value = "ward-data")]
    data: PathBuf,
    /// Logical id of the patient in context (for app; default: the demo's first patient)
    #[arg(long)]
    patient: Option<String>,
    /// TOML file, when the server uses one
    #[arg(long)]
    config: Option<PathBuf>,
}

impl Token {
    pub fn run(self) -> Result<ExitCode, String> {
        let flags = vec![("store.data", self.data.display().to_string())];
        let config = config::load(self.config.as_ref(), &flags)?.config;
        let demo = data_folder::read_demo(&self.data)?.ok_or_else(|| {
            format!(
                "{} is not a demo store; start one with: ward serve --demo",
                self.data.display()
            )
        })?;
        let master = data_folder::master_key(&config, false)?;
        let tokens = wiring::tokens(&config, &master, &demo.base)?;
        let patient = self.patient.or(demo.patient);
        print(&format!(
            "{}\n",
            wiring::demo_token(&tokens, &self.caller, patient.as_deref())?
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// The result of a command goes to standard output; a closed pipe is no error.
pub fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
