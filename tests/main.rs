//! Ward's tests as its users would write them: one binary, a chapter per folder, both stores.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod apps;
mod attacks;
mod audit;
mod audit_log;
mod consent;
mod crash;
mod data;
mod demo;
mod docs;
mod leaks;
mod nodes;
mod people;
mod rest;
mod start;
mod tls;
mod upstream;
