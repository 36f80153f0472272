//! `record` in partitions of about a month: ranges of ids, which rise with time, so that a page, a look-up by id and what is behind a place read one
//! or two of them, in order. <https://www.postgresql.org/docs/15/ddl-partitioning.html>
//!
//! The last one has no upper end, so no Record is without a partition. Long before ids get there it is cut in two, while it is empty and that
//! takes no scan; and what has lost its last row to removals is dropped.

use super::Postgres;
use super::connection::{Connection, Failure};
use super::statement::Value;
use super::write::or_back;
use crate::contract::StoreError;

/// The table of before becomes the first partition. `record_part` says where each begins (`record_1` is the first, and takes what is
/// below). Triggers for each row are those of every partition; those against truncation each has of its own.
pub const PARTS: &str =
    "-- tables of types: e0d6e9cfefab734cf57ab392db4b6ebf23655e7fe3b877c456b2e54966ce0cb2
create table record_part (n bigint primary key, low bigint not null);
insert into record_part (n, low) select 1, 0 union all select 2, last_value + 1000001 from record_id;
alter table record rename to record_1;
alter table record_1 rename constraint record_pkey to record_1_pkey;
alter index record_t rename to record_1_t;
alter index record_x rename to record_1_x;
alter index record_c rename to record_1_c;
alter index record_a rename to record_1_a;
alter index record_p rename to record_1_p;
drop trigger record_stays on record_1;
drop trigger record_goes on record_1;
create table record (
  id bigint not null, xid xid8 not null default pg_current_xact_id(), at_us bigint not null, ctx bigint not null, actor bigint not null,
  patient bigint not null, events smallint not null, sealed bytea not null, primary key (id)) partition by range (id);
alter table record alter column sealed set storage external;
create index record_t on record (at_us);
create index record_x on record (xid);
create index record_c on record (ctx, id);
create index record_a on record (actor, id);
create index record_p on record (patient, id) where patient <> 0;
create trigger record_stays before update on record for each row execute function record_stays();
create trigger record_goes before delete on record for each row execute function record_goes();
create trigger record_whole before truncate on record for each statement execute function record_stays();
alter table record enable always trigger record_stays;
alter table record enable always trigger record_goes;
alter table record enable always trigger record_whole;
revoke update, delete, truncate on record from public, current_user;
create function record_guard(part text) returns void language plpgsql as $$ begin
  execute format('create or replace trigger record_whole before truncate on %I for each statement execute function record_stays()', part);
  execute format('alter table %I enable always trigger record_whole', part);
  execute format('alter table %I enable always trigger record_stays', part);
  execute format('alter table %I enable always trigger record_goes', part);
  execute format('revoke update, delete, truncate on %I from public, current_user', part);
end $$;
create function record_cut(width bigint) returns void language plpgsql as $$
declare part bigint; begins bigint; ends bigint;
begin
  select n, low into strict part, begins from record_part order by n desc limit 1;
  ends := greatest(begins, (select last_value + 1 from record_id)) + width;
  execute format('alter table record detach partition record_%s', part);
  execute format('alter table record attach partition record_%s for values from (%s) to (%s)', part,
    case part when 1 then 'minvalue' else begins::text end, ends);
  execute format('create table record_%s partition of record for values from (%s) to (maxvalue)', part + 1, ends);
  perform record_guard('record_' || part);
  perform record_guard('record_' || part + 1);
  insert into record_part (n, low) values (part + 1, ends);
end $$;
create function record_drop() returns void language plpgsql as $$
declare part bigint; is_empty boolean;
begin
  for part in select p.n from record_part p where (select min(q.low) from record_part q where q.n > p.n) <= (select last_value from record_id) order by p.n loop
    execute format('select not exists (select from record_%s)', part) into is_empty;
    continue when not is_empty;
    execute format('lock table record_%s in access exclusive mode', part);
    execute format('select not exists (select from record_%s)', part) into is_empty;
    if is_empty then
      execute format('drop table record_%s', part);
      delete from record_part where n = part;
    end if;
  end loop;
end $$;
do $$ declare ends bigint := (select low from record_part where n = 2); begin
  execute format('alter table record attach partition record_1 for values from (minvalue) to (%s)', ends);
  execute format('create table record_2 partition of record for values from (%s) to (maxvalue)', ends);
  perform record_guard('record_1'), record_guard('record_2');
end $$;
";

impl Postgres {
    /// Cuts the last partition where fewer ids than a month takes, or than `least`, are left before it, and drops what is empty and will stay so.
    /// Waits two seconds for readers at most: then it is left for the next time. Nothing where another node is at it.
    pub async fn tend_records(&self, now_us: i64, least: i64) -> Result<(), StoreError> {
        let pooled = self.shared.writes.get().await?;
        let done = or_back(&pooled, tend(&pooled, now_us, least).await).await;
        Self::done(pooled, done)
    }
}

async fn tend(connection: &Connection, now_us: i64, least: i64) -> Result<(), Failure> {
    connection.batch(BEGIN).await?;
    let held = connection.rows(HOLD, &[Value::Int(TENDING_LOCK)]).await?;
    if held.first().ok_or(StoreError::Integrity)?.int(0)? == 0 {
        return connection.batch("rollback").await;
    }
    let month_ago = [Value::Int(now_us - MONTH_US)];
    let rows = connection.rows(STATE, &month_ago).await?;
    let row = rows.first().ok_or(StoreError::Integrity)?;
    let (last, open, before) = (row.int(0)?, row.int(1)?, row.int(2)?);
    let width = least.max(last - before).max(1);
    if last.saturating_add(width) >= open {
        connection
            .batch(&format!("select record_cut({width})"))
            .await?;
    }
    connection.batch("select record_drop()").await?;
    connection.batch("commit").await
}

/// Held while partitions are made or dropped.
const TENDING_LOCK: i64 = 0x7761_7264_0005;
const MONTH_US: i64 = 30 * 86_400_000_000;
const BEGIN: &str = "begin; set local lock_timeout = '2s'";
const HOLD: &str = "select pg_try_advisory_xact_lock($1)::int";
const STATE: &str = "select (select last_value from record_id), (select max(low) from record_part), \
    coalesce((select id from record where at_us < $1 order by at_us desc limit 1), 0)";
