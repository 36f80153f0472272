//! `ward audit verify --data`: the log of a store, whether the versions of resources are those that were recorded, and whether Records are found
//! by what they say.

use super::place::{Place, block_on, told};
use super::{BROKEN, code};
use crate::token;
use std::io::{self, BufReader, Read};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use ward_audit::Record;
use ward_audit::leaf::{Content, Leaf};
use ward_audit::verifier::{Policy, verify};
use ward_fhir::TypeId;
use ward_fhir::schema::r4;
use ward_storage::{Filing, LogEntry, Misfiled, Store, StoreError};

/// Findings about versions, and about what finds Records, that are told; the rest is counted.
const TOLD_MAX: usize = 100;
/// Parts of the export that wait for the verifier.
const PARTS_MAX: usize = 4;

/// Keys whose Records are read at once.
const KEYS_AT_ONCE: usize = 1_024;

/// What is wrong with versions.
#[derive(Default)]
struct Found {
    compared: u64,
    wrong: u64,
    lines: Vec<String>,
    filed: Filed,
}

/// What is wrong with what finds Records.
#[derive(Default)]
struct Filed {
    records: u64,
    wrong: u64,
    lines: Vec<String>,
}

pub fn verify_log(place: &Place, policy: Policy) -> Result<ExitCode, String> {
    let (send, receive) = sync_channel(PARTS_MAX);
    let verifier = std::thread::spawn(move || verify(BufReader::new(Parts::new(receive)), &policy));
    let found = block_on(async {
        let config = place.config()?;
        let store = place.open(&config).await?;
        let found = export(&store, send).await;
        store.close().await;
        found
    })?;
    let report = verifier
        .join()
        .map_err(|_| "the verifier ended".to_owned())?;
    let report = report.map_err(|e| format!("the log cannot be read: {e}"))?;
    token::print(&report.to_string());
    token::print(&found.to_string());
    Ok(match found.wrong + found.filed.wrong {
        0 => code(report.verdict()),
        _ => ExitCode::from(BROKEN),
    })
}

async fn export(store: &Store, send: SyncSender<Vec<u8>>) -> Result<Found, String> {
    let mut found = Found::default();
    let mut filing = Filing::default();
    let mut export = store.export_log().await.map_err(told)?;
    loop {
        let lines = export.next().await.map_err(told)?;
        if lines.is_empty() {
            found.filed.keys(store).await?;
            return Ok(found);
        }
        let mut part = Vec::new();
        for line in &lines {
            part.extend_from_slice(format!("{}\n", line.line).as_bytes());
        }
        let entries = lines.into_iter().filter_map(|line| line.entry);
        let entries: Vec<LogEntry> = entries.collect();
        for leaf in entries.iter().filter_map(|entry| entry.leaf.as_ref()) {
            found.compare(store, leaf).await?;
        }
        found.filed.compare(store, &entries, &mut filing).await?;
        // A verifier that has given up has told why.
        let _ = send.send(part);
    }
}

impl Found {
    async fn compare(&mut self, store: &Store, leaf: &Leaf) -> Result<(), String> {
        let Content::Whole { record, .. } = &leaf.content else {
            return Ok(());
        };
        let Some(record) = Record::decode(record) else {
            return Ok(());
        };
        let written = record.entities.iter();
        let written = written.filter(|entity| matches!(entity.action, b'C' | b'U'));
        for (entity, hash) in written.zip(&record.detail.hashes) {
            self.compared += 1;
            let (ty, version) = (TypeId(entity.ty), entity.version);
            let why = match store.version_hash(ty, entity.rid, version).await {
                Ok(Some(stored)) if stored == *hash => continue,
                Ok(Some(_)) => "is not what was written",
                Ok(None) => "is gone",
                Err(StoreError::Integrity) => "does not open: it was changed",
                Err(error) => return Err(told(error)),
            };
            self.wrong += 1;
            if self.lines.len() < TOLD_MAX {
                let name = r4().ty(ty).name;
                let id = store.public_id(entity.rid);
                self.lines.push(format!(
                    "{name}/{id} (row {}), version {version}, of entry {}: {why}\n",
                    entity.rid, leaf.seq
                ));
            }
        }
        Ok(())
    }
}

impl Filed {
    async fn compare(
        &mut self,
        store: &Store,
        entries: &[LogEntry],
        filing: &mut Filing,
    ) -> Result<(), String> {
        let is_there = |entry: &&LogEntry| entry.removal.is_none() && entry.leaf.is_some();
        self.records += entries.iter().filter(is_there).count() as u64;
        self.tell(store.misfiled(entries, filing).await.map_err(told)?);
        Ok(())
    }

    /// Of all keys those that are none of their Record's.
    async fn keys(&mut self, store: &Store) -> Result<(), String> {
        let mut after = Some((i64::MIN, i64::MIN));
        while let Some(place) = after {
            let foreign = store.foreign_keys(place, KEYS_AT_ONCE).await;
            let (foreign, next) = foreign.map_err(told)?;
            self.tell(foreign);
            after = next;
        }
        Ok(())
    }

    fn tell(&mut self, found: Vec<Misfiled>) {
        self.wrong += found.len() as u64;
        let left = TOLD_MAX - self.lines.len();
        let lines = found.iter().map(|one| format!("{one}\n"));
        self.lines.extend(lines.take(left));
    }
}

impl std::fmt::Display for Found {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Found {
            compared, wrong, ..
        } = self;
        writeln!(
            out,
            "\nVersions  {compared} compared, {wrong} not as recorded"
        )?;
        self.lines.iter().try_for_each(|line| out.write_str(line))?;
        let Filed { records, wrong, .. } = self.filed;
        writeln!(
            out,
            "Index     {records} records compared, {wrong} faults in what finds them"
        )?;
        let mut lines = self.filed.lines.iter();
        lines.try_for_each(|line| out.write_str(line))
    }
}

/// The parts of an export, one behind the other.
struct Parts {
    parts: Receiver<Vec<u8>>,
    part: Vec<u8>,
    at: usize,
}

impl Parts {
    fn new(parts: Receiver<Vec<u8>>) -> Parts {
        Parts {
            parts,
            part: Vec::new(),
            at: 0,
        }
    }
}

impl Read for Parts {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at == self.part.len() {
            // None comes: the export is over.
            self.part = self.parts.recv().unwrap_or_default();
            self.at = 0;
        }
        let count = out.len().min(self.part.len() - self.at);
        out[..count].copy_from_slice(&self.part[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
