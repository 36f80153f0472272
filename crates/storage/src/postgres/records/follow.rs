//! What is followed in PostgreSQL, in the order of transactions.

use super::super::Postgres;
use super::super::connection::{Columns, Connection, Failure};
use super::super::statement::Value;
use crate::contract::StoreError;
use crate::records::SealedRecord;
use crate::records::follow::RecordPlace;
use std::time::Duration;

/// How often is looked whether transactions that were running have ended, and how many times.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
const LOOKS: u32 = 100;

/// What is running, and where.
struct Moment {
    /// The oldest transaction under way.
    oldest: i64,
    /// The one that would be next.
    next: i64,
    cluster: i64,
    /// The highest number of a Record.
    last: i64,
}

impl Postgres {
    pub async fn records_after(
        &self,
        place: RecordPlace,
        limit: i64,
    ) -> Result<(Vec<SealedRecord>, RecordPlace), StoreError> {
        reading!(self, connection => after(connection, place, limit))
    }
}

async fn after(
    connection: &Connection,
    place: RecordPlace,
    limit: i64,
) -> Result<(Vec<SealedRecord>, RecordPlace), Failure> {
    let now = moment(connection).await?;
    let place = match place.cluster == now.cluster {
        true => place,
        false => moved(connection, place, &now).await?,
    };
    let rows = match place.is_by_number() {
        true => {
            let values = [place.id, place.base, limit].map(Value::Int);
            connection.rows(BY_NUMBER, &values).await?
        }
        false => {
            let values = [place.xid, place.id, place.base, now.oldest, limit].map(Value::Int);
            connection.rows(BY_TRANSACTION, &values).await?
        }
    };
    let mut last = place;
    let read = |row: &Columns| {
        let id = row.int(0)?;
        last = place.behind(row.int(1)?, id);
        Ok(SealedRecord {
            id,
            sealed: row.blob(2),
        })
    };
    let found = rows
        .iter()
        .map(read)
        .collect::<Result<Vec<_>, StoreError>>()?;
    if place.is_by_number() && found.is_empty() {
        last = place.behind(0, place.base);
    }
    Ok((found, last))
}

/// Records up to the highest number are gone through by number once no transaction is left that might add one below it.
async fn moved(
    connection: &Connection,
    place: RecordPlace,
    seen: &Moment,
) -> Result<RecordPlace, Failure> {
    for _ in 0..LOOKS {
        if moment(connection).await?.oldest >= seen.next {
            return Ok(place.moved(seen.cluster, seen.last));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    Err(StoreError::Timeout.into())
}

async fn moment(connection: &Connection) -> Result<Moment, Failure> {
    let rows = connection.rows(MOMENT, &[]).await?;
    let row = rows.first().ok_or(StoreError::Integrity)?;
    Ok(Moment {
        oldest: row.int(0)?,
        next: row.int(1)?,
        cluster: row.int(2)?,
        last: row.int(3)?,
    })
}

const MOMENT: &str = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint, \
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint, system_identifier, \
    coalesce((select max(r.id) from record r), 0) from pg_control_system()";
const BY_NUMBER: &str =
    "select id, 0::bigint, sealed from record where id > $1 and id <= $2 order by id limit $3";
const BY_TRANSACTION: &str = "select id, xid::text::bigint, sealed from record \
    where xid >= $1::bigint::text::xid8 and (xid > $1::bigint::text::xid8 or id > $2) and id > $3 and xid < $4::bigint::text::xid8 \
    order by xid, id limit $5";
