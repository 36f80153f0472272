//! Looking up what a filter names; a statement for each kind, and none for what is not asked.

use super::connection::Connection;
use super::held;
use super::read;
use super::rows::Rows;
use super::statement::Value;
use crate::contract::StoreError;
use crate::core::Core;
use crate::names::{Fitting, Found, Names, Part, Phrase};
use crate::question::TERMS_MAX;
use ward_access::Access;
use ward_search::entries::Term;
use ward_search::plan::PhraseTest;

/// Of what more entries fit than a statement combines those count that rows in reach have.
pub fn find(
    connection: &mut Connection,
    core: &Core,
    access: &Access,
    names: &Names,
) -> Result<Found, StoreError> {
    let (mut found, foreign) = names.decode(core);
    found.add_aliases(&foreign, read::aliases(connection, &foreign)?);
    if !names.forms.is_empty() {
        let forms = Rows::of(names.forms.iter().copied()).into_value();
        connection.each(WIDEN, &[forms], |row| {
            found.add_form(row.int(0)?, row.int(1)?);
            Ok(())
        })?;
    }
    for phrase in &names.phrases {
        let terms = phrases(connection, phrase)?;
        found.phrases.push(match terms.len() > TERMS_MAX {
            true => held::among(connection, core, access, &phrase.level, (&terms, TERMS_MAX))?,
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
                if let Some(some) =
                    held::among(connection, core, access, level, (terms, TERMS_MAX))?
                {
                    *terms = some;
                }
            }
        }
        found.tuples.push(parts);
    }
    Ok(found)
}

/// Terms of the phrases that fit. The table has one row per distinct phrase of the store, so walking a parameter's is cheap.
fn phrases(connection: &mut Connection, phrase: &Phrase) -> Result<Vec<Term>, StoreError> {
    let param = Value::Int(i64::from(phrase.param));
    let values = [param, Value::Text(phrase.value.clone())];
    let mut fitting = Fitting::new(phrase.test, &phrase.value);
    connection.each(statement(phrase.test), &values, |row| {
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
