//! The question in a form free of text and of SQL. `storage` lowers a Plan **and** an Access together.

use crate::entries::Term;
use crate::groups::Groups;
use std::sync::Arc;
use ward_fhir::TypeId;

#[derive(Clone, Debug)]
pub struct Plan {
    /// One type, or several/all for system-level search (empty: all).
    pub types: Vec<TypeId>,
    pub filter: Filter,
    /// Empty: newest first (rid descending).
    pub sort: Vec<SortKey>,
    /// Page size; one more row is fetched to know whether a next page exists.
    pub count: u32,
    pub total: Total,
    /// Where the page starts: the sort values and rid of the last row of the page before.
    pub after: Option<Position>,
}

#[derive(Clone, Debug)]
pub enum Filter {
    /// Everything (of the types).
    All,
    /// Nothing can match (an unknown id, an empty value).
    Nothing,
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    /// The resource is of one of these types: a search over several types, whose parameters differ.
    Types(Vec<TypeId>),
    /// Has any of these terms (token, reference, uri, exact string).
    AnyTerm(Vec<Term>),
    /// `AnyTerm` of references by `param` to these Patients and nothing else: where such a reference is what decides the
    /// home of a resource, storage may look there.
    AnyPatient {
        param: u16,
        ids: Vec<String>,
        terms: Vec<Term>,
    },
    /// Has any term that the vocabulary (`Entries::vocabulary`) lists under one of these wider forms.
    AnyForm(Vec<Term>),
    StringPrefix {
        param: u16,
        value: String,
    },
    StringContains {
        param: u16,
        value: String,
    },
    /// `eq` of `_filter`: the whole normalised text. As the other tests of strings and phrases it is answered by what the index
    /// keeps of a text; what that does not decide is added before storage sees the plan
    /// ([`replace_long_texts`](crate::query::replace_long_texts)).
    StringEquals {
        param: u16,
        value: String,
    },
    /// `ew` of `_filter`.
    StringEnds {
        param: u16,
        value: String,
    },
    Date {
        param: u16,
        test: DateTest,
    },
    /// `_lastUpdated`
    Updated(DateTest),
    /// `_id`: logical ids.
    Ids(Vec<String>),
    Quantity {
        term: Term,
        test: NumberTest,
    },
    /// Refers, by the reference parameter `param`, to a current resource of type `target` that matches `filter` and that
    /// the caller may search. <https://hl7.org/fhir/R4/search.html#chaining>
    Chain {
        param: u16,
        target: TypeId,
        filter: Box<Filter>,
    },
    /// A current resource of type `source` that matches `filter` and that the caller may search refers to it by `param`.
    /// <https://hl7.org/fhir/R4/search.html#has>
    Has {
        source: TypeId,
        param: u16,
        filter: Box<Filter>,
    },
    /// Components of a composite in one element. Storage looks the terms up and combines them.
    Tuple(Tuple),
    /// Any term whose phrase (`Entries::phrases`) fits: displays and texts for `:text`, uris for `:below` and `:above`.
    Phrase {
        param: u16,
        test: PhraseTest,
        value: String,
    },
    /// Has a word of `_text` or `_content` that begins so, where the index has the words of the types.
    Word(Word),
    /// What no index entry tells: the resource itself decides, under the cost gate. `name` is for messages.
    Check(Check),
    /// None of the groups is masked in the resource for whoever asks. Who looks at a resource as they see it has asked that already.
    Shows(Groups),
    /// Of a set that other resources say: replaced by what is in it before storage sees the plan.
    List(Listed),
}

impl Filter {
    /// The filter with another in place of each that stands directly within it, in their order; what has none within it stays.
    pub fn with_inner(self, of: &mut dyn FnMut(Filter) -> Filter) -> Filter {
        match self {
            Filter::And(list) => Filter::And(list.into_iter().map(of).collect()),
            Filter::Or(list) => Filter::Or(list.into_iter().map(of).collect()),
            Filter::Not(inner) => Filter::Not(Box::new(of(*inner))),
            Filter::Chain {
                param,
                target,
                filter,
            } => Filter::Chain {
                param,
                target,
                filter: Box::new(of(*filter)),
            },
            Filter::Has {
                source,
                param,
                filter,
            } => Filter::Has {
                source,
                param,
                filter: Box::new(of(*filter)),
            },
            leaf => leaf,
        }
    }

    /// The type of the resources at the other end of a reference, of a condition that asks something of them.
    pub fn far_type(&self) -> Option<TypeId> {
        match self {
            Filter::Chain { target: ty, .. } | Filter::Has { source: ty, .. } => Some(*ty),
            _ => None,
        }
    }
}

/// A set of resources that is read before the question is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Listed {
    /// The members of the List with this id (`_list`).
    Members(String),
    /// Those that refer to a resource, or to one below or above it.
    Hierarchy(Hierarchy),
}

/// <https://hl7.org/fhir/R4/search.html#recursive>
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hierarchy {
    /// The reference parameters, any of them.
    pub params: Vec<u16>,
    /// The resource that the hierarchy is seen from.
    pub ty: TypeId,
    pub id: String,
    /// What it is part of; else what is part of it.
    pub above: bool,
}

/// A composite's value: entries are `TermKey::tuple` of the parameter and the parts' terms.
/// <https://hl7.org/fhir/R4/search.html#combining>
#[derive(Clone, Debug)]
pub struct Tuple {
    pub param: u16,
    /// `AnyTerm` or `AnyForm` over the first component's terms.
    pub first: Box<Filter>,
    /// Whatever has the entry has the first component's term as an entry too, of a parameter of its own.
    pub has_first: bool,
    /// The same of the second component; no quantity is a term.
    pub has_second: bool,
    pub second: TupleEnd,
}

#[derive(Clone, Debug)]
pub enum TupleEnd {
    /// `AnyTerm` or `AnyForm` over the second component's terms: the entry is a term.
    Term(Box<Filter>),
    /// The entry is a quantity under `tuple(param, [first, unit])`; `unit` is the term of the unit or of the bare number.
    Quantity { unit: Term, test: NumberTest },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhraseTest {
    /// Starts with the value, or has a word that does.
    Words,
    Contains,
    /// The phrase begins with the value (`uri:below`).
    Below,
    /// The value begins with the phrase (`uri:above`).
    Above,
}

/// A word as the index is asked for it. What the resources with one of `marks` have beside is looked at and added before storage
/// sees the plan ([`replace_long_texts`](crate::query::replace_long_texts)).
#[derive(Clone, Debug)]
pub struct Word {
    pub param: u16,
    /// Under which the vocabulary lists the words.
    pub form: Term,
    /// Terms of the resources of whose words the index does not have all that is asked for.
    pub marks: Vec<Term>,
    /// What it means of a resource.
    pub check: Check,
}

/// A test of the resource itself.
#[derive(Clone)]
pub struct Check {
    pub name: String,
    pub test: Arc<dyn Fn(ward_fhir::Node<'_>) -> bool + Send + Sync>,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Check({})", self.name)
    }
}

/// R4 prefixes over inclusive ranges [low, high] of the *search* value. <https://hl7.org/fhir/R4/search.html#prefix>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTest {
    pub prefix: Prefix,
    pub low_us: i64,
    pub high_us: i64,
}
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NumberTest {
    pub prefix: Prefix,
    pub low: f64,
    pub high: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prefix {
    Eq,
    Ne,
    Gt,
    Lt,
    Ge,
    Le,
    Sa,
    Eb,
    Ap,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortKey {
    Updated {
        descending: bool,
    },
    Date {
        param: u16,
        descending: bool,
    },
    String {
        param: u16,
        descending: bool,
    },
    Id {
        descending: bool,
    },
    /// Numbers (the rows under `TermKey::number`): the least value ascending, the greatest descending.
    Quantity {
        param: u16,
        descending: bool,
    },
    /// What [`text`](crate::query::sort_text) says of tokens, references, uris and quantities, which no index holds: the hits are
    /// gathered, under the cost gate.
    Text {
        param: u16,
        descending: bool,
    },
    /// The relevance ([`Score`](crate::query::Score)): gathered too. Only where criteria give one.
    Score {
        descending: bool,
    },
    /// Of several types each by its own parameter, all of one kind. A type that is not among them has no values.
    Each {
        keys: Arc<[(TypeId, SortKey)]>,
        descending: bool,
    },
    /// What a type without the parameter is sorted by: nothing has a value. `text`: of what the other types have.
    Absent {
        text: bool,
        descending: bool,
    },
}

impl SortKey {
    pub fn is_descending(&self) -> bool {
        match *self {
            SortKey::Updated { descending }
            | SortKey::Id { descending }
            | SortKey::Date { descending, .. }
            | SortKey::String { descending, .. }
            | SortKey::Quantity { descending, .. }
            | SortKey::Text { descending, .. }
            | SortKey::Score { descending }
            | SortKey::Each { descending, .. }
            | SortKey::Absent { descending, .. } => descending,
        }
    }

    /// Whether its values are texts.
    pub fn is_text(&self) -> bool {
        match self {
            SortKey::String { .. } | SortKey::Text { .. } => true,
            SortKey::Each { keys, .. } => keys.first().is_some_and(|(_, key)| key.is_text()),
            SortKey::Absent { text, .. } => *text,
            _ => false,
        }
    }

    /// Whether it is a parameter's, of which there is an order within each type.
    pub fn is_of_values(&self) -> bool {
        use SortKey::{Absent, Date, Each, String};
        matches!(
            self,
            Date { .. } | String { .. } | Each { .. } | Absent { .. }
        )
    }

    /// What the resources of one of the types are sorted by.
    pub fn of_type(&self, ty: TypeId) -> SortKey {
        let SortKey::Each { keys, descending } = self else {
            return self.clone();
        };
        let own = keys.iter().find(|(of, _)| *of == ty);
        own.map_or(
            SortKey::Absent {
                text: self.is_text(),
                descending: *descending,
            },
            |(_, key)| key.clone(),
        )
    }
}

impl Plan {
    /// The same of one of its types.
    pub fn of_type(&self, ty: TypeId) -> Plan {
        Plan {
            types: vec![ty],
            sort: self.sort.iter().map(|key| key.of_type(ty)).collect(),
            ..self.clone()
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    None,
    Estimate,
    Accurate,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    pub values: Vec<SortValue>,
    pub rid: i64,
    /// Which match of the row, where contained resources are matches of their own: 0 is the row itself, 1 the first that it
    /// contains.
    pub part: u32,
}
#[derive(Clone, Debug, PartialEq)]
pub enum SortValue {
    Missing,
    Integer(i64),
    Real(f64),
    Text(String),
}
