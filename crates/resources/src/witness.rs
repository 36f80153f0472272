//! Signs for others that their audit logs have only grown. <https://c2sp.org/tlog-witness#add-checkpoint>
//!
//! Which logs is the configuration's to say; what was signed last of each is a row, so that no restart makes this forget a tree.

use crate::engine::Engine;
use ward_audit::checkpoint::Checkpoint;
use ward_audit::note::{Note, VerifierKey};
use ward_audit::tree::Hash;
use ward_audit::witness::{Refusal, Seen, Witness};
use ward_audit::{Decision, Detail, Outcome, Record};
use ward_storage::StoreError;

/// Whose logs are witnessed, and under which name.
#[derive(Clone, Debug, Default)]
pub struct WitnessSettings {
    /// Of the key that signs.
    pub name: String,
    /// Keys of the logs.
    pub logs: Vec<VerifierKey>,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// HTTP status, as the protocol says.
    pub status: u16,
    pub body: String,
}

/// Longest request: a note and a proof.
pub const ADD_CHECKPOINT_BYTES_MAX: usize = 80 << 10;
/// Hashes of a consistency proof.
const PROOF_MAX: usize = 63;

impl Engine {
    /// Answers a request to sign a checkpoint. 404 where no log is witnessed. Leaves a Record.
    pub async fn add_checkpoint(&self, source: &str, body: &str) -> Witnessed {
        let answered = match self.settings.witness.logs.is_empty() {
            true => told(404, "no log is witnessed here"),
            false => self.witnessed(body).await.unwrap_or_else(|_| unavailable()),
        };
        match self
            .log
            .append(&self.witness_record(source, answered.status))
            .await
        {
            Ok(_) => answered,
            Err(_) => unavailable(),
        }
    }

    /// The key that signs, to be told to whoever runs the logs.
    pub async fn witness_key(&self) -> Result<VerifierKey, StoreError> {
        let signer = self.store.witness_key(&self.settings.witness.name).await?;
        Ok(signer.public().clone())
    }

    async fn witnessed(&self, body: &str) -> Result<Witnessed, StoreError> {
        let Some((old, proof, note)) = parse(body) else {
            return Ok(told(400, "not a request to sign a checkpoint"));
        };
        let Ok(checkpoint) = Checkpoint::parse(note.text()) else {
            return Ok(told(400, "not a checkpoint of ward.audit/v1"));
        };
        let rows = self.store.witnessed().await?;
        let before = rows
            .into_iter()
            .find(|seen| seen.key.name() == checkpoint.origin);
        let logs = &self.settings.witness.logs;
        let Some(key) = logs.iter().find(|key| key.name() == checkpoint.origin) else {
            return Ok(told(404, "the log is not one that is followed here"));
        };
        let seen = before
            .clone()
            .unwrap_or_else(|| Seen::nothing_of(key.clone()));
        let size = seen.size;
        let mut witness = Witness::new(self.store.witness_key(&self.settings.witness.name).await?);
        witness.follow(seen);
        let now_s = u64::try_from(self.now_us() / 1_000_000).unwrap_or(0);
        match witness.cosign(&note, old, &proof, now_s) {
            Ok(signature) => {
                let after = witness
                    .seen(&checkpoint.origin)
                    .ok_or(StoreError::Integrity)?;
                match self.store.witness(before.as_ref(), after).await? {
                    true => Ok(told(200, &signature.to_string())),
                    false => Ok(unavailable()),
                }
            }
            Err(refusal) => Ok(refused(refusal, &checkpoint, size)),
        }
    }

    fn witness_record(&self, source: &str, status: u16) -> Record {
        let mut request_id = [0; 16];
        ward_seal::random::fill(&mut request_id);
        Record {
            at_us: self.now_us(),
            request_id,
            interaction: "add-checkpoint".into(),
            client_id: String::new(),
            user: String::new(),
            purpose: String::new(),
            source: source.into(),
            outcome: match status {
                200 => Outcome::Success,
                400..=499 => Outcome::Minor,
                _ => Outcome::Major,
            },
            status,
            query: String::new(),
            entities: Vec::new(),
            decision: Decision::default(),
            detail: Detail::default(),
        }
    }
}

fn refused(refusal: Refusal, checkpoint: &Checkpoint, seen: u64) -> Witnessed {
    match refusal {
        Refusal::Malformed(why) => told(400, why),
        Refusal::UnknownLog => told(404, "the log is not one that is followed here"),
        Refusal::NotSigned => told(403, "the checkpoint is not signed by the log's key"),
        Refusal::OtherSize { seen } => told(409, &seen.to_string()),
        Refusal::NotConsistent { .. } if checkpoint.size <= seen => told(409, &seen.to_string()),
        Refusal::NotConsistent { .. } => told(422, "the proof does not lead to the checkpoint"),
    }
}

/// `old SIZE`, hashes, an empty line, the note.
fn parse(body: &str) -> Option<(u64, Vec<Hash>, Note)> {
    let (head, note) = body.split_once("\n\n")?;
    let mut lines = head.lines();
    let old = lines.next()?.strip_prefix("old ")?.parse().ok()?;
    let proof: Option<Vec<Hash>> = lines.map(Hash::from_base64).collect();
    let proof = proof.filter(|proof| proof.len() <= PROOF_MAX)?;
    Some((old, proof, Note::parse(note).ok()?))
}

fn told(status: u16, text: &str) -> Witnessed {
    Witnessed {
        status,
        body: format!("{text}\n"),
    }
}

fn unavailable() -> Witnessed {
    told(503, "the store or the audit log cannot be written")
}
