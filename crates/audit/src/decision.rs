//! What of the decision behind a Record is remembered beside its outcome: a broken glass, an alert, the consents that decided.

use crate::varint::{self, Cursor};
use std::fmt;

/// Nothing of this for most Records, which take no byte more for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// It is about an emergency override of one patient's record: declared, used or ended (`BTG` of v3 ActReason).
    pub break_glass: bool,
    /// What the privacy office has to look at.
    pub alert: Option<Alert>,
    /// The Consents that decided, in the order in which they were told.
    pub consents: Vec<ConsentVersion>,
}

/// Row id and version of a Consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsentVersion {
    pub rid: i64,
    pub version: u32,
}

/// An alert by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alert(u8);

impl Alert {
    /// A broken glass that nobody has reviewed yet.
    pub const BREAK_GLASS: Alert = Alert(16);
    /// A stored Consent that cannot be evaluated, and so denies.
    pub const UNEVALUABLE_CONSENT: Alert = Alert(24);
    /// The audit log is silent, has a gap, is not the one that was signed, does not leave as a stream, or somebody writes in its name.
    pub const AUDIT_GAP: Alert = Alert(25);
    /// A label was taken away or lowered, or somebody who may not tried to.
    pub const LABEL_LOWERED: Alert = Alert(27);

    /// Of 1 to 30.
    pub fn of_number(number: u8) -> Option<Alert> {
        (1..=30).contains(&number).then_some(Alert(number))
    }
}

/// `A24`.
impl fmt::Display for Alert {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "A{}", self.0)
    }
}

impl Decision {
    /// A broken glass, and nothing else.
    pub fn break_glass() -> Decision {
        Decision {
            break_glass: true,
            ..Decision::default()
        }
    }

    /// An alert, and nothing else.
    pub fn alert(alert: Alert) -> Decision {
        Decision {
            alert: Some(alert),
            ..Decision::default()
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Decision::default()
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.break_glass));
        out.push(self.alert.map_or(0, |alert| alert.0));
        let kept = &self.consents[..self.consents.len().min(CONSENTS_MAX)];
        varint::put(out, kept.len() as u64);
        let mut before = 0;
        for consent in kept {
            varint::put_signed(out, consent.rid.wrapping_sub(before));
            varint::put(out, u64::from(consent.version));
            before = consent.rid;
        }
    }

    /// `None`: not what [`Decision::encode`] writes of one that is not empty.
    pub(crate) fn decode(from: &mut Cursor) -> Option<Decision> {
        let break_glass = match from.byte()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let alert = Some(from.byte()?).filter(|n| *n != 0).map(Alert);
        let count = usize::try_from(from.varint()?).ok()?;
        if count > CONSENTS_MAX {
            return None;
        }
        let mut consents = Vec::new();
        let mut before = 0i64;
        for _ in 0..count {
            before = before.wrapping_add(from.signed()?);
            let version = u32::try_from(from.varint()?).ok()?;
            consents.push(ConsentVersion {
                rid: before,
                version,
            });
        }
        let decision = Decision {
            break_glass,
            alert,
            consents,
        };
        (!decision.is_empty()).then_some(decision)
    }
}

/// Consents named by one Record; more are not written.
pub const CONSENTS_MAX: usize = 64;
