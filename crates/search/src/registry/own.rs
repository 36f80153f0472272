//! Parameters that the server answers beside those of the package. <https://hl7.org/fhir/R4/auditevent.html#search>
//!
//! Of AuditEvent alone, of which no row is indexed: no entry depends on them. R4 has no parameter for why something was done, which is
//! what an auditor asks first.

use crate::definition::{Custom, OWN_FROM};
use std::sync::Arc;
use ward_fhir::TypeId;
use ward_fhir::schema::{Schema, SearchType};

/// Those of a type.
pub(super) fn of(schema: &Schema, ty: TypeId) -> impl Iterator<Item = Arc<Custom>> {
    let name = schema.ty(ty).name;
    let own = OWN.iter().zip(OWN_FROM..);
    own.filter(move |((of, ..), _)| *of == name)
        .map(move |((of, code, expression), number)| {
            Arc::new(Custom {
                number,
                url: format!("urn:ward:SearchParameter/{of}-{code}").into(),
                code: (*code).into(),
                ty: SearchType::Token,
                bases: vec![ty],
                expression: (*expression).into(),
                targets: Vec::new(),
            })
        })
}

/// Type, code, expression; all of them tokens. Only ever append.
const OWN: &[(&str, &str, &str)] = &[(
    "AuditEvent",
    "purpose",
    "AuditEvent.purposeOfEvent | AuditEvent.agent.purposeOfUse",
)];
