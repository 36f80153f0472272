//! `ward token`: a bearer token of a demo caller. Only a data folder that `--demo` made has such callers.

use crate::config;
use crate::{data_folder, wiring};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Callers of the demo hospital:
  clinician  reads and writes clinical records          app      reads the record of one patient
  lab        reads patients, writes results             auditor  reads the record of requests
  billing    reads and writes claims and coverage       admin    manages definitions and terminology
  loader     has all rights, for imports

A token is good for an hour.
Example:
  curl -H \"Authorization: Bearer $(ward token --as lab)\" http://127.0.0.1:8080/fhir/Patient";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Token {
    /// lab, billing, app, auditor, clinician, admin or loader
    #[arg(long = "as", value_name = "CALLER")]
    caller: String,
    /// Data folder of the demo store
    #[arg(long, value_name = "DIR", default_value = "ward-data")]
    data: PathBuf,
    /// Logical id of the patient in context (for app; default: the demo's first patient)
    #[arg(long, value_name = "ID")]
    patient: Option<String>,
    /// Scopes in place of the caller's own, with spaces; each must be a part of what it may do
    #[arg(long, value_name = "SCOPES")]
    scope: Option<String>,
    /// TOML file, when the server uses one
    #[arg(long, value_name = "FILE")]
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
            wiring::demo_token(
                &tokens,
                &self.caller,
                patient.as_deref(),
                self.scope.as_deref()
            )?
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// The result of a command goes to standard output; a closed pipe is no error.
pub fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
