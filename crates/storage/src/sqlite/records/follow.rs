//! What is followed in the embedded store, where one writer numbers Records in the order in which they become visible.

use super::super::Sqlite;
use super::super::statement::Value;
use crate::contract::StoreError;
use crate::records::SealedRecord;
use crate::records::follow::RecordPlace;

impl Sqlite {
    pub fn records_after(
        &self,
        place: RecordPlace,
        limit: i64,
    ) -> Result<(Vec<SealedRecord>, RecordPlace), StoreError> {
        let (mut found, mut last) = (Vec::new(), place);
        let values = [Value::Int(place.id), Value::Int(limit)];
        self.read_with(|connection| {
            connection.each(AFTER, &values, |row| {
                last = last.behind(0, row.int(0)?);
                found.push(SealedRecord {
                    id: row.int(0)?,
                    sealed: row.blob(1),
                });
                Ok(())
            })
        })?;
        Ok((found, last))
    }
}

const AFTER: &str = "select id, sealed from record where id > ?1 order by id limit ?2";
