//! Drops the branches of a union that cannot apply to the type of the focus.

use ward_fhir::schema::{TypeId, r4};

use super::op::{Op, Step};

pub(super) fn prune(op: Op, focus: TypeId) -> Op {
    let Op::Union(mut operands) = op else {
        return op;
    };
    operands.retain(|operand| !is_foreign(operand, focus));
    match operands.len() {
        0 => Op::Items(Vec::new()),
        1 => operands.remove(0),
        _ => Op::Union(operands),
    }
}

/// Starts from a type that the focus is not.
fn is_foreign(op: &Op, focus: TypeId) -> bool {
    match op {
        Op::Walk { start, steps } => match (start.as_ref(), steps.first()) {
            (Op::This, Some(Step::TypeName(ty))) => !r4().is_a(focus, *ty),
            (start, _) => is_foreign(start, focus),
        },
        Op::As { input, .. } => is_foreign(input, focus),
        Op::At(pair) => is_foreign(&pair.0, focus),
        Op::Union(operands) => operands.iter().all(|o| is_foreign(o, focus)),
        _ => false,
    }
}
