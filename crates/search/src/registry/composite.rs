//! Composite parameters: which parameters answer their components, and where both must occur together.
//! <https://hl7.org/fhir/R4/search.html#combining>
//!
//! The components are found by the elements they read, not by the definition they name alone: two definitions of the package
//! (`DocumentReference.relationship`, `Observation.combo-*`) name others than their expressions read.

use super::{Owner, Parameter};
use crate::definition::{CUSTOM_FROM, Definition};
use crate::expression::{self, Shape};
use crate::param::Form;
use crate::param::token::case::Case;
use crate::program::{Atom, resolve};
use ward_fhir::TypeId;
use ward_fhir::schema::{Schema, SearchType};

/// One expression of a composite.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Alternative {
    /// Each component by its own parameter. With `within`, the numbers among them must be of one of these elements.
    Whole {
        parts: Vec<Part>,
        within: Option<Vec<Atom>>,
    },
    /// The components of one repeated element: entries under `TermKey::tuple`.
    Tuple {
        owner: u16,
        path: Vec<Atom>,
        parts: [Part; 2],
    },
}

/// A component and the parameter that reads its values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub code: Box<str>,
    pub ty: SearchType,
    /// Whose entries its terms are.
    pub param: u16,
    pub case: Case,
    /// From the element of the composite; empty where it is read elsewhere.
    pub atoms: Vec<Atom>,
    /// The parameter is of the standard and reads all that the component does: its entries are there wherever these are.
    pub is_whole: bool,
}

/// Fills the composites of a type, whose other parameters have their owners. Equal tuples are indexed once.
pub(super) fn fill(schema: &Schema, ty: TypeId, parameters: &mut [Parameter]) {
    let mut composites: Vec<usize> = (0..parameters.len())
        .filter(|i| parameters[*i].ty() == SearchType::Composite)
        .collect();
    // Those with one expression first: the wider ones take their entries.
    composites.sort_by_key(|i| parameters[*i].def.expression().matches('|').count());
    for at in composites {
        match read(schema, ty, &parameters[at].def, parameters) {
            Ok(mut alternatives) => {
                share(&mut alternatives, parameters);
                let parameter = &mut parameters[at];
                parameter.owners = owners(&alternatives);
                parameter.composite = alternatives;
                parameter.service = Ok(());
                if parameter
                    .owners
                    .iter()
                    .any(|o| o.param == parameter.def.number())
                {
                    parameter.marks = super::Marks::Present;
                }
            }
            Err(reason) => parameters[at].service = Err(reason),
        }
    }
}

fn owners(alternatives: &[Alternative]) -> Vec<Owner> {
    let mut owners = Vec::new();
    for alternative in alternatives {
        match alternative {
            Alternative::Tuple { owner, .. } => owners.push(*owner),
            Alternative::Whole { parts, .. } => owners.extend(parts.iter().map(|p| p.param)),
        }
    }
    let owner = |param| Owner {
        param,
        only: None,
        case: Case::Exact,
    };
    owners.into_iter().map(owner).collect()
}

/// A tuple over the same element and components takes the entries of the one that is there.
fn share(alternatives: &mut [Alternative], parameters: &[Parameter]) {
    for alternative in alternatives {
        let Alternative::Tuple { owner, path, parts } = alternative else {
            continue;
        };
        let known = parameters.iter().flat_map(|p| &p.composite);
        for there in known {
            if let Alternative::Tuple {
                owner: theirs,
                path: p,
                parts: q,
            } = there
                && p == path
                && q == parts
            {
                *owner = *theirs;
            }
        }
    }
}

fn read(
    schema: &Schema,
    ty: TypeId,
    def: &Definition,
    parameters: &[Parameter],
) -> Result<Vec<Alternative>, &'static str> {
    let Some(Shape::Paths(paths)) = expression::parse(def.expression()) else {
        return Err("its expression is not a path");
    };
    let mut found = Vec::new();
    for path in &paths {
        let bases = resolve(schema, ty, path)
            .ok_or("its expression names an element that does not exist")?;
        if !bases.is_empty() {
            found.push(alternative(schema, ty, def, bases, parameters)?);
        }
    }
    if found.is_empty() {
        return Err("its expression does not reach this type");
    }
    Ok(found)
}

fn alternative(
    schema: &Schema,
    ty: TypeId,
    def: &Definition,
    bases: Vec<Atom>,
    parameters: &[Parameter],
) -> Result<Alternative, &'static str> {
    let mut parts = Vec::new();
    for (definition, expression) in def.components() {
        let named = parameters.iter().find(|p| p.def.url() == *definition);
        let atoms = relative(schema, &bases, expression);
        parts.push(part(schema, parameters, named, &bases, atoms)?);
    }
    let root = bases.iter().all(|b| b.leaf == ty);
    match <[Part; 2]>::try_from(parts) {
        Ok(parts) if !root && is_pair(&parts) => Ok(Alternative::Tuple {
            owner: def.number(),
            path: bases,
            parts,
        }),
        Ok(parts) => Ok(whole(schema, root, bases, parts.into())),
        Err(parts) => Ok(whole(schema, root, bases, parts)),
    }
}

fn part(
    schema: &Schema,
    parameters: &[Parameter],
    named: Option<&Parameter>,
    bases: &[Atom],
    mut atoms: Vec<Atom>,
) -> Result<Part, &'static str> {
    const NONE: &str = "no parameter reads one of its components";
    let wanted = under(bases, &atoms);
    let reader = reader(schema, parameters, named, &wanted);
    let parameter = reader.or(named).ok_or(NONE)?;
    let [owner] = parameter.owners.as_slice() else {
        return Err(NONE);
    };
    atoms.retain(|a| Form::of(schema, parameter.ty(), a.leaf).is_some());
    Ok(Part {
        code: parameter.code().into(),
        ty: parameter.ty(),
        param: owner.param,
        case: owner.case,
        atoms,
        is_whole: reader.is_some_and(|p| p.def.number() < CUSTOM_FROM),
    })
}

/// Each component by itself; where the element repeats, its numbers must be of one element.
fn whole(schema: &Schema, root: bool, bases: Vec<Atom>, parts: Vec<Part>) -> Alternative {
    let hops = bases.iter().flat_map(|b| &b.hops);
    let repeated = !root && hops.into_iter().any(|h| schema.member(h.member).is_array);
    Alternative::Whole {
        within: repeated.then_some(bases),
        parts,
    }
}

/// What the entries can hold as one term.
fn is_pair(parts: &[Part; 2]) -> bool {
    use SearchType::{Quantity, Reference, Token};
    let [first, second] = parts;
    first.ty == Token
        && matches!(second.ty, Token | Reference | Quantity)
        && parts.iter().all(|p| !p.atoms.is_empty())
}

/// The elements of a component, from the composite's own; empty where the expression starts elsewhere (`%resource`).
fn relative(schema: &Schema, bases: &[Atom], expression: &str) -> Vec<Atom> {
    let Some(Shape::Paths(paths)) = expression::parse(expression) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for base in bases {
        for path in &paths {
            found.extend(resolve(schema, base.leaf, path).unwrap_or_default());
        }
    }
    found
}

fn under(bases: &[Atom], atoms: &[Atom]) -> Vec<Atom> {
    let join = |base: &Atom, atom: &Atom| Atom {
        hops: base.hops.iter().chain(&atom.hops).cloned().collect(),
        leaf: atom.leaf,
    };
    bases
        .iter()
        .flat_map(|b| atoms.iter().map(move |a| join(b, a)))
        .collect()
}

/// The parameter with entries of its own that reads these elements: the named one if it does, else the narrowest.
fn reader<'a>(
    schema: &Schema,
    parameters: &'a [Parameter],
    named: Option<&Parameter>,
    wanted: &[Atom],
) -> Option<&'a Parameter> {
    let reads = |p: &&Parameter| {
        let mut readable = wanted
            .iter()
            .filter(|a| Form::of(schema, p.ty(), a.leaf).is_some())
            .peekable();
        p.owners.len() == 1
            && p.owners[0].param == p.def.number()
            && readable.peek().is_some()
            && readable.all(|a| p.atoms.contains(a))
    };
    let is_named = |p: &Parameter| named.is_some_and(|n| n.def.number() == p.def.number());
    parameters
        .iter()
        .filter(reads)
        .min_by_key(|p| (!is_named(p), p.atoms.len(), p.def.number()))
}
