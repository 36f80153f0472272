//! The columns by which a Record is found, worked out of it where it is made or drained. Pure. The walk of the log works them out anew and
//! compares (`tree::filing`): for a Record that is there they stay what they were, whatever a later version makes of new ones.
//!
//! Of persons and clients, and of what Records have in common, only keyed hashes are stored, so a copy of the database tells neither
//! who acted nor what was done. Row ids of patients stand in clear, as they do everywhere.

use crate::sent;
use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use ward_audit::leaf::Class;
use ward_audit::record::TEXT_BYTES_MAX;
use ward_audit::{DETAIL_BYTES_MAX, Detail, Entity, Record, RecordKey};
use ward_fhir::reference::{self, Reference};
use ward_fhir::schema::r4;
use ward_seal::StoreSecret;
use ward_seal::hash::HmacKey;

/// Contexts that a process remembers as stored (8 bytes each); then they are forgotten and learnt again.
const CONTEXTS_KNOWN_MAX: usize = 65_536;

/// Events of one Record that are counted.
const EVENTS_MAX: usize = i16::MAX as usize;

/// What of a Record stands beside its sealed bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Microseconds since 1970.
    pub at_us: i64,
    /// Of the Record's context; 0: the Record cannot be read.
    pub ctx: i64,
    /// Of who acted; 0: nobody is named.
    pub actor: i64,
    /// Row id of the first patient; 0: none.
    pub patient: i64,
    /// AuditEvents that it is shown as ([`Record::events`]).
    pub events: i64,
    /// Row ids of the further patients, and of what it is about besides; of searches no matches. In order, each once.
    pub keys: Vec<i64>,
}

/// What seals and finds the Records of a store.
pub struct RecordKeys {
    pub sealing: RecordKey,
    hashing: HmacKey,
    /// Contexts that are surely stored.
    known: Mutex<HashSet<i64>>,
}

impl RecordKeys {
    pub fn new(secret: &StoreSecret) -> RecordKeys {
        RecordKeys {
            sealing: RecordKey::new(&secret.derive("audit record")),
            hashing: HmacKey::new(&secret.derive("audit hash")),
            known: Mutex::default(),
        }
    }

    /// The columns of a Record, and the bytes of its context.
    pub fn columns(&self, record: &Record) -> (Columns, Vec<u8>) {
        let mut context = Vec::with_capacity(CONTEXT_BYTES_USUAL);
        context_of(record).encode(&mut context);
        let patients = patients(record);
        let first = patients.first().copied().unwrap_or(0);
        let is_search = Class::of(&record.interaction) == Class::SEARCH;
        let touched = record.entities.iter().filter(|_| !is_search);
        let touched = touched.map(|entity| entity.rid);
        let named = named(record).into_iter().map(|name| self.named(&name));
        let further = patients.iter().skip(1).copied();
        let mut keys: Vec<i64> = further.chain(touched).chain(named).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.retain(|key| *key != 0 && *key != first);
        let columns = Columns {
            at_us: record.at_us.clamp(-TIME_MAX_US, TIME_MAX_US),
            ctx: self.context_number(&context),
            actor: self.actor_of(record),
            patient: first,
            events: record.events().min(EVENTS_MAX) as i64,
            keys,
        };
        (columns, context)
    }

    /// Of a user's reference, or of a client as [`client_actor`] names it. Never 0. About 1 us.
    pub fn actor(&self, actor: &str) -> i64 {
        self.hash(b"actor", actor.as_bytes())
    }

    /// Of a resource that a Record names and not by its row: among `keys`, below 0 as no row id is.
    pub fn named(&self, name: &str) -> i64 {
        self.hash(b"named", name.as_bytes()) | i64::MIN
    }

    /// The number of a Record's context. About 1 us.
    pub fn context(&self, record: &Record) -> i64 {
        let mut context = Vec::with_capacity(CONTEXT_BYTES_USUAL);
        context_of(record).encode(&mut context);
        self.context_number(&context)
    }

    /// Of an encoded context.
    pub fn context_number(&self, context: &[u8]) -> i64 {
        self.hash(b"context", context)
    }

    /// Whether the context is surely stored.
    pub fn knows(&self, context: i64) -> bool {
        self.known().contains(&context)
    }

    /// The context is committed.
    pub fn learn(&self, context: i64) {
        let mut known = self.known();
        if known.len() >= CONTEXTS_KNOWN_MAX {
            known.clear();
        }
        known.insert(context);
    }

    /// Of who acted; 0: nobody is named.
    pub fn actor_of(&self, record: &Record) -> i64 {
        let text = |text| kept(text, TEXT_BYTES_MAX);
        match (text(&record.user), text(&record.client_id)) {
            ("", "") => 0,
            ("", client_id) => self.actor(&client_actor(client_id)),
            (user, _) => self.actor(user),
        }
    }

    fn hash(&self, role: &[u8], text: &[u8]) -> i64 {
        let digest = self.hashing.sign(&[role, b"\0", text]);
        let mut word = [0; 8];
        word.copy_from_slice(&digest[..8]);
        match i64::from_le_bytes(word) {
            0 => 1,
            hash => hash,
        }
    }

    fn known(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As whom a client acts that acts for nobody.
pub fn client_actor(client_id: &str) -> String {
    format!("client:{client_id}")
}

/// The patients of a Record in the order in which they come, each once. What was refused is about one that was not disclosed.
pub fn patients(record: &Record) -> Vec<i64> {
    let mut patients = record.patients();
    if patients.is_empty() && record.detail.patient != 0 {
        patients.push(record.detail.patient);
    }
    patients
}

/// What a Record names and not by rows (`Observation/abc`): what was asked for and not given, and what an AuditEvent of another system refers to, and
/// when it says that it was recorded, where that is far from now. Of more than [`NAMED_MAX`] [`ANYTHING`].
fn named(record: &Record) -> BTreeSet<String> {
    let is_refused = record.entities.is_empty() && record.status >= 400;
    let asked = is_refused.then(|| kept(&record.detail.request, DETAIL_BYTES_MAX));
    let sent = reference::texts(&record.detail.received, r#""reference":""#);
    let recorded = reference::texts(&record.detail.received, r#""recorded":""#);
    let recorded = recorded.flat_map(|at| sent::names(at, record.at_us));
    let named = asked.into_iter().chain(sent).filter_map(name);
    let named = named.chain(recorded);
    let mut named: BTreeSet<String> = named.take(NAMED_MAX + 1).collect();
    if named.len() > NAMED_MAX {
        named = BTreeSet::from([ANYTHING.to_owned()]);
    }
    named
}

/// As much as a Record keeps, so that what was read again has the same columns.
fn kept(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

/// Without the server's URL and the version.
fn name(text: &str) -> Option<String> {
    let (ty, id) = match reference::parse(text, None)? {
        Reference::Local { ty, id, .. } => (ty, id),
        Reference::Absolute { target, .. } => target?,
        _ => return None,
    };
    Some(format!("{}/{id}", r4().ty(ty).name))
}

/// In place of all names.
pub const ANYTHING: &str = "*";
const NAMED_MAX: usize = 256;

/// What a Record has in common with many: whatever a search by kind, action, outcome, agent's client, role or purpose asks about. Of
/// entities it has types, actions and whether they are some patient's (the row id 1 stands for any).
pub fn context_of(record: &Record) -> Record {
    let kinds: BTreeSet<(u16, u8, bool)> = record
        .entities
        .iter()
        .map(|entity| (entity.ty, entity.action, entity.patient != 0))
        .collect();
    let entity = |(ty, action, is_of_patient)| Entity {
        ty,
        rid: 0,
        version: 0,
        patient: i64::from(is_of_patient),
        action,
    };
    let mut decision = record.decision.clone();
    decision.consents.clear();
    let received: &[u8] = match record.detail.received.is_empty() {
        true => b"",
        false => b"{}",
    };
    Record {
        at_us: 0,
        request_id: [0; 16],
        interaction: record.interaction.clone(),
        client_id: record.client_id.clone(),
        user: String::new(),
        purpose: record.purpose.clone(),
        source: String::new(),
        outcome: record.outcome,
        status: record.status,
        query: String::new(),
        entities: kinds.into_iter().map(entity).collect(),
        decision,
        detail: Detail {
            roles: record.detail.roles.clone(),
            subtype: record.detail.subtype.clone(),
            patient: i64::from(record.detail.patient != 0),
            received: received.to_vec(),
            ..Detail::default()
        },
    }
}

/// Times are cut off here, so that nothing overflows: 36,000 years.
pub(crate) const TIME_MAX_US: i64 = 1 << 60;
const CONTEXT_BYTES_USUAL: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use ward_audit::{Alert, ConsentVersion, Decision, Outcome};

    fn keys() -> RecordKeys {
        RecordKeys::new(&StoreSecret::generate())
    }

    fn entity(rid: i64, patient: i64) -> Entity {
        Entity {
            ty: 101,
            rid,
            version: 3,
            patient,
            action: b'R',
        }
    }

    fn sample(entities: Vec<Entity>) -> Record {
        Record {
            at_us: 1_700_000_000_000_000,
            request_id: [7; 16],
            interaction: "read".into(),
            client_id: "lab".into(),
            user: "Practitioner/p1".into(),
            purpose: "TREAT".into(),
            source: "127.0.0.1".into(),
            outcome: Outcome::Success,
            status: 200,
            query: "_id".into(),
            entities,
            decision: Decision::default(),
            detail: Detail::default(),
        }
    }

    #[test]
    fn patients_come_first_and_each_once() {
        let keys = keys();
        let record = sample(vec![
            entity(9, 0),
            entity(11, 5),
            entity(8, 4),
            entity(12, 5),
        ]);
        let (columns, _) = keys.columns(&record);
        assert_eq!((columns.patient, columns.events), (5, 2));
        assert_eq!(columns.keys, [4, 8, 9, 11, 12]);
        assert_eq!(columns.at_us, record.at_us);
        // A search is found by its patients alone.
        let search = Record {
            interaction: "search-type".into(),
            ..record
        };
        let (columns, _) = keys.columns(&search);
        assert_eq!((columns.patient, columns.keys), (5, vec![4]));
        // A patient is no key beside itself.
        let (columns, _) = keys.columns(&sample(vec![entity(5, 5)]));
        assert_eq!((columns.patient, columns.keys), (5, vec![]));
        let (columns, _) = keys.columns(&sample(vec![]));
        assert_eq!((columns.patient, columns.events), (0, 1));
    }

    #[test]
    fn what_was_refused_is_about_its_patient() {
        let mut record = sample(vec![]);
        record.detail.patient = 77;
        let (columns, _) = keys().columns(&record);
        assert_eq!((columns.patient, columns.events), (77, 1));
        record.entities = vec![entity(9, 5)];
        assert_eq!(patients(&record), [5]);
    }

    #[test]
    fn who_acts_is_the_user_or_the_client() {
        let keys = keys();
        let record = sample(vec![]);
        let actor = |user: &str, client_id: &str| {
            let record = Record {
                user: user.into(),
                client_id: client_id.into(),
                ..record.clone()
            };
            keys.columns(&record).0.actor
        };
        assert_eq!(
            actor("Practitioner/p1", "lab"),
            keys.actor("Practitioner/p1")
        );
        assert_eq!(actor("", "lab"), keys.actor("client:lab"));
        assert_eq!(actor("", ""), 0);
        assert_ne!(
            keys.actor("Practitioner/p1"),
            self::keys().actor("Practitioner/p1")
        );
    }

    #[test]
    fn what_has_no_row_is_found_by_its_name() {
        let keys = keys();
        let mut record = sample(vec![]);
        record.status = 404;
        record.detail.request = "Observation/abc".into();
        assert_eq!(
            keys.columns(&record).0.keys,
            [keys.named("Observation/abc")]
        );
        record.detail.request = "/fhir/Observation?code=x".into();
        assert_eq!(keys.columns(&record).0.keys, [0; 0]);
        let sent = |count: usize| {
            let all = (0..count).map(|n| {
                format!(r#"{{"reference":"http://a.example/fhir/Practitioner/{n}/_history/2"}}"#)
            });
            all.collect::<Vec<_>>().join(",").into_bytes()
        };
        record.detail.received = sent(1);
        assert_eq!(keys.columns(&record).0.keys, [keys.named("Practitioner/0")]);
        record.detail.received = [
            r#"{"recorded":"2090-01-01T00:00:00Z"}"#.as_bytes(),
            &sent(1),
        ]
        .concat();
        let keys_of_time = keys.columns(&record).0.keys;
        let asked = sent::names_between(Some(3_786_912_000_000_000), None);
        let is_asked = |name: &String| keys_of_time.contains(&keys.named(name));
        assert_eq!(asked.iter().filter(|name| is_asked(name)).count(), 1);
        assert!(keys_of_time.contains(&keys.named("Practitioner/0")));
        record.detail.received = sent(NAMED_MAX + 1);
        assert_eq!(keys.columns(&record).0.keys, [keys.named(ANYTHING)]);
    }

    /// What is too long is cut where it is encoded: what is read again is found by the same.
    #[test]
    fn columns_are_those_of_what_is_kept() {
        let keys = keys();
        let long = |of: &str| of.repeat(TEXT_BYTES_MAX);
        let mut record = sample(vec![]);
        record.status = 404;
        (record.user, record.client_id) = (long("é"), long("c"));
        record.detail.request = format!("Observation/abc?{}", long("x"));
        for user in [record.user.clone(), String::new()] {
            record.user = user;
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            let again = Record::decode(&bytes).unwrap();
            assert_eq!(keys.columns(&again), keys.columns(&record));
        }
    }

    /// Whatever is of one Record alone leaves the context as it is; whatever many have in common does not.
    #[test]
    fn a_context_is_what_records_have_in_common() {
        let keys = keys();
        let base = sample(vec![entity(9, 5)]);
        let ctx = |record: &Record| keys.columns(record).0.ctx;
        let changed = |change: fn(&mut Record)| {
            let mut record = base.clone();
            change(&mut record);
            ctx(&record)
        };
        let of_one: [fn(&mut Record); 11] = [
            |r| r.at_us += 1,
            |r| r.request_id = [8; 16],
            |r| r.user = "Practitioner/p2".into(),
            |r| r.source = "10.0.0.1".into(),
            |r| r.query = "code".into(),
            |r| r.entities = vec![entity(8, 6), entity(7, 5)],
            |r| r.decision.consents = vec![ConsentVersion { rid: 1, version: 1 }],
            |r| r.detail.token_id = "t".into(),
            |r| r.detail.request = "/fhir/Patient".into(),
            |r| r.detail.elapsed_us = Some(9),
            |r| r.detail.hashes = vec![[1; 32]],
        ];
        for change in of_one {
            assert_eq!(changed(change), ctx(&base));
        }
        let in_common: [fn(&mut Record); 13] = [
            |r| r.interaction = "vread".into(),
            |r| r.client_id = "other".into(),
            |r| r.purpose = "ETREAT".into(),
            |r| r.outcome = Outcome::Minor,
            |r| r.status = 404,
            |r| r.entities[0].ty = 7,
            |r| r.entities[0].action = b'U',
            |r| r.entities[0].patient = 0,
            |r| r.decision.break_glass = true,
            |r| r.decision.alert = Some(Alert::BREAK_GLASS),
            |r| r.detail.roles = "nurse".into(),
            |r| r.detail.subtype = "$everything".into(),
            |r| r.detail.received = b"{\"a\":1}".to_vec(),
        ];
        let mut all: Vec<i64> = in_common.map(changed).into();
        all.push(ctx(&base));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), in_common.len() + 1);
        let context = context_of(&base);
        assert_eq!(context_of(&context), context, "it is its own");
    }

    #[test]
    fn contexts_are_remembered_and_forgotten() {
        let keys = keys();
        for context in 1..=CONTEXTS_KNOWN_MAX as i64 {
            keys.learn(context);
        }
        assert!(keys.knows(1));
        keys.learn(-1);
        assert!(keys.knows(-1) && !keys.knows(1));
    }
}
