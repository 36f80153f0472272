//! Looking up what a filter names; a statement for each kind, and none for what is not asked.

use super::connection::{Connection, Failure};
use super::held;
use super::read;
use super::statement::Value;
use crate::core::Core;
use crate::names::{Fitting, Found, Names, Part, Phrase};
use crate::question::TERMS_MAX;
use ward_access::Access;
use ward_search::entries::Term;
use ward_search::plan::PhraseTest;

/// Of what more entries fit than a statement combines those count that rows in reach have.
pub async fn find(
    connection: &Connection,
    core: &Core,
    access: &Access,
    names: &Names,
) -> Result<Found, Failure> {
    let (mut found, foreign) = names.decode(core);
    found.add_aliases(&foreign, read::aliases(connection, &foreign).await?);
    if !names.forms.is_empty() {
        let forms = [Value::Ints(names.forms.clone())];
        for row in connection.rows(WIDEN, &forms).await? {
            found.add_form(row.int(0)?, row.int(1)?);
        }
    }
    for phrase in &names.phrases {
        let terms = phrases(connection, phrase).await?;
        found.phrases.push(match terms.len() > TERMS_MAX {
            true => {
                let level = &phrase.level;
                held::among(connection, core, access, level, (&terms, TERMS_MAX)).await?
            }
            false => Some(terms),
        });
    }
    for (tuple, level) in &names.tuples {
        let mut parts = found.parts(tuple)?;
        for (part, is_held) in [
            (Part::First, tuple.has_first),
            (Part::Second, tuple.has_second),
        ] {
            if is_held && parts.are_wide() {
                let terms = parts.of(part);
                let asked = (terms.as_slice(), TERMS_MAX);
                if let Some(some) = held::among(connection, core, access, level, asked).await? {
                    *terms = some;
                }
            }
        }
        found.tuples.push(parts);
    }
    Ok(found)
}

/// Terms of the phrases that fit. The table has one row per distinct phrase of the store, so walking a parameter's is cheap.
async fn phrases(connection: &Connection, phrase: &Phrase) -> Result<Vec<Term>, Failure> {
    let param = Value::Int(i64::from(phrase.param));
    let values = [param, Value::Text(phrase.value.clone())];
    let mut fitting = Fitting::new(phrase.test, &phrase.value);
    for row in connection.rows(statement(phrase.test), &values).await? {
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
