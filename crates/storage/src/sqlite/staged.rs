//! A unit that the writer has written and holds open: questions come to the writer's thread, on its connection, until the
//! unit is committed, dropped, or its time is over.

use super::connection::Connection;
use super::{current, history, read, records, search, write, writer};
use crate::contract::{CommitError, Current, HistoryQuery, Rid, Row, StoreError};
use crate::core::{Core, Hits, Prepared, StoredRow};
use crate::keys::NewKey;
use crate::records::NewRecord;
use crate::staged::STAGED_MAX;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;
use tokio::sync::oneshot;
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_search::plan::Plan;

pub struct Staged {
    asks: Sender<Ask>,
    outcome: oneshot::Receiver<Result<(), CommitError>>,
}

/// Where questions are answered from.
pub struct Open<'a> {
    connection: &'a mut Connection,
    core: &'a Core,
    /// Data keys that come with the unit.
    own: &'a [NewKey],
}

type Question = Box<dyn FnOnce(&mut Open<'_>) + Send>;

enum Ask {
    Read(Question),
    /// With the unit's records.
    Commit(Vec<NewRecord>),
}

/// Writes the unit, answers what is asked of the state it makes, and ends as it is told.
pub fn serve(
    connection: &mut Connection,
    core: &Core,
    prepared: &Prepared,
    answer: oneshot::Sender<Result<Staged, CommitError>>,
) {
    let (decided, outcome) = oneshot::channel();
    let (asks, questions) = channel();
    let mut refused = None;
    let mut answer = Some(answer);
    let done = writer::transaction(connection, |connection| {
        let written = write::write(connection, core, &[prepared])?;
        if let Some(Err(error)) = written.into_iter().next() {
            refused = Some(error);
            return Err(StoreError::Unavailable);
        }
        if let Some(answer) = answer.take() {
            // Whoever staged it and went away has dropped the questions too.
            let _ = answer.send(Ok(Staged { asks, outcome }));
        }
        let mut open = Open {
            connection,
            core,
            own: &prepared.new_keys,
        };
        let records = open.converse(&questions).ok_or(StoreError::Unavailable)?;
        records::put(connection, &records)?;
        Ok(records)
    });
    core.settled(prepared, done.is_ok());
    core.recorded(done.as_deref().unwrap_or_default());
    let error = refused.unwrap_or(CommitError::Unavailable);
    if let Some(answer) = answer {
        let _ = answer.send(Err(error));
    }
    let _ = decided.send(done.map(drop).map_err(|_| error));
}

impl Open<'_> {
    /// The records, when the unit is to be committed.
    fn converse(&mut self, asks: &Receiver<Ask>) -> Option<Vec<NewRecord>> {
        let end = Instant::now() + STAGED_MAX;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match asks.recv_timeout(left).ok()? {
                Ask::Read(question) => question(self),
                Ask::Commit(records) => return Some(records),
            }
        }
    }

    /// Keys of the unit itself are not remembered for others before it is committed.
    fn rows(&mut self, stored: Vec<StoredRow>) -> Result<Vec<Row>, StoreError> {
        let (held, missing) = self.core.keys_held(self.own, &stored)?;
        let loaded = read::row_keys(self.connection, self.core, &missing)?;
        self.core.rows(stored, held, &loaded)
    }
}

impl Staged {
    pub async fn commit(self, records: Vec<NewRecord>) -> Result<(), CommitError> {
        let _ = self.asks.send(Ask::Commit(records));
        self.outcome.await.unwrap_or(Err(CommitError::Unavailable))
    }

    pub async fn locate(&self, keys: &[(TypeId, &str)]) -> Result<Vec<Option<Rid>>, StoreError> {
        let keys: Vec<(TypeId, String)> = keys.iter().map(|k| (k.0, k.1.to_owned())).collect();
        self.ask(move |open| {
            let keys: Vec<(TypeId, &str)> = keys.iter().map(|k| (k.0, k.1.as_str())).collect();
            read::aliases(open.connection, &keys)
        })
        .await
    }

    pub async fn read_many(
        &self,
        access: &Access,
        action: Action,
        keys: &[(TypeId, Rid)],
    ) -> Result<Vec<Current>, StoreError> {
        let (access, keys) = (access.clone(), keys.to_vec());
        self.ask(move |open| {
            let found = read::many(open.connection, open.core, &access, action, &keys)?;
            let (at, stored): (Vec<usize>, Vec<StoredRow>) = found.into_iter().unzip();
            let mut all = vec![Current::Absent; keys.len()];
            for (at, row) in at.into_iter().zip(open.rows(stored)?) {
                *all.get_mut(at).ok_or(StoreError::Integrity)? = current(Some(row));
            }
            Ok(all)
        })
        .await
    }

    pub async fn read_version(
        &self,
        access: &Access,
        ty: TypeId,
        rid: Rid,
        version: u32,
    ) -> Result<Option<Row>, StoreError> {
        let access = access.clone();
        self.ask(move |open| {
            let stored = read::version(open.connection, open.core, &access, ty, rid, version)?;
            Ok(open.rows(stored.into_iter().collect())?.pop())
        })
        .await
    }

    pub async fn versions(
        &self,
        access: &Access,
        query: &HistoryQuery,
    ) -> Result<Vec<Row>, StoreError> {
        let (access, query) = (access.clone(), query.clone());
        self.ask(move |open| {
            let core = open.core;
            let within = core.timeout().min(STAGED_MAX);
            let stored = open
                .connection
                .within(within, |c| history::history(c, core, &access, &query))?;
            open.rows(stored)
        })
        .await
    }

    pub async fn search(&self, access: &Access, plan: &Plan) -> Result<Hits, StoreError> {
        let (access, plan) = (access.clone(), plan.clone());
        self.ask(move |open| {
            let core = open.core;
            let within = core.timeout().min(STAGED_MAX);
            let found = open
                .connection
                .within(within, |c| search::search(c, core, &access, &plan))?;
            let rows = open.rows(found.rows)?;
            Ok(Hits {
                rows: found.positions.into_iter().zip(rows).collect(),
                more: found.more,
                total: found.total,
            })
        })
        .await
    }

    async fn ask<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Open<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, outcome) = oneshot::channel();
        let question: Question = Box::new(move |open| {
            let _ = answer.send(read(open));
        });
        // A writer that no longer listens has given the unit up.
        let _ = self.asks.send(Ask::Read(question));
        outcome.await.unwrap_or(Err(StoreError::Timeout))
    }
}
