//! Looking up what a filter names; a statement for each kind, and none for what is not asked.

use super::connection::{Connection, Failure};
use super::read;
use super::statement::Value;
use crate::core::Core;
use crate::names::{Fitting, Found, Names};
use ward_search::entries::Term;
use ward_search::plan::PhraseTest;

pub async fn find(connection: &Connection, core: &Core, names: &Names) -> Result<Found, Failure> {
    let (mut found, foreign) = names.decode(core);
    found.add_aliases(&foreign, read::aliases(connection, &foreign).await?);
    if !names.forms.is_empty() {
        let forms = [Value::Ints(names.forms.clone())];
        for row in connection.rows(WIDEN, &forms).await? {
            found.add_form(row.int(0)?, row.int(1)?);
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
) -> Result<Option<Vec<Term>>, Failure> {
    let values = [Value::Int(i64::from(param)), Value::Text(value.to_owned())];
    let mut fitting = Fitting::new(test, value);
    for row in connection.rows(statement(test), &values).await? {
        fitting.propose(row.int(0)?, row.text(1).as_deref());
    }
    Ok(fitting.terms())
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
