//! The authorization server: tokens and their verification, and the meaning of every endpoint.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/>
//!
//! This crate must *not* know: HTTP, SQL, or a clock (time is an argument).

pub mod answer;
mod bearer;
mod claims;
pub mod demo;
pub mod endpoints;
pub mod page;
pub mod people;
pub mod request;
pub mod signing_key;
mod tokens;

pub use answer::{Answer, Cache, Cookie, ErrorCode, OAuthError};
pub use bearer::{BearerError, bearer_token};
pub use claims::{Claims, TOKEN_LIFETIME_S, TOKEN_LIFETIME_S_MAX};
pub use demo::demo_caller;
pub use endpoints::Endpoint;
pub use page::Page;
pub use request::{Parameters, Request};
pub use tokens::TokenService;
