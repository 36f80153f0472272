//! What a search may ask by, as the other ends of references: what its caller sees. `docs/decisions/0021-references-to-what-is-not-seen.md`
//!
//! A reference to anything else leaves without saying to what, so nothing is found by it, be the target hidden or not there. Whose record
//! a resource is in is shown with it: by that the patient's other resources are found also where the Patient itself is hidden.

use super::looked_at::LookedAt;
use crate::engine::Context;
use crate::place::{is_bound, patient_type};
use crate::referred::{Hidden, unseen};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use ward_access::{Access, Action};
use ward_fhir::TypeId;
use ward_fhir::issue::Result;
use ward_search::extract::Extractor;
use ward_search::plan::{Filter, Plan, Total};
use ward_search::query::{Options, parse_by};
use ward_search::targets::{Every, Targets};
use ward_storage::leads_home;

/// What a caller may ask by.
pub(crate) enum AskedBy<'c> {
    Every,
    /// All but these, of those that the query names.
    But(&'c Access, Hidden),
}

impl AskedBy<'_> {
    pub fn targets(&self) -> &dyn Targets {
        match self {
            AskedBy::Every => &Every,
            but => but,
        }
    }

    /// Notes that what is not there must stay so where the answer is to hold.
    pub fn note(&self, looked_at: &mut LookedAt) {
        let AskedBy::But(access, hidden) = self else {
            return;
        };
        let mut by_type: BTreeMap<TypeId, Vec<String>> = BTreeMap::new();
        for (ty, id) in hidden.iter() {
            by_type.entry(ty).or_default().push(id.to_owned());
        }
        let is_told =
            |ty: TypeId| access.sight(ty, Action::Read) == access.sight(ty, Action::Search);
        let told = by_type.into_iter().filter(|(ty, _)| is_told(*ty));
        looked_at.absent.extend(told.map(|(ty, ids)| Plan {
            types: vec![ty],
            filter: Filter::Ids(ids),
            sort: Vec::new(),
            count: 1,
            total: Total::None,
            after: None,
        }));
    }
}

/// The same for the references of a query. Statements: none for whom nothing is hidden, and where no reference is to a type of which
/// something may be; else one, and one for the ids that clients chose.
pub(crate) async fn of<'c>(
    cx: Context<'c>,
    extractor: &Extractor,
    types: &[TypeId],
    pairs: &[(String, String)],
    options: &Options<'_>,
) -> Result<AskedBy<'c>> {
    if !cx.access.may_hide_any() {
        return Ok(AskedBy::Every);
    }
    let named = Named {
        access: cx.access,
        found: Mutex::default(),
    };
    // What is refused is refused again when it is read for an answer.
    let _refusal = parse_by(extractor, types, pairs, options, &named).err();
    let found = named.found.into_inner();
    let found = found.unwrap_or_else(PoisonError::into_inner);
    let hidden = unseen(cx, &found).await?;
    Ok(AskedBy::But(cx.access, hidden))
}

/// Whether the caller may ask by this one.
pub(crate) async fn is_asked(cx: Context<'_>, ty: TypeId, id: &str) -> Result<bool> {
    if !cx.access.may_hide(ty) {
        return Ok(true);
    }
    let named = BTreeSet::from([(ty, id.to_owned())]);
    Ok(unseen(cx, &named).await?.is_empty())
}

/// Takes note of what a query asks by, and hides nothing.
struct Named<'c> {
    access: &'c Access,
    found: Mutex<BTreeSet<(TypeId, String)>>,
}

impl Targets for Named<'_> {
    fn resolves(&self, types: &[TypeId], param: u16, ty: TypeId, id: &str) -> bool {
        if self.access.may_hide(ty) && !is_shown(self.access, types, param, ty) {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            found.insert((ty, id.to_owned()));
        }
        true
    }

    fn may_hide(&self, types: &[TypeId], param: u16, ty: TypeId) -> bool {
        self.access.may_hide(ty) && !is_shown(self.access, types, param, ty)
    }
}

impl Targets for AskedBy<'_> {
    fn resolves(&self, types: &[TypeId], param: u16, ty: TypeId, id: &str) -> bool {
        match self {
            AskedBy::Every => true,
            AskedBy::But(access, hidden) => {
                !hidden.has(ty, id) || is_shown(access, types, param, ty)
            }
        }
    }

    fn may_hide(&self, types: &[TypeId], param: u16, ty: TypeId) -> bool {
        match self {
            AskedBy::Every => false,
            AskedBy::But(access, _) => access.may_hide(ty) && !is_shown(access, types, param, ty),
        }
    }
}

/// Whether a reference of the types by the parameter is to whose record they are in, and that is told with them.
fn is_shown(access: &Access, types: &[TypeId], param: u16, ty: TypeId) -> bool {
    ty == patient_type()
        && !is_bound(access, ty, Action::Read)
        && !types.is_empty()
        && types.iter().all(|from| leads_home(*from, param, ty))
}
