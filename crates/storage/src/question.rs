//! A plan before it becomes SQL: the filter with its names looked up.
//!
//! Each hop of a chain has a reach of its own: what the caller may search of the type at its other end.

use crate::clinical::Clinical;
use crate::contract::{Rid, StoreError};
use crate::home::leads_home;
use crate::names::Found;
use crate::quantity::Range;
use crate::reach::Reach;
use std::sync::Arc;
use ward_access::{Access, Action, PatientKey};
use ward_fhir::TypeId;
use ward_search::entries::{Term, TermKey};
use ward_search::groups::Groups;
use ward_search::plan::{DateTest, Filter, NumberTest, Tuple, TupleEnd};

/// A filter whose logical ids, wider forms and phrases have been looked up.
#[derive(Clone, Debug)]
pub enum Node {
    All,
    Nothing,
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Types(Vec<TypeId>),
    /// Its visibility id is among those of these closed bits ([`ward_access::Mask::showing`]).
    Shows(Arc<[u8]>),
    /// In nobody's record.
    Nobodys,
    Terms(Vec<Term>),
    /// Has any of these terms, and so is at home with one of these patients.
    AtHome {
        rids: Vec<Rid>,
        terms: Vec<Term>,
    },
    /// In the compartment of one of these patients.
    Compartment(Arc<[PatientKey]>),
    Text {
        param: u16,
        test: TextTest,
        value: String,
    },
    Date {
        param: u16,
        test: DateTest,
        /// Where it is the parameter of the clinical date.
        clinical: Option<Clinical>,
    },
    Updated(DateTest),
    Rids(Vec<Rid>),
    Quantity {
        term: Term,
        test: NumberTest,
        /// Of a tuple, whose code it has in it.
        in_tuple: bool,
    },
    /// Its matches are among the rows of these ranges of quantities, which are so many, some twice.
    Among {
        node: Box<Node>,
        ranges: Vec<Range>,
        rows: u64,
    },
    /// Refers to a row of the hop.
    Chain(Hop),
    /// A row of the hop refers to it.
    Has(Hop),
}

/// How a normalised string is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextTest {
    Prefix,
    Contains,
    Equals,
    Ends,
}

/// The other end of a chain: rows `y` of one type that the caller may search and that match.
#[derive(Clone, Debug)]
pub struct Hop {
    pub param: u16,
    /// Turns the target term of a row into the term of a reference to it.
    pub spread: Term,
    pub ty: TypeId,
    /// `None`: every row of the type that the mask shows.
    pub patients: Option<Arc<[PatientKey]>>,
    /// The conjunction.
    pub members: Vec<Node>,
    /// Rows that may match it, where they were counted.
    pub rows: Option<u64>,
}

impl Hop {
    /// Whether the reference of `from` to a Patient under this parameter is what makes that patient its home.
    pub fn leads_home(&self, from: TypeId, to: TypeId) -> bool {
        leads_home(from, self.param, to)
    }
}

/// Nesting of a filter; deeper ones are refused rather than recursed into.
pub const FILTER_DEPTH_MAX: usize = 64;
/// Terms that phrases and tuples may come to.
pub const TERMS_MAX: usize = 4_000;
/// Ranges of quantities that a tuple may come to, one for each term of its first component. 4,000 took a statement half a minute.
pub const TUPLE_RANGES_MAX: usize = 200;

/// Makes the filter's nodes from what was found.
pub struct Resolver<'a> {
    pub access: &'a Access,
    pub key: &'a TermKey,
    pub found: &'a Found,
    /// The next phrase and the next tuple of `found`.
    pub phrase: usize,
    pub tuple: usize,
    /// Phrases and tuples so far, and which of them too many entries fit.
    pub leaf: u32,
    pub wide: u64,
    /// As for `Names::of`.
    pub homes: bool,
    /// The rows of a term are a range in the order of pages: of a tuple the term of its first component is asked for as well.
    pub walks_terms: bool,
}

impl Resolver<'_> {
    /// The conjunction of a filter over `types`. `Integrity`: a filter with checks or lists, which must have been replaced.
    /// `Wide`: parts of it are for the rows to decide.
    pub fn members(&mut self, filter: &Filter, types: &[TypeId]) -> Result<Vec<Node>, StoreError> {
        let node = self.node(filter, types, 0)?;
        if self.wide != 0 {
            return Err(StoreError::Wide(self.wide));
        }
        Ok(match node {
            Node::And(list) => list,
            Node::All => Vec::new(),
            other => vec![other],
        })
    }

    /// The place of a phrase or tuple. Those from the last bit on share it.
    fn bit(&mut self) -> u64 {
        self.leaf += 1;
        1 << (self.leaf - 1).min(u64::BITS - 1)
    }

    fn phrase(&mut self) -> Result<Node, StoreError> {
        let bit = self.bit();
        self.phrase += 1;
        let found = self.found.phrases.get(self.phrase - 1);
        Ok(match found.ok_or(StoreError::Integrity)? {
            Some(terms) => Node::Terms(terms.clone()),
            None => {
                self.wide |= bit;
                Node::Nothing
            }
        })
    }

    fn node(
        &mut self,
        filter: &Filter,
        types: &[TypeId],
        depth: usize,
    ) -> Result<Node, StoreError> {
        if depth > FILTER_DEPTH_MAX {
            return Err(StoreError::Integrity);
        }
        let text = |param: &u16, test, value: &String| Node::Text {
            param: *param,
            test,
            value: value.clone(),
        };
        Ok(match filter {
            Filter::All => Node::All,
            Filter::Nothing => Node::Nothing,
            Filter::And(list) => all(self.list(list, types, depth)?),
            Filter::Or(list) => either(self.list(list, types, depth)?),
            Filter::Not(inner) => Node::Not(Box::new(self.node(inner, types, depth + 1)?)),
            Filter::Types(list) if !types.is_empty() && types.iter().all(|t| list.contains(t)) => {
                Node::All
            }
            Filter::Types(list) => Node::Types(list.clone()),
            Filter::Shows(groups) => self.shows(*groups),
            Filter::AnyTerm(terms) => Node::Terms(terms.clone()),
            Filter::AnyPatient { param, ids, terms } => self.at_home(*param, ids, terms, types),
            Filter::AnyForm(wide) => Node::Terms(self.found.widened(wide)),
            Filter::Word(word) => Node::Terms(self.found.widened(&[word.form])),
            Filter::StringPrefix { param, value } => text(param, TextTest::Prefix, value),
            Filter::StringContains { param, value } => text(param, TextTest::Contains, value),
            Filter::StringEquals { param, value } => text(param, TextTest::Equals, value),
            Filter::StringEnds { param, value } => text(param, TextTest::Ends, value),
            Filter::Date { param, test } => Node::Date {
                param: *param,
                test: *test,
                clinical: match types {
                    [ty] => Clinical::of(self.key, *ty, *param),
                    _ => None,
                },
            },
            Filter::Updated(test) => Node::Updated(*test),
            Filter::Ids(list) => Node::Rids(self.rids(list, types)),
            Filter::Quantity { term, test } => Node::Quantity {
                term: *term,
                test: *test,
                in_tuple: false,
            },
            Filter::Tuple(tuple) => self.tuple(tuple)?,
            Filter::Phrase { .. } => self.phrase()?,
            Filter::Chain {
                param,
                target,
                filter,
            } => self
                .hop(*param, *target, filter, depth)?
                .map_or(Node::Nothing, Node::Chain),
            Filter::Has {
                source,
                param,
                filter,
            } => self
                .hop(*param, *source, filter, depth)?
                .map_or(Node::Nothing, Node::Has),
            Filter::Check(_) | Filter::List(_) => return Err(StoreError::Integrity),
        })
    }

    fn list(
        &mut self,
        list: &[Filter],
        types: &[TypeId],
        depth: usize,
    ) -> Result<Vec<Node>, StoreError> {
        list.iter()
            .map(|f| self.node(f, types, depth + 1))
            .collect()
    }

    /// Behind a broken glass what is masked of nobody's record is masked as without it.
    fn shows(&self, groups: Groups) -> Node {
        let node = |bits: Option<_>| bits.map_or(Node::All, Node::Shows);
        let own = self.access.mask().showing(groups);
        let of_nobody = match self.access.of_nobody() {
            Some(mask) => mask.showing(groups),
            None => return node(own),
        };
        if own == of_nobody {
            return node(own);
        }
        either(vec![
            all(vec![Node::Nobodys, node(of_nobody)]),
            all(vec![Node::Not(Box::new(Node::Nobodys)), node(own)]),
        ])
    }

    /// `None`: nothing of the type is in reach.
    fn hop(
        &mut self,
        param: u16,
        ty: TypeId,
        filter: &Filter,
        depth: usize,
    ) -> Result<Option<Hop>, StoreError> {
        // Names are resolved in the order they were collected, in reach or not.
        let inside = self.node(filter, &[ty], depth + 1)?;
        let mut reach = Reach::new(self.key, self.access.of_hops(), Action::Search, &[ty])?;
        let Some((_, patients)) = reach.single() else {
            return Ok(None);
        };
        let patients = patients.cloned();
        let mut members = match inside {
            Node::And(list) => list,
            other => vec![other],
        };
        reach.conditions_into(&mut members);
        Ok(Some(Hop {
            param,
            spread: self.key.spread(param),
            ty,
            patients,
            members,
            rows: None,
        }))
    }

    /// Resources are placed with patients whose id has a row, or got one then: without one nothing refers to it.
    fn at_home(&self, param: u16, ids: &[String], terms: &[Term], types: &[TypeId]) -> Node {
        let terms = terms.to_vec();
        let Some(patient) = home_patient(param, types).filter(|_| self.homes) else {
            return Node::Terms(terms);
        };
        let row = |id: &String| self.found.ids.get(&(patient, id.clone())).copied();
        match ids.iter().map(row).collect::<Option<Vec<Rid>>>() {
            Some(rids) => Node::AtHome { rids, terms },
            None => Node::Terms(terms),
        }
    }

    fn rids(&self, ids: &[String], types: &[TypeId]) -> Vec<Rid> {
        let mut rids: Vec<Rid> = types
            .iter()
            .flat_map(|ty| ids.iter().map(|id| (*ty, id.clone())))
            .filter_map(|key| self.found.ids.get(&key).copied())
            .collect();
        rids.sort_unstable();
        rids.dedup();
        rids
    }

    /// The product of the parts' terms.
    fn tuple(&mut self, tuple: &Tuple) -> Result<Node, StoreError> {
        let bit = self.bit();
        self.tuple += 1;
        let found = self.found;
        let parts = found.tuples.get(self.tuple - 1);
        let parts = parts.ok_or(StoreError::Integrity)?;
        if parts.are_wide() {
            self.wide |= bit;
            return Ok(Node::Nothing);
        }
        let (first, second) = (&parts.first, &parts.second);
        let of = |a: Term, b: Term| self.key.tuple(tuple.param, &[a, b]);
        match &tuple.second {
            TupleEnd::Quantity { unit, test } => {
                let each = first.iter().map(|a| {
                    let quantity = Node::Quantity {
                        term: of(*a, *unit),
                        test: *test,
                        in_tuple: true,
                    };
                    match tuple.has_first && self.walks_terms {
                        true => Node::And(vec![Node::Terms(vec![*a]), quantity]),
                        false => quantity,
                    }
                });
                Ok(any(each.collect()))
            }
            TupleEnd::Term(_) => {
                let pairs = first.iter().flat_map(|a| second.iter().map(|b| (*a, *b)));
                let mut terms: Vec<Term> = pairs.map(|(a, b)| of(a, b)).collect();
                terms.sort_unstable();
                Ok(Node::Terms(terms))
            }
        }
    }
}

/// The type Patient, where a reference to one by `param` decides the home of every one of the types.
pub fn home_patient(param: u16, types: &[TypeId]) -> Option<TypeId> {
    let patient = ward_fhir::schema::r4().resource_type("Patient")?;
    let leads = |ty: &TypeId| leads_home(*ty, param, patient);
    (!types.is_empty() && types.iter().all(leads)).then_some(patient)
}

/// The same of the rows of one of the types: what is asked of others alone is left out, so that what is asked of these may drive.
fn of_type(node: Node, ty: TypeId) -> Node {
    let each = |list: Vec<Node>| list.into_iter().map(|node| of_type(node, ty)).collect();
    match node {
        Node::And(list) => all(each(list)),
        Node::Or(list) => {
            let list: Vec<Node> = each(list);
            match list.iter().any(|node| matches!(node, Node::All)) {
                true => Node::All,
                false => either(list),
            }
        }
        Node::Not(inner) => match of_type(*inner, ty) {
            Node::All => Node::Nothing,
            Node::Nothing => Node::All,
            other => Node::Not(Box::new(other)),
        },
        Node::Types(list) if list.contains(&ty) => Node::All,
        Node::Types(_) => Node::Nothing,
        other => other,
    }
}

/// The members of a conjunction, of the rows of one of the types.
pub fn members_of_type(members: Vec<Node>, ty: TypeId) -> Vec<Node> {
    match of_type(Node::And(members), ty) {
        Node::And(list) => list,
        Node::All => Vec::new(),
        other => vec![other],
    }
}

/// A conjunction without conjunctions inside: each member may drive.
pub fn all(list: Vec<Node>) -> Node {
    let members = list.into_iter().flat_map(|node| match node {
        Node::And(inner) => inner,
        Node::All => Vec::new(),
        other => vec![other],
    });
    let mut members: Vec<Node> = members.collect();
    if members.iter().any(|node| matches!(node, Node::Nothing)) {
        return Node::Nothing;
    }
    match members.len() {
        1 => members.remove(0),
        _ => Node::And(members),
    }
}

/// A union whose terms are one list, which may drive when there is nothing else.
pub fn either(list: Vec<Node>) -> Node {
    let (mut terms, mut rest) = (Vec::new(), Vec::new());
    for node in list {
        match node {
            Node::Terms(some) => terms.extend(some),
            Node::Nothing => {}
            other => rest.push(other),
        }
    }
    if !terms.is_empty() {
        terms.sort_unstable();
        terms.dedup();
        rest.insert(0, Node::Terms(terms));
    }
    match rest.len() {
        0 => Node::Nothing,
        1 => rest.remove(0),
        _ => Node::Or(rest),
    }
}

fn any(mut list: Vec<Node>) -> Node {
    match list.len() {
        0 => Node::Nothing,
        1 => list.remove(0),
        _ => Node::Or(list),
    }
}

/// Every term of the nodes with the type of the rows it is asked of, hops included, for the counters.
pub fn terms_of(members: &[Node], types: &[TypeId], out: &mut Vec<(TypeId, Term)>) {
    for node in members {
        match node {
            Node::Terms(terms) => {
                out.extend(terms.iter().flat_map(|t| types.iter().map(|ty| (*ty, *t))))
            }
            Node::Chain(hop) | Node::Has(hop) => terms_of(&hop.members, &[hop.ty], out),
            Node::And(list) | Node::Or(list) => terms_of(list, types, out),
            Node::Not(inner) | Node::Among { node: inner, .. } => {
                terms_of(std::slice::from_ref(inner), types, out)
            }
            _ => {}
        }
    }
}
