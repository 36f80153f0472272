//! Residuals as bytes: what is stored, and what equal ones are found by. The first byte is the form; numbers are little-endian.
//! Form 0: private. Form 1: number of atoms (2 bytes), each as kind (1), length (2) and text; root (4); number of nodes (4), each as
//! atom (2), low (4), high (4). Ids below 5 are levels.

use super::{Atom, Form, Residual, Tree};
use crate::action::Action;
use crate::diagram::{Id, LEAVES, Node};
use crate::facts::Kind;
use crate::specialise::ATOMS_MAX;
use std::collections::HashSet;

const PRIVATE: u8 = 0;
const TREE: u8 = 1;
const KINDS: [(Kind, &str); 5] = [
    (Kind::Practitioner, "Practitioner"),
    (Kind::Patient, "Patient"),
    (Kind::RelatedPerson, "RelatedPerson"),
    (Kind::Device, "Device"),
    (Kind::Any, ""),
];

impl Residual {
    /// The same for equal ones, on every machine and after every release. What the form has no room for is private.
    pub fn to_bytes(&self) -> Vec<u8> {
        match &self.0 {
            Form::Private => None,
            Form::Tree(tree) => tree.to_bytes(),
        }
        .unwrap_or_else(|| vec![PRIVATE])
    }

    /// `None`: not what [`Residual::to_bytes`] writes. Whoever stored it must treat the row as hidden.
    pub fn from_bytes(bytes: &[u8]) -> Option<Residual> {
        let mut reader = Reader(bytes);
        let form = match reader.byte()? {
            PRIVATE => Form::Private,
            TREE => Form::Tree(tree(&mut reader)?),
            _ => return None,
        };
        reader.0.is_empty().then_some(Residual(form))
    }
}

impl Tree {
    /// `None`: more atoms, nodes or text than there is room for.
    fn to_bytes(&self) -> Option<Vec<u8>> {
        let short = |length: usize| u16::try_from(length).ok().map(u16::to_le_bytes);
        let mut out = vec![TREE];
        out.extend(short(self.atoms.len())?);
        for atom in &self.atoms {
            let (kind, text) = atom.parts();
            out.push(kind);
            out.extend(short(text.len())?);
            out.extend(text.as_bytes());
        }
        out.extend(self.root.to_le_bytes());
        out.extend(u32::try_from(self.nodes.len()).ok()?.to_le_bytes());
        for node in &self.nodes {
            out.extend(node.atom.to_le_bytes());
            out.extend(node.low.to_le_bytes());
            out.extend(node.high.to_le_bytes());
        }
        Some(out)
    }

    /// Whether it is the one form of its function: nothing twice, nothing that is not asked, all in the order of the walk.
    fn is_canonical(&self) -> bool {
        let distinct: HashSet<&Node> = self.nodes.iter().collect();
        distinct.len() == self.nodes.len()
            && Tree::extract(&self.nodes, &self.atoms, self.root) == *self
    }
}

fn tree(reader: &mut Reader<'_>) -> Option<Tree> {
    let count = reader.short()?;
    if usize::from(count) > ATOMS_MAX {
        return None;
    }
    let mut atoms: Vec<Atom> = Vec::new();
    for _ in 0..count {
        let kind = reader.byte()?;
        let length = reader.short()?;
        let atom = Atom::of(kind, std::str::from_utf8(reader.take(length.into())?).ok()?)?;
        if atoms.last().is_some_and(|before| *before >= atom) {
            return None;
        }
        atoms.push(atom);
    }
    let root = reader.long()?;
    let count = reader.long()?;
    let mut nodes: Vec<Node> = Vec::new();
    for _ in 0..count {
        let node = Node {
            atom: reader.short()?,
            low: reader.long()?,
            high: reader.long()?,
        };
        if !is_below(&nodes, &node, atoms.len()) {
            return None;
        }
        nodes.push(node);
    }
    let is_whole = (root as usize) < nodes.len() + LEAVES as usize;
    let tree = is_whole.then_some(Tree { atoms, nodes, root })?;
    tree.is_canonical().then_some(tree)
}

/// Whether a node leads to earlier nodes that ask about later atoms.
fn is_below(nodes: &[Node], node: &Node, atoms: usize) -> bool {
    let leads = |id: Id| match id.checked_sub(LEAVES) {
        None => true,
        Some(at) => nodes
            .get(at as usize)
            .is_some_and(|next| next.atom > node.atom),
    };
    usize::from(node.atom) < atoms && node.low != node.high && leads(node.low) && leads(node.high)
}

impl Atom {
    fn parts(&self) -> (u8, &str) {
        match self {
            Atom::Action(action) => (0, action.code()),
            Atom::Purpose(code) => (1, code),
            Atom::Kind(kind) => {
                let name = KINDS.iter().find(|(known, _)| known == kind);
                (2, name.map_or("", |(_, name)| name))
            }
            Atom::Actor(reference) => (3, reference),
        }
    }

    fn of(kind: u8, text: &str) -> Option<Atom> {
        match kind {
            0 => Action::parse(text).map(Atom::Action),
            1 => Some(Atom::Purpose(text.into())),
            2 => {
                let kind = KINDS.iter().find(|(_, name)| *name == text);
                kind.map(|(kind, _)| Atom::Kind(*kind))
            }
            3 => Some(Atom::Actor(text.into())),
            _ => None,
        }
    }
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some(taken)
    }
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }
    fn byte(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }
    fn short(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }
    fn long(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }
}
