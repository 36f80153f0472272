//! Looking up what a filter names: logical ids, wider forms and phrases; a statement each, and none for what is not asked.

use super::connection::Connection;
use super::read;
use super::rows::Rows;
use super::statement::Value;
use crate::contract::StoreError;
use crate::core::Core;
use crate::question::{Found, Names, PHRASE_TERMS_MAX};
use ward_fhir::TypeId;
use ward_search::entries::Term;
use ward_search::plan::PhraseTest;

pub fn find(connection: &mut Connection, core: &Core, names: &Names) -> Result<Found, StoreError> {
    let mut found = Found::default();
    let mut foreign: Vec<(TypeId, &str)> = Vec::new();
    for (ty, id) in &names.ids {
        match core.cipher.decode(id) {
            Some(rid) => drop(found.ids.insert((*ty, id.clone()), rid)),
            None => foreign.push((*ty, id)),
        }
    }
    for (key, rid) in foreign.iter().zip(read::aliases(connection, &foreign)?) {
        if let Some(rid) = rid {
            found.ids.insert((key.0, key.1.to_owned()), rid);
        }
    }
    if !names.forms.is_empty() {
        let forms = Rows::of(names.forms.iter().copied()).into_value();
        connection.each(WIDEN, &[forms], |row| {
            found
                .forms
                .entry(row.int(0)?)
                .or_default()
                .push(row.int(1)?);
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
) -> Result<Vec<Term>, StoreError> {
    let mut terms = Vec::new();
    let values = [Value::Int(i64::from(param)), Value::Text(value.to_owned())];
    let mut too_many = false;
    connection.each(statement(test), &values, |row| {
        // A word begins the phrase, or stands behind what is neither letter nor digit.
        let fits = test != PhraseTest::Words
            || row
                .text(1)
                .is_some_and(|phrase| ward_search::evaluate::phrase_fits(test, &phrase, value));
        if fits {
            terms.push(row.int(0)?);
        }
        too_many |= terms.len() > PHRASE_TERMS_MAX;
        Ok(())
    })?;
    terms.sort_unstable();
    terms.dedup();
    if too_many {
        Err(StoreError::TooCostly)
    } else {
        Ok(terms)
    }
}

fn statement(test: PhraseTest) -> &'static str {
    match test {
        PhraseTest::Words | PhraseTest::Contains => {
            "select f.term, f.v from phrase f where f.p = ?1 and instr(f.v, ?2) > 0"
        }
        PhraseTest::Below => {
            "select f.term from phrase f where f.p = ?1 and f.v >= ?2 and substr(f.v, 1, length(?2)) = ?2"
        }
        PhraseTest::Above => {
            "select f.term from phrase f where f.p = ?1 and f.v <= ?2 and substr(?2, 1, length(f.v)) = f.v"
        }
    }
}

const WIDEN: &str = "select v.form, v.term from rows(?1) b cross join vocabulary v on v.form = b.a";
