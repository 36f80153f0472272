//! What the entries' own identities stand for in the other entries: each new resource gets its row and id, and every link to
//! it, and every conditional reference, becomes a literal one. <https://hl7.org/fhir/R4/http.html#trules>

use super::entry::{Entry, name};
use super::steps::Step;
use crate::conditional::{Matches, find};
use crate::create::multiple;
use crate::engine::{Context, stored};
use crate::link;
use crate::place::{self, Destination, Renamed, demand_home_of};
use crate::route::Method;
use crate::write::Replaced;
use std::collections::HashMap;
use ward_access::Action;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Document, Failure, Kind, Node, TypeId};
use ward_storage::Rid;

/// What references of one transaction stand for.
#[derive(Default)]
pub struct Identities {
    /// fullUrl -> `Type/id`.
    links: HashMap<String, String>,
    /// Conditional reference, as written -> `Type/id`.
    conditional: HashMap<String, String>,
    pub patients: Patients,
}

/// Rows of the patients that are written or referred to, by logical id.
#[derive(Default)]
pub struct Patients(HashMap<String, Rid>);

/// For resources whose references are rewritten already, and stored ones: they say themselves what they mean.
impl Renamed for Patients {
    fn renamed(&self, _: &str) -> Option<String> {
        None
    }

    fn patient(&self, id: &str) -> Option<Rid> {
        self.0.get(id).copied()
    }
}

/// The identities as one entry means them: a relative reference is relative to the base of the entry's own fullUrl.
struct Within<'a> {
    identities: &'a Identities,
    base: Option<&'a str>,
}

impl Renamed for Within<'_> {
    fn renamed(&self, text: &str) -> Option<String> {
        let conditional = || self.identities.conditional.get(text).cloned();
        link::target(text, &self.identities.links, self.base).or_else(conditional)
    }

    fn patient(&self, id: &str) -> Option<Rid> {
        self.identities.patients.patient(id)
    }
}

impl Identities {
    /// Gives rows and ids to what is new, and learns what all identities stand for. Nothing is allocated before the caller
    /// was found to be permitted to write every entry where it belongs.
    pub async fn give(
        cx: Context<'_>,
        document: &Document,
        entries: &[Entry],
        steps: &mut [Step],
    ) -> Result<Identities> {
        let mut identities = Identities::default();
        for entry in entries {
            if let Some(index) = entry.resource {
                let node = document.node(index);
                identities
                    .answer_conditional(cx, node)
                    .await
                    .map_err(|f| name(f, entry.at))?;
            }
        }
        // Patients first, so that the others can be placed with them.
        for patients in [true, false] {
            let allocated = identities
                .allocate(cx, document, entries, steps, patients)
                .await?;
            for ((entry, step), rid) in entries.iter().zip(steps.iter_mut()).zip(allocated) {
                identities.identify(cx, entry, step, rid, patients)?;
            }
        }
        Ok(identities)
    }

    /// Rewrites all resources of the Bundle.
    pub fn rewrite(&self, bundle: &mut Document, entries: &[Entry]) -> Result<()> {
        let mut replacements = Vec::new();
        for entry in entries {
            if let Some(index) = entry.resource {
                let base = entry.full_url.as_deref().and_then(base_of);
                self.replace(bundle.node(index), base, &mut replacements);
            }
        }
        link::apply(bundle, replacements);
        entries
            .iter()
            .filter_map(|entry| entry.resource)
            .try_for_each(|index| demand_resolved(bundle.node(index)))
    }

    /// Rewrites a patched resource: a patch inside a Binary brings identities that nobody could see in the Bundle. Only
    /// `urn:` ones: any other url may have been stored before, and is not the patch's to change.
    pub fn rewrite_patched(&self, before: &[u8], patched: &mut Document) -> Result<()> {
        let is_urn = |(url, _): &(&String, &String)| url.starts_with("urn:");
        let own = self.links.iter().filter(is_urn);
        let links = own.map(|(url, new)| (url.clone(), new.clone())).collect();
        let replacements = link::replacements(patched.root(), &links, None);
        link::apply(patched, replacements);
        let was_there = |text: &str| std::str::from_utf8(before).is_ok_and(|b| b.contains(text));
        match link::dangling(patched.root()) {
            Some(reference) if !reference.value().is_some_and(was_there) => {
                Err(unresolved(reference))
            }
            _ => Ok(()),
        }
    }

    /// `Type/id` of the entries.
    pub fn own(&self) -> impl Iterator<Item = &String> {
        self.links.values()
    }

    fn replace(
        &self,
        node: Node<'_>,
        base: Option<&str>,
        replacements: &mut Vec<(ward_fhir::tree::NodeIndex, String)>,
    ) {
        replacements.extend(link::replacements(node, &self.links, base));
        for (reference, ..) in link::conditional(node) {
            let new = reference.value().and_then(|t| self.conditional.get(t));
            replacements.extend(new.map(|new| (reference.index(), new.clone())));
        }
    }

    /// Finds what conditional references stand for, each once.
    async fn answer_conditional(&mut self, cx: Context<'_>, node: Node<'_>) -> Result<()> {
        for (reference, ty, query) in link::conditional(node) {
            let text = reference.value().unwrap_or_default();
            if !self.conditional.contains_key(text) {
                let found = conditional_reference(cx, ty, query)
                    .await
                    .map_err(|f| f.at(reference.expression()))?;
                self.conditional.insert(text.to_owned(), found);
            }
        }
        Ok(())
    }

    /// Rows for the new resources: the patients among the entries, or the others.
    async fn allocate(
        &mut self,
        cx: Context<'_>,
        document: &Document,
        entries: &[Entry],
        steps: &[Step],
        patients: bool,
    ) -> Result<Vec<Option<Rid>>> {
        let mut destinations = Vec::new();
        let mut written = Vec::new();
        for (at, (entry, step)) in entries.iter().zip(steps).enumerate() {
            if let (
                Step::Put {
                    ty, rid, replaced, ..
                },
                Some(index),
            ) = (step, entry.resource)
                && (*ty == place::patient_type()) == patients
            {
                demand_home_of(replaced, cx.access, *ty, action(entry))
                    .map_err(|f| name(f, entry.at))?;
                let within = Within {
                    identities: self,
                    base: entry.full_url.as_deref().and_then(base_of),
                };
                let node = document.node(index);
                destinations.push(Destination::of(cx.engine, node, *rid, &within));
                written.push((at, node, *rid));
            }
        }
        let known = place::locate(cx.engine, &mut destinations).await?;
        self.patients.0.extend(known);
        for ((at, node, _), destination) in written.iter().zip(&destinations) {
            destination
                .demand(cx.access, *node, action(&entries[*at]))
                .map_err(|f| name(f, entries[*at].at))?;
        }
        let mut rows = vec![None; entries.len()];
        let placements = place::settle(cx.engine, destinations).await?;
        for ((at, node, rid), placement) in written.into_iter().zip(placements) {
            rows[at] = Some(rid.unwrap_or_else(|| placement.row(cx.engine, node.ty())));
        }
        Ok(rows)
    }

    /// Completes the step's identity and links the entry's fullUrl to it.
    fn identify(
        &mut self,
        cx: Context<'_>,
        entry: &Entry,
        step: &mut Step,
        allocated: Option<Rid>,
        patients: bool,
    ) -> Result<()> {
        let is_patient = |ty: TypeId| ty == place::patient_type();
        let (ty, id, row) = match step {
            Step::Put {
                ty,
                id,
                rid,
                register,
                replaced,
            } if is_patient(*ty) == patients => {
                *rid = rid.or(allocated);
                *register = matches!(replaced, Replaced::Nothing)
                    && !id.is_empty()
                    && cx.engine.store.decode_id(id).is_none();
                if id.is_empty() {
                    *id = rid
                        .map(|rid| cx.engine.store.public_id(rid))
                        .unwrap_or_default();
                }
                (*ty, id.clone(), *rid)
            }
            Step::Existing { row } if is_patient(row.ty) == patients => {
                (row.ty, row.id.to_string(), Some(row.rid))
            }
            _ => return Ok(()),
        };
        let identity = link::identity(ty, &id);
        if let Some(rid) = row.filter(|_| patients) {
            self.patients.0.insert(id, rid);
        }
        if let Some(url) = &entry.full_url
            && self.links.insert(url.clone(), identity).is_some()
        {
            let twice = Failure::new(Kind::Invalid, "two entries have this fullUrl");
            return Err(name(twice, entry.at));
        }
        Ok(())
    }
}

/// What a write entry does where its resource is put.
pub fn action(entry: &Entry) -> Action {
    if matches!(entry.method, Method::Post) {
        Action::Create
    } else {
        Action::Update
    }
}

fn demand_resolved(node: Node<'_>) -> Result<()> {
    link::dangling(node).map_or(Ok(()), |reference| Err(unresolved(reference)))
}

fn unresolved(reference: Node<'_>) -> Failure {
    Failure::new(
        Kind::Reference,
        "the reference names no entry of this transaction",
    )
    .at(reference.expression())
}

/// `http://a/fhir` of `http://a/fhir/Patient/1`.
fn base_of(full_url: &str) -> Option<&str> {
    if !full_url.starts_with("http") {
        return None;
    }
    let (rest, _) = full_url.rsplit_once('/')?;
    let (base, ty) = rest.rsplit_once('/')?;
    r4().resource_type(ty).map(|_| base)
}

async fn conditional_reference(cx: Context<'_>, ty: TypeId, query: &str) -> Result<String> {
    match find(cx, ty, query).await? {
        Matches::One(rid, _) => {
            let row = crate::read::live(stored(
                cx.engine
                    .store
                    .read(cx.access, Action::Search, ty, rid)
                    .await,
            )?)?;
            Ok(link::identity(ty, &row.id))
        }
        Matches::None(_) => Err(Failure::new(
            Kind::Precondition,
            "the conditional reference matches no resource",
        )),
        Matches::Many => Err(multiple()),
    }
}
