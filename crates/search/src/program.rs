//! A type's parameters compiled into one tree of members: a single walk over a resource extracts them all.

use crate::expression::{Path, Step};
use ward_fhir::schema::{Schema, TypeKind};
use ward_fhir::{MemberId, Node, TypeId};

/// A path resolved against the definitions, choices expanded: one member per step.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Atom {
    pub hops: Vec<Hop>,
    /// Type of the element at the end.
    pub leaf: TypeId,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Hop {
    pub member: MemberId,
    pub guards: Vec<Guard>,
}

/// What an element on the way must fulfil.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Guard {
    /// A Reference whose target is of this type.
    ResolvesTo(TypeId),
    ChildEquals(MemberId, Box<str>),
    HasExtension(Box<str>),
    Position(u32),
}

impl Atom {
    /// Without a final `.where(resolve() is T)`, and that T.
    pub fn unrestricted(&self) -> (Atom, Option<TypeId>) {
        let mut atom = self.clone();
        let ty = match atom.hops.last_mut() {
            Some(hop) => match hop.guards.last() {
                Some(Guard::ResolvesTo(ty)) => {
                    let ty = *ty;
                    hop.guards.pop();
                    Some(ty)
                }
                _ => None,
            },
            None => None,
        };
        (atom, ty)
    }
}

/// The atoms of a path for resources of type `ty`. `None`: the path names what the definitions do not have.
/// Empty: it starts at another type.
pub(crate) fn resolve(schema: &Schema, ty: TypeId, path: &Path<'_>) -> Option<Vec<Atom>> {
    if let Some(root) = path.root
        && !schema.is_a(ty, schema.type_id(root)?)
    {
        return Some(Vec::new());
    }
    let mut atoms = vec![Atom {
        hops: Vec::new(),
        leaf: ty,
    }];
    for step in &path.steps {
        atoms = advance(schema, atoms, step)?;
    }
    if let Some(extension) = schema.type_id("Extension")
        && atoms.iter().any(|a| a.leaf == extension)
    {
        atoms = advance(schema, atoms, &Step::Child("value"))?;
    }
    Some(atoms)
}

/// The first step of a path that leads nowhere, as it is written; `None`: it resolves.
pub(crate) fn unresolved<'a>(schema: &Schema, ty: TypeId, path: &Path<'a>) -> Option<&'a str> {
    let mut atoms = vec![Atom {
        hops: Vec::new(),
        leaf: ty,
    }];
    for step in &path.steps {
        match advance(schema, atoms, step) {
            Some(next) => atoms = next,
            None => return Some(step.word()),
        }
    }
    None
}

fn advance(schema: &Schema, mut atoms: Vec<Atom>, step: &Step<'_>) -> Option<Vec<Atom>> {
    let next: Vec<Atom> = match step {
        Step::Child(name) => atoms
            .iter()
            .flat_map(|a| children(schema, a, name))
            .collect(),
        Step::As(name) => {
            let ty = schema.type_id(name)?;
            // As FHIRPath casts: a primitive must be of the very type (a `canonical` is not handed out as `uri`).
            let is_primitive = matches!(schema.ty(ty).kind, TypeKind::Primitive(_));
            atoms.retain(|a| a.leaf == ty || !is_primitive && schema.is_a(a.leaf, ty));
            atoms
        }
        Step::Extension(url) => {
            let below: Vec<Atom> = atoms
                .iter()
                .flat_map(|a| children(schema, a, "extension"))
                .collect();
            let guard = extension_url(schema, url)?;
            guarded(below, |_| Some(guard.clone()))?
        }
        Step::Index(index) => guarded(atoms, |_| Some(Guard::Position(*index)))?,
        Step::ResolvesTo(name) => {
            let ty = schema.type_id(name)?;
            guarded(atoms, |_| Some(Guard::ResolvesTo(ty)))?
        }
        Step::HasExtension(url) => guarded(atoms, |_| Some(Guard::HasExtension((*url).into())))?,
        Step::ChildEquals(name, value) => guarded(atoms, |a| {
            Some(Guard::ChildEquals(
                schema.find_member(a.leaf, name)?.id,
                (*value).into(),
            ))
        })?,
    };
    (!next.is_empty()).then_some(next)
}

fn children(schema: &Schema, atom: &Atom, name: &str) -> Vec<Atom> {
    let range = &schema.ty(atom.leaf).members;
    let members = &schema.members[range.start as usize..range.end as usize];
    let named = members
        .iter()
        .filter(|m| schema.element(m.element).name == name);
    named
        .map(|m| {
            let mut hops = atom.hops.clone();
            hops.push(Hop {
                member: m.id,
                guards: Vec::new(),
            });
            Atom { hops, leaf: m.ty }
        })
        .collect()
}

fn guarded(mut atoms: Vec<Atom>, guard: impl Fn(&Atom) -> Option<Guard>) -> Option<Vec<Atom>> {
    for atom in &mut atoms {
        let guard = guard(atom)?;
        atom.hops.last_mut()?.guards.push(guard);
    }
    Some(atoms)
}

fn extension_url(schema: &Schema, url: &str) -> Option<Guard> {
    let extension = schema.type_id("Extension")?;
    Some(Guard::ChildEquals(
        schema.find_member(extension, "url")?.id,
        url.into(),
    ))
}

/// The elements at the end of a path without guards, in document order.
pub(crate) fn ends<'a>(node: Node<'a>, hops: &[Hop]) -> Vec<Node<'a>> {
    let mut found = vec![node];
    for hop in hops {
        found = found
            .into_iter()
            .flat_map(|n| n.children_of(hop.member))
            .collect();
    }
    found
}

/// The tree. Node 0 is the resource itself. `L` is what happens at the end of a path.
#[derive(Debug)]
pub(crate) struct Program<L> {
    nodes: Vec<Branch<L>>,
}

#[derive(Debug)]
struct Branch<L> {
    /// First member of the type, and for each of its members the branch it leads to (0: none).
    base: u32,
    next: Box<[u16]>,
    /// Conditional branches at the same element.
    guarded: Vec<(Guard, u16)>,
    leaves: Vec<L>,
}

/// What a walk asks its host.
pub(crate) trait Visitor<L> {
    fn leaf(&mut self, node: Node<'_>, leaf: &L);
    /// Whether the Reference `node` points to a resource of type `ty`.
    fn resolves_to(&mut self, node: Node<'_>, ty: TypeId) -> bool;
}

impl<L: PartialEq> Program<L> {
    pub fn new(schema: &Schema, ty: TypeId) -> Self {
        let mut program = Self { nodes: Vec::new() };
        program.branch(schema, ty);
        program
    }

    pub fn add(&mut self, schema: &Schema, atom: &Atom, leaf: L) {
        let mut at = 0u16;
        for hop in &atom.hops {
            at = self.enter(schema, at, hop.member);
            for guard in &hop.guards {
                at = self.enter_guarded(schema, at, guard, schema.member(hop.member).ty);
            }
        }
        let leaves = &mut self.nodes[at as usize].leaves;
        if !leaves.contains(&leaf) {
            leaves.push(leaf);
        }
    }

    fn branch(&mut self, schema: &Schema, ty: TypeId) -> u16 {
        let def = schema.ty(ty);
        self.nodes.push(Branch {
            base: def.members.start,
            next: vec![0; def.members.len()].into_boxed_slice(),
            guarded: Vec::new(),
            leaves: Vec::new(),
        });
        (self.nodes.len() - 1) as u16
    }

    fn enter(&mut self, schema: &Schema, at: u16, member: MemberId) -> u16 {
        let slot = (member.0 - self.nodes[at as usize].base) as usize;
        let there = self.nodes[at as usize].next[slot];
        if there != 0 {
            return there;
        }
        let new = self.branch(schema, schema.member(member).ty);
        self.nodes[at as usize].next[slot] = new;
        new
    }

    fn enter_guarded(&mut self, schema: &Schema, at: u16, guard: &Guard, ty: TypeId) -> u16 {
        if let Some((_, there)) = self.nodes[at as usize]
            .guarded
            .iter()
            .find(|(g, _)| g == guard)
        {
            return *there;
        }
        let new = self.branch(schema, ty);
        self.nodes[at as usize].guarded.push((guard.clone(), new));
        new
    }

    /// Visits every leaf of `resource`. Depth is bounded by the longest path.
    pub fn walk(&self, resource: Node<'_>, visitor: &mut impl Visitor<L>) {
        self.visit(0, resource, visitor);
    }

    fn visit(&self, at: u16, node: Node<'_>, visitor: &mut impl Visitor<L>) {
        let branch = &self.nodes[at as usize];
        for leaf in &branch.leaves {
            visitor.leaf(node, leaf);
        }
        for (guard, there) in &branch.guarded {
            if holds(guard, node, visitor) {
                self.visit(*there, node, visitor);
            }
        }
        if branch.next.is_empty() {
            return;
        }
        for child in node.children() {
            let Some(member) = child.member() else {
                continue;
            };
            let slot = member.0.wrapping_sub(branch.base) as usize;
            if let Some(there) = branch.next.get(slot)
                && *there != 0
            {
                self.visit(*there, child, visitor);
            }
        }
    }
}

fn holds<L>(guard: &Guard, node: Node<'_>, visitor: &mut impl Visitor<L>) -> bool {
    match guard {
        Guard::ResolvesTo(ty) => visitor.resolves_to(node, *ty),
        Guard::ChildEquals(member, value) => node
            .children()
            .any(|c| c.member() == Some(*member) && c.value() == Some(&**value)),
        Guard::HasExtension(url) => node.all("extension").any(|e| e.text("url") == Some(&**url)),
        Guard::Position(index) => node.position() == *index as usize,
    }
}
