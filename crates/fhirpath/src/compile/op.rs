//! What is run.

use std::sync::OnceLock;

use regex::Regex;
use ward_fhir::schema::TypeId;

use crate::function::Function;
use crate::names::NameId;
use crate::syntax::{Operator, TypeTest};
use crate::value::Item;

#[derive(Debug)]
pub(crate) enum Op {
    /// Literals; no items for `{}`.
    Items(Vec<Item<'static>>),
    This,
    Index,
    Total,
    Variable(Variable),
    /// `%name` of the context's constants.
    Named(Box<str>),
    /// Steps from each item of `start`, depth first: the order of FHIRPath without intermediate collections.
    Walk {
        start: Box<Op>,
        steps: Vec<Step>,
    },
    At(Box<(Op, Op)>),
    Negate(Box<Op>),
    Plus(Box<Op>),
    Binary(Operator, Box<(Op, Op)>),
    And(Vec<Op>),
    Or(Vec<Op>),
    Union(Vec<Op>),
    Is(Box<Op>, TypeTest),
    /// `single`: more than one item is an error.
    As {
        input: Box<Op>,
        test: TypeTest,
        single: bool,
    },
    /// `resolve() is X`: answered from the reference's text where that tells the type.
    ResolvesTo(Box<Op>, TypeTest),
    Call(Box<Call>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    Context,
    Resource,
    RootResource,
}

#[derive(Debug)]
pub(crate) enum Step {
    Child(NameId),
    /// A first step that names the type of the focus: `Patient` in `Patient.name`.
    TypeName(TypeId),
    OfType(TypeTest),
    /// Criteria without `$index`.
    Where(Op),
    /// `extension(url)` with a literal url.
    Extension(Box<str>),
}

#[derive(Debug)]
pub(crate) struct Call {
    pub function: Function,
    pub input: Op,
    pub arguments: Vec<Op>,
    /// For `sort`: which keys run downwards.
    pub descending: Vec<bool>,
    /// For patterns that are literals: compiled on first use.
    pub regex: OnceLock<Option<Regex>>,
}

impl Call {
    pub fn new(function: Function, input: Op, arguments: Vec<Op>) -> Self {
        Self {
            function,
            input,
            arguments,
            descending: Vec::new(),
            regex: OnceLock::new(),
        }
    }
}
