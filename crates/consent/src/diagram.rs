//! Decision diagrams over facts of a caller: each function has exactly one, so that equal residuals are equal bytes.
//! R. E. Bryant, Graph-based algorithms for Boolean function manipulation (1986), with levels instead of two leaves.

use crate::level::Level;
use std::collections::HashMap;

/// Below [`LEAVES`] a level, else a node.
pub(crate) type Id = u32;

pub(crate) const LEAVES: u32 = Level::ALL.len() as u32;
/// Conditions are diagrams of these two: `Min` is and, `Max` is or.
pub(crate) const FALSE: Id = Level::Refused as Id;
pub(crate) const TRUE: Id = Level::Named as Id;
/// Of one residual. What would take more is left to the interpreter: it is the tail of consents that mix many purposes and
/// actions across many people. 2026-11-30: giving up after 40,000 took 6.7 ms, where 5 ms are allowed; 200 provisions for as many
/// people take 0.4 ms in all.
pub(crate) const STEPS_MAX: u32 = 20_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Node {
    /// Position in the ordered list of atoms; smaller ones are nearer to the root.
    pub atom: u16,
    pub low: Id,
    pub high: Id,
}

/// More than [`STEPS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooWide;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Op {
    Min,
    Max,
    /// [`Level::join`]
    Join,
    /// [`Level::or`], which has an order.
    Or,
}

pub(crate) struct Diagram {
    nodes: Vec<Node>,
    unique: HashMap<Node, Id>,
    applied: HashMap<(Op, Id, Id), Id>,
    chosen: HashMap<(Id, Id, Id), Id>,
    steps: u32,
}

impl Diagram {
    pub fn new() -> Diagram {
        Diagram {
            nodes: Vec::new(),
            unique: HashMap::new(),
            applied: HashMap::new(),
            chosen: HashMap::new(),
            steps: 0,
        }
    }

    /// Starts to count anew.
    pub fn begin(&mut self) {
        self.steps = 0;
    }

    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Forgets nodes beyond the first `kept`.
    pub fn forget(&mut self, kept: usize) {
        self.nodes.truncate(kept);
        self.unique.retain(|_, id| (*id - LEAVES) < kept as u32);
        self.applied.clear();
        self.chosen.clear();
    }

    /// Whether an atom holds.
    pub fn atom(&mut self, atom: u16) -> Id {
        self.node(atom, FALSE, TRUE)
    }

    /// Whether an atom does not hold.
    pub fn not_atom(&mut self, atom: u16) -> Id {
        self.node(atom, TRUE, FALSE)
    }

    /// Of any number, in pairs, so that what is small is joined with what is small. `none`: of nothing.
    pub fn all(&mut self, op: Op, mut parts: Vec<Id>, none: Id) -> Result<Id, TooWide> {
        while parts.len() > 1 {
            let pair = |pair: &[Id]| match *pair {
                [a, b] => self.apply(op, a, b),
                [a] => Ok(a),
                _ => Ok(none),
            };
            parts = parts.chunks(2).map(pair).collect::<Result<_, _>>()?;
        }
        Ok(parts.pop().unwrap_or(none))
    }

    pub fn apply(&mut self, op: Op, a: Id, b: Id) -> Result<Id, TooWide> {
        if a == b {
            return Ok(a);
        }
        if a < LEAVES && b < LEAVES {
            return Ok(op.of(level(a), level(b)) as Id);
        }
        let (a, b) = if op == Op::Or || a < b {
            (a, b)
        } else {
            (b, a)
        };
        if let Some(known) = self.applied.get(&(op, a, b)) {
            return Ok(*known);
        }
        self.step()?;
        let top = self.top(a).min(self.top(b));
        let ((a0, a1), (b0, b1)) = (self.halves(a, top), self.halves(b, top));
        let low = self.apply(op, a0, b0)?;
        let high = self.apply(op, a1, b1)?;
        let id = self.node(top, low, high);
        self.applied.insert((op, a, b), id);
        Ok(id)
    }

    /// `yes` where the condition holds, else `no`.
    pub fn choose(&mut self, condition: Id, yes: Id, no: Id) -> Result<Id, TooWide> {
        match condition {
            TRUE => return Ok(yes),
            FALSE => return Ok(no),
            _ if yes == no => return Ok(yes),
            _ => {}
        }
        if let Some(known) = self.chosen.get(&(condition, yes, no)) {
            return Ok(*known);
        }
        self.step()?;
        let top = self.top(condition).min(self.top(yes)).min(self.top(no));
        let (c0, c1) = self.halves(condition, top);
        let ((y0, y1), (n0, n1)) = (self.halves(yes, top), self.halves(no, top));
        let low = self.choose(c0, y0, n0)?;
        let high = self.choose(c1, y1, n1)?;
        let id = self.node(top, low, high);
        self.chosen.insert((condition, yes, no), id);
        Ok(id)
    }

    fn node(&mut self, atom: u16, low: Id, high: Id) -> Id {
        if low == high {
            return low;
        }
        let node = Node { atom, low, high };
        *self.unique.entry(node).or_insert_with(|| {
            self.nodes.push(node);
            self.nodes.len() as Id - 1 + LEAVES
        })
    }

    /// The atom at the root; leaves come after all.
    fn top(&self, id: Id) -> u16 {
        if id < LEAVES {
            u16::MAX
        } else {
            self.nodes[(id - LEAVES) as usize].atom
        }
    }

    fn halves(&self, id: Id, top: u16) -> (Id, Id) {
        if self.top(id) != top || id < LEAVES {
            return (id, id);
        }
        let node = self.nodes[(id - LEAVES) as usize];
        (node.low, node.high)
    }

    fn step(&mut self) -> Result<(), TooWide> {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            Err(TooWide)
        } else {
            Ok(())
        }
    }
}

impl Op {
    fn of(self, a: Level, b: Level) -> Level {
        match self {
            Op::Min => a.min(b),
            Op::Max => a.max(b),
            Op::Join => a.join(b),
            Op::Or => a.or(b),
        }
    }
}

/// The level of a leaf; of a node the lowest.
pub(crate) fn level(leaf: Id) -> Level {
    Level::ALL
        .get(leaf as usize)
        .copied()
        .unwrap_or(Level::Refused)
}
