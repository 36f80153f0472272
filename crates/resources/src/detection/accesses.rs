//! What a Record is to the detection: an access for each patient that it names, or one of nobody's record.

use super::alerts::ALERT;
use super::facts::{Known, key};
use crate::search::decode_query;
use std::collections::BTreeMap;
use ward_audit::{Alert, Entity, Outcome, Record};
use ward_detection::{self as detection, Access, Act, Labels};
use ward_fhir::TypeId;
use ward_fhir::schema::r4;
use ward_storage::{Rid, StoredRecord};

/// Resources of one Record that are looked at.
const ENTITIES_MAX: usize = 1_000;

/// What they are named by is kept, so that an alert can name it.
pub(super) fn of(stored: &StoredRecord, known: &mut Known) -> Vec<Access> {
    let mut accesses: Vec<Access> = told(stored, known).into_iter().collect();
    accesses.extend(grants(stored, known));
    if let Some(act) = act(&stored.record) {
        accesses.extend(used(stored, act, known));
    }
    accesses
}

/// What a Record says of itself to be looked at: the log is not whole (A25), a label was lowered or somebody tried to (A27).
fn told(stored: &StoredRecord, known: &mut Known) -> Option<Access> {
    let record = &stored.record;
    // What this detection has told is told already.
    if record.interaction == ALERT {
        return None;
    }
    let act = match record.decision.alert? {
        Alert::AUDIT_GAP => Act::AuditGap,
        Alert::LABEL_LOWERED => Act::LabelDown,
        _ => return None,
    };
    let patient = record.entities.iter().find(|one| one.patient != 0);
    Some(Access {
        patient: patient.map_or(record.detail.patient, |one| one.patient),
        ..base(stored, act, known)
    })
}

/// A role that a person gave to an account with a resource of its own (A26). Those of the rota are given by [`roles_given`].
fn grants(stored: &StoredRecord, known: &mut Known) -> Option<Access> {
    let record = &stored.record;
    let is_grant = record.interaction == "accounts" && record.detail.subtype == "add";
    if !is_grant || record.outcome != Outcome::Success {
        return None;
    }
    let said = decode_query(&record.query).ok()?;
    let of = |name: &str| said.iter().find(|(said, _)| said == name);
    of("role")?;
    let (_, whose) = of("fhir_user")?;
    Some(Access {
        target: known.name(whose),
        ..base(stored, Act::Grant, known)
    })
}

/// PractitionerRoles that a person wrote in this Record: row ids.
pub(super) fn roles_given(stored: &StoredRecord) -> Vec<Rid> {
    let record = &stored.record;
    if record.user.is_empty() || record.outcome != Outcome::Success {
        return Vec::new();
    }
    let ty = r4().resource_type("PractitionerRole").map(|ty| ty.0);
    let given = record
        .entities
        .iter()
        .filter(|one| Some(one.ty) == ty && matches!(one.action, b'C' | b'U'));
    given.take(ENTITIES_MAX).map(|one| one.rid).collect()
}

/// A role by the rota that is given to `whose` (`Practitioner/x`).
pub(super) fn granted(stored: &StoredRecord, whose: &str, known: &mut Known) -> Access {
    Access {
        target: known.name(whose),
        ..base(stored, Act::Grant, known)
    }
}

fn used(stored: &StoredRecord, act: Act, known: &mut Known) -> Vec<Access> {
    let record = &stored.record;
    let base = base(stored, act, known);
    let entities = &record.entities[..record.entities.len().min(ENTITIES_MAX)];
    if act == Act::Change && matches!(&*record.interaction, "transaction" | "batch") {
        return entities.iter().map(|one| entry(&base, one)).collect();
    }
    let mut patients: BTreeMap<i64, Vec<&Entity>> = BTreeMap::new();
    for entity in entities.iter().filter(|entity| entity.patient != 0) {
        patients.entry(entity.patient).or_default().push(entity);
    }
    if patients.is_empty() {
        return vec![Access {
            patient: record.detail.patient,
            ..base
        }];
    }
    let is_export = act == Act::Export;
    let whole = is_export.then(|| exported(record, base));
    let base = match is_export {
        true => Access {
            act: Act::Search,
            ..base
        },
        false => base,
    };
    let is_listed = is_export || act == Act::Search && patients.len() > 1;
    let each = patients.into_iter().map(|(patient, entities)| {
        let first = entities.iter().find(|one| is_clinical(one.ty));
        let first = first.unwrap_or(&entities[0]);
        Access {
            patient,
            ty: first.ty,
            is_clinical: is_clinical(first.ty) || base.is_clinical,
            is_listed,
            results: u32::try_from(entities.len()).unwrap_or(u32::MAX),
            ..base
        }
    });
    whole.into_iter().chain(each).collect()
}

/// The whole of an export, by which types it was of: what was asked without where to go on.
fn exported(record: &Record, base: Access) -> Access {
    let asked = record.detail.request.split_once('?');
    let types = asked.and_then(|(_, query)| decode_query(query).ok());
    let types = types.unwrap_or_default();
    let types = types.iter().find(|(name, _)| name == "_type");
    let types = types.map_or("", |(_, types)| types.as_str());
    Access {
        patient: 0,
        is_clinical: true,
        shape: key(&format!("{} {types}", record.detail.subtype)),
        ..base
    }
}

/// Records of many patients at once, as a whole.
fn is_export(record: &Record) -> bool {
    let path = record.detail.request.split('?').next().unwrap_or_default();
    record.detail.subtype == "$everything" && path.trim_start_matches('/') == "Patient/$everything"
}

/// The one resource that was read, whose labels count.
pub(super) fn read_alone(stored: &StoredRecord) -> Option<(u16, i64)> {
    match &*stored.record.entities {
        [one] if act(&stored.record) == Some(Act::Read) && one.patient != 0 => {
            Some((one.ty, one.rid))
        }
        _ => None,
    }
}

fn act(record: &Record) -> Option<Act> {
    Some(match &*record.interaction {
        "read" | "vread" | "history" | "history-instance" => Act::Read,
        "search" | "search-type" | "search-system" | "history-type" | "history-system" => {
            Act::Search
        }
        "create" => Act::Create,
        "update" if record.status == 201 => Act::Create,
        "update" | "patch" | "transaction" | "batch" => Act::Change,
        "delete" => Act::Delete,
        "operation" if is_export(record) => Act::Export,
        "operation" => match &*record.detail.subtype {
            "$everything" | "$document" | "$docref" | "$summary" => Act::Document,
            _ => Act::Search,
        },
        "export" => Act::Export,
        // A page that is looked at.
        "sign-in" | "second-factor"
            if record.outcome == Outcome::Success && record.user.is_empty() =>
        {
            return None;
        }
        "sign-in" => Act::Login,
        "second-factor" => Act::SecondFactor,
        "token" if record.outcome == Outcome::Serious && record.status < 500 => Act::TokenReuse,
        "break-glass" if record.decision.alert == Some(Alert::BREAK_GLASS) => Act::BreakGlass,
        _ => return None,
    })
}

fn base(stored: &StoredRecord, act: Act, known: &mut Known) -> Access {
    let record = &stored.record;
    let detail = &record.detail;
    let mut name = |text: &str| known.name(text);
    let user = name(&record.user);
    let first = record.entities.first();
    let asked_ty = r4().resource_type(type_asked(&detail.request));
    let ty = first.map_or(asked_ty.map_or(0, |ty| ty.0), |entity| entity.ty);
    let looks_through = record.query.contains("_has") || record.query.contains('.');
    let target = match act {
        // A name that somebody merely gave is in no Record.
        Act::Login | Act::SecondFactor => user,
        _ if detail.request.is_empty() => key(&record.query),
        _ => key(&detail.request),
    };
    Access {
        seq: stored.id,
        at_s: record.at_us.div_euclid(1_000_000),
        user,
        client: name(&record.client_id),
        patient: 0,
        ty,
        is_clinical: is_clinical(ty) || looks_through,
        labels: Labels::default(),
        act,
        outcome: outcome(record),
        source: name(&record.source),
        workstation: key(&detail.workstation),
        break_glass: record.decision.break_glass,
        is_listed: false,
        results: detail.results.unwrap_or(0),
        shape: key(&format!("{ty} {} {}", detail.subtype, record.query)),
        target,
    }
}

/// An entry of a transaction or batch.
fn entry(base: &Access, entity: &Entity) -> Access {
    Access {
        patient: entity.patient,
        ty: entity.ty,
        is_clinical: is_clinical(entity.ty),
        results: 1,
        act: match entity.action {
            b'C' => Act::Create,
            b'U' => Act::Change,
            b'D' => Act::Delete,
            _ => Act::Read,
        },
        ..*base
    }
}

fn outcome(record: &Record) -> detection::Outcome {
    match (record.outcome, record.status) {
        (Outcome::Success, _) => detection::Outcome::Granted,
        (_, 404 | 410) => detection::Outcome::NotFound,
        (_, 401 | 403) => detection::Outcome::Denied,
        // A page that asks again.
        (Outcome::Minor, ..400) => detection::Outcome::Denied,
        (Outcome::Minor, 400) => detection::Outcome::Denied,
        _ => detection::Outcome::Failed,
    }
}

/// `Observation` of `Observation?code=1`, `Observation/x` and `/fhir/Observation?code=1`.
fn type_asked(request: &str) -> &str {
    let path = request.split('?').next().unwrap_or_default();
    let mut segments = path.split('/');
    segments
        .find(|segment| r4().resource_type(segment).is_some())
        .unwrap_or_default()
}

/// Names, addresses, appointments, payments and who works where tell little of health.
pub(super) fn is_clinical(ty: u16) -> bool {
    ty != 0 && !ADMINISTRATIVE.contains(&r4().ty(TypeId(ty)).name)
}

const ADMINISTRATIVE: [&str; 24] = [
    "Account",
    "Appointment",
    "AppointmentResponse",
    "AuditEvent",
    "Bundle",
    "CapabilityStatement",
    "Consent",
    "Coverage",
    "DetectedIssue",
    "Endpoint",
    "Group",
    "HealthcareService",
    "List",
    "Location",
    "Organization",
    "Parameters",
    "Patient",
    "Person",
    "Practitioner",
    "PractitionerRole",
    "RelatedPerson",
    "Schedule",
    "Slot",
    "Task",
];
