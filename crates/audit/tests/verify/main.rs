//! Tampering is found and named: TE1 to TE9 as far as they need no store. What is built on a store has its own.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod made;
mod proved;
mod removed;
mod signed;
mod tampered;
mod witnessed;
