//! Which process judges: a row of state that is taken for a while and says how far all was judged. Of two that want it one wins;
//! whoever lost says nothing and begins anew.

use crate::engine::{Engine, stored};
use serde_json::{Value, json};
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind};
use ward_storage::state::{StateChange, StateError, StateRow};

/// The kind of the row among all state rows, whose numbers `ward_smart::state::RowKind` lists.
const DETECTION_ROWS: u8 = 41;
const KEY: &[u8] = b"misuse";
/// So long nobody else takes it.
const KEPT_US: i64 = 30_000_000;
/// Between two times that how far all was judged is written, while nothing is told and there is more.
const WRITTEN_US: i64 = 1_000_000;

#[derive(Default)]
pub(super) struct Turn {
    node: u64,
    held: Option<Held>,
}

struct Held {
    version: u64,
    until_us: i64,
    position: Option<i64>,
}

impl Held {
    fn written_us(&self) -> i64 {
        self.until_us - KEPT_US
    }
}

impl Engine {
    /// `None`: another process has it. Else how far all was judged, if anything was. Statements: none while it is held, else two.
    pub(super) async fn take_turn(&self, turn: &mut Turn) -> Result<Option<Option<i64>>> {
        if turn.node == 0 {
            let mut bytes = [0; 8];
            ward_seal::random::fill(&mut bytes);
            turn.node = u64::from_le_bytes(bytes) | 1;
        }
        let now_us = self.now_us();
        if let Some(held) = turn
            .held
            .as_ref()
            .filter(|h| now_us < h.until_us - KEPT_US / 2)
        {
            return Ok(Some(held.position));
        }
        let row = stored(self.store.state(DETECTION_ROWS, KEY, now_us).await)?;
        let said = row.as_ref().and_then(Said::read);
        let is_others = said
            .as_ref()
            .is_some_and(|said| said.node != turn.node && now_us < said.until_us);
        if is_others {
            turn.held = None;
            return Ok(None);
        }
        let position = said.and_then(|said| said.position);
        let version = row.map(|row| row.version);
        self.write_turn(turn, version, position).await
    }

    /// As [`Engine::keep_turn`], where it matters little how far exactly: nothing was told, so whoever judges it again tells the same. At most
    /// one statement a second, however much there is.
    pub(super) async fn keep_turn_at_times(&self, turn: &mut Turn, position: i64) -> Result<()> {
        let now_us = self.now_us();
        match &turn.held {
            Some(held) if now_us < held.written_us() + WRITTEN_US => Ok(()),
            _ => self.keep_turn(turn, position).await,
        }
    }

    /// Errors: it was taken by another; what was judged meanwhile is judged again.
    pub(super) async fn keep_turn(&self, turn: &mut Turn, position: i64) -> Result<()> {
        let Some(held) = &turn.held else {
            return Err(lost());
        };
        if held.position == Some(position) && self.now_us() < held.until_us - KEPT_US / 2 {
            return Ok(());
        }
        let version = Some(held.version);
        let kept = self.write_turn(turn, version, Some(position)).await?;
        kept.map(|_| ()).ok_or_else(lost)
    }

    async fn write_turn(
        &self,
        turn: &mut Turn,
        version: Option<u64>,
        position: Option<i64>,
    ) -> Result<Option<Option<i64>>> {
        let now_us = self.now_us();
        let until_us = now_us + KEPT_US;
        let said =
            json!({ "node": turn.node.to_string(), "until": until_us, "position": position });
        let body = said.to_string().into_bytes();
        let change = StateChange::put(DETECTION_ROWS, KEY.to_vec(), version, i64::MAX, body);
        turn.held = None;
        match self.store.change_state(vec![change], false, now_us).await {
            Ok(()) => (),
            Err(StateError::Conflict(_)) => return Ok(None),
            Err(_) => return Err(unwritten()),
        }
        let row = stored(self.store.state(DETECTION_ROWS, KEY, now_us).await)?;
        let Some(row) = row.filter(|row| Said::read(row).is_some_and(|s| s.node == turn.node))
        else {
            return Ok(None);
        };
        turn.held = Some(Held {
            version: row.version,
            until_us,
            position,
        });
        Ok(Some(position))
    }
}

struct Said {
    node: u64,
    until_us: i64,
    position: Option<i64>,
}

impl Said {
    fn read(row: &StateRow) -> Option<Said> {
        let said: Value = serde_json::from_slice(&row.body).ok()?;
        Some(Said {
            node: said["node"].as_str()?.parse().ok()?,
            until_us: said["until"].as_i64()?,
            position: said["position"].as_i64(),
        })
    }
}

fn lost() -> Failure {
    Failure::new(Kind::Unavailable, "another process judges by now")
}

fn unwritten() -> Failure {
    Failure::new(
        Kind::Unavailable,
        "how far all was judged cannot be written",
    )
}
