//! Operations: `$everything`, `$lastn`, `$meta`, `$meta-add`, `$meta-delete`, `$reindex`, `$validate`, `$consent-decision`,
//! `$effective-access`, `$access-impact`; one file each. `$access-report`, `$disclosures` and `$activity` are in [`crate::audit_events`].
//! <https://hl7.org/fhir/R4/operations.html>

pub(crate) mod audit_log;
mod everything;
pub(crate) mod explain;
mod lastn;
mod marks;
mod meta;
mod reindex;
mod validate;

use crate::audit_events::{self, report};
use crate::call::Target;
use crate::engine::Context;
use crate::reply::Reply;
use ward_fhir::issue::Result;
use ward_fhir::schema::r4;
use ward_fhir::{Failure, Kind};

/// An operation as it is served, for the CapabilityStatement.
pub struct Served {
    pub name: &'static str,
    pub definition: &'static str,
    pub system: bool,
    pub on_type: bool,
    pub instance: bool,
    /// Empty: every resource type.
    pub types: &'static [&'static str],
}

pub const SERVED: &[Served] = &[
    Served {
        name: "access-report",
        definition: "urn:ward:operation:access-report",
        system: false,
        on_type: false,
        instance: true,
        types: &["Patient"],
    },
    Served {
        name: "activity",
        definition: "urn:ward:operation:activity",
        system: false,
        on_type: false,
        instance: true,
        types: &["Practitioner"],
    },
    Served {
        name: "disclosures",
        definition: "urn:ward:operation:disclosures",
        system: false,
        on_type: false,
        instance: true,
        types: &["Patient"],
    },
    Served {
        name: "access-impact",
        definition: "urn:ward:operation:access-impact",
        system: false,
        on_type: false,
        instance: true,
        types: &["Patient"],
    },
    Served {
        name: "audit-checkpoint",
        definition: "urn:ward:operation:audit-checkpoint",
        system: false,
        on_type: true,
        instance: false,
        types: &["AuditEvent"],
    },
    Served {
        name: "audit-consistency",
        definition: "urn:ward:operation:audit-consistency",
        system: false,
        on_type: true,
        instance: false,
        types: &["AuditEvent"],
    },
    Served {
        name: "proof",
        definition: "urn:ward:operation:proof",
        system: false,
        on_type: false,
        instance: true,
        types: &["AuditEvent"],
    },
    Served {
        name: "consent-decision",
        definition: "urn:ward:operation:consent-decision",
        system: true,
        on_type: false,
        instance: true,
        types: &["Patient"],
    },
    Served {
        name: "effective-access",
        definition: "urn:ward:operation:effective-access",
        system: false,
        on_type: false,
        instance: true,
        types: &["Patient"],
    },
    Served {
        name: "everything",
        definition: "http://hl7.org/fhir/OperationDefinition/Patient-everything",
        system: false,
        on_type: true,
        instance: true,
        types: &["Patient"],
    },
    Served {
        name: "everything",
        definition: "http://hl7.org/fhir/OperationDefinition/Encounter-everything",
        system: false,
        on_type: false,
        instance: true,
        types: &["Encounter"],
    },
    Served {
        name: "lastn",
        definition: "http://hl7.org/fhir/OperationDefinition/Observation-lastn",
        system: false,
        on_type: true,
        instance: false,
        types: &["Observation"],
    },
    Served {
        name: "meta",
        definition: "http://hl7.org/fhir/OperationDefinition/Resource-meta",
        system: true,
        on_type: true,
        instance: true,
        types: &[],
    },
    Served {
        name: "meta-add",
        definition: "http://hl7.org/fhir/OperationDefinition/Resource-meta-add",
        system: false,
        on_type: false,
        instance: true,
        types: &[],
    },
    Served {
        name: "meta-delete",
        definition: "http://hl7.org/fhir/OperationDefinition/Resource-meta-delete",
        system: false,
        on_type: false,
        instance: true,
        types: &[],
    },
    Served {
        name: "reindex",
        definition: "urn:ward:operation:reindex",
        system: true,
        on_type: true,
        instance: false,
        types: &[],
    },
    Served {
        name: "validate",
        definition: "http://hl7.org/fhir/OperationDefinition/Resource-validate",
        system: false,
        on_type: true,
        instance: true,
        types: &[],
    },
];

/// Whether the operation writes (`OperationDefinition.affectsState`).
pub fn changes_state(name: &str) -> bool {
    matches!(name, "meta-add" | "meta-delete")
}

/// Runs an operation; one that is not in the table, or not at this level, is refused.
pub async fn invoke(cx: Context<'_>, name: &str, target: &Target, posted: bool) -> Result<Reply> {
    demand_served(name, target)?;
    match (name, target) {
        ("access-impact", Target::Instance(ty, id)) => explain::impact(cx, *ty, id).await,
        ("access-report", Target::Instance(_, id)) => report::access_report(cx, id).await,
        ("activity", Target::Instance(ty, id)) => report::activity(cx, *ty, id).await,
        ("disclosures", Target::Instance(_, id)) => report::disclosures(cx, id).await,
        ("audit-checkpoint", Target::Type(ty)) => audit_log::checkpoint(cx, *ty).await,
        ("audit-consistency", Target::Type(ty)) => audit_log::consistency(cx, *ty).await,
        ("proof", Target::Instance(_, id)) => audit_events::proof(cx, id).await,
        ("consent-decision", target) => explain::decision(cx, target).await,
        ("effective-access", Target::Instance(ty, id)) => explain::effective(cx, *ty, id).await,
        ("everything", Target::Instance(ty, id)) if r4().ty(*ty).name == "Patient" => {
            everything::patient(cx, id).await
        }
        ("everything", Target::Type(_)) => everything::patients(cx).await,
        ("everything", Target::Instance(ty, id)) => everything::encounter(cx, *ty, id).await,
        ("lastn", Target::Type(ty)) => lastn::last(cx, *ty).await,
        ("meta", Target::Instance(ty, id)) => meta::of_instance(cx, *ty, id).await,
        ("meta", Target::Type(ty)) => meta::of_types(cx, &[*ty]).await,
        ("meta", Target::System) => meta::of_types(cx, &[]).await,
        ("meta-add", Target::Instance(ty, id)) => {
            meta::change(cx, *ty, id, marks::Change::Add).await
        }
        ("meta-delete", Target::Instance(ty, id)) => {
            meta::change(cx, *ty, id, marks::Change::Delete).await
        }
        ("reindex", Target::Type(ty)) => reindex::reindex(cx, Some(*ty), posted).await,
        ("reindex", Target::System) => reindex::reindex(cx, None, posted).await,
        ("validate", Target::Type(ty)) => validate::validate(cx, *ty, None).await,
        ("validate", Target::Instance(ty, id)) => validate::validate(cx, *ty, Some(id)).await,
        _ => Err(not_served(name)),
    }
}

fn demand_served(name: &str, target: &Target) -> Result<()> {
    let fits = |s: &&Served| {
        s.name == name
            && match target {
                Target::System => s.system,
                Target::Type(ty) => {
                    s.on_type && (s.types.is_empty() || s.types.contains(&r4().ty(*ty).name))
                }
                Target::Instance(ty, _) => {
                    s.instance && (s.types.is_empty() || s.types.contains(&r4().ty(*ty).name))
                }
            }
    };
    SERVED
        .iter()
        .find(fits)
        .map(|_| ())
        .ok_or_else(|| not_served(name))
}

fn not_served(name: &str) -> Failure {
    let name = crate::route::printable(name);
    Failure::new(
        Kind::NotFound,
        format!(
            "the operation ${name} is not served at this level; /metadata lists those that are"
        ),
    )
}

/// From the query, or from a Parameters body on POST.
pub(crate) fn parameters(cx: Context<'_>) -> Result<Vec<(String, String)>> {
    let mut pairs = cx.call.parameters.clone();
    if cx.call.body.as_ref().is_some_and(|b| !b.bytes.is_empty()) {
        let document = crate::document::read_body(cx.call, r4().resource_type("Parameters"))?;
        for parameter in document.root().all("parameter") {
            if let (Some(name), Some(value)) = (parameter.text("name"), parameter.text("value")) {
                pairs.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    Ok(pairs)
}
