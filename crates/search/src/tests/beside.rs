//! What may be asked where any target of a reference may be hidden.

use super::sample::extractor;
use crate::query::{Options, parse_by};
use crate::targets::Targets;
use crate::terminology::Embedded;
use ward_fhir::schema::{TypeKind, r4};
use ward_fhir::{Kind, TypeId};

/// Every type may have hidden resources.
struct Doubtful;

impl Targets for Doubtful {
    fn resolves(&self, _: &[TypeId], _: u16, _: TypeId, _: &str) -> bool {
        true
    }

    fn may_hide(&self, _: &[TypeId], _: u16, _: TypeId) -> bool {
        true
    }
}

/// Of R4's own parameters one reads what is said beside a target. AuditEvents are asked as they are shown.
#[test]
fn r4_reads_beside_targets_in_sections_alone() {
    let extractor = extractor();
    let options = Options {
        strict: true,
        now_us: 0,
        count_default: 20,
        count_max: 100,
        terminology: &Embedded,
    };
    let mut refused = Vec::new();
    let types = r4().types.iter();
    for ty in types.filter(|ty| ty.kind == TypeKind::Resource && !ty.is_abstract) {
        for parameter in extractor.registry().of(ty.id).served() {
            let pairs = [(format!("{}:missing", parameter.code()), "true")];
            let asked = parse_by(&extractor, &[ty.id], &pairs, &options, &Doubtful);
            if asked.is_err_and(|failure| failure.kind == Kind::HiddenElement) {
                refused.push((ty.name, parameter.code()));
            }
        }
    }
    assert_eq!(refused, [("Composition", "section")]);
}
