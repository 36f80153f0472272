//! `_sort`: several keys, each a parameter. <https://hl7.org/fhir/R4/search.html#sort>

mod several;

use super::outcome::invalid;
use super::{Reader, Refusal};
use crate::cursor::SORT_KEYS_MAX;
use crate::normal::{STRING_CHARS_MAX, cut};
use crate::param::{Form, quantity};
use crate::plan::SortKey;
use crate::program::{Program, Visitor};
use crate::registry::{Parameter, Registry};
use ward_fhir::reference::{Reference, parse};
use ward_fhir::schema::SearchType;
use ward_fhir::{Failure, Node, TypeId};

impl Reader<'_> {
    /// What of it is known; `None`: nothing.
    pub(super) fn sort(&mut self, value: &str) -> Result<Option<String>, Failure> {
        let mut known = Vec::new();
        for text in value.split(',').filter(|t| !t.is_empty()) {
            let (descending, code) = text
                .strip_prefix('-')
                .map_or((false, text), |code| (true, code));
            if let Some(key) = self.sort_key(code, descending)? {
                self.plan.sort.push(key);
                known.push(text);
            }
        }
        if self.plan.sort.len() > SORT_KEYS_MAX {
            let text = format!("may name {SORT_KEYS_MAX} parameters at most");
            return Err(invalid("_sort", &text));
        }
        Ok((!known.is_empty()).then(|| known.join(",")))
    }

    /// What is exactly what was asked for is equally relevant: without a score there is nothing to order by it.
    pub(super) fn settle_sort(&mut self) {
        if self.used.score.is_none() {
            let orders = |key: &SortKey| !matches!(key, SortKey::Score { .. });
            self.plan.sort.retain(orders);
        }
    }

    fn sort_key(&mut self, code: &str, descending: bool) -> Result<Option<SortKey>, Failure> {
        match code {
            "_lastUpdated" => return Ok(Some(SortKey::Updated { descending })),
            "_id" => return Ok(Some(SortKey::Id { descending })),
            "_score" => return Ok(Some(SortKey::Score { descending })),
            _ => {}
        }
        let sorted = self.sorted_by(code).and_then(|meanings| {
            self.demand_orderly(&meanings, code)?;
            Ok(meanings)
        });
        match sorted {
            Ok(meanings) => self.of_each(&meanings, code, descending).map(Some),
            Err(Refusal::Failure(failure)) => Err(failure),
            Err(Refusal::Unknown(ignored)) => self.ignore(ignored.of_sort()).map(|()| None),
        }
    }
}

/// `Err`: why there is no order.
fn key_of(parameter: &Parameter, descending: bool) -> Result<SortKey, &'static str> {
    let text = SortKey::Text {
        param: parameter.def.number(),
        descending,
    };
    let owner = match parameter.owners.as_slice() {
        [owner] if owner.only.is_none() => Some(owner.param),
        _ => None,
    };
    Ok(match (parameter.ty(), owner) {
        (SearchType::Date, Some(param)) => SortKey::Date { param, descending },
        (SearchType::String, Some(param)) => SortKey::String { param, descending },
        (SearchType::Number, Some(param)) => SortKey::Quantity { param, descending },
        (SearchType::Token | SearchType::Reference | SearchType::Uri | SearchType::Quantity, _) => {
            text
        }
        (SearchType::String, None) if !parameter.atoms.is_empty() => text,
        (SearchType::Composite | SearchType::Special, _) => {
            return Err("its values have no order");
        }
        (_, None) => return Err("it is read from several parameters' entries"),
    })
}

/// The text by which `SortKey::Text` orders a resource: the least of the values ascending, the greatest descending. Codes and
/// identifiers by their value, references and uris as written, quantities in base units, a truth about the resource by what it
/// is, all others normalised. `None`: it has none and comes last.
pub fn text(registry: &Registry, param: u16, descending: bool, node: Node<'_>) -> Option<String> {
    let parameter = registry
        .of(node.ty())
        .all()
        .find(|p| p.def.number() == param)?;
    let schema = registry.schema();
    let mut program = Program::new(schema, node.ty());
    for atom in &parameter.atoms {
        let form = match parameter.truth {
            true => Some(Form::Truth),
            false => Form::of(schema, parameter.ty(), atom.leaf),
        };
        if let Some(form) = form {
            program.add(schema, atom, form);
        }
    }
    let mut texts = Texts {
        descending,
        found: Vec::new(),
    };
    program.walk(node, &mut texts);
    let mut texts = texts.found;
    if parameter.truth {
        let is_true = texts.iter().any(|text| text != "false");
        texts = vec![is_true.to_string()];
    }
    if descending {
        texts.into_iter().max()
    } else {
        texts.into_iter().min()
    }
}

struct Texts {
    descending: bool,
    found: Vec<String>,
}

impl Visitor<Form> for Texts {
    fn leaf(&mut self, node: Node<'_>, form: &Form) {
        let text = match form {
            Form::Quantity | Form::Money | Form::Range | Form::Samples | Form::Number => {
                let range = quantity::in_base_units(node, *form);
                range.map(|(low, high)| ordered(if self.descending { high } else { low }))
            }
            form => value(*form, node),
        };
        self.found.extend(text);
    }

    fn resolves_to(&mut self, node: Node<'_>, ty: TypeId) -> bool {
        match node.text("reference").and_then(|text| parse(text, None)) {
            Some(Reference::Local { ty: found, .. }) => found == ty,
            Some(Reference::Absolute { target, .. }) => target.is_some_and(|t| t.0 == ty),
            _ => false,
        }
    }
}

/// A text that stands before that of every greater number: the bits of the number, with those of the negative ones turned round.
fn ordered(number: f64) -> String {
    const SIGN: u64 = 1 << 63;
    // Zero has two signs.
    let bits = (number + 0.0).to_bits();
    let bits = match bits & SIGN {
        0 => bits | SIGN,
        _ => !bits,
    };
    format!("{bits:016x}")
}

fn value(form: Form, node: Node<'_>) -> Option<String> {
    let text = match form {
        Form::Coding => node.text("code"),
        Form::Concept => {
            let coded = node.all("coding").find_map(|c| c.text("code"));
            coded.or_else(|| node.text("text"))
        }
        Form::Identifier | Form::Contact => node.text("value"),
        Form::Reference => node.text("reference"),
        Form::Inline => node.text("id"),
        Form::HumanName => node.text("family").or_else(|| node.text("text")),
        Form::Address => node.text("city").or_else(|| node.text("text")),
        _ => node.value(),
    }?;
    Some(match form {
        Form::Text | Form::HumanName | Form::Address => cut(text, STRING_CHARS_MAX).0,
        _ => text.to_owned(),
    })
}
