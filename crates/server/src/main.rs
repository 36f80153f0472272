//! `ward`: the server binary. Configuration, wiring and the subcommands; no clinical rule lives here.

mod access_reviews;
mod account;
mod activity;
mod audit;
mod cert;
mod check_config;
mod command_line;
mod config;
mod core_dump;
mod data_folder;
mod decisions;
mod demo;
mod detect;
mod dev_certificates;
mod drain;
mod drill;
mod due;
mod egress;
mod feed;
mod import;
mod reindex;
mod rotate_key;
mod sequence;
mod serve;
mod tls;
mod token;
mod watch;
mod wiring;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A FHIR R4 server: resources, search, SMART access, consent and audit.
///
/// Start a whole synthetic hospital:   ward serve --demo
/// Get a token for one of its callers: ward token --as clinician
/// Load your own records:              ward import bundles/
#[derive(Parser)]
#[command(name = "ward", version, about, verbatim_doc_comment)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve FHIR R4 at <listen>/fhir
    Serve(serve::Serve),
    /// Sign a demo caller in and print its access token (a server must run with --demo)
    Token(token::Token),
    /// Load resources and Bundles from files and folders (.json, .ndjson, also .gz)
    Import(import::Import),
    /// Exchange the master key of a store, while no server runs on it
    RotateKey(rotate_key::RotateKey),
    /// Make certificates for trying TLS out
    Cert(cert::Cert),
    /// Make, disable, enable and reset people's accounts
    Account(account::Account),
    /// Check an export of the audit log, or try the detection of misuse, without a server
    Audit(audit::Audit),
    /// Check a configuration and print every option with its value and where it came from
    CheckConfig(check_config::CheckConfig),
}

fn main() -> ExitCode {
    tls::install_provider();
    // Each command may hold keys. `serve` tells where it cannot be had.
    let _ = core_dump::forbid();
    let outcome = match Arguments::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Token(token) => token.run(),
        Command::Import(import) => import.run(),
        Command::RotateKey(rotate) => rotate.run(),
        Command::Cert(cert) => cert.run(),
        Command::Account(account) => account.run(),
        Command::Audit(audit) => audit.run(),
        Command::CheckConfig(check) => check.run(),
    };
    outcome.unwrap_or_else(|problem| {
        eprintln!("ward: {problem}");
        ExitCode::from(1)
    })
}
