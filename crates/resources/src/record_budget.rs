//! Of how many patients records may leave to one client within an hour (C17, AT17c). Each process counts by itself, in memory, as
//! with rates: over several processes a client may see as many times as much as there are of them.
//!
//! What counts are the patients that the Record of an answer names, before the answer leaves: no statement, no sketch that could
//! be wrong. A client that has seen as many as it may goes on with those; an answer that would show others is withheld as a whole.

use crate::call::Call;
use crate::door::{compose_record, unrecorded};
use crate::engine::{Context, Engine};
use crate::reply::{Content, Reply};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use ward_access::Caller;
use ward_audit::{Entity, Record};
use ward_fhir::issue::{Issue, Result, Severity};
use ward_fhir::{Failure, Kind};

/// Who was seen, by client.
#[derive(Default)]
pub(crate) struct RecordBudgets(Mutex<HashMap<String, Seen>>);

#[derive(Default)]
struct Seen {
    /// Hours since 1970.
    hour: i64,
    /// Rows; never more than the budget.
    patients: HashSet<i64>,
    is_told: bool,
}

/// The budget would not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded {
    /// Until the next hour.
    pub wait_s: u64,
    /// For the first time in this hour.
    pub is_first: bool,
}

const HOUR_S: i64 = 3_600;
/// Clients of which is known whom they have seen, before those of past hours are forgotten.
const CLIENTS_KEPT: usize = 1_000;

impl RecordBudgets {
    /// Notes that these patients' records leave to a client: all of them, or where that would be more than `most` in this hour, none.
    pub fn take(
        &self,
        client_id: &str,
        most: u32,
        patients: &HashSet<i64>,
        now_s: i64,
    ) -> std::result::Result<(), Exceeded> {
        let hour = now_s.div_euclid(HOUR_S);
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() > CLIENTS_KEPT {
            clients.retain(|_, seen| seen.hour == hour);
        }
        let seen = clients.entry(client_id.to_owned()).or_default();
        if seen.hour != hour {
            *seen = Seen {
                hour,
                ..Seen::default()
            };
        }
        let others = patients.difference(&seen.patients).count();
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        if others > 0 && seen.patients.len() + others > most {
            let is_first = !std::mem::replace(&mut seen.is_told, true);
            let wait_s = HOUR_S - now_s.rem_euclid(HOUR_S);
            return Err(Exceeded {
                wait_s: wait_s.unsigned_abs(),
                is_first,
            });
        }
        seen.patients.extend(patients);
        Ok(())
    }
}

/// An answer that may leave, and what else is to be recorded of it.
pub(crate) struct Budgeted {
    pub reply: Reply,
    pub notice: Option<Record>,
}

/// As the notice is recorded, once for a client and an hour.
const NOTICE: &str = "record-budget";

impl Engine {
    /// The answer, or what is told in its place. What was written stays written, and only its echo is withheld.
    pub(crate) fn within_budget(&self, caller: &Caller, call: &Call, reply: Reply) -> Budgeted {
        let shows = !matches!(reply.content, Content::Empty) && reply.status < 400;
        let taken = match shows {
            true => self.take_records(caller, call, &reply.entities),
            false => Ok(()),
        };
        let Err(exceeded) = taken else {
            let notice = None;
            return Budgeted { reply, notice };
        };
        let notice = exceeded.is_first.then(|| self.notice(caller, call));
        let reply = match reply.recorded {
            true => withheld(reply),
            false => Reply::failure(&failure(exceeded)),
        };
        Budgeted { reply, notice }
    }

    fn notice(&self, caller: &Caller, call: &Call) -> Record {
        tracing::warn!(client = %caller.client_id, "record budget used up");
        compose_record(self.now_us(), caller, call, 429, Some(NOTICE), &[])
    }

    fn take_records(
        &self,
        caller: &Caller,
        call: &Call,
        entities: &[Entity],
    ) -> std::result::Result<(), Exceeded> {
        let installation = self.settings.patients_per_hour;
        match call.patients_per_hour.unwrap_or(installation) {
            0 => Ok(()),
            most => {
                let patients = entities.iter().map(|entity| entity.patient);
                let patients: HashSet<i64> = patients.filter(|rid| *rid != 0).collect();
                let now_s = self.now_us() / 1_000_000;
                self.record_budgets
                    .take(&caller.client_id, most, &patients, now_s)
            }
        }
    }
}

/// Before a transaction that shows these commits.
pub(crate) async fn demand(cx: Context<'_>, shown: &[Entity]) -> Result<()> {
    let Err(exceeded) = cx.engine.take_records(cx.caller, cx.call, shown) else {
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

fn withheld(reply: Reply) -> Reply {
    let text = "the change was stored; what it led to is not shown, because this client has seen the records of as many patients as it may in an hour";
    let issue = Issue::error(Kind::Informational, text).severity(Severity::Information);
    Reply {
        content: Reply::outcome(reply.status, &[issue]).content,
        ..reply
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at17c_patients_are_counted_once_an_hour() {
        let budgets = RecordBudgets::default();
        let take = |client: &str, patients: &[i64], now_s| {
            let patients: HashSet<i64> = patients.iter().copied().collect();
            budgets.take(client, 3, &patients, now_s)
        };
        let refused = |wait_s, is_first| Err(Exceeded { wait_s, is_first });
        assert_eq!(take("lab", &[1, 2], 0), Ok(()));
        assert_eq!(take("lab", &[1, 2], 1), Ok(()));
        // All or nothing: neither of the two was seen.
        assert_eq!(take("lab", &[3, 4], 10), refused(3_590, true));
        assert_eq!(take("lab", &[3], 11), Ok(()));
        assert_eq!(take("lab", &[4], 3_599), refused(1, false));
        assert_eq!(take("lab", &[1, 2, 3], 3_599), Ok(()));
        assert_eq!(take("lab", &[], 3_599), Ok(()));
        assert_eq!(take("other", &[4], 3_599), Ok(()));
        assert_eq!(take("lab", &[4], 3_600), Ok(()));
    }
}
