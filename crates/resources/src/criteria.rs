//! What the granular scopes of callers come to in this store: each is compiled once and kept by its text.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#finer-grained-resource-constraints-using-search-parameters>

use crate::engine::Engine;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use ward_access::{Caller, Criterion, Granular};
use ward_fhir::TypeId;
use ward_search::seen::Seen;

/// Compiled scopes by type and parameters. `None`: what they ask is not decided by the index, so they grant nothing.
#[derive(Default)]
pub(crate) struct Criteria(RwLock<HashMap<Asked, Option<Arc<Criterion>>>>);

/// With what the caller sees of types that they see in part, and whether labels are shown to them: a scope by anything else grants
/// nothing.
type Asked = (
    Option<TypeId>,
    Vec<(String, String)>,
    Option<Arc<Seen>>,
    bool,
);

/// Scopes that are kept compiled; when there are more, all are compiled anew.
const CRITERIA_MAX: usize = 2_000;

impl Criteria {
    /// Of each granular scope of the caller, in order. Read by the parameters of the R4 package alone, which every row is
    /// indexed by: what a client defines may change, and with it what was agreed.
    pub(crate) fn of(&self, caller: &Caller, engine: &Engine) -> Vec<Option<Arc<Criterion>>> {
        let granular = caller.granular().iter();
        granular
            .map(|scope| self.one(scope, engine, caller))
            .collect()
    }

    fn one(&self, scope: &Granular, engine: &Engine, caller: &Caller) -> Option<Arc<Criterion>> {
        let seen = caller.seen();
        let asked = (
            scope.ty(),
            scope.query().to_vec(),
            seen.cloned(),
            caller.sees_labels(),
        );
        let kept = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.get(&asked) {
            return known.clone();
        }
        drop(kept);
        let extractor = engine.asking_as(caller, engine.extractor_of(seen));
        let compiled = Criterion::compile(&extractor, scope.ty(), scope.query());
        let compiled = compiled.ok().map(Arc::new);
        let mut kept = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= CRITERIA_MAX {
            kept.clear();
        }
        // Who came first is kept: one criterion is told from another by being the same one.
        kept.entry(asked).or_insert(compiled).clone()
    }
}
