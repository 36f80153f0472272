//! `system|value` of a ContactPoint, whose system is a code: `telecom=email|a@b.example`. <https://hl7.org/fhir/R4/search.html#token>
//!
//! The index holds the value alone. Those that have it, mostly one, are looked at for the system.

use super::caseless_spellings;
use crate::escape::{split_once, unescape};
use crate::normal::lower_case;
use crate::param::{Ask, Form};
use crate::plan::{Check, Filter};
use crate::program::{Program, Visitor};
use std::sync::Arc;
use ward_fhir::reference::{Reference, parse};
use ward_fhir::{Node, TypeId};

/// Of a parameter that reads ContactPoints alone; `None`: it is another, or the value says nothing of a system.
/// `|value`: without a system; `system|`: whatever the value.
pub(super) fn of_system(ask: &Ask<'_>, value: &str) -> Option<Filter> {
    let (system, value) = split_once(value, b'|')?;
    if ask.parameter.forms != [Form::Contact] {
        return None;
    }
    let (system, value) = (unescape(system).into_owned(), unescape(value).into_owned());
    let mut all = Vec::new();
    if !value.is_empty() {
        let values = caseless_spellings(ask, &value);
        let owners = ask.parameter.owners.iter();
        let terms = owners.flat_map(|o| values.iter().map(move |v| ask.key.code(o.param, v)));
        all.push(Filter::AnyTerm(terms.collect()));
    }
    let value = lower_case(&value).into_owned();
    let (atoms, schema) = (ask.parameter.atoms.clone(), ask.schema);
    let test = move |node: Node<'_>| {
        let mut program = Program::new(schema, node.ty());
        for atom in &atoms {
            program.add(schema, atom, ());
        }
        let mut wanted = Wanted {
            system: &system,
            value: &value,
            is_found: false,
        };
        program.walk(node, &mut wanted);
        wanted.is_found
    };
    all.push(Filter::Check(Check {
        name: ask.code().to_owned(),
        test: Arc::new(test),
    }));
    Some(Filter::And(all))
}

struct Wanted<'w> {
    system: &'w str,
    value: &'w str,
    is_found: bool,
}

impl Visitor<()> for Wanted<'_> {
    fn leaf(&mut self, node: Node<'_>, (): &()) {
        let has_system = node.text("system").unwrap_or_default() == self.system;
        let is_value = |value| lower_case(value) == self.value;
        let has_value = self.value.is_empty() || node.text("value").is_some_and(is_value);
        self.is_found |= has_system && has_value;
    }

    fn resolves_to(&mut self, node: Node<'_>, ty: TypeId) -> bool {
        let reference = node.text("reference").and_then(|text| parse(text, None));
        matches!(reference, Some(Reference::Local { ty: found, .. }) if found == ty)
    }
}
