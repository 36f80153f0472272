//! What is asked besides whose record: `start`, `end`, `_since`, `_type`, `_count`, `_summary` and `_elements`, the same on every
//! level. <https://hl7.org/fhir/R4/patient-operation-everything.html>

use crate::capabilities::all_types;
use crate::engine::Context;
use crate::operations::parameters;
use crate::search::question::Question;
use crate::shown::{demand_no_count, is_shown};
use std::sync::Arc;
use ward_access::{Access, Action, Compartments};
use ward_fhir::date::PartialDate;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, Node, TypeId};
use ward_search::hot;
use ward_search::plan::{Check, DateTest, Filter, Plan, Prefix, Total};
use ward_storage::Row;

pub struct Asked {
    pub(crate) question: Question,
    /// Of which types the answer is; empty: of all. The question is of those in which they may be referred to, too.
    types: Vec<TypeId>,
    since_us: Option<i64>,
    /// For the links, without the cursor.
    pub text: String,
    /// Of the rows found, those in the compartment of some patient are meant.
    pub of_patients: bool,
}

impl Asked {
    /// `path`: of the operation, for the links.
    pub fn read(cx: Context<'_>, filter: Filter, path: &str) -> Result<Asked> {
        let most = cx.engine.settings.everything_entries_max;
        let pairs: Vec<(String, String)> = parameters(cx)?
            .into_iter()
            .filter(|(name, _)| name != "_cursor")
            .collect();
        let shape: Vec<_> = pairs.iter().filter(|(n, _)| is_shown(n)).cloned().collect();
        let plan = Plan {
            types: Vec::new(),
            filter,
            sort: Vec::new(),
            count: most,
            total: Total::None,
            after: None,
        };
        let used = crate::search::shape(cx, &[], &shape)?;
        let shaping = used.pairs.clone();
        demand_no_count(&used)?;
        let mut question = Question::of_index(cx, plan, used);
        let (mut asked_types, mut since_us) = (Vec::new(), None);
        let (mut start, mut end) = (None, None);
        for (name, value) in &pairs {
            match name.as_str() {
                "start" => start = Some(date(name, value)?),
                "end" => end = Some(date(name, value)?),
                "_since" => {
                    let since = date(name, value)?;
                    since_us = Some(since.low_us());
                    question.and(Filter::Updated(DateTest {
                        prefix: Prefix::Ge,
                        low_us: since.low_us(),
                        high_us: since.high_us(),
                    }));
                }
                "_type" => asked_types.extend(types(value)?),
                "_count" => question.plan.count = crate::history::count(value, most)?.max(1),
                shaping if is_shown(shaping) => {}
                _ => {
                    let name = crate::route::printable(name);
                    return Err(Failure::new(
                        Kind::NotSupported,
                        format!(
                            "$everything takes start, end, _since, _type, _count, _summary and _elements, not '{name}'"
                        ),
                    ));
                }
            }
        }
        let is_in_one = |ty: &TypeId| Compartments::r4().is_member(*ty);
        // What is in nobody's compartment comes with what refers to it, whatever that is.
        if asked_types.iter().all(is_in_one) {
            question.plan.types.clone_from(&asked_types);
        }
        if start.is_some() || end.is_some() {
            let from = start.map_or(i64::MIN, |d| d.low_us());
            let to = end.map_or(i64::MAX, |d| d.high_us());
            question.check(cx, cared_for_within(cx, from, to))?;
        }
        let asked = pairs.into_iter().filter(|(name, _)| !is_shown(name));
        let asked: Vec<_> = asked.chain(shaping).collect();
        let text = format!("{path}?{}", crate::search::encode_query(&asked));
        Ok(Asked {
            question,
            types: asked_types,
            since_us,
            text,
            of_patients: false,
        })
    }

    /// Leaves the types that can be in a patient's compartment.
    pub fn only_of_patients(&mut self) {
        self.of_patients = true;
        self.keep(|ty| Compartments::r4().is_member(ty));
    }

    /// The search finds what the caller may search; each type of it must be theirs to read as well.
    pub fn keep_readable(&mut self, access: &Access) {
        let hidden = |ty| access.may(ty, Action::Search) && !access.may(ty, Action::Read);
        if self.searched().iter().any(|ty| hidden(*ty)) {
            self.keep(|ty| !hidden(ty));
        }
    }

    fn keep(&mut self, is_kept: impl Fn(TypeId) -> bool) {
        let mut types = self.searched();
        types.retain(|ty| is_kept(*ty));
        // No types at all would stand for all of them.
        if types.is_empty() {
            self.question.plan.filter = Filter::Nothing;
        }
        self.question.plan.types = types;
    }

    /// Those that are looked through: of what is asked for, or of what may refer to it.
    pub fn searched(&self) -> Vec<TypeId> {
        match self.question.plan.types.as_slice() {
            [] => all_types(),
            types => types.to_vec(),
        }
    }

    /// Whether the answer is of a type.
    pub fn is_of(&self, ty: TypeId) -> bool {
        self.types.is_empty() || self.types.contains(&ty)
    }

    /// Whether the answer has a resource that is there.
    pub fn holds(&self, row: &Row) -> bool {
        self.is_of(row.ty) && self.since_us.is_none_or(|since| row.updated_us >= since)
    }
}

fn types(value: &str) -> Result<Vec<TypeId>> {
    let ty = |name| {
        r4().resource_type(name)
            .ok_or_else(|| Failure::new(Kind::Invalid, "_type takes resource types of R4"))
    };
    value.split(',').map(ty).collect()
}

fn date(name: &str, value: &str) -> Result<PartialDate> {
    // A plus sign that was not percent-encoded arrives as a space.
    PartialDate::parse(&value.replace(' ', "+"), true)
        .ok_or_else(|| Failure::new(Kind::Invalid, format!("{name} takes a date or an instant")))
}

/// `start` and `end` bound care dates: the time that the type's clinical date parameter names must touch [from, to]. A Patient,
/// and whatever has no such date, belongs to the record at any time.
fn cared_for_within(cx: Context<'_>, from: i64, to: i64) -> Check {
    let extractor = cx.engine.extractor_of(cx.access.seen());
    let test = move |node: Node<'_>| {
        let parameter = extractor
            .registry()
            .find(node.ty(), hot::of(node.type_name()).date);
        let Some(parameter) = parameter.filter(|_| node.type_name() != "Patient") else {
            return true;
        };
        let entries = extractor.extract(node, &|_| None);
        let mut dates = entries
            .dates
            .iter()
            .filter(|d| d.param == parameter.def.number())
            .peekable();
        dates.peek().is_none() || dates.any(|d| d.low_us <= to && d.high_us >= from)
    };
    Check {
        name: "start".to_owned(),
        test: Arc::new(test),
    }
}
