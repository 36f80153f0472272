//! A resource together with those that it contains, as chains walk from one to another.
//! <https://hl7.org/fhir/R4/search.html#contained>

use crate::entries::Entries;
use crate::evaluate::{Candidate, Others, Undecided, World, matches};
use crate::extract::Extractor;
use crate::plan::Filter;
use crate::words::words;
use std::collections::BTreeSet;
use ward_fhir::reference::{Reference, parse};
use ward_fhir::{Node, TypeId};

/// The container first, then what it contains.
pub struct Container<'n> {
    extractor: &'n Extractor,
    members: Vec<Member<'n>>,
}

struct Member<'n> {
    /// As references within the container name it: `#id`, the container itself `#`. No logical id is like that.
    id: String,
    node: Node<'n>,
    entries: Entries,
}

impl<'n> Container<'n> {
    /// Linear in the resource.
    pub fn read(extractor: &'n Extractor, node: Node<'n>) -> Container<'n> {
        let member = |id: &str, node: Node<'n>| Member {
            id: format!("#{id}"),
            node,
            entries: extractor.extract_whole(node),
        };
        let contained = node.all("contained");
        let contained = contained.map(|c| member(c.text("id").unwrap_or_default(), c));
        let members = std::iter::once(member("", node)).chain(contained).collect();
        Container { extractor, members }
    }

    /// Whether a chain leads from the container to a resource in it that matches, and on from there within it alone.
    pub fn leads(&self, chain: &Filter) -> bool {
        let world = World {
            key: Some(self.extractor.key()),
            others: Some(self),
        };
        let container = self.members.first();
        container.is_some_and(|c| matches(chain, c.candidate(), world) == Ok(true))
    }
}

/// Logical ids of the resources of this store of a type that something in a resource refers to.
pub fn refers_to(extractor: &Extractor, node: Node<'_>, ty: TypeId) -> BTreeSet<String> {
    let member = words().reference_reference;
    let references = node
        .descendants_and_self()
        .filter(|n| n.member() == Some(member));
    let ids = references.filter_map(|n| match parse(n.value()?, extractor.base())? {
        Reference::Local { ty: found, id, .. } if found == ty => Some(id.to_owned()),
        _ => None,
    });
    ids.collect()
}

impl Member<'_> {
    fn candidate(&self) -> Candidate<'_> {
        Candidate {
            id: &self.id,
            ty: self.node.ty(),
            updated_us: 0,
            entries: &self.entries,
            node: Some(self.node),
        }
    }
}

impl Others for Container<'_> {
    fn any(
        &self,
        ty: TypeId,
        test: &mut dyn FnMut(Candidate<'_>) -> Result<bool, Undecided>,
    ) -> Result<bool, Undecided> {
        for member in self.members.iter().filter(|m| m.node.ty() == ty) {
            if test(member.candidate())? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
