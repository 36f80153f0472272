//! The parsed expression.

use ward_fhir::schema::TypeId;

use crate::function::Function;
use crate::value::{Item, SystemType};

#[derive(Debug)]
pub(crate) struct Ast {
    pub kind: AstKind,
    /// Byte offset in the text.
    pub at: usize,
    /// Nesting below this node.
    pub depth: u16,
}

#[derive(Debug)]
pub(crate) enum AstKind {
    Empty,
    Literal(Item<'static>),
    This,
    Index,
    Total,
    /// `%name`
    Constant(Box<str>),
    /// `input.name`; without input the name applies to `$this`.
    Member {
        input: Option<Box<Ast>>,
        name: Box<str>,
    },
    Call {
        input: Option<Box<Ast>>,
        function: Function,
        arguments: Vec<Ast>,
    },
    /// `is`, `as`, `ofType` in either spelling.
    Type {
        input: Option<Box<Ast>>,
        how: TypeUse,
        test: TypeTest,
    },
    Indexer(Box<Ast>, Box<Ast>),
    Negate(Box<Ast>),
    /// Unary plus: only a check that the operand is a number.
    Plus(Box<Ast>),
    Binary(Operator, Box<Ast>, Box<Ast>),
    /// Chains of `and`, `or`, `|` as one node each.
    And(Vec<Ast>),
    Or(Vec<Ast>),
    Union(Vec<Ast>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TypeUse {
    Is,
    As,
    OfType,
}

/// What a type specifier asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TypeTest {
    Fhir(TypeId),
    System(SystemType),
    /// `Quantity` without namespace: either.
    Either(TypeId, SystemType),
    /// `Boolean` without namespace where no FHIR type has the name: System, and unless strict also elements that convert to it
    /// (R4's own que-7 asks `answer is Boolean`).
    Loose(SystemType),
    /// A type of no known model: nothing is one.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Multiply,
    Divide,
    Div,
    Mod,
    Add,
    Subtract,
    Concatenate,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    Equivalent,
    NotEquivalent,
    In,
    Contains,
    Xor,
    Implies,
}
