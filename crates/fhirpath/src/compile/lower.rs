//! Chooses the direct form of each construct.

use ward_fhir::schema::r4;

use super::op::{Call, Op, Step, Variable};
use crate::function::Function;
use crate::names::names;
use crate::syntax::{Ast, AstKind, TypeTest, TypeUse};
use crate::value::Item;

/// `strict`: `as` demands a single item. Recursion is bounded by the depth of the tree.
pub(super) fn lower(ast: Ast, strict: bool) -> Op {
    let down = |ast: Box<Ast>| lower(*ast, strict);
    let all = |asts: Vec<Ast>| {
        asts.into_iter()
            .map(|a| lower(a, strict))
            .collect::<Vec<_>>()
    };
    match ast.kind {
        AstKind::Empty => Op::Items(Vec::new()),
        AstKind::Literal(item) => Op::Items(vec![item]),
        AstKind::This => Op::This,
        AstKind::Index => Op::Index,
        AstKind::Total => Op::Total,
        AstKind::Constant(name) => constant(&name),
        AstKind::Member { input: None, name } => walk(Op::This, first_step(&name)),
        AstKind::Member {
            input: Some(input),
            name,
        } => walk(down(input), Step::Child(names().find(&name))),
        AstKind::Type { input, how, test } => {
            type_use(input.map_or(Op::This, down), how, test, strict)
        }
        AstKind::Indexer(input, index) => Op::At(Box::new((down(input), down(index)))),
        AstKind::Negate(operand) => negate(down(operand)),
        AstKind::Plus(operand) => Op::Plus(Box::new(down(operand))),
        AstKind::Binary(operator, a, b) => Op::Binary(operator, Box::new((down(a), down(b)))),
        AstKind::And(items) => Op::And(all(items)),
        AstKind::Or(items) => Op::Or(all(items)),
        AstKind::Union(items) => Op::Union(all(items)),
        AstKind::Call {
            input,
            function,
            arguments,
        } => {
            let uses_index = arguments.iter().any(uses_index);
            let input = input.map_or(Op::This, down);
            call(function, input, arguments, uses_index, strict)
        }
    }
}

fn walk(start: Op, step: Step) -> Op {
    match start {
        Op::Walk { start, mut steps } => {
            steps.push(step);
            Op::Walk { start, steps }
        }
        start => Op::Walk {
            start: Box::new(start),
            steps: vec![step],
        },
    }
}

/// Element names never start with a capital, type names of resources always do.
fn first_step(name: &str) -> Step {
    let is_type = name.starts_with(|c: char| c.is_ascii_uppercase());
    match r4().type_id(name).filter(|_| is_type) {
        Some(ty) => Step::TypeName(ty),
        None => Step::Child(names().find(name)),
    }
}

fn type_use(input: Op, how: TypeUse, test: TypeTest, strict: bool) -> Op {
    let test = match test {
        TypeTest::Loose(ty) if strict => TypeTest::System(ty),
        test => test,
    };
    match how {
        TypeUse::Is => match input {
            Op::Call(call) if call.function == Function::Resolve => {
                Op::ResolvesTo(Box::new(call.input), test)
            }
            input => Op::Is(Box::new(input), test),
        },
        TypeUse::As if strict => Op::As {
            input: Box::new(input),
            test,
            single: true,
        },
        _ => match input {
            input @ (Op::Walk { .. } | Op::This) => walk(input, Step::OfType(test)),
            input => Op::As {
                input: Box::new(input),
                test,
                single: false,
            },
        },
    }
}

fn call(function: Function, input: Op, arguments: Vec<Ast>, uses_index: bool, strict: bool) -> Op {
    let descending = arguments
        .iter()
        .map(|a| function == Function::Sort && matches!(a.kind, AstKind::Negate(_)))
        .collect();
    let mut arguments: Vec<Op> = arguments
        .into_iter()
        .map(|argument| match argument.kind {
            AstKind::Negate(key) if function == Function::Sort => lower(*key, strict),
            kind => lower(Ast { kind, ..argument }, strict),
        })
        .collect();
    match function {
        Function::Where if !uses_index && is_walk(&input) => match arguments.pop() {
            Some(criteria) => return walk(input, Step::Where(criteria)),
            None => return input,
        },
        Function::Exists if !uses_index && is_walk(&input) => {
            let input = match arguments.pop() {
                Some(criteria) => walk(input, Step::Where(criteria)),
                None => input,
            };
            return Op::Call(Box::new(Call::new(Function::Exists, input, arguments)));
        }
        Function::Extension if is_walk(&input) => {
            if let Some(url) = literal_text(&arguments) {
                return walk(input, Step::Extension(url));
            }
        }
        _ => {}
    }
    Op::Call(Box::new(Call {
        descending,
        ..Call::new(function, input, arguments)
    }))
}

fn is_walk(op: &Op) -> bool {
    matches!(op, Op::Walk { .. } | Op::This | Op::Variable(_))
}

fn literal_text(arguments: &[Op]) -> Option<Box<str>> {
    match arguments {
        [Op::Items(items)] => match items.as_slice() {
            [Item::String(text)] => Some(text.as_ref().into()),
            _ => None,
        },
        _ => None,
    }
}

fn negate(operand: Op) -> Op {
    if let Op::Items(items) = &operand {
        match items.as_slice() {
            [Item::Integer(i)] => return Op::Items(vec![Item::Integer(-i)]),
            [Item::Decimal(d)] => return Op::Items(vec![Item::Decimal(-*d)]),
            _ => {}
        }
    }
    Op::Negate(Box::new(operand))
}

/// <https://hl7.org/fhir/R4/fhirpath.html#variables>
fn constant(name: &str) -> Op {
    let text = |t: String| Op::Items(vec![Item::text(t)]);
    match name {
        "context" => Op::Variable(Variable::Context),
        "resource" => Op::Variable(Variable::Resource),
        "rootResource" => Op::Variable(Variable::RootResource),
        "ucum" => text("http://unitsofmeasure.org".to_owned()),
        "sct" => text("http://snomed.info/sct".to_owned()),
        "loinc" => text("http://loinc.org".to_owned()),
        _ => {
            if let Some(id) = name.strip_prefix("vs-") {
                return text(format!("http://hl7.org/fhir/ValueSet/{id}"));
            }
            if let Some(id) = name.strip_prefix("ext-") {
                return text(format!("http://hl7.org/fhir/StructureDefinition/{id}"));
            }
            Op::Named(name.into())
        }
    }
}

fn uses_index(ast: &Ast) -> bool {
    let some = |input: &Option<Box<Ast>>| input.as_ref().is_some_and(|i| uses_index(i));
    match &ast.kind {
        AstKind::Index => true,
        AstKind::Member { input, .. } | AstKind::Type { input, .. } => some(input),
        AstKind::Call {
            input, arguments, ..
        } => some(input) || arguments.iter().any(uses_index),
        AstKind::Indexer(a, b) | AstKind::Binary(_, a, b) => uses_index(a) || uses_index(b),
        AstKind::Negate(a) | AstKind::Plus(a) => uses_index(a),
        AstKind::And(items) | AstKind::Or(items) | AstKind::Union(items) => {
            items.iter().any(uses_index)
        }
        _ => false,
    }
}
