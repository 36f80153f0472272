//! Parameters answered from others' entries: `patient` is `subject` restricted to Patient, `combo-code` is `code` together
//! with `component-code`. It saves their rows; the extra cost is a second term in the question.

use super::{Marks, Owner, Parameter};
use crate::hot;
use crate::program::Atom;
use ward_fhir::TypeId;

/// Finds the parameters that need no entries of their own, since others' entries answer them, and says what `:missing` marks.
pub(super) fn share(ty: &str, parameters: &mut [Parameter]) {
    let plain: Vec<(Vec<Atom>, Option<TypeId>)> =
        parameters.iter().map(|p| unrestricted(&p.atoms)).collect();
    let mut order: Vec<usize> = (0..parameters.len())
        .filter(|i| {
            parameters[*i].is_served()
                && !parameters[*i].atoms.is_empty()
                && !parameters[*i].is_column()
        })
        .collect();
    order.sort_by_key(|i| {
        (
            plain[*i].1.is_some(),
            plain[*i].0.len(),
            parameters[*i].def.number(),
        )
    });
    let mut owners: Vec<usize> = Vec::new();
    for at in order {
        let (atoms, only) = &plain[at];
        let covering = if parameters[at].truth {
            Vec::new()
        } else {
            cover(parameters, &plain, &owners, at)
        };
        if covering.is_empty() {
            owners.push(at);
            let id = parameters[at].def.number();
            parameters[at].owners = vec![Owner {
                param: id,
                only: None,
                case: parameters[at].case,
            }];
            parameters[at].marks = if parameters[at].truth {
                Marks::Nothing
            } else {
                hot::marks(ty, parameters[at].def.code())
            };
        } else {
            debug_assert!(!atoms.is_empty());
            parameters[at].owners = covering
                .iter()
                .map(|o| Owner {
                    param: parameters[*o].def.number(),
                    only: *only,
                    case: parameters[*o].case,
                })
                .collect();
            parameters[at].marks = if only.is_some() {
                hot::marks(ty, parameters[at].def.code())
            } else {
                Marks::Nothing
            };
        }
    }
}

/// Owners whose elements together are exactly those of parameter `at`.
fn cover(
    parameters: &[Parameter],
    plain: &[(Vec<Atom>, Option<TypeId>)],
    owners: &[usize],
    at: usize,
) -> Vec<usize> {
    let (atoms, only) = &plain[at];
    let usable = |o: &&usize| {
        let (theirs, restricted) = &plain[**o];
        parameters[**o].def.ty() == parameters[at].def.ty()
            && !parameters[**o].truth
            && (restricted.is_none() || restricted == only)
            && theirs.iter().all(|a| atoms.contains(a))
    };
    let found: Vec<usize> = owners.iter().filter(usable).copied().collect();
    let all = atoms
        .iter()
        .all(|a| found.iter().any(|o| plain[*o].0.contains(a)));
    if all { found } else { Vec::new() }
}

fn unrestricted(atoms: &[Atom]) -> (Vec<Atom>, Option<TypeId>) {
    let stripped: Vec<(Atom, Option<TypeId>)> = atoms.iter().map(Atom::unrestricted).collect();
    match stripped.first() {
        Some((_, only)) if stripped.iter().all(|(_, o)| o == only) => {
            (stripped.iter().map(|(a, _)| a.clone()).collect(), *only)
        }
        _ => (atoms.to_vec(), None),
    }
}
