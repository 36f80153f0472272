//! The values an expression works on: nodes of the tree and the System types. <http://hl7.org/fhirpath/N1/#literals>

mod boundary;
mod compare;
mod equal;
mod number;
mod quantity;
mod temporal;
#[cfg(test)]
mod tests;
pub(crate) mod ucum;

use std::borrow::Cow;

use rust_decimal::Decimal;
use smallvec::SmallVec;
use ward_fhir::schema::{Primitive, TypeKind, r4};
use ward_fhir::tree::Node;

pub use quantity::Quantity;
pub use temporal::{Kind, Precision, Temporal};

pub(crate) use boundary::{Side, boundary, precision};
pub(crate) use compare::compare;
pub(crate) use equal::{all_equal, all_equivalent, distinct_key, equal};
pub(crate) use number::{parse_decimal, parse_integer};
pub(crate) use quantity::{TimeUnit, parse_quantity};

/// One item of a collection.
#[derive(Clone, Debug)]
pub enum Item<'a> {
    /// An element of the document; a primitive converts to its System type where one is needed.
    Node(Node<'a>),
    Boolean(bool),
    /// Within the range of 32 bits: what would leave it becomes empty.
    Integer(i64),
    Decimal(Decimal),
    String(Cow<'a, str>),
    /// Date, DateTime or Time by its `kind`.
    Temporal(Temporal),
    Quantity(Box<Quantity<'a>>),
    Type(TypeName),
}

/// An ordered collection; the unit of everything in FHIRPath.
pub type Collection<'a> = SmallVec<[Item<'a>; 2]>;

/// What `type()` answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeName {
    /// `System` or `FHIR`.
    pub namespace: &'static str,
    pub name: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemType {
    Boolean,
    Integer,
    Decimal,
    String,
    Date,
    DateTime,
    Time,
    Quantity,
    Any,
}

impl SystemType {
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "Boolean" => Self::Boolean,
            "Integer" => Self::Integer,
            "Decimal" => Self::Decimal,
            "String" => Self::String,
            "Date" => Self::Date,
            "DateTime" => Self::DateTime,
            "Time" => Self::Time,
            "Quantity" => Self::Quantity,
            "Any" => Self::Any,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "Boolean",
            Self::Integer => "Integer",
            Self::Decimal => "Decimal",
            Self::String => "String",
            Self::Date => "Date",
            Self::DateTime => "DateTime",
            Self::Time => "Time",
            Self::Quantity => "Quantity",
            Self::Any => "Any",
        }
    }
}

impl<'a> Item<'a> {
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Item::String(text.into())
    }

    /// The node, when it is one.
    pub fn node(&self) -> Option<Node<'a>> {
        match self {
            Item::Node(n) => Some(*n),
            _ => None,
        }
    }

    /// A copy that borrows what it can from `self` (no allocation for strings).
    pub fn borrowed(&'a self) -> Item<'a> {
        match self {
            Item::String(s) => Item::String(Cow::Borrowed(s)),
            other => other.clone(),
        }
    }

    /// The System value of a primitive or Quantity node; any other item is returned as it is.
    pub fn system(&self) -> Item<'a> {
        match self {
            Item::Node(node) => node_value(*node).unwrap_or(Item::Node(*node)),
            other => other.clone(),
        }
    }

    /// A primitive node without value (it has only extensions).
    pub(crate) fn is_valueless(&self) -> bool {
        matches!(self, Item::Node(n) if matches!(n.type_def().kind, TypeKind::Primitive(_)) && n.value().is_none())
    }

    /// `None` for nodes.
    pub fn system_type(&self) -> Option<SystemType> {
        Some(match self {
            Item::Node(_) | Item::Type(_) => return None,
            Item::Boolean(_) => SystemType::Boolean,
            Item::Integer(_) => SystemType::Integer,
            Item::Decimal(_) => SystemType::Decimal,
            Item::String(_) => SystemType::String,
            Item::Quantity(_) => SystemType::Quantity,
            Item::Temporal(t) => match t.kind {
                Kind::Date => SystemType::Date,
                Kind::DateTime => SystemType::DateTime,
                Kind::Time => SystemType::Time,
            },
        })
    }

    /// The text of a string-like item, without allocation for nodes.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Item::String(s) => Some(s),
            Item::Node(n) if is_text(*n) => n.value(),
            _ => None,
        }
    }

    pub fn as_boolean(&self) -> Option<bool> {
        match self {
            Item::Boolean(b) => Some(*b),
            Item::Node(n) if n.type_def().kind == TypeKind::Primitive(Primitive::Boolean) => {
                n.value().map(|v| v == "true")
            }
            _ => None,
        }
    }

    /// As `toString()` gives it; `None` for complex elements. Number text of nodes is kept as sent.
    pub fn to_text(&self) -> Option<Cow<'a, str>> {
        Some(match self {
            Item::Node(n) => match n.type_def().kind {
                TypeKind::Primitive(_) => Cow::Borrowed(n.value()?),
                _ => match node_value(*n)? {
                    Item::Quantity(q) => Cow::Owned(q.to_string()),
                    _ => return None,
                },
            },
            Item::Boolean(b) => Cow::Borrowed(if *b { "true" } else { "false" }),
            Item::Integer(i) => Cow::Owned(i.to_string()),
            Item::Decimal(d) => Cow::Owned(d.to_string()),
            Item::String(s) => s.clone(),
            Item::Temporal(t) => Cow::Owned(t.to_string()),
            Item::Quantity(q) => Cow::Owned(q.to_string()),
            Item::Type(_) => return None,
        })
    }
}

/// <https://hl7.org/fhir/R4/fhirpath.html#types>: which FHIR type becomes which System type.
fn node_value(node: Node<'_>) -> Option<Item<'_>> {
    let def = node.type_def();
    let TypeKind::Primitive(primitive) = def.kind else {
        return quantity::of_node(node).map(|q| Item::Quantity(Box::new(q)));
    };
    let text = node.value()?;
    Some(match primitive {
        Primitive::Boolean => Item::Boolean(text == "true"),
        Primitive::Integer | Primitive::UnsignedInt | Primitive::PositiveInt => {
            Item::Integer(text.parse::<i32>().ok()?.into())
        }
        Primitive::Decimal => Item::Decimal(parse_decimal(text)?),
        Primitive::Date => Item::Temporal(Temporal::parse(Kind::Date, text)?),
        Primitive::DateTime | Primitive::Instant => {
            Item::Temporal(Temporal::parse(Kind::DateTime, text)?)
        }
        Primitive::Time => Item::Temporal(Temporal::parse(Kind::Time, text)?),
        _ => Item::String(Cow::Borrowed(text)),
    })
}

fn is_text(node: Node<'_>) -> bool {
    use Primitive::*;
    match node.type_def().kind {
        TypeKind::Primitive(p) => !matches!(
            p,
            Boolean
                | Integer
                | UnsignedInt
                | PositiveInt
                | Decimal
                | Date
                | DateTime
                | Instant
                | Time
        ),
        _ => false,
    }
}

/// True for Quantity and what derives from it (Age, Duration, ...).
fn is_quantity(node: Node<'_>) -> bool {
    static QUANTITY: std::sync::OnceLock<Option<ward_fhir::TypeId>> = std::sync::OnceLock::new();
    QUANTITY
        .get_or_init(|| r4().type_id("Quantity"))
        .is_some_and(|q| node.ty() == q || r4().is_a(node.ty(), q))
}

/// Smallest and largest Integer.
pub(crate) fn integer(value: i64) -> Option<Item<'static>> {
    i32::try_from(value).ok().map(|_| Item::Integer(value))
}
