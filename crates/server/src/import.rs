//! `ward import`: resources and Bundles from files and folders, into a store or a running server.

mod journal;
mod progress;
mod reader;
mod target;

use crate::config::{self, Config, Flags};
use crate::token::bearer::Bearer;
use crate::token::remote::own_authorities;
use crate::token::sign_in::SignIn;
use clap::Args;
use journal::Journal;
use progress::Progress;
use reader::{Document, SourceFile};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use target::Target;

/// Problems printed for one file; the rest is counted.
const PROBLEMS_PER_FILE_MAX: usize = 20;

const EXAMPLES: &str = "\
Examples:
  ward import bundles/ patients.ndjson.gz                   into the store of ./ward-data, no server running
  ward import --to http://127.0.0.1:8080/fhir --as loader bundles/      into a running demo
  WARD_TOKEN=… ward import --to https://ward.example/fhir bundles/

--as asks for a new token whenever one ends; --token is good for as long as the token is.

A transaction or batch Bundle is sent as such; any other resource is stored under its id (PUT), or under a new one.
Standard error shows how far it is: a bar on a terminal, else a line every 5 s; standard output has the outcome of each file.
A repeated call goes on where this one stopped. Exit code: 0 all stored, 2 some documents failed, 1 nothing could start.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Import {
    /// Files and folders: .json and .ndjson, each also as .gz
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Base URL of a running server (then --as or --token is needed); default: the store itself
    #[arg(long, value_name = "URL", conflicts_with = "database")]
    to: Option<String>,
    /// Bearer token for --to
    #[arg(long, env = "WARD_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Demo caller that signs in at --to, as `ward token` knows it
    #[arg(long = "as", value_name = "CALLER", requires = "to")]
    caller: Option<String>,
    /// Data folder of the store (no server may be running on it); with --as, that of the running demo
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// postgres:// URL of the store
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// TOML file of the server
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Documents under way at once
    #[arg(long, value_name = "N", default_value_t = 4)]
    clients: usize,
    /// Where finished documents are remembered, so that a repeated call goes on where this one stopped [default: in the data folder, with --to .ward-import]
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
}

/// What became of one file.
#[derive(Default)]
struct Outcome {
    stored: usize,
    skipped: usize,
    failed: usize,
    problems: Vec<String>,
}

impl Import {
    pub fn run(self) -> Result<ExitCode, String> {
        let config = config::load(self.config.as_ref(), &self.flags())?.config;
        let files = reader::find(&self.paths)?;
        let default_journal = if self.to.is_some() {
            PathBuf::from(".ward-import")
        } else {
            config.store.data.join("import.journal")
        };
        let target = Arc::new(self.target(&config)?);
        let journal = self.journal.clone().unwrap_or(default_journal);
        let mut journal = Journal::open(journal, &target.name(&config))?;
        let begun = Instant::now();
        let progress = Progress::new(&files);
        let (mut stored, mut failed) = (0, 0);
        for file in &files {
            progress.open(file);
            let outcome = self.import_file(file, &target, &mut journal, &progress)?;
            journal.sync()?;
            progress.clear();
            report(file, &outcome);
            stored += outcome.stored;
            failed += outcome.failed;
        }
        target.close(stored, failed)?;
        let seconds = begun.elapsed().as_secs_f64();
        let rate = stored as f64 / seconds.max(0.001);
        crate::token::print(&format!(
            "{stored} resources stored, {failed} documents failed, {seconds:.1} s, {rate:.0} resources/s\n"
        ));
        Ok(if failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::from(2)
        })
    }

    fn target(&self, config: &Config) -> Result<Target, String> {
        let Some(to) = &self.to else {
            return Target::store(config);
        };
        let mut authorities = Vec::new();
        let bearer = match (&self.caller, &self.token) {
            (Some(caller), _) => {
                let sign_in = SignIn::of(&config.store.data, caller)?.about(None)?;
                // A token must not be shown to a server that it is not for.
                if to.trim_end_matches('/') != sign_in.base() {
                    let base = sign_in.base();
                    return Err(format!(
                        "the demo that --as signs in to is at {base}, not {to}"
                    ));
                }
                authorities = own_authorities(&config.store.data)?;
                Bearer::renewed(sign_in)
            }
            (None, Some(token)) => Bearer::Given(token.clone()),
            (None, None) => return Err("--to needs --as or --token".into()),
        };
        Target::server(to, bearer, authorities)
    }

    fn flags(&self) -> Flags {
        let mut flags = Flags::new();
        flags.extend(
            self.data
                .as_ref()
                .map(|v| ("store.data", v.display().to_string())),
        );
        flags.extend(self.database.clone().map(|v| ("store.database", v)));
        flags
    }

    /// All documents of a file, `clients` at once. Documents that the journal knows are skipped.
    fn import_file(
        &self,
        file: &SourceFile,
        target: &Arc<Target>,
        journal: &mut Journal,
        progress: &Progress,
    ) -> Result<Outcome, String> {
        let documents = Mutex::new(file.documents(progress)?.enumerate());
        let outcome = Mutex::new(Outcome::default());
        let journal = Mutex::new(journal);
        std::thread::scope(|scope| {
            for _ in 0..self.clients.max(1) {
                scope.spawn(|| {
                    target.work(|sender| {
                        loop {
                            let next = lock(&documents).next();
                            let Some((n, document)) = next else { break };
                            let stored =
                                self.import_document(n, document, file, sender, &journal, &outcome);
                            progress.document(stored);
                        }
                    });
                });
            }
        });
        Ok(outcome.into_inner().unwrap_or_default())
    }

    /// Returns how many resources the document made.
    fn import_document(
        &self,
        n: usize,
        document: Result<Document, String>,
        file: &SourceFile,
        sender: &mut target::Sender<'_>,
        journal: &Mutex<&mut Journal>,
        outcome: &Mutex<Outcome>,
    ) -> usize {
        if lock(journal).knows(file, n) {
            lock(outcome).skipped += 1;
            return 0;
        }
        let result = document
            .and_then(|d| sender.send(&d))
            .and_then(|stored| lock(journal).remember(file, n).map(|()| stored));
        let mut outcome = lock(outcome);
        match result {
            Ok(stored) => {
                outcome.stored += stored;
                stored
            }
            Err(problem) => {
                outcome.failed += 1;
                if outcome.problems.len() < PROBLEMS_PER_FILE_MAX {
                    outcome
                        .problems
                        .push(format!("document {}: {problem}", n + 1));
                }
                0
            }
        }
    }
}

/// A poisoned lock means that a thread panicked; its data is still the best there is to report.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn report(file: &SourceFile, outcome: &Outcome) {
    let mut line = format!("{}: {} stored", file.path.display(), outcome.stored);
    if outcome.skipped > 0 {
        line.push_str(&format!(
            ", {} documents were stored before",
            outcome.skipped
        ));
    }
    if outcome.failed > 0 {
        line.push_str(&format!(", {} documents failed", outcome.failed));
    }
    line.push('\n');
    for problem in &outcome.problems {
        line.push_str(&format!("  {problem}\n"));
    }
    crate::token::print(&line);
}
