//! What is left of a patient's consents for one row: a function of the caller alone, in one form for each function.

use crate::action::Action;
use crate::code::Ref;
use crate::diagram::{Diagram, Id, LEAVES, Node, level};
use crate::facts::Kind;
use crate::level::Level;
use std::sync::Arc;

mod bytes;

/// Equal ones are equal functions, whichever consents they come from. Small: a few nodes for what a form offers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Residual(Form);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Form {
    /// Too large to be told here: the interpreter must be asked, each time.
    Private,
    Tree(Tree),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Tree {
    /// Those that are asked about, in their order.
    atoms: Vec<Atom>,
    /// Each after those it leads to; `atom` is a position in `atoms`.
    nodes: Vec<Node>,
    root: Id,
}

/// A question about a caller that is answered with yes or no. The order is that in which they are asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Atom {
    /// Is this done?
    Action(Action),
    /// Is it for what this code includes?
    Purpose(Arc<str>),
    /// May the caller be a deleted identity of this kind?
    Kind(Kind),
    /// Is, or belongs to?
    Actor(Ref),
}

/// Levels that are possible, lowest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Levels(u8);

impl Residual {
    /// Of a patient without consents.
    pub fn silent() -> Residual {
        Residual::leaf(Level::Silent)
    }

    /// Decided by nothing but the interpreter: always asked, which hides the row.
    pub fn private() -> Residual {
        Residual(Form::Private)
    }

    pub(crate) fn leaf(level: Level) -> Residual {
        Residual(Form::Tree(Tree {
            atoms: Vec::new(),
            nodes: Vec::new(),
            root: level as Id,
        }))
    }

    /// Whether only the interpreter can tell.
    pub fn is_private(&self) -> bool {
        self.0 == Form::Private
    }

    /// Whether consents say nothing of the row, to anybody.
    pub fn is_silent(&self) -> bool {
        *self == Residual::silent()
    }

    /// What a diagram says from `root` on.
    pub(crate) fn extract(diagram: &Diagram, atoms: &[Atom], root: Id) -> Residual {
        Residual(Form::Tree(Tree::extract(diagram.nodes(), atoms, root)))
    }

    /// Levels that are possible where `truth` of some atoms is not known. Cost: atoms on one path, where it is; else nodes.
    pub(crate) fn levels(&self, truth: impl Fn(&Atom) -> Option<bool>) -> Levels {
        let Form::Tree(tree) = &self.0 else {
            return Level::ALL.into_iter().fold(Levels::default(), Levels::with);
        };
        let mut at = tree.root;
        while at >= LEAVES {
            let node = tree.nodes[(at - LEAVES) as usize];
            match truth(&tree.atoms[node.atom as usize]) {
                Some(true) => at = node.high,
                Some(false) => at = node.low,
                None => return tree.reach(at, truth),
            }
        }
        Levels::default().with(level(at))
    }
}

impl Tree {
    /// What is below `root`, numbered by the way it is walked: low before high, each after what it leads to.
    fn extract(from: &[Node], atoms: &[Atom], root: Id) -> Tree {
        let mut out = Extract {
            from,
            placed: Default::default(),
            nodes: Vec::new(),
        };
        let root = out.place(root);
        let mut used: Vec<u16> = out.nodes.iter().map(|node| node.atom).collect();
        used.sort_unstable();
        used.dedup();
        for node in &mut out.nodes {
            let at = used.binary_search(&node.atom).unwrap_or_default();
            node.atom = at as u16;
        }
        Tree {
            atoms: used
                .iter()
                .map(|atom| atoms[*atom as usize].clone())
                .collect(),
            nodes: out.nodes,
            root,
        }
    }

    /// The same from a node on, both ways where it is not known.
    fn reach(&self, from: Id, truth: impl Fn(&Atom) -> Option<bool>) -> Levels {
        let known: Vec<Option<bool>> = self.atoms.iter().map(truth).collect();
        let mut reached = vec![false; self.nodes.len()];
        let mut levels = Levels::default();
        let mut mark = |id: Id, reached: &mut Vec<bool>| match id.checked_sub(LEAVES) {
            None => levels = levels.with(level(id)),
            Some(at) => reached[at as usize] = true,
        };
        mark(from, &mut reached);
        for at in (0..self.nodes.len()).rev() {
            if !reached[at] {
                continue;
            }
            let node = self.nodes[at];
            let known = known[node.atom as usize];
            if known != Some(true) {
                mark(node.low, &mut reached);
            }
            if known != Some(false) {
                mark(node.high, &mut reached);
            }
        }
        levels
    }
}

impl Levels {
    pub fn with(self, level: Level) -> Levels {
        Levels(self.0 | 1 << level as u8)
    }

    pub fn iter(self) -> impl Iterator<Item = Level> {
        Level::ALL
            .into_iter()
            .filter(move |level| self.0 >> *level as u8 & 1 == 1)
    }
}

struct Extract<'d> {
    from: &'d [Node],
    placed: std::collections::HashMap<Id, Id>,
    nodes: Vec<Node>,
}

impl Extract<'_> {
    /// As deep as there are atoms on a path, which [`crate::specialise::ATOMS_MAX`] bounds.
    fn place(&mut self, id: Id) -> Id {
        if id < LEAVES {
            return id;
        }
        if let Some(placed) = self.placed.get(&id) {
            return *placed;
        }
        let node = self.from[(id - LEAVES) as usize];
        let low = self.place(node.low);
        let high = self.place(node.high);
        self.nodes.push(Node { low, high, ..node });
        let placed = self.nodes.len() as Id - 1 + LEAVES;
        self.placed.insert(id, placed);
        placed
    }
}

#[cfg(test)]
#[path = "residual_tests.rs"]
mod tests;
