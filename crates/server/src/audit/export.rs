//! `ward audit export`: the log of a store as a file (docs/guide/auditing-format.md), up to its last checkpoint.

use super::place::{Place, block_on, told};
use clap::Args;
use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use ward_storage::Store;

const EXAMPLES: &str = "\
Examples:
  ward audit export --data my-data --to log.ndjson       a server may be running on it
  ward audit export --config ward.toml | ward audit verify - --key …

The file holds every Record in full: keep it like the records of patients.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Export {
    #[command(flatten)]
    place: Place,
    /// A new file [default: standard output]
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

impl Export {
    pub fn run(self) -> Result<ExitCode, String> {
        block_on(async {
            let config = self.place.config()?;
            let store = self.place.open(&config).await?;
            let exported = self.write(&store).await;
            store.close().await;
            exported
        })?;
        Ok(ExitCode::SUCCESS)
    }

    async fn write(&self, store: &Store) -> Result<(), String> {
        let Some(path) = &self.to else {
            let stdout = io::stdout().lock();
            return lines(store, stdout).await;
        };
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path);
        let file = file.map_err(|e| format!("{} cannot be made: {e}", path.display()))?;
        lines(store, file).await
    }
}

async fn lines(store: &Store, to: impl Write) -> Result<(), String> {
    let unwritten = |e: io::Error| format!("the export cannot be written: {e}");
    let mut to = BufWriter::with_capacity(BUFFER_BYTES, to);
    let mut export = store.export_log().await.map_err(told)?;
    loop {
        let lines = export.next().await.map_err(told)?;
        if lines.is_empty() {
            return to.flush().map_err(unwritten);
        }
        for line in lines {
            writeln!(to, "{}", line.line).map_err(unwritten)?;
        }
    }
}

const BUFFER_BYTES: usize = 1 << 20;
