//! `ward audit verify-evidence`: what an access review came to, as the server has signed it.

use super::{BROKEN, WHOLE, open, signing_key, unreadable};
use crate::token;
use clap::Args;
use serde_json::Value;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use ward_audit::evidence::Evidence;
use ward_audit::note::VerifierKey;
use ward_audit::verifier::utc;

#[derive(Args)]
#[command(after_help = HELP)]
pub struct VerifyEvidence {
    /// The evidence as it was taken from /auth/access-reviews; - reads standard input
    file: PathBuf,
    /// A key of the log that you trust, as it is written in full; one of them must have signed
    #[arg(long = "key", value_name = "KEY", value_parser = signing_key, required = true)]
    keys: Vec<VerifierKey>,
}

const HELP: &str = "\
Exit codes:
  0  the evidence is as it was signed
  1  the file cannot be read
  2  the command line is wrong
  3  the evidence was changed, or is not signed by a key that you trust, or its numbers are not those of its items, or a decision was changed that cannot be";

impl VerifyEvidence {
    pub fn run(self) -> Result<ExitCode, String> {
        let mut text = String::new();
        let mut limited = open(&self.file)?.take(EVIDENCE_BYTES_MAX);
        let read = limited.read_to_string(&mut text);
        read.map_err(|e| unreadable(&self.file, e))?;
        let verified = Evidence::verify(&text, &self.keys).map_err(|e| e.to_string());
        let (text, code) = match verified.and_then(|evidence| said(&evidence)) {
            Ok(said) => (said, WHOLE),
            Err(why) => (format!("THE EVIDENCE DOES NOT HOLD: {why}.\n"), BROKEN),
        };
        token::print(&text);
        Ok(ExitCode::from(code))
    }
}

/// What evidence that holds has shown. Error: it contradicts itself.
fn said(evidence: &Evidence) -> Result<String, String> {
    let review = &evidence.document;
    let items = review["items"].as_array().ok_or("it has no items")?;
    let text = |name: &str| review[name].as_str().unwrap_or_default().to_owned();
    let mut lines = format!(
        "Log       {}\n\
         Signed    {}\n\
         Review    {}\n\
         Stage     {}\n\
         Items     {}\n",
        evidence.statement.origin,
        utc(evidence.statement.time_us),
        text("name"),
        text("stage"),
        items.len(),
    );
    for outcome in OUTCOMES {
        let of = |item: &&Value| outcome_of(item) == outcome;
        let counted = items.iter().filter(of).count() as u64;
        if review["counts"][outcome].as_u64() != Some(counted) {
            return Err(format!("the count of '{outcome}' is not that of its items"));
        }
        lines += &format!("  {outcome:<12}{counted}\n");
    }
    lines += &format!("Changed   {}\n", changed(items)?);
    Ok(lines + "\nThe evidence is as it was signed.\n")
}

/// How many were kept before they were revoked; evidence of servers that changed no decision has none. Error: a decision was changed as a
/// review cannot.
fn changed(items: &[Value]) -> Result<usize, String> {
    let mut changed = 0;
    for item in items {
        let from = &item["decision"]["from"];
        if from.is_null() {
            continue;
        }
        let outcomes = (from["decision"].as_str(), outcome_of(item));
        if outcomes != (Some("keep"), "revoke") || !from["from"].is_null() {
            let n = &item["n"];
            return Err(format!(
                "the decision of item {n} was changed as none can be"
            ));
        }
        changed += 1;
    }
    Ok(changed)
}

fn outcome_of(item: &Value) -> &str {
    item["decision"]["decision"].as_str().unwrap_or("undecided")
}

const OUTCOMES: [&str; 5] = ["undecided", "keep", "revoke", "suspend", "unreviewed"];
/// Of 20,000 items with their reasons.
const EVIDENCE_BYTES_MAX: u64 = 128 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use ward_audit::evidence::Statement;

    #[test]
    fn c14_the_counts_are_those_of_the_items() {
        let evidence = |kept: u32| {
            let document = json!({ "name": "Autumn", "stage": "closed",
                "counts": { "undecided": 1, "keep": kept, "revoke": 0, "suspend": 0, "unreviewed": 0 },
                "items": [{ "n": 0, "decision": { "decision": "keep" } }, { "n": 1 }] });
            Evidence {
                statement: Statement::of("log.example", &document, 0),
                document,
            }
        };
        let told = said(&evidence(1)).unwrap();
        assert!(
            told.contains("Autumn") && told.contains("keep        1"),
            "{told}"
        );
        assert!(said(&evidence(2)).unwrap_err().contains("'keep'"));
    }

    #[test]
    fn c14_only_what_was_kept_is_changed_and_only_to_revoked() {
        let item =
            |from: Value, to: &str| json!({ "n": 7, "decision": { "decision": to, "from": from } });
        let kept = json!({ "decision": "keep" });
        let twice = json!({ "decision": "keep", "from": kept });
        let plain = json!({ "n": 1, "decision": { "decision": "keep" } });
        assert_eq!(changed(&[item(kept.clone(), "revoke"), plain]), Ok(1));
        for wrong in [
            item(json!({ "decision": "revoke" }), "keep"),
            item(kept, "suspend"),
            item(twice, "revoke"),
            item(json!({}), "revoke"),
        ] {
            assert!(changed(&[wrong]).unwrap_err().contains("item 7"));
        }
    }
}
