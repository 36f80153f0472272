//! `:in`, `:above` and `:below` on tokens: the codes come from a terminology, the rest is as for a list of codes.
//! <https://hl7.org/fhir/R4/search.html#token>

use super::case::spelled;
use super::{Wanted, both, pairs};
use crate::edition::Edition;
use crate::escape::{split_once, unescape};
use crate::param::Ask;
use crate::plan::Filter;
use crate::query::TERMS_MAX;
use crate::terminology::Unknown;
use ward_fhir::{Failure, Kind};

#[derive(Clone, Copy)]
pub(super) enum Direction {
    Above,
    Below,
}

/// The codes of a value set: a canonical, or the reference `ValueSet/id`.
pub(super) fn members(ask: &Ask<'_>, value: &str) -> Result<Filter, Failure> {
    let url = unescape(value);
    let codes = ask
        .terminology
        .expand(&url)
        .map_err(|e| failure(ask, e, "value set"))?;
    wanted(ask, codes.iter().map(|(s, c)| (s.as_str(), c.as_str())))
}

/// The code itself and those above or below it in its system: `system|code`, or `code` where the elements imply the system.
pub(super) fn hierarchy(
    ask: &Ask<'_>,
    value: &str,
    direction: Direction,
) -> Result<Filter, Failure> {
    let mut roots = Vec::new();
    match split_once(value, b'|') {
        Some((system, code)) if !system.is_empty() && !code.is_empty() => {
            roots.push((unescape(system).into_owned(), unescape(code).into_owned()));
        }
        None => {
            let code = unescape(value);
            let newest = |system, code| spelled(ask.schema, Edition::NEWEST, system, code);
            let implied = pairs(ask).filter(|(s, c)| newest(s, c) == newest(s, &code));
            roots.extend(implied.map(|(s, c)| (s.to_owned(), c.to_owned())));
        }
        Some(_) => {}
    }
    roots.sort_unstable();
    roots.dedup();
    if roots.is_empty() {
        return Err(ask.bad("must be 'system|code' with ':above' and ':below'"));
    }
    let mut found = Vec::new();
    for (system, code) in roots {
        let related = match direction {
            Direction::Above => ask.terminology.ancestors(&system, &code),
            Direction::Below => ask.terminology.descendants(&system, &code),
        };
        let related = match related {
            // The system has no such code, so nothing is above or below it.
            Err(Unknown::Code) => Vec::new(),
            related => related.map_err(|e| failure(ask, e, "code system"))?,
        };
        found.extend(related.into_iter().map(|c| (system.clone(), c)));
        found.push((system, code));
    }
    wanted(ask, found.iter().map(|(s, c)| (s.as_str(), c.as_str())))
}

fn wanted<'v>(
    ask: &Ask<'_>,
    codes: impl ExactSizeIterator<Item = (&'v str, &'v str)>,
) -> Result<Filter, Failure> {
    if codes.len() > TERMS_MAX {
        return Err(failure(ask, Unknown::TooMany, "value set"));
    }
    let mut found = Wanted::default();
    codes.for_each(|(system, code)| both(ask, system, code, &mut found));
    Ok(found.filter())
}

fn failure(ask: &Ask<'_>, unknown: Unknown, what: &str) -> Failure {
    let (kind, why) = match unknown {
        // A code that its system does not have never comes here: see `hierarchy`.
        Unknown::Absent | Unknown::Code => (
            Kind::Invalid,
            format!("names a {what} that is not known here; store it as a resource first"),
        ),
        Unknown::Open => (
            Kind::NotSupported,
            format!("names a {what} whose codes are not all held here, so it cannot be expanded"),
        ),
        Unknown::TooMany => (
            Kind::TooCostly,
            format!("stands for more than {TERMS_MAX} codes"),
        ),
    };
    let text = format!("The value of search parameter '{}' {why}.", ask.code());
    Failure::new(kind, text)
}
