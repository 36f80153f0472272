//! What of a row decides who sees it, as the bytes that the store interns.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | the form, 1 |
//! | 1 | 0: of a patient's record; 1: of nobody's |
//! | 2, little-endian, then as many | `Residual::to_bytes` |
//! | 2, little-endian, then as many | `consent::Class::to_bytes` |
//! | the rest | `labels::RowClass::to_bytes` |
//!
//! The store gives id 0 to no bytes at all: that is a row of which nothing was worked out.

use bytes::Bytes;
use ward_consent::labels::RowClass;
use ward_consent::{Class, Residual};

const FORM: u8 = 1;
const OF_A_RECORD: u8 = 0;
const OF_NOBODY: u8 = 1;

/// Rows of one class are seen by the same callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisibilityClass {
    /// Whether the row lies in nobody's record: no consent binds it, labels do.
    pub is_shared: bool,
    /// What the patient's consents come to for this row.
    pub residual: Residual,
    /// Custodian, sensitivities and authors, as far as the order of law, patient and default asks for them.
    pub class: Class,
    /// Level and labels.
    pub labels: RowClass,
}

impl VisibilityClass {
    /// The same for equal ones. `None`: longer than there is room for. Such a row is nobody's to see.
    pub fn to_bytes(&self) -> Option<Bytes> {
        let (residual, class) = (self.residual.to_bytes(), self.class.to_bytes());
        let mut out = vec![
            FORM,
            if self.is_shared {
                OF_NOBODY
            } else {
                OF_A_RECORD
            },
        ];
        for part in [residual, class] {
            out.extend(u16::try_from(part.len()).ok()?.to_le_bytes());
            out.extend(part);
        }
        out.extend(self.labels.to_bytes());
        (out.len() <= ward_storage::CLASS_BYTES_MAX).then(|| Bytes::from(out))
    }

    /// `None`: not what [`VisibilityClass::to_bytes`] writes. Whoever meets such bytes shows the rows to nobody.
    pub fn from_bytes(bytes: &[u8]) -> Option<VisibilityClass> {
        let [FORM, whose @ (OF_A_RECORD | OF_NOBODY), rest @ ..] = bytes else {
            return None;
        };
        let mut rest = rest;
        let residual = Residual::from_bytes(part(&mut rest)?)?;
        let class = Class::from_bytes(part(&mut rest)?)?;
        Some(VisibilityClass {
            is_shared: *whose == OF_NOBODY,
            residual,
            class,
            labels: RowClass::from_bytes(rest).ok()?,
        })
    }
}

fn part<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, after) = rest.split_first_chunk::<2>()?;
    let (part, after) = after.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    *rest = after;
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ward_consent::labels::{Label, Labels, Origin, RuleSet};

    fn labelled(codes: &[&str]) -> VisibilityClass {
        let mut labels = Labels::none();
        for code in codes {
            labels.add(
                &Label::new("http://terminology.hl7.org/CodeSystem/v3-ActCode", code),
                Origin::Rule,
            );
        }
        VisibilityClass {
            is_shared: codes.is_empty(),
            residual: Residual::silent(),
            class: Class {
                custodian: Some("Organization/1".into()),
                ..Class::default()
            },
            labels: RowClass::of(&labels, &RuleSet::starter()),
        }
    }

    #[test]
    fn comes_back_from_its_bytes_and_from_no_others() {
        for codes in [&[][..], &["HIV"], &["HIV", "SUD"]] {
            let class = labelled(codes);
            let bytes = class.to_bytes().unwrap();
            assert_eq!(VisibilityClass::from_bytes(&bytes), Some(class));
            for cut in 0..bytes.len() {
                let read = VisibilityClass::from_bytes(&bytes[..cut]);
                assert!(read.is_none_or(|read| read.to_bytes().unwrap() == bytes[..cut]));
            }
        }
        assert!(VisibilityClass::from_bytes(&[]).is_none());
        assert!(VisibilityClass::from_bytes(&[2, 0, 0, 0]).is_none());
    }

    #[test]
    fn a_class_without_room_is_none() {
        let mut class = labelled(&["HIV"]);
        let author = |n: usize| format!("Practitioner/{n:060}").into();
        class.class.authors = (0..100).map(author).collect();
        assert!(class.to_bytes().is_none());
    }
}
