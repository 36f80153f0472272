//! The authorization server: tokens and their verification, and the meaning of every endpoint.
//! <https://hl7.org/fhir/smart-app-launch/STU2.2/>
//!
//! This crate must *not* know: HTTP, SQL, or a clock (time is an argument).

mod access_reviews;
pub mod answer;
mod app_state;
mod apps;
mod audit_log;
mod authorize;
mod bearer;
mod brands;
mod break_glass;
mod claims;
mod client_authentication;
mod clients;
mod consents;
mod dates;
pub mod demo;
mod developer;
pub mod discovery;
pub mod dpop;
pub mod endpoints;
mod fapi;
pub mod fetch;
mod forms;
mod id_token;
mod introspect;
pub mod jwks;
mod launch;
pub mod page;
mod par;
pub mod people;
mod purposes;
mod records;
mod register;
pub mod registration;
mod registry;
pub mod request;
mod resource_server;
mod reviews;
pub mod revocations;
mod revoke;
mod scope_ceiling;
mod server;
pub mod settings;
pub mod signing_keys;
pub mod state;
mod token;
mod tokens;
mod trail;
mod unsaid;
mod visitor;

pub use answer::{Answer, Cache, Cookie, ErrorCode, File, OAuthError};
pub use app_state::{APP_STATE_BYTES_MAX, APP_STATE_PATH, APP_STATES_MAX};
pub use bearer::{BearerError, Refusal, Scheme, presented_token};
pub use break_glass::{FRESH_S, GRANTS_MAX, MINUTES_MAX};
pub use claims::{
    Claims, Confirmation, SCOPE_IN_TOKEN_BYTES_MAX, SYSTEM_TOKEN_LIFETIME_S, TOKEN_LIFETIME_S,
    TOKEN_LIFETIME_S_MAX,
};
pub use demo::DemoCaller;
pub use endpoints::Endpoint;
pub use fetch::Fetch;
pub use page::Page;
pub use registry::Registry;
pub use request::{Meter, Parameters, Request};
pub use resource_server::Credentials;
pub use server::{AuthorizationServer, Secrets};
pub use settings::Settings;
pub use tokens::{Minted, TokenService, Unverified, Verified};
