//! Phrases that rows have lost: once nothing has the term of one, it is removed. What is left to be looked at are rows, so whoever
//! is interrupted goes on where it was, on whichever node.
//!
//! Those that are in use are found beside the traffic. What seems to be unused is looked at again while no commit is under way: each
//! holds the generation's lock shared until it has ended.

use super::connection::{Connection, Failure};
use super::statement::Value;
use super::write::{generation_lock, or_back};
use crate::contract::{StoreError, Tidied};
use crate::index::typed;
use crate::store::resource_types;
use std::collections::{HashMap, HashSet};
use ward_search::entries::Term;

/// A phrase, and when a row lost it.
struct Left {
    param: i64,
    text: String,
    term: Term,
    since: i64,
}

/// Looks at some that were lost `kept_s` ago or earlier.
pub async fn remove(connection: &Connection, most: u32, kept_s: u64) -> Result<Tidied, Failure> {
    let kept = i64::try_from(kept_s).unwrap_or(i64::MAX / 1_000_000);
    let values = [Value::Int(kept), Value::Int(i64::from(most))];
    let mut left = Vec::new();
    for row in connection.rows(LEFT, &values).await? {
        left.push(Left {
            param: row.int(0)?,
            text: row.text(1).unwrap_or_default(),
            term: row.int(2)?,
            since: row.int(3)?,
        });
    }
    let mut tidied = Tidied {
        looked_at: u32::try_from(left.len()).unwrap_or(u32::MAX),
        removed: 0,
    };
    if left.is_empty() {
        return Ok(tidied);
    }
    let terms: Vec<Term> = left.iter().map(|phrase| phrase.term).collect();
    let counted = counted(connection, &terms).await?;
    let rest: Vec<Term> = terms.into_iter().filter(|t| !counted.contains(t)).collect();
    let mut used = in_use(connection, &rest).await?;
    used.extend(counted);
    let (used, unused): (Vec<&Left>, Vec<&Left>) =
        left.iter().partition(|phrase| used.contains(&phrase.term));
    // What a row has lost again since then is looked at again.
    connection.run(DONE, &values_of(&used)).await?;
    if !unused.is_empty() {
        tidied.removed = removed(connection, &unused).await?;
    }
    Ok(tidied)
}

/// How many of them still are unused.
async fn removed(connection: &Connection, unused: &[&Left]) -> Result<u32, Failure> {
    let lock = generation_lock();
    let done = async {
        let begin = format!("begin; select pg_advisory_xact_lock({lock})");
        connection.batch(&begin).await?;
        let terms: Vec<Term> = unused.iter().map(|phrase| phrase.term).collect();
        let used = in_use(connection, &terms).await?;
        let unused: Vec<&Left> = unused
            .iter()
            .copied()
            .filter(|phrase| !used.contains(&phrase.term))
            .collect();
        let values = values_of(&unused);
        connection.run(REMOVE, &values[..3]).await?;
        connection.run(DONE, &values).await?;
        connection.batch("commit").await?;
        Ok(u32::try_from(unused.len()).unwrap_or(u32::MAX))
    };
    or_back(connection, done.await).await
}

/// Those that counters say rows have: of common ones the rows need not be looked for.
async fn counted(connection: &Connection, terms: &[Term]) -> Result<HashSet<Term>, Failure> {
    let types = resource_types();
    let keys = types
        .iter()
        .flat_map(|ty| terms.iter().map(|t| (typed(*t, *ty), *t)));
    let keys: HashMap<i64, Term> = keys.collect();
    let asked = Value::Ints(keys.keys().copied().collect());
    let rows = connection.rows(COUNTED, &[asked]).await?;
    let of = |row: &super::connection::Columns| Ok(keys.get(&row.int(0)?).copied());
    let found = rows
        .iter()
        .map(of)
        .collect::<Result<Vec<_>, StoreError>>()?;
    Ok(found.into_iter().flatten().collect())
}

/// Those that live rows have.
async fn in_use(connection: &Connection, terms: &[Term]) -> Result<HashSet<Term>, Failure> {
    if terms.is_empty() {
        return Ok(HashSet::new());
    }
    let rows = connection
        .rows(IN_USE, &[Value::Ints(terms.to_vec())])
        .await?;
    let terms = rows.iter().map(|row| row.int(0));
    Ok(terms.collect::<Result<_, StoreError>>()?)
}

fn values_of(left: &[&Left]) -> [Value; 4] {
    let ints = |of: fn(&Left) -> i64| Value::Ints(left.iter().map(|phrase| of(phrase)).collect());
    let texts = left.iter().map(|phrase| Some(phrase.text.clone()));
    [
        ints(|phrase| phrase.param),
        Value::Texts(texts.collect()),
        ints(|phrase| phrase.term),
        ints(|phrase| phrase.since),
    ]
}

const LEFT: &str = "select l.p::bigint, l.v, l.term, l.since from phrase_left l \
    where l.since <= (extract(epoch from clock_timestamp()) * 1000000)::bigint - $1 * 1000000 order by l.since limit $2";
const COUNTED: &str = "select h from term_count where h = any($1) group by h having sum(n) > 0";
const IN_USE: &str = "select distinct u.t from resource x cross join lateral unnest(x.terms) v (t) \
    join unnest($1) u (t) on u.t = v.t where x.terms && $1 and x.op <> 2";
const REMOVE: &str = "delete from phrase f using unnest($1, $2, $3) u (p, v, term) \
    where f.p = u.p::int and f.v = u.v collate \"C\" and f.term = u.term";
const DONE: &str = "delete from phrase_left f using unnest($1, $2, $3, $4) u (p, v, term, since) \
    where f.p = u.p::int and f.v = u.v collate \"C\" and f.term = u.term and f.since = u.since";
