//! Whether the case of a code counts: "when in doubt, servers SHOULD treat tokens in a case-insensitive manner".
//! <https://hl7.org/fhir/R4/search.html#token>
//!
//! It counts in the code systems of R4 that say so (`Schema::is_case_sensitive`); in all others, and where no system is known, it does
//! not. What a CodeSystem that somebody stores says of itself does not matter: it may come and change after the codes.

use crate::edition::Edition;
use crate::normal::lower_case;
use crate::param::Form;
use crate::program::Atom;
use std::borrow::Cow;
use ward_fhir::schema::{Primitive, Schema, SearchType, Strength, TypeKind};

/// How the values of elements that name no system of their own are spelled in the index (`TermKey::code`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// As they are written.
    Exact,
    /// In lower case.
    Folded,
    /// Some elements of the parameter one way and some the other: what is in lower case has `TermKey::caseless` beside.
    Mixed,
}

impl Case {
    /// Of all elements that a parameter reads.
    pub fn of_all(schema: &Schema, ty: SearchType, atoms: &[Atom]) -> Case {
        let mut cases = atoms.iter().filter_map(|atom| of(schema, ty, atom));
        let Some(first) = cases.next() else {
            return Case::Exact;
        };
        match cases.all(|case| case == first) {
            true => first,
            false => Case::Mixed,
        }
    }

    /// Of one of them, where this is how all are.
    pub fn of_one(self, schema: &Schema, ty: SearchType, atom: &Atom) -> Case {
        match (self, of(schema, ty, atom)) {
            (Case::Mixed, Some(Case::Folded)) => Case::Mixed,
            (_, one) => one.unwrap_or(Case::Exact),
        }
    }
}

/// `None`: its values have a system of their own, or are no tokens.
fn of(schema: &Schema, ty: SearchType, atom: &Atom) -> Option<Case> {
    if ty != SearchType::Token {
        return None;
    }
    match Form::of(schema, ty, atom.leaf)? {
        Form::Identifier | Form::Contact | Form::StringToken => Some(Case::Folded),
        Form::Code => Some(match is_exact(schema, atom) {
            true => Case::Exact,
            false => Case::Folded,
        }),
        Form::PlainToken => Some(Case::Exact),
        _ => None,
    }
}

/// A boolean, or a code whose implied system takes account of case: that of the value set it must be from.
fn is_exact(schema: &Schema, atom: &Atom) -> bool {
    if schema.ty(atom.leaf).kind == TypeKind::Primitive(Primitive::Boolean) {
        return true;
    }
    let member = atom.hops.last().map(|hop| schema.member(hop.member));
    let binding = member.and_then(|member| schema.element(member.element).binding.as_ref());
    let Some(binding) = binding.filter(|binding| binding.strength == Strength::Required) else {
        return false;
    };
    match schema.value_set(binding.value_set).map(|set| &set.codes) {
        Some(Some(codes)) => codes
            .iter()
            .any(|(system, _)| schema.is_case_sensitive(system)),
        _ => binding.value_set == UNITS,
    }
}

/// Of all codes of UCUM, so that nobody lists them.
const UNITS: &str = "http://hl7.org/fhir/ValueSet/ucum-units";

/// How an edition spells a code of a system; none: empty.
pub(crate) fn spelled<'v>(
    schema: &Schema,
    edition: Edition,
    system: &str,
    code: &'v str,
) -> Cow<'v, str> {
    match lower_case(code) {
        folded if folded == code => folded,
        _ if edition < Edition::Third || schema.is_case_sensitive(system) => Cow::Borrowed(code),
        folded => folded,
    }
}

/// Since when a value of this form that is not exact is in lower case.
pub(crate) fn folded_since(form: Form) -> Edition {
    match form {
        Form::Code | Form::Coding | Form::Concept => Edition::Third,
        _ => Edition::Second,
    }
}

/// Whether there may be another spelling of what is in lower case.
pub(crate) fn has_letters(value: &str) -> bool {
    let is_letter = |byte: u8| !byte.is_ascii() || byte.is_ascii_alphabetic();
    value.bytes().any(is_letter)
}
