//! `_revinclude` by canonicals: the index finds who names the url, and the resource says which version it means.
//! <https://hl7.org/fhir/R4/references.html#canonical>

use super::include::{Include, Including};
use crate::extract::Extractor;
use std::collections::BTreeSet;
use ward_fhir::{Node, TypeId};

/// What the resources that a reverse include begins at are named by.
pub struct Referred {
    include: Include,
    resources: BTreeSet<(TypeId, String)>,
    /// `url`, and `url|version` of what has one.
    canonicals: BTreeSet<String>,
}

impl Referred {
    /// `None`: a forward include.
    pub fn of(include: &Include, hits: &[Node<'_>]) -> Option<Referred> {
        let hits = hits.iter();
        let hits = hits.filter(|hit| include.target.is_none_or(|target| target == hit.ty()));
        let (mut resources, mut canonicals) = (BTreeSet::new(), BTreeSet::new());
        for hit in hits {
            resources.extend(hit.text("id").map(|id| (hit.ty(), id.to_owned())));
            let Some(url) = hit.text("url") else { continue };
            canonicals.insert(url.to_owned());
            canonicals.extend(
                hit.text("version")
                    .map(|version| format!("{url}|{version}")),
            );
        }
        include.reverse.then(|| Referred {
            include: include.clone(),
            resources,
            canonicals,
        })
    }

    /// Whether the include may have found resources of the type by canonicals, so that they must be looked at.
    pub fn concerns(&self, extractor: &Extractor, ty: TypeId) -> bool {
        !self.canonicals.is_empty()
            && self.reads(ty)
            && self.include.is_of_canonicals(extractor, ty)
    }

    fn reads(&self, ty: TypeId) -> bool {
        self.include.source.is_none_or(|source| source == ty)
    }

    /// Whether the resource refers to one of them, and by a canonical to no other version. Linear in the resource.
    pub fn is_meant_by(&self, extractor: &Extractor, node: Node<'_>) -> bool {
        if !self.reads(node.ty()) {
            return false;
        }
        let mut named = self.include.read(extractor, node, None).into_iter();
        named.any(|including| match including {
            Including::Resource { ty, id, .. } => self.resources.contains(&(ty, id)),
            Including::Canonical(canonical) => self.canonicals.contains(&canonical),
        })
    }
}
