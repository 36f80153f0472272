//! From the parsed tree to what is run: paths become direct walks, literals are folded, names are numbers.

mod check;
mod lower;
mod op;
mod prune;

use ward_fhir::schema::TypeId;

use crate::error::SyntaxError;
use crate::evaluate::Expression;
use crate::syntax;

pub(crate) use op::{Call, Op, Step, Variable};

/// Compiles an expression for any focus. Unknown elements are simply empty, and `as` keeps what fits of a collection,
/// as the search parameters and invariants of R4 expect. Errors: syntax, unknown function or type, over a limit.
pub fn compile(text: &str) -> Result<Expression, SyntaxError> {
    let ast = syntax::parse(text)?;
    Ok(Expression::new(text, lower::lower(ast, false)))
}

/// Compiles an expression for a focus of one type, strictly: unknown elements, operands that can never fit and functions of
/// order on unordered collections are errors too, and `as` demands a single item.
pub fn compile_for(text: &str, focus: TypeId) -> Result<Expression, SyntaxError> {
    let ast = syntax::parse(text)?;
    check::check(&ast, focus)?;
    Ok(Expression::new(text, lower::lower(ast, true)))
}

/// As `compile`, for a focus of one type: branches of unions that start from another type are dropped. The form for search
/// parameters, whose unions name up to thirty types. A union left with one branch may yield equal items more than once.
pub fn compile_on(text: &str, focus: TypeId) -> Result<Expression, SyntaxError> {
    let ast = syntax::parse(text)?;
    Ok(Expression::new(
        text,
        prune::prune(lower::lower(ast, false), focus),
    ))
}
