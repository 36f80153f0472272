//! `ward token`: an access token of a demo caller, from the server that runs on the data folder. Systems prove themselves by their
//! private keys, people sign in; nothing is signed here that the server would not have given to anybody else.

pub mod bearer;
mod browser;
mod person;
pub mod remote;
pub mod sign_in;
mod system;

use clap::Args;
use sign_in::SignIn;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

const EXAMPLES: &str = "\
Callers of the demo hospital:
  clinician  reads and writes clinical records          app      reads the record of one patient
  lab        reads patients, writes results             auditor  reads the record of requests
  billing    reads and writes claims and coverage       admin    manages definitions and terminology
  clerk      makes claims; sees what they need          loader   has all rights, for imports

The server must be running. lab, billing and loader are backend services: their tokens are good for five minutes.
The others are people, whose tokens are good for an hour.
Example:
  TOKEN=$(ward token --as lab)
  curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8080/fhir/Patient";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Token {
    /// lab, billing, app, auditor, clinician, clerk, admin or loader
    #[arg(long = "as", value_name = "CALLER")]
    caller: String,
    /// Data folder of the demo store
    #[arg(long, value_name = "DIR", default_value = "ward-data")]
    data: PathBuf,
    /// Logical id of the patient in context (for app; default: the demo's first patient). Another's record is opened by the clinician
    #[arg(long, value_name = "ID")]
    patient: Option<String>,
    /// Scopes in place of the caller's own, with spaces; each must be a part of what it may do
    #[arg(long, value_name = "SCOPES")]
    scope: Option<String>,
    /// Purposes of use to act for, codes of v3 PurposeOfUse with spaces (default: what the caller is there for)
    #[arg(long, value_name = "CODES")]
    purpose: Option<String>,
}

impl Token {
    pub fn run(self) -> Result<ExitCode, String> {
        let sign_in = SignIn::of(&self.data, &self.caller)?
            .about(self.patient.as_deref())?
            .within(self.scope.as_deref())?
            .acting_for(self.purpose.as_deref());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| format!("no runtime: {e}"))?;
        let issued = runtime.block_on(sign_in.token())?;
        print(&format!("{}\n", issued.access_token));
        Ok(ExitCode::SUCCESS)
    }
}

/// The result of a command goes to standard output; a closed pipe is no error.
pub fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
