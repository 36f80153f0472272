//! What of its labels a row keeps: the level and the codes that decide who sees it, as bytes that are the same for the same
//! labels in every process and version.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | the form, 1 |
//! | 1 | the level: `U`, `L`, `M`, `N`, `R` or `V` |
//! | per label | one byte for the system (1 v3-ActCode, 2 `urn:ward:label`, 0 another, then its length and text), the code's length and text |
//!
//! Labels are in the order of their bytes, each once. Left out are those that say nothing of who may see: purposes
//! (v3-ActReason), integrity (v3-ObservationValue) and what rules name as handling.

use super::held::{Label, Labels};
use super::rules::{Kind, RuleSet};
use super::{ACT_CODE, LABEL_BYTES_MAX, WARD_LABEL};
use crate::sensitivity::Confidentiality;
use std::collections::BTreeSet;

/// Two rows of one class are seen by the same callers, as far as labels decide.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowClass {
    pub level: Confidentiality,
    /// In order; sensitivities, and what v3-ActCode says to do or not to do.
    pub labels: BTreeSet<Label>,
}

/// Bytes that no class has: they are of a later version, or damaged. Whoever meets them shows nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadClass;

const FORM: u8 = 1;
const OTHER: u8 = 0;
const SYSTEMS: [(u8, &str); 2] = [(1, ACT_CODE), (2, WARD_LABEL)];

impl RowClass {
    /// Of a resource without labels: normal (L5).
    pub fn unlabelled() -> RowClass {
        RowClass {
            level: Confidentiality::Normal,
            labels: BTreeSet::new(),
        }
    }

    pub fn of(labels: &Labels, rules: &RuleSet) -> RowClass {
        let decides = |label: &Label| match rules.kind(label) {
            Kind::Confidentiality => false,
            Kind::Sensitivity => true,
            Kind::Handling => *label.system == *ACT_CODE,
        };
        let held = labels.iter().map(|held| &held.label);
        RowClass {
            level: labels.level(),
            labels: held.filter(|label| decides(label)).cloned().collect(),
        }
    }

    /// The stricter of both in everything: for a version and the current one (R19), for old and new rules (L6).
    pub fn union(&self, other: &RowClass) -> RowClass {
        RowClass {
            level: self.level.max(other.level),
            labels: self.labels.union(&other.labels).cloned().collect(),
        }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![FORM];
        out.extend(self.level.code().bytes());
        let each = self.labels.iter().map(label_bytes);
        let ordered: BTreeSet<Vec<u8>> = each.collect();
        out.extend(ordered.into_iter().flatten());
        out
    }

    /// Errors: `BadClass` for anything that `to_bytes` does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<RowClass, BadClass> {
        let [FORM, level, rest @ ..] = bytes else {
            return Err(BadClass);
        };
        let level = [*level];
        let level = std::str::from_utf8(&level).ok();
        let level = level.and_then(Confidentiality::parse).ok_or(BadClass)?;
        let mut class = RowClass {
            level,
            labels: BTreeSet::new(),
        };
        let mut rest = rest;
        while !rest.is_empty() {
            class.labels.insert(label(&mut rest).ok_or(BadClass)?);
        }
        match class.to_bytes() == bytes {
            true => Ok(class),
            false => Err(BadClass),
        }
    }
}

fn label_bytes(label: &Label) -> Vec<u8> {
    let mut out = Vec::with_capacity(label.code.len() + 2);
    let known = SYSTEMS.iter().find(|(_, system)| *label.system == **system);
    match known {
        Some((byte, _)) => out.push(*byte),
        None => {
            out.push(OTHER);
            text_bytes(&label.system, &mut out);
        }
    }
    text_bytes(&label.code, &mut out);
    out
}

/// `Labels::stated` lets nothing longer in; what comes another way is cut, which makes two labels one at worst, never none.
fn text_bytes(text: &str, out: &mut Vec<u8>) {
    let mut length = text.len().min(LABEL_BYTES_MAX);
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    out.push(length as u8);
    out.extend(&text.as_bytes()[..length]);
}

fn label(rest: &mut &[u8]) -> Option<Label> {
    let (byte, after) = rest.split_first()?;
    *rest = after;
    let system = match SYSTEMS.iter().find(|(known, _)| known == byte) {
        Some((_, system)) => system,
        None if *byte == OTHER => text(rest)?,
        None => return None,
    };
    let code = text(rest)?;
    (!code.is_empty()).then(|| Label::new(system, code))
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let (length, after) = rest.split_first()?;
    let text = after.get(..usize::from(*length))?;
    *rest = &after[usize::from(*length)..];
    std::str::from_utf8(text).ok()
}
