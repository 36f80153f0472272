//! Looking up what a filter names; a statement for each kind, and none for what is not asked.

use super::connection::Connection;
use super::read;
use super::rows::Rows;
use super::statement::Value;
use crate::contract::StoreError;
use crate::core::Core;
use crate::names::{Fitting, Found, Names};
use ward_search::entries::Term;
use ward_search::plan::PhraseTest;

pub fn find(connection: &mut Connection, core: &Core, names: &Names) -> Result<Found, StoreError> {
    let (mut found, foreign) = names.decode(core);
    found.add_aliases(&foreign, read::aliases(connection, &foreign)?);
    if !names.forms.is_empty() {
        let forms = Rows::of(names.forms.iter().copied()).into_value();
        connection.each(WIDEN, &[forms], |row| {
            found.add_form(row.int(0)?, row.int(1)?);
            Ok(())
        })?;
    }
    for (param, test, value) in &names.phrases {
        found
            .phrases
            .push(phrases(connection, *param, *test, value)?);
    }
    Ok(found)
}

/// Terms of the phrases that fit. The table has one row per distinct phrase of the store, so walking a parameter's is cheap.
fn phrases(
    connection: &mut Connection,
    param: u16,
    test: PhraseTest,
    value: &str,
) -> Result<Option<Vec<Term>>, StoreError> {
    let values = [Value::Int(i64::from(param)), Value::Text(value.to_owned())];
    let mut fitting = Fitting::new(test, value);
    connection.each(statement(test), &values, |row| {
        fitting.propose(row.int(0)?, row.text(1).as_deref());
        Ok(())
    })?;
    Ok(fitting.terms())
}

fn statement(test: PhraseTest) -> &'static str {
    match test {
        PhraseTest::Words | PhraseTest::Contains => {
            "select f.term, f.v from phrase f where f.p = ?1 and instr(f.v, ?2) > 0"
        }
        PhraseTest::Below => {
            "select f.term, f.v from phrase f where f.p = ?1 and f.v >= ?2 and substr(f.v, 1, length(?2)) = ?2"
        }
        PhraseTest::Above => {
            "select f.term, f.v from phrase f where f.p = ?1 and f.v <= ?2 and substr(?2, 1, length(f.v)) = f.v"
        }
    }
}

const WIDEN: &str = "select v.form, v.term from rows(?1) b cross join vocabulary v on v.form = b.a";
