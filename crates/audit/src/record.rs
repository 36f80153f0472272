//! The compact row behind an AuditEvent: who did what to which resources, when, with what outcome. Never a stored value.
//! <https://hl7.org/fhir/R4/auditevent.html>

use crate::decision::Decision;
use crate::detail::Detail;
use crate::interaction;
use crate::varint::{self, Cursor};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Microseconds since 1970.
    pub at_us: i64,
    pub request_id: [u8; 16],
    /// FHIR RESTful interaction code: `read`, `vread`, `search-type`, `create`, `transaction`, `operation`, ...
    pub interaction: String,
    pub client_id: String,
    /// `fhirUser` or subject; empty for a system.
    pub user: String,
    pub purpose: String,
    /// Peer address.
    pub source: String,
    pub outcome: Outcome,
    /// HTTP status.
    pub status: u16,
    /// The query as asked, names of parameters only; of an administrator's decision also what was decided, and about what.
    pub query: String,
    pub entities: Vec<Entity>,
    pub decision: Decision,
    pub detail: Detail,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Success,
    Minor,
    Serious,
    Major,
}

/// A resource touched: type number, row id, version, and the home patient's row id (0: none).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entity {
    pub ty: u16,
    pub rid: i64,
    pub version: u32,
    pub patient: i64,
    /// C R U D E
    pub action: u8,
}

/// Longer texts are cut at a character boundary when encoded: a caller must not be able to grow its own record.
pub const TEXT_BYTES_MAX: usize = 4096;

impl Record {
    /// Compact, versioned, self-delimiting bytes; `decode` refuses anything else. Appends to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let format = self.format();
        out.push(format);
        out.extend_from_slice(&self.at_us.to_le_bytes());
        out.extend_from_slice(&self.request_id);
        out.push(self.outcome as u8);
        varint::put(out, u64::from(self.status));
        match interaction::number(&self.interaction) {
            Some(number) => out.push(number),
            None => {
                out.push(0);
                put_text(out, &self.interaction);
            }
        }
        for text in [
            &self.client_id,
            &self.user,
            &self.purpose,
            &self.source,
            &self.query,
        ] {
            put_text(out, text);
        }
        varint::put(out, self.entities.len() as u64);
        let mut before = Entity {
            ty: 0,
            rid: 0,
            version: 0,
            patient: 0,
            action: 0,
        };
        for entity in &self.entities {
            entity.encode(&before, out);
            before = *entity;
        }
        match format {
            DECIDED => self.decision.encode(out),
            DETAILED => {
                out.push(u8::from(!self.decision.is_empty()));
                if !self.decision.is_empty() {
                    self.decision.encode(out);
                }
                self.detail.encode(out);
            }
            _ => (),
        }
    }

    fn format(&self) -> u8 {
        match (self.decision.is_empty(), self.detail.is_empty()) {
            (true, true) => PLAIN,
            (false, true) => DECIDED,
            (_, false) => DETAILED,
        }
    }

    /// `None`: not exactly one record of a format this version knows.
    pub fn decode(bytes: &[u8]) -> Option<Record> {
        let mut from = Cursor(bytes);
        let format = from.byte()?;
        if ![PLAIN, DECIDED, DETAILED].contains(&format) {
            return None;
        }
        let at_us = i64::from_le_bytes(from.bytes(8)?.try_into().ok()?);
        let request_id = from.bytes(16)?.try_into().ok()?;
        let outcome = Outcome::from_byte(from.byte()?)?;
        let status = u16::try_from(from.varint()?).ok()?;
        let interaction = take_interaction(&mut from)?;
        let client_id = take_text(&mut from)?;
        let user = take_text(&mut from)?;
        let purpose = take_text(&mut from)?;
        let source = take_text(&mut from)?;
        let query = take_text(&mut from)?;
        let entities = take_entities(&mut from)?;
        let has_decision = match format {
            DETAILED => from.byte().filter(|byte| *byte < 2)? == 1,
            _ => format == DECIDED,
        };
        let decision = match has_decision {
            true => Decision::decode(&mut from)?,
            false => Decision::default(),
        };
        let detail = match format {
            DETAILED => Detail::decode(&mut from).filter(|detail| !detail.is_empty())?,
            _ => Detail::default(),
        };
        let record = Record {
            at_us,
            request_id,
            interaction,
            client_id,
            user,
            purpose,
            source,
            outcome,
            status,
            query,
            entities,
            decision,
            detail,
        };
        from.0.is_empty().then_some(record)
    }
}

impl Entity {
    /// Row ids as differences to the entity before: entries of one Call are often neighbours of one patient.
    fn encode(&self, before: &Entity, out: &mut Vec<u8>) {
        out.push(self.action);
        varint::put(out, u64::from(self.ty));
        varint::put_signed(out, self.rid.wrapping_sub(before.rid));
        varint::put(out, u64::from(self.version));
        varint::put_signed(out, self.patient.wrapping_sub(before.patient));
    }

    fn decode(from: &mut Cursor, before: &Entity) -> Option<Entity> {
        let action = from.byte().filter(|action| b"CRUDE".contains(action))?;
        let ty = u16::try_from(from.varint()?).ok()?;
        let rid = before.rid.wrapping_add(from.signed()?);
        let version = u32::try_from(from.varint()?).ok()?;
        let patient = before.patient.wrapping_add(from.signed()?);
        Some(Entity {
            ty,
            rid,
            version,
            patient,
            action,
        })
    }
}

impl Outcome {
    fn from_byte(byte: u8) -> Option<Outcome> {
        [
            Outcome::Success,
            Outcome::Minor,
            Outcome::Serious,
            Outcome::Major,
        ]
        .get(usize::from(byte))
        .copied()
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    let kept = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
    varint::put(out, kept.len() as u64);
    out.extend_from_slice(kept.as_bytes());
}

fn take_text(from: &mut Cursor) -> Option<String> {
    let length = usize::try_from(from.varint()?)
        .ok()
        .filter(|length| *length <= TEXT_BYTES_MAX)?;
    std::str::from_utf8(from.bytes(length)?)
        .ok()
        .map(str::to_owned)
}

fn take_interaction(from: &mut Cursor) -> Option<String> {
    match from.byte()? {
        0 => take_text(from).filter(|code| interaction::number(code).is_none()),
        number => interaction::code(number).map(str::to_owned),
    }
}

fn take_entities(from: &mut Cursor) -> Option<Vec<Entity>> {
    let count = usize::try_from(from.varint()?).ok()?;
    // The count is believed only as far as bytes for it are there.
    let mut entities = Vec::with_capacity(count.min(from.0.len() / ENTITY_BYTES_MIN));
    let mut before = Entity {
        ty: 0,
        rid: 0,
        version: 0,
        patient: 0,
        action: 0,
    };
    for _ in 0..count {
        before = Entity::decode(from, &before)?;
        entities.push(before);
    }
    Some(entities)
}

/// Without a decision, as all were before there was room for one.
const PLAIN: u8 = 1;
/// The same, and then the decision.
const DECIDED: u8 = 2;
/// The same; then whether there is a decision, the decision, and the details.
const DETAILED: u8 = 3;
const ENTITY_BYTES_MIN: usize = 5;

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::decision::{Alert, CONSENTS_MAX, ConsentVersion};

    pub(crate) fn sample() -> Record {
        Record {
            at_us: 1_700_000_000_000_000,
            request_id: [7; 16],
            interaction: "search-type".into(),
            client_id: "lab".into(),
            user: "Practitioner/p1".into(),
            purpose: "TREAT".into(),
            source: "127.0.0.1".into(),
            outcome: Outcome::Success,
            status: 200,
            query: "Observation?code&date".into(),
            entities: vec![
                Entity {
                    ty: 101,
                    rid: 1 << 40,
                    version: 3,
                    patient: 1 << 39,
                    action: b'R',
                },
                Entity {
                    ty: 101,
                    rid: (1 << 40) + 4096,
                    version: 1,
                    patient: 1 << 39,
                    action: b'R',
                },
                Entity {
                    ty: 7,
                    rid: i64::MAX,
                    version: u32::MAX,
                    patient: 0,
                    action: b'E',
                },
                Entity {
                    ty: u16::MAX,
                    rid: i64::MIN,
                    version: 0,
                    patient: -1,
                    action: b'D',
                },
            ],
            decision: Decision::default(),
            detail: Detail::default(),
        }
    }

    fn detailed() -> Record {
        let detail = Detail {
            client_request_id: "r-1".into(),
            token_id: "jti".into(),
            session: "session".into(),
            workstation: "ward 3".into(),
            roles: "clinician emergency".into(),
            authenticated: "pwd otp".into(),
            subtype: "$everything".into(),
            request: "Patient?name=é".into(),
            results: Some(0),
            bytes_out: Some(1 << 40),
            elapsed_us: Some(900),
            patient: i64::MIN,
            hashes: vec![[1; 32], [2; 32]],
            received: b"{}".to_vec(),
            is_delegate: true,
        };
        Record { detail, ..sample() }
    }

    fn decided() -> Record {
        let consent = |rid, version| ConsentVersion { rid, version };
        Record {
            decision: Decision {
                break_glass: true,
                alert: Some(Alert::UNEVALUABLE_CONSENT),
                consents: vec![
                    consent(1 << 40, 3),
                    consent(-1, u32::MAX),
                    consent(i64::MIN, 0),
                ],
            },
            ..sample()
        }
    }

    fn encoded(record: &Record) -> Vec<u8> {
        let mut out = vec![];
        record.encode(&mut out);
        out
    }

    #[test]
    fn round_trips_and_stays_small() {
        let record = sample();
        assert_eq!(Record::decode(&encoded(&record)), Some(record.clone()));
        let read = Record {
            entities: record.entities[..1].to_vec(),
            ..record.clone()
        };
        assert!(encoded(&read).len() <= 120, "{}", encoded(&read).len());
        let other = Record {
            interaction: "$everything".into(),
            entities: vec![],
            query: String::new(),
            ..record
        };
        assert_eq!(Record::decode(&encoded(&other)), Some(other));
    }

    #[test]
    fn refuses_everything_else() {
        let good = encoded(&sample());
        for length in 0..good.len() {
            assert_eq!(Record::decode(&good[..length]), None, "cut at {length}");
        }
        let mut longer = good.clone();
        longer.push(0);
        assert_eq!(Record::decode(&longer), None);
        for (at, byte) in [(0, 2), (0, 3), (0, 4), (0, 0), (25, 4), (28, 200)] {
            let mut changed = good.clone();
            changed[at] = byte;
            assert_eq!(Record::decode(&changed), None, "byte {at}");
        }
        let huge_count = [&good[..good.len() - 60], &[0xff; 9], &[1]].concat();
        assert_eq!(Record::decode(&huge_count), None);
    }

    #[test]
    fn changed_bytes_never_panic() {
        let both = Record {
            decision: decided().decision,
            ..detailed()
        };
        for (good, at) in [sample(), decided(), detailed(), both]
            .iter()
            .flat_map(|record| {
                let good = encoded(record);
                (0..good.len()).map(move |at| (good.clone(), at))
            })
        {
            for flip in [1u8, 0x80, 0xff] {
                let mut changed = good.clone();
                changed[at] ^= flip;
                if let Some(record) = Record::decode(&changed) {
                    assert_eq!(encoded(&record), changed, "what decodes has this one form");
                }
            }
        }
    }

    /// Records of before are these bytes, and those without a decision stay so.
    #[test]
    fn a_decision_takes_a_format_of_its_own() {
        let (plain, more) = (encoded(&sample()), encoded(&decided()));
        assert_eq!(plain[0], 1);
        assert_eq!(more[0], 2);
        assert_eq!(more[1..plain.len()], plain[1..]);
        assert_eq!(
            Record::decode(&plain).unwrap().decision,
            Decision::default()
        );
        assert_eq!(Record::decode(&more), Some(decided()));
        for length in plain.len()..more.len() {
            assert_eq!(Record::decode(&more[..length]), None, "cut at {length}");
        }
        let empty = [&[2], &plain[1..], &[0, 0, 0]].concat();
        assert_eq!(Record::decode(&empty), None);
        for decision in [Decision::break_glass(), Decision::alert(Alert::BREAK_GLASS)] {
            let record = Record {
                decision,
                ..sample()
            };
            assert_eq!(encoded(&record).len(), plain.len() + 3);
            assert_eq!(Record::decode(&encoded(&record)), Some(record));
        }
        assert_eq!(Alert::UNEVALUABLE_CONSENT.to_string(), "A24");
    }

    #[test]
    fn each_detail_round_trips_alone() {
        let all = detailed();
        assert_eq!(Record::decode(&encoded(&all)), Some(all.clone()));
        assert_eq!(encoded(&all)[0], 3);
        let of = |detail: Detail| {
            let record = Record { detail, ..sample() };
            assert_eq!(Record::decode(&encoded(&record)), Some(record.clone()));
            encoded(&record).len()
        };
        let token_id = all.detail.token_id;
        let token = Detail {
            token_id,
            ..Detail::default()
        };
        let results = Detail {
            results: Some(7),
            ..Detail::default()
        };
        // Whether there is a decision, the end; and of each its number, length and bytes.
        assert_eq!(of(token), encoded(&sample()).len() + 2 + 5);
        assert_eq!(of(results), encoded(&sample()).len() + 2 + 3);
    }

    #[test]
    fn names_as_many_consents_as_there_is_room_for() {
        let mut record = decided();
        record.decision.consents = vec![ConsentVersion { rid: 9, version: 1 }; CONSENTS_MAX + 1];
        let again = Record::decode(&encoded(&record)).unwrap();
        assert_eq!(again.decision.consents.len(), CONSENTS_MAX);
    }

    #[test]
    fn cuts_long_texts_between_characters() {
        let record = Record {
            user: "é".repeat(TEXT_BYTES_MAX),
            ..sample()
        };
        let again = Record::decode(&encoded(&record)).unwrap();
        assert_eq!(again.user.len(), TEXT_BYTES_MAX);
        assert!(record.user.starts_with(&again.user));
    }
}
