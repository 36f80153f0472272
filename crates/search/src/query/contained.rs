//! `_contained` and `_containedType`: criteria over contained resources. <https://hl7.org/fhir/R4/search.html#contained>

use super::Reader;
use super::outcome::{invalid, one_of};
use crate::check::{decidable, holds};
use crate::extract::Extractor;
use crate::plan::{Check, Filter, SortKey};
use std::sync::Arc;
use ward_fhir::{Failure, Kind, Node, TypeId};

/// What a search over contained resources returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendered {
    Container,
    Contained,
}

/// A search that looks into containers.
#[derive(Clone)]
pub struct Contained {
    pub rendered: Rendered,
    /// Resources of their own match too (`_contained=both`).
    pub both: bool,
    pub ty: TypeId,
    inner: Arc<(Extractor, Filter)>,
}

impl std::fmt::Debug for Contained {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Contained({:?})", self.rendered)
    }
}

impl Contained {
    /// The matches that the answer has of a resource that was found, in document order: 0 is the resource itself, 1 the first that
    /// it contains ([`part`]).
    pub fn parts(&self, container: Node<'_>) -> Vec<u32> {
        match self.rendered {
            Rendered::Container => vec![0],
            Rendered::Contained => {
                let own = (self.both && self.is_match(container)).then_some(0);
                let each = container.all("contained").zip(1..);
                let inside = each.filter(|(node, _)| self.is_match(*node));
                own.into_iter().chain(inside.map(|(_, at)| at)).collect()
            }
        }
    }

    fn is_match(&self, node: Node<'_>) -> bool {
        node.ty() == self.ty && holds(&self.inner.0, &self.inner.1, node)
    }
}

/// The resource that is a part of a container: see [`Contained::parts`]. `None`: there is no such part.
pub fn part(container: Node<'_>, part: u32) -> Option<Node<'_>> {
    match part.checked_sub(1) {
        None => Some(container),
        Some(at) => container.all("contained").nth(at as usize),
    }
}

/// As asked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    contained: bool,
    both: bool,
    whole: bool,
}

impl Reader<'_> {
    pub(super) fn contained_parameter(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let wanted = &mut self.contained;
        if name == "_contained" {
            let table = [
                ("true", (true, false)),
                ("false", (false, false)),
                ("both", (true, true)),
            ];
            (wanted.contained, wanted.both) = one_of(name, value, &table)?;
        } else {
            let table = [("container", false), ("contained", true)];
            wanted.whole = one_of(name, value, &table)?;
        }
        Ok(())
    }

    /// Turns the criteria read so far into criteria over contained resources.
    pub(super) fn contain(&mut self) -> Result<(), Failure> {
        let wanted = self.contained;
        if !wanted.contained {
            return Ok(());
        }
        self.demand_contained_seen()?;
        let [ty] = self.plan.types[..] else {
            return Err(invalid("_contained", "needs a search over one type"));
        };
        let stored = |key: &SortKey| matches!(key, SortKey::Updated { .. } | SortKey::Id { .. });
        if !self.plan.sort.iter().all(stored) {
            let text = "A search with '_contained' can be sorted by _lastUpdated and _id.";
            return Err(Failure::new(Kind::NotSupported, text));
        }
        let filter = Filter::And(std::mem::take(&mut self.filters));
        decidable(&filter, "_contained")?;
        let contained = Contained {
            rendered: if wanted.whole {
                Rendered::Contained
            } else {
                Rendered::Container
            },
            both: wanted.both,
            ty,
            inner: Arc::new((self.extractor.clone(), filter.clone())),
        };
        let inside = self.inside(&contained);
        self.plan.types = Vec::new();
        self.filters.push(if wanted.both {
            let own = Filter::And(vec![Filter::Types(vec![ty]), filter]);
            Filter::Or(vec![own, inside])
        } else {
            inside
        });
        self.used.contained = Some(contained);
        Ok(())
    }

    /// Containers with a contained resource that matches.
    fn inside(&self, contained: &Contained) -> Filter {
        let name = self.registry.schema().ty(contained.ty).name;
        let term = self.extractor.key().contained(name);
        let test = contained.clone();
        Filter::And(vec![
            Filter::AnyTerm(vec![term]),
            Filter::Check(Check {
                name: "_contained".to_owned(),
                test: Arc::new(move |node| node.all("contained").any(|n| test.is_match(n))),
            }),
        ])
    }
}
