//! Texts in rows of the first edition, which took Hangul apart: where there are such rows, what is asked of a text is asked of
//! both spellings.

use super::visit::{Visited, visited};
use crate::edition::Edition;
use crate::extract::Extractor;
use crate::normal::taken_apart;
use crate::plan::{Filter, PhraseTest};
use ward_fhir::TypeId;

/// The filter over `types` with both spellings of the texts of types that have such rows.
pub(super) fn both(filter: Filter, types: &[TypeId], extractor: &Extractor) -> Filter {
    if extractor.oldest(&[]) > Edition::First {
        return filter;
    }
    visited(filter, types, &mut |place, condition| {
        let is_behind = extractor.oldest(place.types) == Edition::First;
        match apart(&condition).filter(|_| is_behind) {
            Some(apart) => Visited::Replaced(Filter::Or(vec![condition, apart])),
            None => Visited::Kept(condition),
        }
    })
}

/// `None`: the same, or a condition that asks no text.
fn apart(condition: &Filter) -> Option<Filter> {
    let mut apart = condition.clone();
    let value = match &mut apart {
        Filter::StringPrefix { value, .. }
        | Filter::StringContains { value, .. }
        | Filter::StringEquals { value, .. }
        | Filter::StringEnds { value, .. }
        | Filter::Phrase {
            test: PhraseTest::Words | PhraseTest::Contains,
            value,
            ..
        } => value,
        _ => return None,
    };
    *value = taken_apart(value)?;
    Some(apart)
}
