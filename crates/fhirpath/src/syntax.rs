//! From text to a typed tree. <http://hl7.org/fhirpath/N1/#lexical-elements>, <http://hl7.org/fhirpath/N1/grammar.html>

mod lexer;
mod literal;
mod parser;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use parser::parse;
pub(crate) use tree::{Ast, AstKind, Operator, TypeTest, TypeUse};
