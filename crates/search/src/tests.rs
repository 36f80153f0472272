//! Questions against extraction and the reference semantics, on real data.

mod answers;
mod blank;
mod chains;
mod codes;
mod compartments;
mod composites;
mod contained_chains;
mod costs;
mod custom;
mod examples;
mod filters;
mod full_text;
mod hidden;
mod includes;
mod left_out;
mod loosened;
mod masked;
mod queries;
mod registries;
mod sample;
mod selection;
mod small;
mod sorts;
mod specials;
mod texts;
mod tokens;
