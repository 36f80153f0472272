//! `ward audit`: checks an export of the audit log, or the proof of one event, without a server and without its store; writes such an
//! export; shows the keys that sign; takes records out; tries the detection of misuse.

mod evidence;
mod export;
mod key;
mod place;
mod removing;
mod versions;

use crate::{drill, token};
use clap::{Args, Subcommand};
use place::Place;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};
use ward_audit::checkpoint::Checkpoint;
use ward_audit::export::notes;
use ward_audit::leaf::{Content, Leaf};
use ward_audit::note::{Kind, Note, VerifierKey};
use ward_audit::tlog_proof::TlogProof;
use ward_audit::verifier::{Policy, Verdict, utc, verify};

#[derive(Args)]
pub struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check an export of the audit log and name the first bad entry
    Verify(Verify),
    /// Check the proof that one event is in the log
    VerifyProof(VerifyProof),
    /// Check the evidence of an access review, and that nothing of it was changed
    VerifyEvidence(evidence::VerifyEvidence),
    /// Hide misuse in a month of a synthetic hospital and tell what of it is found
    Drill(drill::Drill),
    /// Write the audit log of a store as a file that `ward audit verify` reads
    Export(export::Export),
    /// Show the keys that sign the audit log, to be told to auditors by another way, or turn to a new one
    Key(key::Key),
    /// Take out what has been kept for as long as `audit.retention_years` and `audit.retention_rules` say
    Retain(removing::Retain),
    /// Destroy the content of an event that must not stay; its entry stays, and every proof
    Redact(removing::Redact),
}

const EXAMPLES: &str = "\
Examples:
  ward audit verify log.ndjson --key 'hospital.example/ward/audit+1a2b3c4d+AR…'
                                     against the key that the hospital has told you
  ward audit verify log.ndjson --key … --anchor kept.txt
                                     and against checkpoints that you have kept
  ward audit verify log.ndjson --key … --witness 'witness.example/w1+…' --fresh 120
  ward audit verify --data my-data --key …
                                     the log of a store, and its resources against it

Exit codes:
  0  the log is whole
  1  the file or an anchor cannot be read
  2  the command line is wrong
  3  the log is not whole: an entry was changed, deleted, inserted, exchanged or cut off, or a signature is missing or foreign
  4  nothing is wrong with what is there, but not everything could be shown: no key was named, a heartbeat or a witness is missing

The format of the file, for whoever would rather write a verifier of their own: docs/guide/auditing-format.md";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
struct Verify {
    /// The export, one JSON object in each line; - reads standard input
    #[arg(required_unless_present_any = ["data", "database", "config"], conflicts_with_all = ["data", "database", "config"])]
    file: Option<PathBuf>,
    /// Instead of a file: the log of a store, and whether the versions of resources are those that were recorded
    #[command(flatten)]
    place: Place,
    /// A key of the log that you trust, as it is written in full; one of those that signed must be among them
    #[arg(long = "key", value_name = "KEY", value_parser = signing_key)]
    keys: Vec<VerifierKey>,
    /// A file with checkpoints that were kept elsewhere
    #[arg(long = "anchor", value_name = "FILE")]
    anchors: Vec<PathBuf>,
    /// A witness that must have signed of late
    #[arg(long = "witness", value_name = "KEY", value_parser = cosigning_key)]
    witnesses: Vec<VerifierKey>,
    /// How long before the last checkpoint a witness may have signed last
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    witness_lag: u64,
    /// Who may approve that something is taken out
    #[arg(long = "approver", value_name = "KEY", value_parser = signing_key)]
    approvers: Vec<VerifierKey>,
    /// How many approvers must have signed each removal [default: all that are named]
    #[arg(long, value_name = "COUNT")]
    approvals: Option<usize>,
    /// A silence that is too long, whatever the log has promised
    #[arg(long, value_name = "SECONDS")]
    silence_max: Option<u64>,
    /// How old the last checkpoint may be
    #[arg(long, value_name = "SECONDS")]
    fresh: Option<u64>,
}

#[derive(Args)]
#[command(after_help = PROOF_HELP)]
struct VerifyProof {
    /// The proof (c2sp.org/tlog-proof); - reads standard input
    file: PathBuf,
    /// A key of the log that you trust, as it is written in full; one of them must have signed
    #[arg(long = "key", value_name = "KEY", value_parser = signing_key, required = true)]
    keys: Vec<VerifierKey>,
    /// A witness that must have signed
    #[arg(long = "witness", value_name = "KEY", value_parser = cosigning_key)]
    witnesses: Vec<VerifierKey>,
}

const PROOF_HELP: &str = "\
Exit codes:
  0  the event is in the log that was signed
  1  the file cannot be read
  2  the command line is wrong
  3  the proof does not hold";

impl Audit {
    pub fn run(self) -> Result<ExitCode, String> {
        match self.command {
            Command::Verify(asked) => asked.run(),
            Command::VerifyProof(asked) => asked.run(),
            Command::VerifyEvidence(asked) => asked.run(),
            Command::Drill(asked) => asked.run(),
            Command::Export(asked) => asked.run(),
            Command::Key(asked) => asked.run(),
            Command::Retain(asked) => asked.run(),
            Command::Redact(asked) => asked.run(),
        }
    }
}

impl Verify {
    fn run(self) -> Result<ExitCode, String> {
        let policy = self.policy()?;
        let Some(file) = &self.file else {
            return versions::verify_log(&self.place, policy);
        };
        let lines = open(file)?;
        let report = verify(lines, &policy).map_err(|e| unreadable(file, e))?;
        token::print(&report.to_string());
        Ok(code(report.verdict()))
    }

    fn policy(&self) -> Result<Policy, String> {
        let mut anchors = Vec::new();
        for path in &self.anchors {
            anchors.extend(kept(path)?);
        }
        Ok(Policy {
            keys: self.keys.clone(),
            anchors,
            witnesses: self.witnesses.clone(),
            witness_lag_s: self.witness_lag,
            approvers: self.approvers.clone(),
            approvals: self.approvals.unwrap_or(self.approvers.len()),
            within_max_s: self.silence_max,
            fresh: self.fresh.map(|seconds| (now_us(), seconds)),
        })
    }
}

impl VerifyProof {
    fn run(self) -> Result<ExitCode, String> {
        let mut text = String::new();
        let mut limited = open(&self.file)?.take(PROOF_BYTES_MAX);
        let read = limited.read_to_string(&mut text);
        read.map_err(|e| unreadable(&self.file, e))?;
        let proof = proof_of(&text);
        let verified = proof.as_ref().map_err(String::clone).and_then(|proof| {
            let checkpoint = proof.verify(&self.keys, &self.witnesses);
            checkpoint
                .map(|checkpoint| (proof, checkpoint))
                .map_err(|e| e.to_string())
        });
        let (text, code) = match verified {
            Ok((proof, checkpoint)) => (said(&proof.leaf, &checkpoint), WHOLE),
            Err(why) => (format!("THE PROOF DOES NOT HOLD: {why}.\n"), BROKEN),
        };
        token::print(&text);
        Ok(ExitCode::from(code))
    }
}

fn code(verdict: Verdict) -> ExitCode {
    ExitCode::from(match verdict {
        Verdict::Whole => WHOLE,
        Verdict::Broken => BROKEN,
        Verdict::Incomplete => INCOMPLETE,
    })
}

/// The text of the proof: as it is, or as `AuditEvent/$proof` answers it.
fn proof_of(text: &str) -> Result<TlogProof, String> {
    if !text.trim_start().starts_with('{') {
        return TlogProof::parse(text).map_err(str::to_owned);
    }
    let answer: serde_json::Value = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let parameters = answer["parameter"].as_array().into_iter().flatten();
    let mut named = parameters.filter(|parameter| parameter["name"] == "proof");
    let proof = named.next().and_then(|proof| proof["valueString"].as_str());
    let proof = proof.ok_or("there is no parameter 'proof' in the answer")?;
    TlogProof::parse(proof).map_err(str::to_owned)
}

/// What a proof that holds has shown.
fn said(leaf: &Leaf, checkpoint: &Checkpoint) -> String {
    let record = match &leaf.content {
        Content::Whole { record, .. } => format!("{} bytes, as recorded", record.len()),
        Content::Redacted { .. } => "redacted".to_owned(),
    };
    format!(
        "Log       {}\n\
         Event     {}, of {} that were signed\n\
         Recorded  {}\n\
         Signed    {}\n\
         Record    {record}\n\n\
         The event is in the log.\n",
        checkpoint.origin,
        leaf.seq,
        checkpoint.size,
        utc(leaf.at_us),
        utc(checkpoint.time_us),
    )
}

/// The checkpoints of a file of anchors, which must have one.
fn kept(path: &Path) -> Result<Vec<Note>, String> {
    let text = std::fs::read_to_string(path).map_err(|e| unreadable(path, e))?;
    let notes = notes(&text).map_err(|why| unreadable(path, why))?;
    match notes.is_empty() {
        true => Err(unreadable(path, "there is no checkpoint in it")),
        false => Ok(notes),
    }
}

fn open(path: &Path) -> Result<Box<dyn BufRead>, String> {
    if path == Path::new("-") {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let file = File::open(path).map_err(|e| unreadable(path, e))?;
    Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, file)))
}

fn unreadable(path: &Path, why: impl std::fmt::Display) -> String {
    format!("{} cannot be read: {why}", path.display())
}

fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    })
}

fn signing_key(written: &str) -> Result<VerifierKey, String> {
    key_of(written, Kind::Ed25519)
}

fn cosigning_key(written: &str) -> Result<VerifierKey, String> {
    key_of(written, Kind::Cosignature)
}

fn key_of(written: &str, kind: Kind) -> Result<VerifierKey, String> {
    let key = VerifierKey::parse(written);
    let key = key.ok_or("not a key: it is written name+eight digits+base64")?;
    match (key.kind() == kind, kind) {
        (true, _) => Ok(key),
        (false, Kind::Ed25519) => {
            Err("the key of a witness, not of one who signs texts".to_owned())
        }
        (false, Kind::Cosignature) => Err("not the key of a witness".to_owned()),
    }
}

const BUFFER_BYTES: usize = 1 << 20;
/// A record has at most 1 MiB.
const PROOF_BYTES_MAX: u64 = 2 << 20;
const WHOLE: u8 = 0;
const BROKEN: u8 = 3;
const INCOMPLETE: u8 = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        audit: Audit,
    }

    const KEY: &str = include_str!("../../audit/tests/verify/example-keys.txt");

    fn run(arguments: &[&str]) -> Result<ExitCode, String> {
        run_as("verify", arguments)
    }

    fn run_as(command: &str, arguments: &[&str]) -> Result<ExitCode, String> {
        let line = ["audit", command];
        let line = line.iter().chain(arguments);
        let line = Line::try_parse_from(line).map_err(|e| e.to_string())?;
        line.audit.run()
    }

    fn example(name: &str) -> String {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../audit/tests/verify");
        tests.join(name).display().to_string()
    }

    #[test]
    fn exit_codes_are_those_of_the_help() {
        let file = example("example.ndjson");
        let file = file.as_str();
        let (log, witness) = KEY.trim().split_once('\n').unwrap();
        for (arguments, code) in [
            (vec![file, "--key", log], 0),
            (vec![file, "--key", log, "--witness", witness], 0),
            (vec![file, "--key", log, "--anchor", file], 0),
            (vec![file, "--key", log, "--fresh", "1"], 4),
            (vec![file], 4),
            (vec![file, "--key", log, "--approver", log], 3),
        ] {
            let exit = run(&arguments).unwrap();
            assert_eq!(exit, ExitCode::from(code), "{arguments:?}");
        }
    }

    #[test]
    fn a_proof_holds_for_the_key_that_signed() {
        let proof = example("example.tlog-proof");
        let log = KEY.trim().split_once('\n').unwrap().0;
        // Of the log's second key, which signed the last checkpoint.
        let next = include_str!("../../audit/tests/verify/example.ndjson")
            .split_once("\\nnext ")
            .and_then(|(_, rest)| rest.split_once("\\n"));
        let next = next.unwrap().0;
        for (key, code) in [(next, WHOLE), (log, BROKEN)] {
            let exit = run_as("verify-proof", &[&proof, "--key", key]).unwrap();
            assert_eq!(exit, ExitCode::from(code), "{key}");
        }
        let not_one = example("example.ndjson");
        let exit = run_as("verify-proof", &[&not_one, "--key", next]).unwrap();
        assert_eq!(exit, ExitCode::from(BROKEN));
        assert!(run_as("verify-proof", &[&proof]).is_err());
    }

    #[test]
    fn what_cannot_be_used_is_told() {
        let (file, key) = (example("example.ndjson"), example("example-keys.txt"));
        let (file, key) = (file.as_str(), key.as_str());
        let witness = KEY.trim().split_once('\n').unwrap().1;
        for (arguments, told) in [
            (vec!["no-such-file"], "no-such-file cannot be read"),
            (vec![file, "--anchor", "none"], "none cannot be read"),
            (vec![file, "--anchor", key], "cannot be read"),
            (vec![file, "--key", "x"], "not a key"),
            (vec![file, "--key", witness], "the key of a witness"),
        ] {
            let problem = run(&arguments).unwrap_err();
            assert!(problem.contains(told), "{problem}");
        }
    }
}
