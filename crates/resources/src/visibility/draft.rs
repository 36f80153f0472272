//! A version that is to be written, before it has its labels and its class.

use super::labels::lowers_labels;
use crate::call::Interaction;
use crate::place::Placement;
use crate::write::{Identity, Replaced};
use ward_access::Caller;
use ward_fhir::Node;
use ward_storage::Op;

pub struct Draft<'a> {
    /// What is to be stored, its links rewritten and the elements that its writer does not see put back.
    pub node: Node<'a>,
    pub identity: Identity,
    pub placement: Placement,
    pub replaced: Replaced,
    pub by: By,
}

/// Whose word the labels in it are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A client's, who leaves labels out without meaning it (L2).
    Body,
    /// Somebody's who may lower labels, in a patch: what it takes away is taken away (L1).
    Lowering,
    /// The service labels a stored version anew: what it said before is forgotten.
    Service,
}

impl By {
    /// Of a Call of this caller.
    pub fn of(caller: &Caller, interaction: &Interaction) -> By {
        let takes_away = match interaction {
            Interaction::Patch { .. } | Interaction::ConditionalPatch { .. } => true,
            Interaction::Operation { name, .. } => name == "meta-delete",
            _ => false,
        };
        match takes_away && lowers_labels(caller) {
            true => By::Lowering,
            false => By::Body,
        }
    }
}

impl Draft<'_> {
    /// Whether others may name it already: its id was not given just now.
    pub fn may_be_named(&self) -> bool {
        let is_asked_for = self.node.text("id") == Some(&self.identity.id);
        is_asked_for || !matches!(self.replaced, Replaced::Nothing)
    }

    /// Whether others may name what was not there until now.
    pub fn fills_a_gap(&self) -> bool {
        let is_live = matches!(&self.replaced, Replaced::Version(row) if row.op != Op::Delete);
        self.may_be_named() && !is_live
    }
}
