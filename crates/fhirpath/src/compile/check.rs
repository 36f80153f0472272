//! Static checks for an expression whose focus type is known. <http://hl7.org/fhirpath/N1/#type-safety-and-strict-evaluation>
//!
//! Only what can never be right is refused: a step no possible type has, a string function on a structure, a criterion that
//! is no boolean, a number added to a date, a function of order on a collection without order.

mod shape;

use ward_fhir::schema::{TypeId, r4};

use crate::error::SyntaxError;
use crate::function::Function;
use crate::syntax::{Ast, AstKind, Operator, TypeTest, TypeUse};
use crate::value::SystemType;

use shape::{Shape, Ty};

/// Most rounds of `repeat` that are followed.
const REPEAT_ROUNDS_MAX: usize = 6;

pub(super) fn check(ast: &Ast, focus: TypeId) -> Result<(), SyntaxError> {
    shape_of(ast, &Shape::of(Ty::Fhir(focus))).map(drop)
}

/// What `ast` yields when `$this` is `this`.
fn shape_of(ast: &Ast, this: &Shape) -> Result<Shape, SyntaxError> {
    Ok(match &ast.kind {
        AstKind::Empty => Shape::empty(),
        AstKind::Literal(item) => item
            .system_type()
            .map_or_else(Shape::unknown, Shape::system),
        AstKind::This => this.clone(),
        AstKind::Index => Shape::system(SystemType::Integer),
        AstKind::Total | AstKind::Constant(_) => Shape::unknown(),
        AstKind::Member { input: None, name }
            if name.starts_with(|c: char| c.is_ascii_uppercase()) =>
        {
            type_step(name, this, ast.at)?
        }
        AstKind::Member { input, name } => {
            let input = input_shape(input, this)?;
            input
                .member(name)
                .ok_or_else(|| SyntaxError::new(ast.at, format!("no element `{name}` here")))?
        }
        AstKind::Type { input, how, test } => type_use(&input_shape(input, this)?, *how, *test),
        AstKind::Indexer(input, index) => {
            let input = shape_of(input, this)?;
            shape_of(index, this)?;
            ordered(&input, ast.at)?
        }
        AstKind::Negate(operand) | AstKind::Plus(operand) => shape_of(operand, this)?,
        AstKind::Binary(operator, a, b) => {
            binary(*operator, &shape_of(a, this)?, &shape_of(b, this)?, ast.at)?
        }
        AstKind::And(items) | AstKind::Or(items) => {
            for item in items {
                shape_of(item, this)?;
            }
            Shape::system(SystemType::Boolean)
        }
        AstKind::Union(items) => {
            let mut union = Shape::empty();
            for item in items {
                union = union.or(&shape_of(item, this)?);
            }
            union
        }
        AstKind::Call {
            input,
            function,
            arguments,
        } => {
            let input = input_shape(input, this)?;
            call(*function, &input, arguments, this, ast.at)?
        }
    })
}

fn input_shape(input: &Option<Box<Ast>>, this: &Shape) -> Result<Shape, SyntaxError> {
    input
        .as_ref()
        .map_or_else(|| Ok(this.clone()), |ast| shape_of(ast, this))
}

/// `Patient` at the start of a path: the focus must be one, or may be one.
fn type_step(name: &str, this: &Shape, at: usize) -> Result<Shape, SyntaxError> {
    let schema = r4();
    let ty = schema
        .type_id(name)
        .ok_or_else(|| SyntaxError::new(at, format!("no type or element `{name}`")))?;
    let fits =
        |own: &Ty| matches!(own, Ty::Fhir(own) if schema.is_a(*own, ty) || schema.is_a(ty, *own));
    match this.unknown || this.types.iter().any(fits) {
        true if schema.ty(ty).is_abstract => Ok(this.clone()),
        true => Ok(Shape::of(Ty::Fhir(ty))),
        false => Err(SyntaxError::new(
            at,
            format!("the focus is never a `{name}`"),
        )),
    }
}

fn type_use(input: &Shape, how: TypeUse, test: TypeTest) -> Shape {
    if how == TypeUse::Is {
        return Shape::system(SystemType::Boolean);
    }
    let types = match test {
        TypeTest::Fhir(ty) => vec![Ty::Fhir(ty)],
        TypeTest::System(ty) | TypeTest::Loose(ty) => vec![Ty::System(ty)],
        TypeTest::Either(f, s) => vec![Ty::Fhir(f), Ty::System(s)],
        TypeTest::Unknown => Vec::new(),
    };
    Shape {
        types,
        unknown: false,
        ordered: input.ordered,
    }
}

fn ordered(input: &Shape, at: usize) -> Result<Shape, SyntaxError> {
    match input.ordered {
        true => Ok(input.clone()),
        false => Err(SyntaxError::new(at, "the collection has no order here")),
    }
}

fn binary(operator: Operator, a: &Shape, b: &Shape, at: usize) -> Result<Shape, SyntaxError> {
    use Operator::*;
    match operator {
        Add | Subtract => {
            if (a.is_only(Ty::is_temporal) && b.is_only(Ty::is_number))
                || (a.is_only(Ty::is_number) && b.is_only(Ty::is_temporal))
            {
                return Err(SyntaxError::new(
                    at,
                    "a date or time takes a quantity of time",
                ));
            }
            Ok(if a.is_only(Ty::is_temporal) {
                a.clone()
            } else {
                a.or(b)
            })
        }
        Multiply | Divide | Div | Mod => Ok(Shape::unknown()),
        Concatenate => Ok(Shape::system(SystemType::String)),
        _ => Ok(Shape::system(SystemType::Boolean)),
    }
}

fn call(
    function: Function,
    input: &Shape,
    arguments: &[Ast],
    this: &Shape,
    at: usize,
) -> Result<Shape, SyntaxError> {
    use Function::*;
    let each = |index: usize, own: &Shape| {
        arguments
            .get(index)
            .map_or_else(|| Ok(Shape::empty()), |a| shape_of(a, own))
    };
    match function {
        Where | Exists | All | Sort | Trace => {
            for argument in arguments {
                shape_of(argument, input)?;
            }
            Ok(if matches!(function, Exists | All) {
                Shape::system(SystemType::Boolean)
            } else {
                input.clone()
            })
        }
        Select => each(0, input),
        Repeat => repeat(&arguments[0], input),
        Aggregate => each(0, input).map(|_| Shape::unknown()),
        Iif => {
            if each(0, input)?.is_only(|t| !t.is_boolean()) {
                return Err(SyntaxError::new(
                    arguments[0].at,
                    "the criterion is never a boolean",
                ));
            }
            Ok(each(1, input)?.or(&each(2, input)?))
        }
        _ => {
            let first = each(0, this)?;
            for argument in arguments.iter().skip(1) {
                shape_of(argument, this)?;
            }
            plain_call(function, input, &first, at)
        }
    }
}

/// Functions whose arguments do not rebind `$this`.
fn plain_call(
    function: Function,
    input: &Shape,
    first: &Shape,
    at: usize,
) -> Result<Shape, SyntaxError> {
    use Function::*;
    let is_text = |t: &Ty| t.is_text();
    Ok(match function {
        First | Last | Tail | Skip | Take => ordered(input, at)?,
        Single | Distinct | Intersect | Exclude | CheckModifiers | Slice => input.clone(),
        Union | Combine => input.or(first),
        Children | Descendants => Shape {
            ordered: false,
            ..Shape::unknown()
        },
        Extension => r4()
            .type_id("Extension")
            .map_or_else(Shape::unknown, |t| Shape::of(Ty::Fhir(t))),
        StartsWith | EndsWith | Contains | IndexOf | LastIndexOf | Substring | Upper | Lower
        | Replace | Matches | MatchesFull | ReplaceMatches | Length | ToChars | Trim | Split
        | Encode | Decode | Escape | Unescape
            if input.is_only(|t| !is_text(t)) =>
        {
            return Err(SyntaxError::new(at, "a string is expected here"));
        }
        Count | Length | IndexOf | LastIndexOf | ToInteger | Precision => {
            Shape::system(SystemType::Integer)
        }
        Substring | Upper | Lower | Replace | ReplaceMatches | ToChars | Trim | Split | Join
        | Encode | Decode | Escape | Unescape | ToString => Shape::system(SystemType::String),
        ToDecimal | Sqrt | Exp | Ln | Log => Shape::system(SystemType::Decimal),
        ToDate | Today => Shape::system(SystemType::Date),
        ToDateTime | Now => Shape::system(SystemType::DateTime),
        ToTime | TimeOfDay => Shape::system(SystemType::Time),
        ToQuantity => Shape::system(SystemType::Quantity),
        Resolve | Type | GetValue | ElementDefinition | Abs | Ceiling | Floor | Power | Round
        | Truncate | Sum | Min | Max | Avg | LowBoundary | HighBoundary => Shape::unknown(),
        _ => Shape::system(SystemType::Boolean),
    })
}

/// The projection of the input must be possible; further rounds add what they can.
fn repeat(projection: &Ast, input: &Shape) -> Result<Shape, SyntaxError> {
    let mut all = shape_of(projection, input)?;
    let mut round = all.clone();
    for _ in 0..REPEAT_ROUNDS_MAX {
        let Ok(next) = shape_of(projection, &round) else {
            break;
        };
        all = all.or(&next);
        round = next;
    }
    Ok(all)
}
