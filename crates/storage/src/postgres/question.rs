//! A question to the PostgreSQL tables: what is in reach, and what drives each of its statements.

use super::choice::{self, Walk};
use super::connection::{Columns, Connection, Failure};
use super::facts::{Needed, Remembered, Told};
use super::lower::{Branch, Lowering};
use super::names;
use super::sizes::{self, Sizes};
use super::tables::{self, Tables};
use crate::broad::Broad;
use crate::clinical::{self, Clinical, Window};
use crate::contract::StoreError;
use crate::core::Core;
use crate::estimate::Counts;
use crate::index::{CATEGORY, CODE, EVERY, typed};
use crate::names::{Found, Names};
use crate::quantity::is_asked;
use crate::question::{Node, Resolver, members_of_type, terms_of};
use crate::reach::Reach;
use std::sync::Arc;
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_search::plan::{Plan, SortValue, Total};

pub struct Question<'a> {
    pub access: &'a Access,
    pub reach: Reach,
    /// The conjunction.
    pub members: Vec<Node>,
    /// Of several types the conjunction of each.
    by_type: Vec<(TypeId, Vec<Node>)>,
    pub(super) counts: Counts,
    page_rows: u64,
    sized_for: sizes::Asked,
    /// Types of which what is asked is sorted by the latest clinical dates.
    sorted: Vec<(TypeId, Clinical)>,
    pub tables: Arc<Tables>,
    /// What decides how it is put; nothing where every term counts as rare.
    pub(super) needed: Needed,
    /// What was so of it.
    pub(super) told: Told,
    /// Ranges that need not be counted.
    pub(super) broad: Option<&'a Broad>,
}

impl<'a> Question<'a> {
    /// `None`: nothing is in reach. Without `counted` every term counts as rare.
    pub async fn new(
        connection: &Connection,
        core: &Core,
        access: &'a Access,
        plan: &Plan,
        counted: bool,
    ) -> Result<Option<Question<'a>>, Failure> {
        let mut reach = Reach::new(&core.term_key, access, Action::Search, &plan.types)?;
        if reach.types().len() > TYPES_FEW {
            let used = used_types(connection, &reach.types()).await?;
            reach.retain(|ty| used.contains(&ty));
        }
        if reach.is_empty() {
            return Ok(None);
        }
        let names = Names::of(&plan.filter, &reach.types(), true)?;
        let found = names::find(connection, core, access, &names).await?;
        let tables = connection.tables.clone();
        let mut question = Question::named(core, access, plan, reach, (&names, &found), tables)?;
        if !counted {
            question.needed = Needed::default();
            return Ok(Some(question));
        }
        let counts = question.needed.count(connection).await?;
        question.count(counts);
        // Once more for what an alternative that is left alone brings.
        for _ in 0..SIZED_MAX {
            let Some(sizes) = question.sizes() else { break };
            let rows = connection.rows(&sizes.sql.text, &sizes.sql.values).await?;
            if !question.size(sizes, &rows)? {
                break;
            }
        }
        Ok(Some(question))
    }

    /// By what is remembered. `None`: that is not enough, or names are to be looked up first.
    pub fn remembered(
        core: &Core,
        tables: &Arc<Tables>,
        remembered: &'a Remembered,
        access: &'a Access,
        plan: &Plan,
    ) -> Result<Option<Question<'a>>, StoreError> {
        let reach = Reach::new(&core.term_key, access, Action::Search, &plan.types)?;
        if reach.is_empty() || reach.types().len() > TYPES_FEW {
            return Ok(None);
        }
        let names = Names::of(&plan.filter, &reach.types(), true)?;
        let (mut found, foreign) = names.decode(core);
        let Some(forms) = remembered.forms(&names.forms) else {
            return Ok(None);
        };
        if !foreign.is_empty() || !names.phrases.is_empty() {
            return Ok(None);
        }
        for (form, term) in forms {
            found.add_form(form, term);
        }
        for (tuple, _) in &names.tuples {
            let parts = found.parts(tuple)?;
            if parts.are_wide() {
                return Ok(None);
            }
            found.tuples.push(parts);
        }
        let tables = tables.clone();
        let mut question = Question::named(core, access, plan, reach, (&names, &found), tables)?;
        Ok(remembered.counts(&question.needed).map(|counts| {
            question.count(counts);
            question.recall(&remembered.broad);
            question.broad = Some(&remembered.broad);
            question
        }))
    }

    /// With its names looked up, and nothing counted.
    fn named(
        core: &Core,
        access: &'a Access,
        plan: &Plan,
        mut reach: Reach,
        (names, found): (&Names, &Found),
        tables: Arc<Tables>,
    ) -> Result<Question<'a>, StoreError> {
        let types = reach.types();
        let mut resolver = Resolver {
            access,
            key: &core.term_key,
            found,
            phrase: 0,
            tuple: 0,
            leaf: 0,
            wide: 0,
            homes: true,
            walks_terms: false,
        };
        let mut members = resolver.members(&plan.filter, &types)?;
        reach.conditions_into(&mut members);
        let mut by_type = Vec::new();
        match types.as_slice() {
            [ty] => members = members_of_type(members, *ty),
            types => {
                let each = types
                    .iter()
                    .map(|ty| (*ty, members_of_type(members.clone(), *ty)));
                by_type.extend(each);
            }
        }
        let sorted = types.iter().filter_map(|ty| {
            let clinical = Clinical::sorted(&core.term_key, *ty, &plan.sort)?;
            Some((*ty, clinical))
        });
        let sorted: Vec<(TypeId, Clinical)> = sorted.collect();
        let mut needed = needed(&members, &reach, &sorted);
        needed.forms.clone_from(&names.forms);
        let forms = found.forms.iter();
        let forms = forms.flat_map(|(form, terms)| terms.iter().map(|term| (*form, *term)));
        let page_rows = u64::from(plan.count) + 1;
        Ok(Question {
            access,
            reach,
            members,
            by_type,
            counts: Counts::new(),
            page_rows,
            sized_for: match plan.total {
                Total::None => sizes::Asked::Page(page_rows),
                Total::Estimate | Total::Accurate => sizes::Asked::Total,
            },
            sorted,
            tables,
            needed,
            told: Told::new(Counts::new(), forms.collect()),
            broad: None,
        })
    }

    /// Chooses by these from now on.
    pub(super) fn count(&mut self, counts: Counts) {
        self.counts = self.needed.with_marks(counts.clone());
        self.told.counts = counts;
    }

    /// Notes what is remembered of ranges.
    fn recall(&mut self, broad: &Broad) {
        if let Some((ty, None)) = self.reach.single() {
            let asked = self.sized_for;
            sizes::recall(&mut self.members, ty, &self.counts, asked, broad);
        }
    }

    /// The ranges that are to be counted before the page is asked for. What a caller bound to patients sees is few rows as it is.
    pub(super) fn sizes(&self) -> Option<Sizes> {
        match self.reach.single() {
            Some((ty, None)) => {
                sizes::of(&self.members, ty, &self.counts, self.sized_for, self.broad)
            }
            _ => None,
        }
    }

    /// Notes what was counted; `true`: there is something further to count.
    pub(super) fn size(&mut self, sizes: Sizes, rows: &[Columns]) -> Result<bool, StoreError> {
        sizes.note(rows, &mut self.members, &self.counts, self.broad)
    }

    /// Rows behind each term that was counted.
    pub fn counters(&self) -> Vec<(TypeId, u64)> {
        let mut terms = Vec::new();
        terms_of(&self.members, &self.reach.types(), &mut terms);
        let count = |(ty, t): (TypeId, _)| Some((ty, *self.counts.get(&typed(t, ty))?));
        terms.into_iter().filter_map(count).collect()
    }

    /// The statements that together cover what is in reach, without overlap. `walk`: how those of a type are walked, and
    /// whether compartments bound it.
    pub fn parts(&self, walk: &dyn Fn(TypeId, bool) -> Walk) -> Vec<Lowering<'_>> {
        let mut parts = Vec::new();
        let mut add = |ty: TypeId, branch| {
            let walk = walk(ty, !matches!(branch, Branch::All));
            let part = self.part(ty, branch, walk);
            let long = part.window.long;
            parts.push(part);
            if let Some(long) = long {
                parts.push(self.part(ty, Branch::Long(long), walk));
            }
        };
        for ty in &self.reach.everything {
            add(*ty, Branch::All);
        }
        for (keys, types) in &self.reach.limited {
            for ty in types {
                add(*ty, Branch::Home(keys));
                add(*ty, Branch::Member(keys));
            }
        }
        parts
    }

    fn part<'q>(&'q self, ty: TypeId, branch: Branch<'q>, walk: Walk) -> Lowering<'q> {
        let (members, counts) = (self.members_of(ty), &self.counts);
        let shape = choice::shape(members, ty, branch, walk, self.page_rows, counts);
        let mut window = Window::default();
        // What is gathered would only invite another index; those of a code's rows lie in one with it.
        let is_of_code = walk == Walk::None && shape.code.is_some();
        if shape.driving.is_empty() && (!shape.fenced || is_of_code) {
            window = Window::of(members, ty, counts);
            if walk == Walk::Latest && window.long.is_none() {
                window.long = self.sorted(ty).and_then(|s| s.long(ty, counts)?.rows);
            }
            if walk == Walk::None || !matches!(branch, Branch::All) {
                window = window.without_long();
            }
        }
        Lowering {
            ty,
            table: self.tables.of(ty),
            branch,
            members,
            walk,
            shape,
            window,
            counts,
            tables: &self.tables,
        }
    }

    fn members_of(&self, ty: TypeId) -> &[Node] {
        let mut each = self.by_type.iter();
        let own = each.find(|(of, _)| *of == ty);
        own.map_or(&self.members, |(_, members)| members)
    }

    /// How the plan's page is walked over a type. `is_bound`: by compartments.
    pub fn walk(&self, plan: &Plan, ty: TypeId, is_bound: bool) -> Walk {
        Walk::of(plan, self.is_latest(plan, ty, is_bound))
    }

    pub(super) fn sorted(&self, ty: TypeId) -> Option<Clinical> {
        let mut sorted = self.sorted.iter();
        sorted
            .find(|(of, _)| *of == ty)
            .map(|(_, clinical)| *clinical)
    }

    /// Whether the natural order of a type tells where its latest dates end.
    fn is_latest(&self, plan: &Plan, ty: TypeId, is_bound: bool) -> bool {
        let dated = match plan.after.as_ref().map(|position| position.values.first()) {
            None | Some(Some(SortValue::Integer(_))) => true,
            Some(_) => false,
        };
        // What a home has is sorted sooner than long rows are gathered besides.
        let is_home = |node: &Node| matches!(node, Node::AtHome { .. });
        let is_narrow = self.members_of(ty).iter().any(is_home);
        let sorted = self.sorted(ty).filter(|_| dated);
        match sorted.and_then(|sorted| sorted.long(ty, &self.counts)) {
            Some(long) => long.rows.is_none() || (!is_bound && !is_narrow),
            None => false,
        }
    }
}

/// Types that have or had rows: those with a table, as it is at the moment of the statement.
pub async fn used_types(connection: &Connection, types: &[TypeId]) -> Result<Vec<TypeId>, Failure> {
    tables::load(connection).await?;
    let used = types.iter().copied();
    Ok(used.filter(|ty| connection.tables.knows(*ty)).collect())
}

/// The counters by which it is chosen how a conjunction is answered.
fn needed(members: &[Node], reach: &Reach, sorted: &[(TypeId, Clinical)]) -> Needed {
    let types = reach.types();
    let mut marks = Vec::new();
    if let Some((ty, _)) = reach.single() {
        marks = clinical::marks(members, ty);
    }
    let of_sort = sorted
        .iter()
        .flat_map(|(ty, clinical)| clinical.counted(*ty));
    marks.extend(of_sort);
    let mut terms = Vec::new();
    terms_of(members, &types, &mut terms);
    let hops: Vec<TypeId> = members.iter().filter_map(hop_type).collect();
    if terms.is_empty() && marks.is_empty() && hops.is_empty() && !is_asked(members) {
        return Needed::default();
    }
    let of_terms = terms.iter().map(|(ty, _)| *ty);
    let mut every: Vec<TypeId> = of_terms.chain(hops).chain(types).collect();
    every.sort_unstable();
    every.dedup();
    let mut keys: Vec<i64> = every.into_iter().map(|ty| typed(EVERY, ty)).collect();
    for (ty, term) in terms.into_iter().take(COUNTED_TERMS_MAX) {
        keys.extend([0, CODE, CATEGORY].map(|column| typed(term, ty) ^ column));
    }
    keys.extend(&marks);
    keys.sort_unstable();
    keys.dedup();
    Needed {
        keys,
        marks,
        forms: Vec::new(),
    }
}

fn hop_type(node: &Node) -> Option<TypeId> {
    match node {
        Node::Chain(hop) | Node::Has(hop) => Some(hop.ty),
        _ => None,
    }
}

/// More types than this are first cut to those that have rows.
const TYPES_FEW: usize = 4;
/// Terms whose counters are looked up for the choice.
const COUNTED_TERMS_MAX: usize = 256;
/// Times that ranges are counted for one question.
pub(super) const SIZED_MAX: usize = 2;
