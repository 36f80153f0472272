//! Questions against extraction and the reference semantics, on real data.

mod answers;
mod compartments;
mod examples;
mod queries;
mod registries;
mod sample;
