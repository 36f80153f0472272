//! Conditional interactions: the criteria of a search decide which resource is meant, and still hold at commit.
//! <https://hl7.org/fhir/R4/http.html#ccreate>

use crate::binary::{are_open, is_binary};
use crate::call::Interaction;
use crate::capabilities::parameters::SHAPING;
use crate::engine::{Context, stored};
use crate::place::demand_type;
use crate::search::open::BINARIES_PER_STEP;
use crate::search::question::Question;
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::{Failure, Kind, TypeId};
use ward_search::normal::lower_case;
use ward_search::plan::{Filter, Plan, Total};
use ward_storage::{Current, Guard, Rid, Row, VISIBILITY_IDS_MAX};

/// What the criteria match among what the caller may see.
pub enum Matches {
    /// Nothing; the guards keep it so until the commit.
    None(Vec<Guard>),
    One(Rid, Vec<Guard>),
    Many,
}

/// Evaluates criteria such as `identifier=http://a|1`. Search rights are needed: the answer tells whether something exists.
pub async fn find(cx: Context<'_>, ty: TypeId, query: &str) -> Result<Matches> {
    let mut criteria = criteria(cx, ty, query, 2).await?;
    let (rows, _) = criteria.matches(cx, ty).await?;
    Ok(match rows.as_slice() {
        [] => Matches::None(criteria.guards(cx, Vec::new())),
        [row] => Matches::One(row.rid, criteria.guards(cx, vec![row.rid])),
        _ => Matches::Many,
    })
}

/// All matches up to `most` that the caller may delete; whether there are more; and the guards that hold the set of matches
/// until the commit. What may be found and not deleted is left out, as a delete by id passes over it.
pub async fn find_all(
    cx: Context<'_>,
    ty: TypeId,
    query: &str,
    most: u32,
) -> Result<(Vec<Row>, bool, Vec<Guard>)> {
    demand_type(cx.access, ty, Action::Delete)?;
    let mut criteria = criteria(cx, ty, query, most).await?;
    let (rows, more) = criteria.matches(cx, ty).await?;
    let guards = criteria.guards(cx, rows.iter().map(|r| r.rid).collect());
    if cx.access.sight(ty, Action::Delete) == cx.access.sight(ty, Action::Search) {
        return Ok((rows, more, guards));
    }
    let keys: Vec<(TypeId, Rid)> = rows.iter().map(|r| (ty, r.rid)).collect();
    let rows = stored(
        cx.engine
            .store
            .read_many(cx.access, Action::Delete, &keys)
            .await,
    )?;
    let rows = rows.into_iter().filter_map(|current| {
        if let Current::Live(row) = current {
            Some(row)
        } else {
            None
        }
    });
    Ok((rows.collect(), more, guards))
}

/// Criteria as the store answers them, and holds their answer.
struct Criteria {
    plan: Plan,
    /// What must go on to find nothing: else the plan would not be all that decides.
    absent: Vec<Plan>,
    /// Lists whose members are asked for, which must go on to be as they were read.
    lists: Vec<(TypeId, Rid, u32)>,
    /// Equal ones have the same.
    key: i64,
}

impl Criteria {
    /// As many as are asked for, and whether there are more. Binaries that their context closes are none, and are left out of
    /// what is to hold, too. Statements: one; of Binaries three for every 50 of them.
    async fn matches(&mut self, cx: Context<'_>, ty: TypeId) -> Result<(Vec<Row>, bool)> {
        let store = &cx.engine.store;
        if !is_binary(ty) {
            let page = stored(store.search(cx.access, &self.plan).await)?;
            return Ok((page.rows, page.more));
        }
        let most = self.plan.count as usize;
        let mut asked = Plan {
            count: BINARIES_PER_STEP,
            ..self.plan.clone()
        };
        let (mut rows, mut closed) = (Vec::new(), Vec::new());
        loop {
            let page = stored(store.search(cx.access, &asked).await)?;
            let open = are_open(cx, &page.rows).await?;
            for (row, open) in page.rows.into_iter().zip(open) {
                match open {
                    true => rows.push(row),
                    false => closed.push(row.id.to_string()),
                }
            }
            if rows.len() > most || !page.more {
                break;
            }
            asked.after = page.next;
        }
        if !closed.is_empty() {
            let filter = std::mem::replace(&mut self.plan.filter, Filter::All);
            let without = Filter::Not(Box::new(Filter::Ids(closed)));
            self.plan.filter = Filter::And(vec![filter, without]);
        }
        let more = rows.len() > most;
        rows.truncate(most);
        Ok((rows, more))
    }

    /// That these are the matches until the commit.
    fn guards(self, cx: Context<'_>, rids: Vec<Rid>) -> Vec<Guard> {
        // What a rival writes meanwhile may be of a class that was new.
        let access = cx.access.with_unknown(VISIBILITY_IDS_MAX);
        let matches = |plan, rids| Guard::Matches {
            key: self.key,
            plan,
            access: access.clone(),
            rids,
        };
        let absent = self.absent.into_iter();
        let absent = absent.map(|plan| matches(plan, Vec::new()));
        let lists = self.lists.iter();
        let lists = lists.map(|(ty, rid, version)| Guard::Unchanged {
            ty: *ty,
            rid: *rid,
            version: *version,
        });
        std::iter::once(matches(self.plan, rids))
            .chain(absent)
            .chain(lists)
            .collect()
    }
}

/// Criteria are always strict: a parameter that were ignored would widen what is written.
async fn criteria(cx: Context<'_>, ty: TypeId, query: &str, most: u32) -> Result<Criteria> {
    demand_type(cx.access, ty, Action::Search)?;
    // Sorted and spelled one way, so that equal criteria meet in one lock.
    let mut pairs = crate::search::decode_query(query)?;
    pairs.sort();
    if pairs.is_empty() {
        return Err(no_criteria(cx, ty));
    }
    demand_criteria(&pairs)?;
    let question = Question::read(cx, &[ty], &pairs, true).await?;
    if let Some(check) = question.checks.first() {
        let text = format!(
            "'{}' is answered by looking at resources one by one, which a conditional interaction cannot hold until its commit; \
             use criteria that an index answers, such as identifier",
            crate::route::printable(&check.name)
        );
        return Err(Failure::new(Kind::TooCostly, text));
    }
    if question.looked_at.any {
        let text = "the answer depends on what other resources say, on contained resources, or on texts longer than the index keeps, which a conditional interaction \
                    cannot hold until its commit; use criteria that an index answers, such as identifier";
        return Err(Failure::new(Kind::TooCostly, text));
    }
    if question.used.custom {
        let text = "a parameter that a client has defined and what is indexed by words may be changed before the commit, so a conditional interaction does not take them; \
                    use criteria of the specification, such as identifier";
        return Err(Failure::new(Kind::TooCostly, text));
    }
    let mut plan = question.plan;
    if matches!(plan.filter, Filter::All) {
        return Err(Failure::new(
            Kind::Invalid,
            "the criteria of a conditional interaction select nothing in particular",
        ));
    }
    plan.count = most;
    plan.total = Total::None;
    plan.sort.clear();
    // Criteria that differ in case alone may mean the same resources.
    for (_, value) in &mut pairs {
        *value = lower_case(value).into_owned();
    }
    let key = cx.engine.store.term_key().lock(
        ward_fhir::schema::r4().ty(ty).name,
        &crate::search::encode_query(&pairs),
    );
    Ok(Criteria {
        plan,
        absent: question.looked_at.absent,
        lists: question.looked_at.lists,
        key,
    })
}

/// Whoever leaves the criteria out has often left out the id.
fn no_criteria(cx: Context<'_>, ty: TypeId) -> Failure {
    let method = match &cx.call.interaction {
        Interaction::ConditionalUpdate { .. } => "PUT",
        Interaction::ConditionalPatch { .. } => "PATCH",
        Interaction::ConditionalDelete { .. } => "DELETE",
        _ => "",
    };
    let mut text = "a conditional interaction needs at least one search criterion".to_owned();
    if !method.is_empty() {
        let name = ward_fhir::schema::r4().ty(ty).name;
        text.push_str(&format!("; by id it is {method} {name}/[id]"));
    }
    Failure::new(Kind::Invalid, text)
}

/// What shapes an answer selects nothing: in a condition it is a mistake.
fn demand_criteria(pairs: &[(String, String)]) -> Result<()> {
    let shapes = |name: &str| {
        let name = name.split(':').next().unwrap_or(name);
        name == "_cursor" || SHAPING.iter().any(|(shaping, _)| *shaping == name)
    };
    match pairs.iter().find(|(name, _)| shapes(name)) {
        None => Ok(()),
        Some((name, _)) => {
            let name = crate::route::printable(name);
            let text = format!(
                "'{name}' shapes the answer of a search and is no criterion of a conditional interaction"
            );
            Err(Failure::new(Kind::Invalid, text))
        }
    }
}
