//! Attacks over HTTP, by the ids of the list of attacks.

mod injection;
mod tokens;
