//! One file per parameter type: what its elements leave in the index, and what its query text asks of it.
//! <https://hl7.org/fhir/R4/search.html#ptypes>

pub(crate) mod composite;
pub(crate) mod date;
pub(crate) mod number;
pub(crate) mod position;
pub(crate) mod quantity;
pub(crate) mod reference;
pub(crate) mod string;
pub(crate) mod token;
pub(crate) mod uri;

pub(crate) use reference::{PARENTS, may_refer, reference_targets, tells_of_hidden, untold};

use crate::edition::Edition;
use crate::entries::TermKey;
use crate::extract::Extractor;
use crate::plan::Prefix;
use crate::registry::{Parameter, TypeParameters};
use crate::targets::Targets;
use crate::terminology::Terminology;
use ward_fhir::schema::{Primitive, Schema, SearchType, TypeKind};
use ward_fhir::{Failure, Kind, TypeId};

/// How an element at the end of a path is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Coding,
    Concept,
    Identifier,
    Contact,
    /// `code` or `boolean`: few values.
    Code,
    /// A string as a token: its case does not count.
    StringToken,
    /// Any other primitive as a token: many values.
    PlainToken,
    Text,
    HumanName,
    Address,
    Reference,
    Canonical,
    /// A resource inside a Bundle: a reference to its identity.
    Inline,
    Url,
    Instant,
    Period,
    Timing,
    Number,
    Quantity,
    Money,
    Range,
    Samples,
    /// Latitude and longitude.
    Position,
    /// The element of a composite.
    Tuple,
    /// What a truth about the whole resource looks at: any element but `false` makes it true.
    Truth,
}

impl Form {
    /// `None`: this kind of parameter cannot read elements of this type.
    pub fn of(schema: &Schema, search: SearchType, ty: TypeId) -> Option<Form> {
        let def = schema.ty(ty);
        let primitive = match def.kind {
            TypeKind::Primitive(p) => Some(p),
            _ => None,
        };
        match search {
            SearchType::Token => token_form(def.name, primitive),
            SearchType::String => match def.name {
                "HumanName" => Some(Form::HumanName),
                "Address" => Some(Form::Address),
                _ => primitive.map(|_| Form::Text),
            },
            SearchType::Reference => match (def.name, primitive, def.kind) {
                ("Reference", ..) => Some(Form::Reference),
                (_, Some(_), _) => Some(Form::Canonical),
                (.., TypeKind::Resource) => Some(Form::Inline),
                _ => None,
            },
            SearchType::Uri => primitive.map(|p| {
                if p == Primitive::Canonical {
                    Form::Canonical
                } else {
                    Form::Url
                }
            }),
            SearchType::Date => match def.name {
                "Period" => Some(Form::Period),
                "Timing" => Some(Form::Timing),
                "date" | "dateTime" | "instant" => Some(Form::Instant),
                _ => None,
            },
            SearchType::Number | SearchType::Quantity => number_form(schema, ty),
            SearchType::Special => (def.name == "Location.position").then_some(Form::Position),
            SearchType::Composite => None,
        }
    }
}

fn token_form(name: &str, primitive: Option<Primitive>) -> Option<Form> {
    match (name, primitive) {
        ("Coding", _) => Some(Form::Coding),
        ("CodeableConcept", _) => Some(Form::Concept),
        ("Identifier", _) => Some(Form::Identifier),
        ("ContactPoint", _) => Some(Form::Contact),
        (_, Some(Primitive::Code | Primitive::Boolean)) => Some(Form::Code),
        (_, Some(Primitive::String)) => Some(Form::StringToken),
        (_, Some(_)) => Some(Form::PlainToken),
        _ => None,
    }
}

fn number_form(schema: &Schema, ty: TypeId) -> Option<Form> {
    let def = schema.ty(ty);
    match def.name {
        "Range" => Some(Form::Range),
        "Money" => Some(Form::Money),
        "SampledData" => Some(Form::Samples),
        _ if schema
            .type_id("Quantity")
            .is_some_and(|q| schema.is_a(ty, q)) =>
        {
            Some(Form::Quantity)
        }
        _ => matches!(
            def.kind,
            TypeKind::Primitive(
                Primitive::Decimal
                    | Primitive::Integer
                    | Primitive::PositiveInt
                    | Primitive::UnsignedInt
            )
        )
        .then_some(Form::Number),
    }
}

/// One parameter as asked, with what its values are read against.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    pub extractor: &'a Extractor,
    pub key: &'a TermKey,
    pub schema: &'static Schema,
    /// Of the type that is searched, and the parameter among them.
    pub types: &'a TypeParameters,
    pub parameter: &'a Parameter,
    /// The types themselves.
    pub of: &'a [TypeId],
    pub targets: &'a dyn Targets,
    /// The oldest edition of extraction that rows of what is searched may be of.
    pub oldest: Edition,
    /// After the colon; `missing` and `not` are dealt with before.
    pub modifier: Option<&'a str>,
    /// Our own base URL without trailing slash.
    pub base: Option<&'a str>,
    pub now_us: i64,
    pub terminology: &'a dyn Terminology,
}

impl Ask<'_> {
    pub fn code(&self) -> &str {
        self.parameter.def.code()
    }

    pub fn bad(&self, what: &str) -> Failure {
        Failure::new(
            Kind::Invalid,
            format!("The value of search parameter '{}' {what}.", self.code()),
        )
    }

    pub fn bad_modifier(&self, modifier: &str, known: &[&str]) -> Failure {
        let list: Vec<String> = known.iter().map(|m| format!(":{m}")).collect();
        let text = format!(
            "Modifier ':{modifier}' is not supported for search parameter '{}'. Supported: {}.",
            self.code(),
            list.join(" ")
        );
        Failure::new(Kind::NotSupported, text)
    }
}

/// Splits off a comparison prefix: two letters before a digit or sign. <https://hl7.org/fhir/R4/search.html#prefix>
pub(crate) fn prefix(text: &str) -> (Prefix, &str) {
    let found = match text.get(..2) {
        Some("eq") => Prefix::Eq,
        Some("ne") => Prefix::Ne,
        Some("gt") => Prefix::Gt,
        Some("lt") => Prefix::Lt,
        Some("ge") => Prefix::Ge,
        Some("le") => Prefix::Le,
        Some("sa") => Prefix::Sa,
        Some("eb") => Prefix::Eb,
        Some("ap") => Prefix::Ap,
        _ => return (Prefix::Eq, text),
    };
    (found, &text[2..])
}
