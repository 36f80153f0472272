//! Witnesses that are asked to sign that the log has only grown. <https://c2sp.org/tlog-witness>

use super::anchors::{Now, Trouble};
use crate::config::Config;
use crate::egress::EgressClient;
use std::sync::Arc;
use ward_audit::checkpoint::Checkpoint;
use ward_audit::note::{Kind, Note, Signature, VerifierKey};
use ward_smart::fetch::{Fetch, Fetched, Posted};

pub struct AskedWitness {
    key: VerifierKey,
    /// Without `/add-checkpoint`.
    url: String,
    interval_s: u64,
    fetch: Arc<EgressClient>,
}

/// Of an answer: some signatures.
const ANSWER_BYTES_MAX: usize = 16 << 10;

/// Those of the configuration, each written as its key, a space and its URL. Errors name the option.
pub fn all(config: &Config) -> Result<Vec<AskedWitness>, String> {
    let named = &config.audit.witnesses;
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let mut parsed = Vec::new();
    for written in named {
        parsed.push(parse(written).ok_or_else(|| {
            format!("audit.witnesses: {written:?} is not a key (name+eight digits+base64), a space and a URL")
        })?);
    }
    let urls: Vec<&str> = parsed.iter().map(|(_, url)| url.as_str()).collect();
    let fetch = Arc::new(EgressClient::for_named(&config.egress, &urls)?);
    let witness = |(key, url)| AskedWitness {
        key,
        url,
        interval_s: config.audit.witness_interval_s,
        fetch: fetch.clone(),
    };
    Ok(parsed.into_iter().map(witness).collect())
}

fn parse(written: &str) -> Option<(VerifierKey, String)> {
    let (key, url) = written.split_once(' ')?;
    let key = VerifierKey::parse(key).filter(|key| key.kind() == Kind::Cosignature)?;
    Some((key, url.trim_end_matches('/').to_owned()))
}

impl AskedWitness {
    pub fn name(&self) -> String {
        format!("witness {}", self.key)
    }

    pub fn interval_us(&self) -> i64 {
        i64::try_from(self.interval_s).unwrap_or(i64::MAX / 1_000_000) * 1_000_000
    }

    /// Shows it each turn of keys since, and then the last checkpoint.
    pub async fn publish(&self, now: &Now<'_>) -> Result<(), Trouble> {
        let mut size = now.before.size;
        let mut from = now.before.n + 1;
        loop {
            let run = now.engine.store().log_notes(from).await?;
            if run.notes.is_empty() {
                break;
            }
            for (n, note) in &run.notes {
                let is_turn = note.text().contains("\nnext ");
                if *n < now.n && is_turn {
                    size = self.show(now, *n, note, size).await?;
                }
            }
            from = run.next;
        }
        self.show(now, now.n, now.note, size).await.map(drop)
    }

    /// Returns the size that the witness has signed.
    async fn show(&self, now: &Now<'_>, n: i64, note: &Note, old: u64) -> Result<u64, Trouble> {
        let checkpoint = Checkpoint::parse(note.text())
            .map_err(|why| Trouble::Contradicts(format!("a stored checkpoint: {why}")))?;
        let mut answer = self.ask(now, note, old, checkpoint.size).await?;
        if answer.status == 409
            && let Some(seen) = size_of(&answer)
        {
            // Another node may have shown it a later one meanwhile.
            if seen > now.checkpoint.size && seen > now.engine.store().log_size().await? {
                return Err(Trouble::Contradicts(format!(
                    "the audit log was rolled back: the witness {} has signed {seen} entries, {} are there",
                    self.key.name(),
                    now.checkpoint.size
                )));
            }
            if seen > checkpoint.size {
                // It has signed a later one already.
                return Ok(seen);
            }
            answer = self.ask(now, note, seen, checkpoint.size).await?;
        }
        match answer.status {
            200 => {}
            409 | 422 => {
                return Err(Trouble::Contradicts(format!(
                    "the witness {} has signed another log under this name ({})",
                    self.key.name(),
                    answer.status
                )));
            }
            status => return Err(Trouble::Failed(format!("the witness answered {status}"))),
        }
        let signature = self.signature(&answer, note);
        let signature = signature.ok_or_else(|| {
            Trouble::Failed("the witness did not answer with its signature".to_owned())
        })?;
        let store = now.engine.store();
        store.add_cosignature(n, &self.key, &signature).await?;
        now.published(n, checkpoint.size).await?;
        Ok(checkpoint.size)
    }

    async fn ask(
        &self,
        now: &Now<'_>,
        note: &Note,
        old: u64,
        size: u64,
    ) -> Result<Fetched, Trouble> {
        let proof = now.engine.store().log_consistency(old, size).await?;
        let mut body = format!("old {old}\n");
        for hash in proof.unwrap_or_default() {
            body.push_str(&hash.to_base64());
            body.push('\n');
        }
        body.push('\n');
        body.push_str(&note.to_string());
        let url = format!("{}/add-checkpoint", self.url);
        let posted = Posted {
            url: &url,
            headers: &[("content-type".to_owned(), "text/plain".to_owned())],
            body: body.as_bytes(),
        };
        let answered = self.fetch.post(posted, ANSWER_BYTES_MAX).await;
        answered.map_err(|error| Trouble::Failed(error.to_string()))
    }

    fn signature(&self, answer: &Fetched, note: &Note) -> Option<Signature> {
        let text = std::str::from_utf8(&answer.body).ok()?;
        let mut signatures = text.lines().filter_map(Signature::parse);
        let holds = |signature: &Signature| {
            self.key.is_named_by(signature) && self.key.verifies(note.text(), signature)
        };
        signatures.find(holds)
    }
}

fn size_of(answer: &Fetched) -> Option<u64> {
    std::str::from_utf8(&answer.body).ok()?.trim().parse().ok()
}
