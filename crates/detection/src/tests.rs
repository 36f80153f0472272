//! Each rule fires on its trigger, is silent just below it, and where work explains what was done.

mod behaviour;
mod drill;
mod records;
mod world;
