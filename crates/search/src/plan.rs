//! The question in a form free of text and of SQL. `storage` lowers a Plan **and** an Access together.

use crate::entries::Term;
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
    /// Has any of these terms (token, reference, uri, exact string).
    AnyTerm(Vec<Term>),
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    Updated { descending: bool },
    Date { param: u16, descending: bool },
    String { param: u16, descending: bool },
    Id { descending: bool },
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
}
#[derive(Clone, Debug, PartialEq)]
pub enum SortValue {
    Missing,
    Integer(i64),
    Text(String),
}
