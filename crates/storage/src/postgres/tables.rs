//! The tables of the resource types: made when a type is first written, since all of them at once are 1,600 relations
//! and seconds of a first start. <https://www.postgresql.org/docs/15/ddl-partitioning.html>
//!
//! A type whose table this process does not know is read through the parent, with its number written out: that finds
//! nothing while there is no table, and everything as soon as any node has made one, whatever is prepared already
//! (attaching a partition makes PostgreSQL plan anew). A known table is named, because a scan through the parent tests
//! the number of every row and so never answers from the index alone.

use super::connection::{Connection, Failure};
use super::schema::MIGRATION_LOCK;
use crate::contract::Write;
use crate::store::resource_types;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{LazyLock, RwLock};
use ward_access::Compartments;
use ward_fhir::TypeId;
use ward_fhir::schema::r4;
use ward_search::hot;

/// Types whose table is known to exist. Tables are never dropped.
#[derive(Default)]
pub struct Tables(RwLock<Vec<TypeId>>);

impl Tables {
    pub fn knows(&self, ty: TypeId) -> bool {
        self.known().binary_search(&ty).is_ok()
    }

    /// A row of the type was seen, or its table made.
    pub fn learn(&self, ty: TypeId) {
        if self.knows(ty) {
            return;
        }
        let mut known = self
            .0
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Err(at) = known.binary_search(&ty) {
            known.insert(at, ty);
        }
    }

    /// What stands after `from` for the rows of a type.
    pub fn of(&self, ty: TypeId) -> String {
        if self.knows(ty) {
            table(ty)
        } else {
            format!("(select * from resource where typ = {})", ty.0)
        }
    }

    fn known(&self) -> std::sync::RwLockReadGuard<'_, Vec<TypeId>> {
        self.0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Learns which tables there are.
pub async fn load(connection: &Connection) -> Result<(), Failure> {
    static TYPES: LazyLock<HashMap<String, TypeId>> =
        LazyLock::new(|| resource_types().iter().map(|ty| (name(*ty), *ty)).collect());
    for row in connection.rows(EXISTING, &[]).await? {
        let found = row.text(0).unwrap_or_default();
        if let Some(ty) = TYPES.get(&found) {
            connection.tables.learn(*ty);
        }
    }
    Ok(())
}

/// Makes the tables that the writes need, each in a transaction of its own; nothing to do but for the first of a type.
pub async fn ensure<'a>(
    connection: &Connection,
    writes: impl Iterator<Item = &'a Write>,
) -> Result<(), Failure> {
    let mut missing: Vec<TypeId> = writes
        .map(|write| write.ty)
        .filter(|ty| !connection.tables.knows(*ty))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    missing.sort_unstable();
    missing.dedup();
    // Another node may have made some of them.
    load(connection).await?;
    for ty in missing {
        if !connection.tables.knows(ty) {
            make(connection, ty).await?;
            connection.tables.learn(ty);
        }
    }
    Ok(())
}

/// One at a time over all nodes; whoever comes second finds it made. Attaching a finished table takes no lock that a
/// reader or writer of other types would wait for, which creating it as a partition would.
async fn make(connection: &Connection, ty: TypeId) -> Result<(), Failure> {
    let sql = format!(
        "begin; select pg_advisory_xact_lock({MIGRATION_LOCK}); \
         do $make$ begin if not exists ({EXISTING} and c.relname = '{}') then {} end if; end $make$; commit",
        name(ty),
        definition(ty)
    );
    let made = connection.batch(&sql).await;
    if made.is_err() && made != Err(Failure::Broken) {
        connection.batch("rollback").await?;
    }
    made
}

/// The name of a type's table, quoted (`group` is a keyword).
pub fn table(ty: TypeId) -> String {
    format!("\"{}\"", name(ty))
}

fn name(ty: TypeId) -> String {
    r4().ty(ty).name.to_lowercase()
}

/// One type's table with the indexes its hot parameters deserve.
pub fn definition(ty: TypeId) -> String {
    let (table, plain, hot) = (table(ty), name(ty), hot::of(r4().ty(ty).name));
    let mut ddl = format!(
        "create table {table} (like resource including storage, primary key (rid)) with (fillfactor = 90, {UPKEEP});"
    );
    let mut index = |suffix: &str, rest: &str| {
        let _ = write!(ddl, "create index \"{plain}_{suffix}\" on {table} {rest};");
    };
    // A search reads the whole pending list: 4 MB of it (the default) cost 3-8 ms each time, a flushed index 0.02.
    index("t", "using gin (terms) with (gin_pending_list_limit = 128)");
    index("d", "(d desc, rid desc) include (w) where op <> 2");
    index("u", "(upd desc, rid desc)");
    if Compartments::r4().is_member(ty) {
        index("c", "(c, d desc, rid desc) include (w) where op <> 2");
        if !hot.code.is_empty() {
            index(
                "cc",
                "(c, code, d desc, rid desc) include (w) where op <> 2",
            );
        }
        if !hot.category.is_empty() {
            index("ck", "(c, cat, d desc, rid desc) include (w) where op <> 2");
        }
    }
    if !hot.code.is_empty() {
        index("h", "(code, d desc, rid desc) include (c, w) where op <> 2");
        // For callers who see little: rows whose residual opens a purpose that is denied by default.
        index(
            "p",
            "(code, d desc, rid desc) include (c, w) where k >= 16384",
        );
    }
    let _ = write!(
        ddl,
        "alter table resource attach partition {table} for values in ({});",
        ty.0
    );
    ddl
}

const EXISTING: &str = "select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'resource'::regclass";
/// Index-only scans need the visibility map: vacuum early.
const UPKEEP: &str = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05";
