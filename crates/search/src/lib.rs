//! Search without SQL: the parameter registry, query text to [`plan::Plan`], and value extraction.
//!
//! This crate must *not* know: SQL, a database, an async runtime, a clock, or who is asking.

pub mod check;
pub mod compartment;
pub mod contained;
pub mod cost;
pub mod cursor;
pub mod custom;
pub mod definition;
pub mod edition;
pub mod entries;
pub mod evaluate;
pub mod extract;
pub mod groups;
pub mod hot;
pub mod nearest;
pub mod normal;
pub mod plan;
pub mod query;
pub mod registry;
pub mod seen;
pub mod shape;
pub mod targets;
pub mod term;
pub mod terminology;

mod escape;
mod expression;
mod full_text;
mod param;
mod program;
mod words;

#[cfg(test)]
mod tests;
