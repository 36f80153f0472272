//! A filter and an order as text, without any value: for people who ask how a search is understood.

use crate::definition::whole_of;
use crate::plan::{Filter, Listed, SortKey, TupleEnd};
use std::fmt::Write as _;
use ward_fhir::TypeId;
use ward_fhir::schema::r4;

/// Of a filter: its conditions by kind and parameter, values only by their number.
pub fn filter(filter: &Filter) -> String {
    let mut text = String::new();
    write(&mut text, filter, 0);
    text
}

/// Of one sort key, as `_sort` names it.
pub fn sort(key: &SortKey) -> String {
    let sign = if key.is_descending() { "-" } else { "" };
    format!("{sign}{}", key_name(key))
}

fn key_name(key: &SortKey) -> &'static str {
    match key {
        SortKey::Updated { .. } => "_lastUpdated",
        SortKey::Id { .. } => "_id",
        SortKey::Score { .. } => "_score",
        SortKey::Date { param, .. }
        | SortKey::String { param, .. }
        | SortKey::Quantity { param, .. }
        | SortKey::Text { param, .. } => code(*param),
        // One name for all of them.
        SortKey::Each { keys, .. } => keys.first().map_or("", |(_, key)| key_name(key)),
        SortKey::Absent { .. } => "",
    }
}

fn write(out: &mut String, filter: &Filter, depth: usize) {
    if depth > DEPTH_MAX {
        return out.push('…');
    }
    let _ = match filter {
        Filter::All => write!(out, "all"),
        Filter::Nothing => write!(out, "nothing"),
        Filter::Shows(_) => write!(out, "not masked"),
        Filter::And(list) => return join(out, "and", list, depth),
        Filter::Or(list) => return join(out, "or", list, depth),
        Filter::Not(inner) => {
            out.push_str("not ");
            return write(out, inner, depth + 1);
        }
        Filter::Types(types) => {
            let names: Vec<&str> = types.iter().map(|ty| name(*ty)).collect();
            write!(out, "type of {}", names.join(", "))
        }
        Filter::AnyTerm(terms) => write!(out, "any of {} terms", terms.len()),
        Filter::AnyPatient { param, ids, .. } => {
            write!(
                out,
                "{} refers to any of {} Patients",
                code(*param),
                ids.len()
            )
        }
        Filter::AnyForm(forms) => write!(out, "any term of {} wider forms", forms.len()),
        Filter::StringPrefix { param, .. } => write!(out, "{} starts with", code(*param)),
        Filter::StringContains { param, .. } => write!(out, "{} contains", code(*param)),
        Filter::StringEquals { param, .. } => write!(out, "{} equals", code(*param)),
        Filter::StringEnds { param, .. } => write!(out, "{} ends with", code(*param)),
        Filter::Date { param, test } => write!(out, "{} {:?}", code(*param), test.prefix),
        Filter::Updated(test) => write!(out, "_lastUpdated {:?}", test.prefix),
        Filter::Ids(ids) => write!(out, "any of {} ids", ids.len()),
        Filter::Quantity { test, .. } => write!(out, "quantity {:?}", test.prefix),
        Filter::Chain {
            param,
            target,
            filter,
        } => {
            let _ = write!(out, "{} refers to {} with (", code(*param), name(*target));
            write(out, filter, depth + 1);
            write!(out, ")")
        }
        Filter::Has {
            source,
            param,
            filter,
        } => {
            let _ = write!(out, "{} of {} with (", code(*param), name(*source));
            write(out, filter, depth + 1);
            write!(out, ") refers to it")
        }
        Filter::Tuple(tuple) => {
            let _ = write!(out, "{} pairs ", code(tuple.param));
            write(out, &tuple.first, depth + 1);
            out.push_str(" with ");
            match &tuple.second {
                TupleEnd::Term(second) => return write(out, second, depth + 1),
                TupleEnd::Quantity { test, .. } => write!(out, "quantity {:?}", test.prefix),
            }
        }
        Filter::Phrase { param, test, .. } => write!(out, "{} phrase {test:?}", code(*param)),
        Filter::Word(word) => write!(out, "word of {}", word.check.name),
        Filter::Check(check) => write!(out, "check of {}", check.name),
        Filter::List(Listed::Members(_)) => write!(out, "member of a List"),
        Filter::List(Listed::Hierarchy(_)) => write!(out, "refers into a hierarchy"),
    };
}

fn join(out: &mut String, word: &str, list: &[Filter], depth: usize) {
    for (at, filter) in list.iter().enumerate() {
        if at > 0 {
            let _ = write!(out, " {word} ");
        }
        out.push('(');
        write(out, filter, depth + 1);
        out.push(')');
    }
}

pub(crate) fn code(param: u16) -> &'static str {
    let whole = whole_of(param);
    let found = r4().search_parameters.iter().find(|p| p.id == whole);
    found.map_or("a parameter", |p| p.code)
}

fn name(ty: TypeId) -> &'static str {
    r4().ty(ty).name
}

/// As deep as the stores answer.
const DEPTH_MAX: usize = 64;
