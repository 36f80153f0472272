//! What of a row the order of law, patient, emergency and default depends on, beside its residual.

use crate::code::{Coding, Ref};
use crate::facts::{Caller, Row};
use crate::rules::{LabelRule, Need, Rules};

/// Rows of one class and one residual are decided alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class {
    pub is_consent: bool,
    pub custodian: Option<Ref>,
    /// Sorted.
    pub sensitivities: Vec<Coding>,
    /// Sorted, and only where it matters: who gave a Consent; who wrote what a label keeps for its author.
    pub authors: Vec<Ref>,
}

impl Class {
    /// Must be made anew when the rules of labels change.
    pub fn of(row: &Row, rules: &Rules) -> Class {
        let is_consent = row.type_name() == "Consent";
        let is_for_author = |rule: &LabelRule| rule.need == Need::Author || !rule.is_for_patient;
        let authors: &[Ref] = if is_consent {
            &row.grantors
        } else if rules.of(&row.sensitivities).any(is_for_author) {
            row.authors.as_deref().unwrap_or_default()
        } else {
            &[]
        };
        Class {
            is_consent,
            custodian: row.custodian.clone(),
            sensitivities: sorted(&row.sensitivities),
            authors: sorted(authors),
        }
    }

    /// Whether the caller wrote the row, or gave the Consent; as far as it matters.
    pub(crate) fn is_by(&self, caller: &Caller) -> bool {
        self.authors
            .iter()
            .any(|author| caller.actors.contains(author))
    }

    /// The same for equal ones. Each text is preceded by its length (4 bytes, little-endian), each list by its number.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![u8::from(self.is_consent)];
        let custodian: Vec<&str> = self.custodian.as_deref().into_iter().collect();
        let labels = self.sensitivities.iter();
        let labels: Vec<&str> = labels
            .flat_map(|label| [&*label.system, &*label.code])
            .collect();
        let authors: Vec<&str> = self.authors.iter().map(|author| &**author).collect();
        for list in [custodian, labels, authors] {
            out.extend((list.len() as u32).to_le_bytes());
            for text in list {
                out.extend((text.len() as u32).to_le_bytes());
                out.extend(text.as_bytes());
            }
        }
        out
    }

    /// `None`: not what [`Class::to_bytes`] writes.
    pub fn from_bytes(bytes: &[u8]) -> Option<Class> {
        let (first, mut rest) = bytes.split_first()?;
        let [custodian, labels, authors] = [list(&mut rest)?, list(&mut rest)?, list(&mut rest)?];
        let pairs = labels.chunks(2).map(|pair| match pair {
            [system, code] => Some(Coding::new(system, code)),
            _ => None,
        });
        let class = Class {
            is_consent: *first != 0,
            custodian: custodian.first().map(|custodian| Ref::from(*custodian)),
            sensitivities: pairs.collect::<Option<_>>()?,
            authors: authors.into_iter().map(Ref::from).collect(),
        };
        (class.to_bytes() == bytes).then_some(class)
    }
}

fn sorted<T: Ord + Clone>(all: &[T]) -> Vec<T> {
    let mut all = all.to_vec();
    all.sort_unstable();
    all.dedup();
    all
}

fn list<'b>(bytes: &mut &'b [u8]) -> Option<Vec<&'b str>> {
    let mut all = Vec::new();
    for _ in 0..number(bytes)? {
        let length = number(bytes)? as usize;
        let (text, rest) = bytes.split_at_checked(length)?;
        *bytes = rest;
        all.push(std::str::from_utf8(text).ok()?);
    }
    Some(all)
}

fn number(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*number))
}
