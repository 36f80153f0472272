//! What a search parameter is defined by: the R4 package, or a SearchParameter resource.
//! <https://hl7.org/fhir/R4/searchparameter.html>

use std::sync::Arc;
use ward_fhir::TypeId;
use ward_fhir::schema::{SearchParameterDef, SearchType};

/// Numbers of custom parameters begin here; those of the package are smaller. `u16::MAX` is no parameter's.
pub const CUSTOM_FROM: u16 = 0x4000;
/// From here on they have no entries in the index: every resource that is asked for by them is looked at. Never stored.
pub const LOOKED_UP_FROM: u16 = 0xC000;

/// Parameters of the server's own have numbers from here on, behind those of the package.
pub(crate) const OWN_FROM: u16 = 0x1F00;

/// Where the starts of names are: the entries of a parameter of the package that reads names, whole and from each of their parts.
/// Apart from the others, so that sorting and `:exact` go by whole values.
pub(crate) fn starts_of(param: u16) -> u16 {
    param | STARTS
}

/// The parameter that [`starts_of`] gave a number for, and any other itself.
pub(crate) fn whole_of(param: u16) -> u16 {
    match param < CUSTOM_FROM {
        true => param & !STARTS,
        false => param,
    }
}

/// More than the package has parameters; less than [`CUSTOM_FROM`].
const STARTS: u16 = 0x2000;

/// Cheap to clone.
#[derive(Clone)]
pub enum Definition {
    Package(&'static SearchParameterDef),
    Custom(Arc<Custom>),
}

/// A definition that a client posted, as far as search needs it, made by [`crate::custom::read`]; or one of the server's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Custom {
    /// At least [`CUSTOM_FROM`], but for the server's own.
    pub number: u16,
    pub url: Box<str>,
    pub code: Box<str>,
    pub ty: SearchType,
    /// Concrete resource types, at least one.
    pub bases: Vec<TypeId>,
    pub expression: Box<str>,
    /// Empty: any type that the elements may refer to.
    pub targets: Vec<TypeId>,
}

impl Definition {
    /// Part of index keys.
    pub fn number(&self) -> u16 {
        match self {
            Definition::Package(def) => def.id,
            Definition::Custom(custom) => custom.number,
        }
    }

    pub fn url(&self) -> &str {
        match self {
            Definition::Package(def) => def.url,
            Definition::Custom(custom) => &custom.url,
        }
    }

    pub fn code(&self) -> &str {
        match self {
            Definition::Package(def) => def.code,
            Definition::Custom(custom) => &custom.code,
        }
    }

    pub fn ty(&self) -> SearchType {
        match self {
            Definition::Package(def) => def.ty,
            Definition::Custom(custom) => custom.ty,
        }
    }

    pub fn bases(&self) -> &[TypeId] {
        match self {
            Definition::Package(def) => &def.bases,
            Definition::Custom(custom) => &custom.bases,
        }
    }

    pub fn expression(&self) -> &str {
        match self {
            Definition::Package(def) => def.expression,
            Definition::Custom(custom) => &custom.expression,
        }
    }

    /// Types that the definition lists as targets.
    pub fn targets(&self) -> &[TypeId] {
        match self {
            Definition::Package(def) => &def.targets,
            Definition::Custom(custom) => &custom.targets,
        }
    }

    /// Definition url and expression of each component of a composite.
    pub fn components(&self) -> &[(&'static str, &'static str)] {
        match self {
            Definition::Package(def) => &def.components,
            Definition::Custom(_) => &[],
        }
    }

    /// Whether a client has defined it.
    pub fn is_custom(&self) -> bool {
        self.number() >= CUSTOM_FROM
    }
}
