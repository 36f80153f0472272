//! Tokens: the signing key, access tokens and their verification, and the demo's callers.
//!
//! This crate must *not* know: HTTP, SQL, or a clock (time is an argument).

mod bearer;
mod claims;
pub mod demo;
pub mod signing_key;
mod tokens;

pub use bearer::{BearerError, bearer_token};
pub use claims::{Claims, TOKEN_LIFETIME_S, TOKEN_LIFETIME_S_MAX};
pub use demo::demo_caller;
pub use tokens::TokenService;
