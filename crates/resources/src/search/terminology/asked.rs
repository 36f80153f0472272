//! Which value sets and code systems a query asks for: it is read once with a terminology that takes note of them, so that a name
//! is found wherever and however the query may write it.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use ward_fhir::TypeId;
use ward_search::extract::Extractor;
use ward_search::query::{Options, parse};
use ward_search::terminology::{Embedded, Terminology, Unknown};

/// Names that the embedded definitions do not answer. Queries that cannot ask for any are not read.
pub fn names(
    extractor: &Extractor,
    types: &[TypeId],
    pairs: &[(String, String)],
    options: Options<'_>,
) -> BTreeSet<String> {
    let asked = Asked::default();
    if pairs.iter().any(|(name, _)| may_ask(name)) {
        let options = Options {
            terminology: &asked,
            ..options
        };
        // What is refused is refused again when it is read for an answer.
        let _refusal = parse(extractor, types, pairs, &options).err();
    }
    asked.0.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn may_ask(name: &str) -> bool {
    let modifier = name.rsplit(':').next().unwrap_or_default();
    matches!(modifier, "in" | "not-in" | "above" | "below") || name.contains("_filter")
}

#[derive(Default)]
struct Asked(Mutex<BTreeSet<String>>);

impl Asked {
    /// What is embedded; of the rest the name, and nothing in it.
    fn or_noted<T>(
        &self,
        name: &str,
        embedded: Result<Vec<T>, Unknown>,
    ) -> Result<Vec<T>, Unknown> {
        embedded.or_else(|_| {
            let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            names.insert(name.to_owned());
            Ok(Vec::new())
        })
    }
}

impl Terminology for Asked {
    fn expand(&self, value_set: &str) -> Result<Vec<(String, String)>, Unknown> {
        self.or_noted(value_set, Embedded.expand(value_set))
    }

    fn ancestors(&self, system: &str, code: &str) -> Result<Vec<String>, Unknown> {
        self.or_noted(system, Embedded.ancestors(system, code))
    }

    fn descendants(&self, system: &str, code: &str) -> Result<Vec<String>, Unknown> {
        self.or_noted(system, Embedded.descendants(system, code))
    }
}
