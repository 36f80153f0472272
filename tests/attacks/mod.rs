//! Attacks over HTTP, by the ids of the list of attacks.

mod authenticator;
mod authorization;
mod egress;
mod forgery;
mod guessing;
mod hospital;
mod injection;
mod passkeys;
mod redirects;
mod tokens;
