//! Which entry of the tree a record is.

use super::rows::{self, Reads, Run};
use crate::contract::StoreError;
use crate::store::Store;
use std::collections::{BTreeSet, HashMap};
use ward_audit::run;

/// Records of one statement, which names so many whether or not there are.
pub(super) const AT_ONCE: usize = 100;

impl Store {
    /// Numbers of entries by those of records; what is not numbered yet is left out. Two statements for a hundred records.
    pub async fn log_places(&self, ids: &BTreeSet<i64>) -> Result<HashMap<i64, u64>, StoreError> {
        let ids: Vec<i64> = ids.iter().copied().collect();
        let mut places = HashMap::new();
        for ids in ids.chunks(AT_ONCE) {
            let firsts = self.runs_of(ids).await?;
            let rows = self.cells(&entries(), &filled(&firsts), "ib").await?;
            for row in rows {
                let first = row.int(0)?;
                let entries = run::decode(row.bytes(1)?).ok_or(StoreError::Integrity)?;
                let numbered = (first as u64..).zip(entries);
                let asked = numbered.filter(|(_, of)| ids.binary_search(&of.id).is_ok());
                places.extend(asked.map(|(seq, of)| (of.id, seq)));
            }
        }
        Ok(places)
    }

    /// The runs that these can be in, at most [`AT_ONCE`] of them. Two statements.
    pub(super) async fn runs_with(&self, ids: &[i64]) -> Result<Vec<Run>, StoreError> {
        let firsts = self.runs_of(ids).await?;
        rows::runs_at(self, &values(), &filled(&firsts)).await
    }

    /// First entries of the runs that these can be in.
    async fn runs_of(&self, ids: &[i64]) -> Result<Vec<i64>, StoreError> {
        let xid = match self.0 {
            crate::store::Backend::Sqlite(_) => "0",
            crate::store::Backend::Postgres(_) => "r.xid::text::bigint",
        };
        let sql = format!(
            "select (select first from leaf_run where (leaf_run.xid, leaf_run.last) >= ({xid}, r.id) \
             order by leaf_run.xid, leaf_run.last limit 1) as found from record r where r.id in ({})",
            values()
        );
        let sql = format!("select distinct found from ({sql}) as runs where found is not null");
        let rows = self.cells(&sql, &filled(ids), "i").await?;
        rows.iter().map(|row| row.int(0)).collect()
    }
}

fn entries() -> String {
    format!(
        "select first, records from leaf_run where first in ({})",
        values()
    )
}

/// `$1,$2,…`
fn values() -> String {
    let places: Vec<String> = (1..=AT_ONCE).map(|n| format!("${n}")).collect();
    places.join(",")
}

/// As many as the statement has places: none is a record or an entry of -1.
fn filled(ids: &[i64]) -> Vec<i64> {
    let mut filled = ids.to_vec();
    filled.resize(AT_ONCE, -1);
    filled
}
