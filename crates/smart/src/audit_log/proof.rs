//! Whether the log can be proved: the last checkpoint, and the proof of one event.

use super::Auditor;
use crate::answer::OAuthError;
use crate::dates;
use crate::page::ProofStatus;
use serde_json::Value;
use ward_audit::checkpoint::Checkpoint;
use ward_audit::note::Note;
use ward_fhir::schema::r4;
use ward_resources::call::Target;

/// A checkpoint that is older says that the log stands still.
const OLD_S: i64 = 120;

pub(super) async fn status(auditor: &Auditor<'_>) -> Result<ProofStatus, OAuthError> {
    let ty = r4().resource_type("AuditEvent");
    let ty = ty.ok_or_else(OAuthError::unavailable)?;
    let asked = auditor.records.asked("audit-checkpoint", Target::Type(ty));
    let note = match asked.await? {
        Ok(parameters) => part(&parameters, "checkpoint"),
        Err(why) => return Ok(standing(why)),
    };
    let Some(note) = note else {
        return Ok(standing("The server has given no checkpoint.".to_owned()));
    };
    Ok(read(note, auditor.request.now_s))
}

/// What shows that one event is in the log; `Err`: why there is none, in words.
pub(super) async fn of(
    auditor: &Auditor<'_>,
    id: &str,
) -> Result<Result<String, String>, OAuthError> {
    let ty = r4().resource_type("AuditEvent");
    let ty = ty.ok_or_else(OAuthError::unavailable)?;
    let target = Target::Instance(ty, id.to_owned());
    let asked = auditor.records.asked("proof", target).await?;
    let missing = || "The server has given no proof.".to_owned();
    Ok(asked.and_then(|parameters| part(&parameters, "proof").ok_or_else(missing)))
}

fn read(note: String, now_s: i64) -> ProofStatus {
    let signed = Note::parse(&note).ok();
    let checkpoint = signed
        .as_ref()
        .and_then(|signed| Checkpoint::parse(signed.text()).ok());
    let (Some(signed), Some(checkpoint)) = (signed, checkpoint) else {
        return standing("The last checkpoint cannot be read.".to_owned());
    };
    let made_s = checkpoint.time_us.div_euclid(1_000_000);
    let age_s = (now_s - made_s).max(0);
    let signers = signed
        .signatures()
        .iter()
        .map(|signature| signature.name.as_str());
    let witnesses: Vec<&str> = signers.filter(|name| *name != checkpoint.origin).collect();
    let facts = [
        ("Log", checkpoint.origin.clone()),
        ("Entries", checkpoint.size.to_string()),
        ("Root of the tree", checkpoint.root.to_base64()),
        ("Signed", dates::moment(made_s)),
        ("Answers counted", checkpoint.counted.total().to_string()),
        (
            "Witnesses that signed",
            match witnesses.is_empty() {
                true => "none".to_owned(),
                false => witnesses.join(", "),
            },
        ),
    ];
    ProofStatus {
        is_well: age_s <= OLD_S,
        says: match age_s <= OLD_S {
            true => format!("The last checkpoint was signed {age_s} seconds ago."),
            false => format!(
                "The last checkpoint was signed {} minutes ago: the log stands still.",
                age_s / 60
            ),
        },
        facts: facts.map(|(label, value)| (label.to_owned(), value)).into(),
        note: Some(note),
    }
}

fn standing(why: String) -> ProofStatus {
    ProofStatus {
        is_well: false,
        says: why,
        ..ProofStatus::default()
    }
}

/// The text of a part of Parameters.
fn part(parameters: &Value, name: &str) -> Option<String> {
    let mut parts = parameters["parameter"].as_array()?.iter();
    let part = parts.find(|part| part["name"] == name)?;
    part["valueString"].as_str().map(str::to_owned)
}
