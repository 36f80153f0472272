//! The labels of one resource, and where each comes from.

use crate::code::{ACT_CODE, CONFIDENTIALITY, Coding};
use crate::sensitivity::Confidentiality;

/// One code of `meta.security`, confidentiality apart.
pub type Label = Coding;

/// Who said so, which decides who may take it back (L1): the labelling service, when its rules or what is around the resource
/// say so no longer, or a person whose role lowers labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// A rule matched the resource itself.
    Rule,
    /// It came from a resource that this one belongs to (`takes`).
    Carried,
    /// A client stated it.
    Client,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub label: Label,
    pub origin: Origin,
}

/// Each label once, in the order of system and code. Unlabelled is normal (L5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    held: Vec<Held>,
    /// The level that a client stated.
    stated: Option<Confidentiality>,
    /// The level that counts: at least the stated one.
    level: Option<Confidentiality>,
}

impl Coding {
    /// A code of v3-ActCode.
    pub fn act(code: &str) -> Coding {
        Coding::new(ACT_CODE, code)
    }
}

impl Labels {
    pub fn none() -> Labels {
        Labels::default()
    }

    /// Nothing was said: neither a label nor a level.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty() && self.level.is_none()
    }

    /// The high-water mark; normal where nothing says otherwise (L5).
    pub fn level(&self) -> Confidentiality {
        self.level.unwrap_or(Confidentiality::Normal)
    }

    /// Whether any level was stated or follows.
    pub fn has_level(&self) -> bool {
        self.level.is_some()
    }

    /// The level that a client stated, where one did.
    pub fn stated_level(&self) -> Option<Confidentiality> {
        self.stated
    }

    pub fn iter(&self) -> impl Iterator<Item = &Held> {
        self.held.iter()
    }

    pub fn len(&self) -> usize {
        self.held.len()
    }

    pub fn get(&self, label: &Label) -> Option<&Held> {
        let at = self.held.binary_search_by(|held| held.label.cmp(label));
        at.ok().map(|at| &self.held[at])
    }

    pub fn contains(&self, label: &Label) -> bool {
        self.get(label).is_some()
    }

    /// Adds a label; one that is there keeps its origin.
    pub fn add(&mut self, label: &Label, origin: Origin) {
        debug_assert!(*label.system != *CONFIDENTIALITY, "levels are raised");
        let at = self.held.binary_search_by(|held| held.label.cmp(label));
        if let Err(at) = at {
            let label = label.clone();
            self.held.insert(at, Held { label, origin });
        }
    }

    /// What a client states of the level.
    pub fn state(&mut self, level: Confidentiality) {
        self.stated = self.stated.max(Some(level));
        self.raise(level);
    }

    /// What follows of the level. Where nothing was stated it is set, else it can only rise.
    pub fn raise(&mut self, level: Confidentiality) {
        self.level = self.level.max(Some(level));
    }

    /// Both: every label of either, the higher level. Origins of `self` stay.
    pub fn union(mut self, other: &Labels) -> Labels {
        for held in &other.held {
            self.add(&held.label, held.origin);
        }
        self.stated = self.stated.max(other.stated);
        self.level = self.level.max(other.level);
        self
    }

    /// Those that `keep` keeps; the level is only what a client stated.
    pub(super) fn filtered(&self, keep: impl Fn(&Held) -> bool) -> Labels {
        Labels {
            held: self
                .held
                .iter()
                .filter(|held| keep(held))
                .cloned()
                .collect(),
            stated: self.stated,
            level: self.stated,
        }
    }

    /// The same labels, all from `origin`, with nothing stated; the level where it is above normal, since what is less confidential
    /// than the rest stays so.
    pub(super) fn all_from(&self, origin: Origin) -> Labels {
        let held = self.held.iter().map(|held| Held {
            label: held.label.clone(),
            origin,
        });
        Labels {
            held: held.collect(),
            stated: None,
            level: self.level.filter(|level| *level > Confidentiality::Normal),
        }
    }

    pub(super) fn without_levels(mut self) -> Labels {
        (self.stated, self.level) = (None, None);
        self
    }
}
