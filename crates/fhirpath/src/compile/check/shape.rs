//! What the items of a collection may be, as far as the definitions tell.

use ward_fhir::schema::{Primitive, TypeId, TypeKind, r4};

use crate::value::SystemType;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ty {
    Fhir(TypeId),
    System(SystemType),
}

#[derive(Clone, Debug)]
pub(super) struct Shape {
    /// Possible types; none of them is known when `unknown` is set.
    pub types: Vec<Ty>,
    pub unknown: bool,
    pub ordered: bool,
}

impl Ty {
    fn primitive(&self) -> Option<Primitive> {
        match self {
            Ty::Fhir(id) => match r4().ty(*id).kind {
                TypeKind::Primitive(p) => Some(p),
                _ => None,
            },
            Ty::System(_) => None,
        }
    }

    pub fn is_boolean(&self) -> bool {
        *self == Ty::System(SystemType::Boolean) || self.primitive() == Some(Primitive::Boolean)
    }

    pub fn is_number(&self) -> bool {
        use Primitive::{Decimal, Integer, PositiveInt, UnsignedInt};
        matches!(self, Ty::System(SystemType::Integer | SystemType::Decimal))
            || matches!(
                self.primitive(),
                Some(Decimal | Integer | PositiveInt | UnsignedInt)
            )
    }

    pub fn is_temporal(&self) -> bool {
        use Primitive::{Date, DateTime, Instant, Time};
        matches!(
            self,
            Ty::System(SystemType::Date | SystemType::DateTime | SystemType::Time)
        ) || matches!(self.primitive(), Some(Date | DateTime | Instant | Time))
    }

    /// What string functions take: strings, and the dates and times of the tree.
    pub fn is_text(&self) -> bool {
        *self == Ty::System(SystemType::String)
            || (self.primitive().is_some() && !self.is_boolean() && !self.is_number())
    }
}

impl Shape {
    pub fn of(ty: Ty) -> Self {
        Self {
            types: vec![ty],
            unknown: false,
            ordered: true,
        }
    }

    pub fn system(ty: SystemType) -> Self {
        Self::of(Ty::System(ty))
    }

    pub fn empty() -> Self {
        Self {
            types: Vec::new(),
            unknown: false,
            ordered: true,
        }
    }

    pub fn unknown() -> Self {
        Self {
            types: Vec::new(),
            unknown: true,
            ordered: true,
        }
    }

    /// True when there are types and each satisfies `test`.
    pub fn is_only(&self, test: impl Fn(&Ty) -> bool) -> bool {
        !self.unknown && !self.types.is_empty() && self.types.iter().all(test)
    }

    pub fn or(&self, other: &Shape) -> Shape {
        let mut types = self.types.clone();
        types.extend(other.types.iter().filter(|t| !self.types.contains(t)));
        Shape {
            types,
            unknown: self.unknown || other.unknown,
            ordered: self.ordered && other.ordered,
        }
    }

    /// The element of that name of any of the types; `None` when no type has one. Steps from nothing lead to nothing.
    pub fn member(&self, name: &str) -> Option<Shape> {
        let schema = r4();
        let mut found = Shape {
            ordered: self.ordered,
            ..Shape::empty()
        };
        let mut any = self.types.is_empty();
        for ty in &self.types {
            match ty {
                Ty::Fhir(id) => {
                    // What is declared as Resource or Element may be any of its descendants.
                    if schema.ty(*id).is_abstract {
                        (any, found.unknown) = (true, true);
                    }
                    if let Some(element) = schema.elements_of(*id).iter().find(|e| e.name == name) {
                        any = true;
                        let types = element.types.iter().map(|t| Ty::Fhir(t.ty)).collect();
                        found = found.or(&Shape {
                            types,
                            unknown: element.types.is_empty(),
                            ordered: true,
                        });
                    }
                }
                Ty::System(SystemType::Quantity) if matches!(name, "value" | "unit") => {
                    any = true;
                    found.unknown = true;
                }
                Ty::System(_) => {}
            }
        }
        if self.unknown {
            return Some(Shape {
                ordered: self.ordered,
                ..Shape::unknown()
            });
        }
        any.then_some(found)
    }
}
