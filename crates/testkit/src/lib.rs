//! What tests share: real servers on both stores, private databases, a small client, and the reference data beside the checkout.
//!
//! This crate must *not* know: the insides of any other crate but the hospital generator. It sees Ward as its users do.
#![allow(clippy::print_stdout, reason = "tests report to their runner")]

mod binary;
mod children;
pub mod consents;
pub mod generate;
pub mod hostile;
mod http;
pub mod naive;
pub mod postgres;
mod random;
mod server;
mod shared;
mod token;
pub mod turns;

pub use binary::ward_binary;
pub use http::{Answer, Client, Request, install_provider};
pub use random::Random;
pub use server::{Backend, Home, Server, Start, backends, free_port};
pub use shared::{official_suite_run, shared_data};
