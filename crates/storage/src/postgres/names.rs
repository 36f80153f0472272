//! Looking up what a filter names: logical ids, wider forms and phrases; a statement each, and none for what is not asked.

use super::connection::{Connection, Failure};
use super::read;
use super::statement::Value;
use crate::contract::StoreError;
use crate::core::Core;
use crate::question::{Found, Names, PHRASE_TERMS_MAX};
use ward_fhir::TypeId;
use ward_search::entries::Term;
use ward_search::plan::PhraseTest;

pub async fn find(connection: &Connection, core: &Core, names: &Names) -> Result<Found, Failure> {
    let mut found = Found::default();
    let mut foreign: Vec<(TypeId, &str)> = Vec::new();
    for (ty, id) in &names.ids {
        match core.cipher.decode(id) {
            Some(rid) => drop(found.ids.insert((*ty, id.clone()), rid)),
            None => foreign.push((*ty, id)),
        }
    }
    for (key, rid) in foreign
        .iter()
        .zip(read::aliases(connection, &foreign).await?)
    {
        if let Some(rid) = rid {
            found.ids.insert((key.0, key.1.to_owned()), rid);
        }
    }
    if !names.forms.is_empty() {
        let forms = [Value::Ints(names.forms.clone())];
        for row in connection.rows(WIDEN, &forms).await? {
            found
                .forms
                .entry(row.int(0)?)
                .or_default()
                .push(row.int(1)?);
        }
    }
    for (param, test, value) in &names.phrases {
        found
            .phrases
            .push(phrases(connection, *param, *test, value).await?);
    }
    Ok(found)
}

/// Terms of the phrases that fit. The table has one row per distinct phrase of the store, so walking a parameter's is cheap.
async fn phrases(
    connection: &Connection,
    param: u16,
    test: PhraseTest,
    value: &str,
) -> Result<Vec<Term>, Failure> {
    let values = [Value::Int(i64::from(param)), Value::Text(value.to_owned())];
    let mut terms = Vec::new();
    for row in connection.rows(statement(test), &values).await? {
        // A word begins the phrase, or stands behind what is neither letter nor digit.
        let fits = test != PhraseTest::Words
            || row
                .text(1)
                .is_some_and(|phrase| ward_search::evaluate::phrase_fits(test, &phrase, value));
        if fits {
            terms.push(row.int(0)?);
        }
    }
    terms.sort_unstable();
    terms.dedup();
    if terms.len() > PHRASE_TERMS_MAX {
        return Err(StoreError::TooCostly.into());
    }
    Ok(terms)
}

fn statement(test: PhraseTest) -> &'static str {
    match test {
        PhraseTest::Words | PhraseTest::Contains => {
            "select f.term, f.v from phrase f where f.p = $1 and strpos(f.v, $2) > 0"
        }
        PhraseTest::Below => {
            "select f.term, f.v from phrase f where f.p = $1 and f.v >= $2 collate \"C\" and f.v ^@ $2"
        }
        PhraseTest::Above => {
            "select f.term, f.v from phrase f where f.p = $1 and f.v <= $2 collate \"C\" and $2 ^@ f.v"
        }
    }
}

const WIDEN: &str = "select form, term from vocabulary where form = any($1)";
