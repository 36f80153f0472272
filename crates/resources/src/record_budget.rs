//! Of how many patients records may leave to one client within an hour (C17, AT17c), over all processes that share a store.
//!
//! What counts are the patients that the Record of an answer names, and those whom Devices in it name ([`owners`]), before the answer
//! leaves: no sketch that could be wrong. A
//! client that has seen as many as it may goes on with those; an answer that would show others is withheld as a whole. How processes
//! keep to one budget without a statement for each read says [`ledger`].

mod ledger;
mod owners;
mod rows;

pub use rows::RECORD_BUDGET_ROWS;

use crate::call::Call;
use crate::door::unrecorded;
use crate::engine::{Context, Engine, store_failure};
use crate::recorded::{Ended, compose_record};
use crate::reply::{Content, Reply};
use ledger::{Ledger, Step, Wanted};
use rows::Hour;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use ward_access::Caller;
use ward_audit::{Entity, Record};
use ward_fhir::issue::{Issue, Result, Severity};
use ward_fhir::{Failure, Kind};
use ward_storage::state::StateError;
use ward_storage::{Store, StoreError, View};

/// Who was seen, by client.
pub(crate) struct RecordBudgets {
    /// Tells this process apart from all others, also from itself before it was started anew.
    node: String,
    clients: Mutex<HashMap<String, Arc<Ledger>>>,
}

/// The budget would not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    /// Until the next hour; or until other processes have given back what they reserved.
    pub wait_s: u64,
    /// The budget is used up, for the first time in this hour on this process.
    pub is_first: bool,
}

const HOUR_S: i64 = 3_600;
/// Clients of which is known whom they have seen, before those of past hours are forgotten.
const CLIENTS_KEPT: usize = 1_000;
/// How often a process tries to settle that meets others who do.
const SETTLE_ATTEMPTS_MAX: usize = 32;
/// What others have reserved and do not use is there again after this time.
const GIVEN_BACK_S: u64 = 2;

impl Default for RecordBudgets {
    fn default() -> Self {
        Self {
            node: ward_seal::random::uuid(),
            clients: Mutex::default(),
        }
    }
}

impl RecordBudgets {
    /// Notes that these patients' records leave to a client: all of them, or where that would be more than `most` in this hour, none.
    ///
    /// Statements: none for patients that the client has seen through this process, or as long as the reservation lasts. Else one
    /// read, one for each 4,096 patients that others have shown, and one write.
    pub async fn take(
        &self,
        store: &Store,
        client_id: &str,
        (most, patients): (u32, &HashSet<i64>),
        now_us: i64,
    ) -> std::result::Result<std::result::Result<(), Exceeded>, StoreError> {
        let now_s = now_us.div_euclid(1_000_000);
        let ledger = self.ledger(client_id, now_s.div_euclid(HOUR_S));
        let wanted = Wanted {
            patients,
            most: usize::try_from(most).unwrap_or(usize::MAX),
            now_s,
        };
        let mut step = ledger.take(&wanted);
        if step == Step::Settle {
            let _turn = ledger.turn.lock().await;
            // Whoever had the turn before may have reserved enough.
            step = ledger.take(&wanted);
            if step == Step::Settle {
                step = self
                    .settle(store, client_id, &ledger, Some(&wanted), now_us)
                    .await?;
            }
        }
        Ok(match step {
            Step::Taken => Ok(()),
            Step::Spent => Err(Exceeded {
                wait_s: (HOUR_S - now_s.rem_euclid(HOUR_S)).unsigned_abs(),
                is_first: ledger.tell(),
            }),
            Step::Reserved | Step::Settle => Err(Exceeded {
                wait_s: GIVEN_BACK_S,
                is_first: false,
            }),
        })
    }

    /// Tells the store whom clients have seen through this process, and gives back what it has reserved. Errors: of one client; the
    /// others are settled.
    pub async fn settle_all(
        &self,
        store: &Store,
        now_us: i64,
    ) -> std::result::Result<(), StoreError> {
        let mut settled = Ok(());
        for (client_id, ledger) in self.open() {
            let _turn = ledger.turn.lock().await;
            let one = self.settle(store, &client_id, &ledger, None, now_us).await;
            settled = settled.and(one.map(|_| ()));
        }
        settled
    }

    /// To be called by who has the ledger's turn.
    async fn settle(
        &self,
        store: &Store,
        client_id: &str,
        ledger: &Ledger,
        wanted: Option<&Wanted<'_>>,
        now_us: i64,
    ) -> std::result::Result<Step, StoreError> {
        let hour = Hour {
            client_id,
            hour: ledger.hour,
        };
        let mut known = ledger.freeze();
        for _ in 0..SETTLE_ATTEMPTS_MAX {
            let (head, version) = rows::head(store, &hour, now_us).await?;
            let others = rows::patients(store, &hour, known, head.seen, now_us).await?;
            known = ledger.learn(&others);
            let plan = ledger.plan(&head, &self.node, wanted);
            if plan.head == head && plan.added.is_empty() {
                return Ok(ledger.settled(plan, &self.node, wanted));
            }
            let first = rows::open_part(head.seen);
            let tail = match plan.added.is_empty() {
                true => Vec::new(),
                false => [ledger.seen_from(first), plan.added.clone()].concat(),
            };
            let put = (&plan.head, version);
            match rows::write(store, &hour, put, (first, &tail), now_us).await {
                Ok(()) => return Ok(ledger.settled(plan, &self.node, wanted)),
                Err(StateError::Conflict(_)) => {}
                Err(StateError::TooLarge | StateError::Unavailable) => break,
            }
        }
        Err(StoreError::Unavailable)
    }

    fn ledger(&self, client_id: &str, hour: i64) -> Arc<Ledger> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = clients.get(client_id).filter(|known| known.hour == hour) {
            return known.clone();
        }
        if clients.len() > CLIENTS_KEPT {
            clients.retain(|_, known| known.hour == hour);
        }
        let begun = Arc::new(Ledger::new(hour));
        clients.insert(client_id.to_owned(), begun.clone());
        begun
    }

    fn open(&self) -> Vec<(String, Arc<Ledger>)> {
        let clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let open = clients.iter().filter(|(_, ledger)| ledger.is_open());
        open.map(|(id, ledger)| (id.clone(), ledger.clone()))
            .collect()
    }
}

/// An answer that may leave, and what else is to be recorded of it.
pub(crate) struct Budgeted {
    pub reply: Reply,
    pub notice: Option<Record>,
}

/// What shows nobody's record.
impl From<Reply> for Budgeted {
    fn from(reply: Reply) -> Budgeted {
        let notice = None;
        Budgeted { reply, notice }
    }
}

/// As the notice is recorded, once for a client, an hour and a process.
const NOTICE: &str = "record-budget";

impl Engine {
    /// To be called every second: what clients have seen through this process is told to the others that share the store.
    pub async fn settle_record_budgets(&self) -> std::result::Result<(), StoreError> {
        self.record_budgets
            .settle_all(&self.store, self.now_us())
            .await
    }

    /// The answer, or what is told in its place. What was written stays written, and only its echo is withheld.
    pub(crate) async fn within_budget(
        &self,
        caller: &Caller,
        call: &Call,
        reply: Reply,
    ) -> Budgeted {
        if matches!(reply.content, Content::Empty) || reply.status >= 400 {
            return reply.into();
        }
        let view = View::committed(&self.store);
        let taken = self.take_records(caller, call, view, &reply.entities);
        let (failure, notice) = match taken.await {
            Ok(Ok(())) => return reply.into(),
            Ok(Err(exceeded)) => {
                let notice = exceeded.is_first.then(|| self.notice(caller, call));
                (failure(exceeded), notice)
            }
            Err(error) => (store_failure(error), None),
        };
        let reply = match reply.recorded {
            true => withheld(reply, &failure),
            false => Reply::failure(&failure),
        };
        Budgeted { reply, notice }
    }

    fn notice(&self, caller: &Caller, call: &Call) -> Record {
        tracing::warn!(client = %caller.client_id, "record budget used up");
        let ended = Ended {
            status: 429,
            turned_out: Some(NOTICE),
            ..Ended::default()
        };
        compose_record(self.now_us(), caller, call, ended)
    }

    async fn take_records(
        &self,
        caller: &Caller,
        call: &Call,
        view: View<'_>,
        entities: &[Entity],
    ) -> std::result::Result<std::result::Result<(), Exceeded>, StoreError> {
        let installation = self.settings.patients_per_hour;
        let most = call.patients_per_hour.unwrap_or(installation);
        if most == 0 {
            return Ok(Ok(()));
        }
        let patients = entities.iter().map(|entity| entity.patient);
        let named = owners::named(self, view, entities).await?;
        let patients: HashSet<i64> = patients.filter(|rid| *rid != 0).chain(named).collect();
        let budgets = &self.record_budgets;
        budgets
            .take(
                &self.store,
                &caller.client_id,
                (most, &patients),
                self.now_us(),
            )
            .await
    }
}

/// Before a transaction that shows these commits; `view`: the state that it makes.
pub(crate) async fn demand(cx: Context<'_>, view: View<'_>, shown: &[Entity]) -> Result<()> {
    let taken = cx.engine.take_records(cx.caller, cx.call, view, shown);
    let Err(exceeded) = taken.await.map_err(store_failure)? else {
        return Ok(());
    };
    if exceeded.is_first {
        let notice = cx.engine.notice(cx.caller, cx.call);
        let recorded = cx.engine.log.append(&notice).await;
        recorded.map_err(|_| unrecorded())?;
    }
    Err(failure(exceeded))
}

fn failure(exceeded: Exceeded) -> Failure {
    let text = format!(
        "this client has seen the records of as many patients as it may in an hour; others are shown again in {} s",
        exceeded.wait_s
    );
    Failure::new(Kind::TooManyRequests, text).after(exceeded.wait_s)
}

fn withheld(reply: Reply, failure: &Failure) -> Reply {
    let text = match failure.kind {
        Kind::TooManyRequests => {
            "the change was stored; what it led to is not shown, because this client has seen the records of as many patients as it may in an hour"
        }
        _ => {
            "the change was stored; what it led to is not shown, because it cannot be told now of how many patients this client has seen the records"
        }
    };
    let issue = Issue::error(Kind::Informational, text).severity(Severity::Information);
    Reply {
        content: Reply::outcome(reply.status, &[issue]).content,
        ..reply
    }
}
