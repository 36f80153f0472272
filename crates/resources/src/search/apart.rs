//! A query taken apart: each criterion as a test of one resource by itself, for what is in no table of resources.
//! <https://hl7.org/fhir/R4/search.html>
//!
//! What other resources decide (chains, `_has`, `_list`, value sets) is looked up first, as the caller may search them.

use super::looked_at::LookedAt;
use super::question::{costly_place, with_listed};
use super::targets::{self, AskedBy};
use super::{closed, contained, long, terminology, wide};
use crate::document::reread;
use crate::engine::Context;
use crate::masked;
use crate::places::Place;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::reference::{self, Reference};
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind, TypeId};
use ward_search::check;
use ward_search::cost::is_costly;
use ward_search::entries::Term;
use ward_search::extract::Extractor;
use ward_search::plan::{Check, Filter, Plan, Total};
use ward_search::query::{Options, Used, parse_by};
use ward_search::terminology::Embedded;

/// Resources that refer to what is searched, of which `_has` looks at each.
const REFERRING_MAX: usize = 10_000;
const ROWS_PER_STEP: u32 = 500;

/// A query over resources of one type, which are looked at one by one.
pub(crate) struct Apart {
    /// Its order, count and total; its filter is the criteria's to say.
    pub plan: Plan,
    pub used: Used,
    /// All of them must hold.
    pub criteria: Vec<Criterion>,
    extractor: Extractor,
    place: Option<Place>,
}

/// One parameter of the query.
pub(crate) struct Criterion {
    /// As it was asked.
    pub name: String,
    pub value: String,
    /// Decided by the resource alone ([`ward_search::evaluate`]).
    pub filter: Filter,
    /// What a chain has led to, by the reference parameter of which its name begins; `None`: it is no chain.
    pub ends: Option<BTreeSet<(TypeId, String)>>,
    /// Ids of those that `_has` and `_id` leave; `None`: it names none.
    pub ids: Option<BTreeSet<String>>,
}

impl Apart {
    /// `also`: a second name under which a criterion holds as well.
    ///
    /// Statements: those of [`super::question::Question::read`] before it is asked, and for each type that a chain leads to one for
    /// every 500 resources that match there.
    pub async fn read(
        cx: Context<'_>,
        ty: TypeId,
        pairs: &[(String, String)],
        strict: bool,
        also: &(dyn Fn(&str) -> Option<String> + Sync),
    ) -> Result<Apart> {
        let served = cx.engine.asking().await?;
        let extractor = masked::asking(served.extractor_of(cx.access.seen()), cx.access);
        let extractor = cx.engine.asking_as(cx.caller, extractor);
        let settings = &cx.engine.settings;
        let options = Options {
            strict,
            now_us: cx.engine.now_us(),
            count_default: settings.page_entries_default,
            count_max: settings.page_entries_max,
            terminology: &Embedded,
        };
        let types = [ty];
        let terminology = terminology::of(cx, &extractor, &types, pairs, options).await?;
        let options = Options {
            terminology: &terminology,
            ..options
        };
        let asked = targets::of(cx, &extractor, &types, pairs, &options).await?;
        let (plan, used) = parse_by(&extractor, &types, pairs, &options, asked.targets())?;
        let mut apart = Apart {
            plan: Plan {
                filter: Filter::All,
                ..plan
            },
            used,
            criteria: Vec::new(),
            extractor,
            place: None,
        };
        for (name, value) in apart.used.pairs.clone() {
            let filter = apart.filter(&name, &value, &options, &asked)?;
            if matches!(filter, Filter::All) {
                continue;
            }
            let mut filters = vec![filter];
            // Refused where the caller must not ask by it: then the other name alone is meant.
            let other = also(&name).map(|name| apart.filter(&name, &value, &options, &asked));
            filters.extend(other.and_then(std::result::Result::ok));
            let filter = match filters.len() {
                1 => filters.remove(0),
                _ => Filter::Or(filters),
            };
            let criterion = apart.decided(cx, ty, name, value, filter).await?;
            apart.criteria.push(criterion);
        }
        Ok(apart)
    }

    /// Of one parameter; `All` of one that shapes the answer.
    fn filter(
        &self,
        name: &str,
        value: &str,
        options: &Options<'_>,
        asked: &AskedBy<'_>,
    ) -> Result<Filter> {
        let options = Options {
            strict: true,
            ..*options
        };
        let pair = [(name, value)];
        let types = &self.plan.types;
        let (plan, _) = parse_by(&self.extractor, types, &pair, &options, asked.targets())?;
        Ok(plan.filter)
    }

    /// What the criteria were read by.
    pub fn extractor(&self) -> &Extractor {
        &self.extractor
    }

    /// Takes a place of the client's for a question that no index bounds.
    pub fn demand_place(&mut self, cx: Context<'_>) -> Result<()> {
        if self.place.is_none() {
            self.place = Some(costly_place(cx)?);
        }
        Ok(())
    }

    async fn decided(
        &mut self,
        cx: Context<'_>,
        ty: TypeId,
        name: String,
        value: String,
        filter: Filter,
    ) -> Result<Criterion> {
        let is_chain = name.contains('.') && !name.starts_with("_has");
        let mut far = Far {
            cx,
            extractor: &self.extractor,
            ty,
            place: &mut self.place,
            ends: BTreeSet::new(),
            ids: None,
        };
        let mut looked_at = LookedAt::default();
        let filter = with_listed(cx, far.extractor, filter, &mut looked_at).await?;
        let filter = closed::left_out(cx, far.extractor, filter, far.place).await?;
        let filter = far.replaced(filter).await?;
        let ids = match (&filter, name.as_str()) {
            (Filter::Ids(ids), "_id") => Some(ids.iter().cloned().collect()),
            _ => far.ids,
        };
        Ok(Criterion {
            ends: is_chain.then_some(far.ends),
            ids,
            name,
            value,
            filter,
        })
    }
}

/// Looks up what is at the far ends of references.
struct Far<'a> {
    cx: Context<'a>,
    extractor: &'a Extractor,
    /// What is searched.
    ty: TypeId,
    place: &'a mut Option<Place>,
    ends: BTreeSet<(TypeId, String)>,
    ids: Option<BTreeSet<String>>,
}

type Replaced<'r> = Pin<Box<dyn Future<Output = Result<Filter>> + 'r>>;

impl Far<'_> {
    /// The filter, with what was found in place of `Chain` and `Has`.
    fn replaced(&mut self, filter: Filter) -> Replaced<'_> {
        Box::pin(async move {
            Ok(match filter {
                Filter::And(list) => Filter::And(self.each(list).await?),
                Filter::Or(list) => Filter::Or(self.each(list).await?),
                Filter::Not(inner) => Filter::Not(Box::new(self.replaced(*inner).await?)),
                Filter::Chain {
                    param,
                    target,
                    filter,
                } => self.chain(param, target, *filter).await?,
                Filter::Has {
                    source,
                    param,
                    filter,
                } => self.has(source, param, *filter).await?,
                other => other,
            })
        })
    }

    async fn each(&mut self, list: Vec<Filter>) -> Result<Vec<Filter>> {
        let mut replaced = Vec::with_capacity(list.len());
        for filter in list {
            replaced.push(self.replaced(filter).await?);
        }
        Ok(replaced)
    }

    /// By what refers to those that match.
    async fn chain(&mut self, param: u16, target: TypeId, filter: Filter) -> Result<Filter> {
        self.demand_table(target)?;
        if !self.cx.access.may(target, Action::Search) {
            return Ok(Filter::Nothing);
        }
        let filter = self.of_other(target, filter).await?;
        let ids = wide::matching(self.cx, self.extractor, target, filter).await?;
        let name = r4().ty(target).name;
        let key = self.extractor.key();
        let terms: BTreeSet<Term> = ids
            .iter()
            .map(|id| key.reference(param, name, id))
            .collect();
        self.ends.extend(ids.into_iter().map(|id| (target, id)));
        Ok(match terms.is_empty() {
            true => Filter::Nothing,
            false => Filter::AnyTerm(terms.into_iter().collect()),
        })
    }

    /// What those that match refer to.
    async fn has(&mut self, source: TypeId, param: u16, filter: Filter) -> Result<Filter> {
        self.demand_table(source)?;
        let mut named: BTreeSet<String> = BTreeSet::new();
        let mut terms: BTreeSet<Term> = BTreeSet::new();
        if self.cx.access.may(source, Action::Search) {
            let filter = self.of_other(source, filter).await?;
            self.referring(source, param, filter, &mut terms, &mut named)
                .await?;
        }
        let key = self.extractor.key().clone();
        let name = r4().ty(self.ty).name;
        let terms = Arc::new(terms);
        let test = move |node: ward_fhir::Node<'_>| {
            let id = node.text("id").unwrap_or_default();
            terms.contains(&key.reference(param, name, id))
        };
        self.ids = Some(match self.ids.take() {
            None => named.clone(),
            Some(before) => before.union(&named).cloned().collect(),
        });
        Ok(Filter::And(vec![
            Filter::Ids(named.into_iter().collect()),
            Filter::Check(Check {
                name: "_has".into(),
                test: Arc::new(test),
            }),
        ]))
    }

    async fn referring(
        &self,
        source: TypeId,
        param: u16,
        filter: Filter,
        terms: &mut BTreeSet<Term>,
        named: &mut BTreeSet<String>,
    ) -> Result<()> {
        let mut plan = plan_of(source, filter);
        let mut count = 0;
        loop {
            let page = wide::search(self.cx, self.extractor, &plan).await?;
            count += page.rows.len();
            for row in &page.rows {
                let document = reread(&row.body)?;
                let entries = self.extractor.extract(document.root(), &|_| None);
                let own = entries.terms.iter().filter(|entry| entry.param == param);
                terms.extend(own.map(|entry| entry.term));
                named.extend(self.ids_in(&row.body));
            }
            if count > REFERRING_MAX {
                let text = format!(
                    "'_has' looks at {REFERRING_MAX} resources that refer to others at most; narrow it"
                );
                return Err(Failure::new(Kind::TooCostly, text));
            }
            if !page.more {
                return Ok(());
            }
            plan.after = page.next;
        }
    }

    /// Ids of what is searched, as far as they are named.
    fn ids_in(&self, body: &[u8]) -> Vec<String> {
        let base = self.extractor.base();
        let texts = reference::texts(body, r#""reference":""#);
        let ids = texts.filter_map(|text| match reference::parse(text, base)? {
            Reference::Local { ty, id, .. } if ty == self.ty => Some(id.to_owned()),
            _ => None,
        });
        ids.collect()
    }

    /// A filter over another type, which the index answers.
    async fn of_other(&mut self, ty: TypeId, filter: Filter) -> Result<Filter> {
        let (cx, extractor, types) = (self.cx, self.extractor, [ty]);
        if check::hop_types(&filter).contains(&self.ty) {
            self.demand_table(self.ty)?;
        }
        let looking = &mut LookedAt::default();
        let filter = contained::decided(cx, extractor, &types, filter, self.place, looking).await?;
        let filter = long::decided(cx, extractor, &types, filter, looking).await?;
        if is_costly(&filter) && self.place.is_none() {
            *self.place = Some(costly_place(cx)?);
        }
        let split = check::split(filter, extractor)?;
        match split.checks.first() {
            None => Ok(split.index),
            Some(check) => {
                let text = format!(
                    "'{}' cannot be asked behind a chain here; use a parameter that the index answers",
                    check.name
                );
                Err(Failure::new(Kind::TooCostly, text))
            }
        }
    }

    /// What is searched is in no table that a hop could lead to.
    fn demand_table(&self, ty: TypeId) -> Result<()> {
        match ty == self.ty {
            false => Ok(()),
            true => Err(no_hop(ty)),
        }
    }
}

pub(crate) fn no_hop(ty: TypeId) -> Failure {
    let name = r4().ty(ty).name;
    let text = format!(
        "no chain, '_has' or include leads to {name}: ask {name} itself by its parameters ({name}?entity=, patient=, agent=)"
    );
    Failure::new(Kind::NotSupported, text)
}

fn plan_of(ty: TypeId, filter: Filter) -> Plan {
    Plan {
        types: vec![ty],
        filter,
        sort: Vec::new(),
        count: ROWS_PER_STEP,
        total: Total::None,
        after: None,
    }
}
