//! `ward account`: people's accounts from the command line, for the first administrator and for whoever is locked out.

use crate::command_line::{self, Done};
use crate::config::{self, Config};
use crate::{data_folder, wiring};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use ward_access::Roles;
use ward_resources::Engine;
use ward_smart::Endpoint;
use ward_smart::people::account::{self, AccountError, NewAccount};
use ward_smart::settings::{Upstream, origin};

const EXAMPLES: &str = "\
Examples:
  ward account add okafor --name \"Imani Okafor\" --role system-administrator
  ward account add brandt --name \"Ute Brandt\" --resource Practitioner/318 --role physician
  ward account disable brandt
  ward account link brandt 5f0c2a9e-41d7 --config ward.toml

add and reset print a link with which its owner chooses how to sign in; it works once, for a day.
With the embedded store no server may be running on the data folder: administrators have a page for the same.";

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub struct Account {
    #[command(subcommand)]
    decision: Decision,
    /// Data folder of the store
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// postgres:// URL of the store
    #[arg(long, value_name = "URL", global = true)]
    database: Option<String>,
    /// TOML file of the server
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Decision {
    /// Make an account, and a link for its owner
    Add {
        username: String,
        /// As pages greet
        #[arg(long)]
        name: String,
        /// Who the person is in the records: Practitioner/123 or Patient/123
        #[arg(long, value_name = "REFERENCE")]
        resource: Option<String>,
        /// Repeat for several
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<String>,
    },
    /// Sign the person out and let nobody in any more
    Disable { username: String },
    /// Let the person in again
    Enable { username: String },
    /// Take password, codes and passkeys away, and make a new link
    Reset { username: String },
    /// Let a person of the upstream provider sign in with the account
    Link {
        username: String,
        /// As the provider names the person in the claim upstream.person_claim
        person: String,
    },
    /// Let nobody of the upstream provider sign in with the account any more
    Unlink { username: String },
}

impl Account {
    pub fn run(self) -> Result<ExitCode, String> {
        let mut flags = config::Flags::new();
        let data = self.data.as_ref().map(|v| v.display().to_string());
        flags.extend(data.map(|v| ("store.data", v)));
        flags.extend(self.database.clone().map(|v| ("store.database", v)));
        let config = config::load(self.config.as_ref(), &flags)?.config;
        self.decision.check(&config)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| format!("no runtime: {e}"))?;
        let said = runtime.block_on(self.decide(&config))?;
        crate::token::print(&said);
        Ok(ExitCode::SUCCESS)
    }

    async fn decide(&self, config: &Config) -> Result<String, String> {
        data_folder::create(&config.store.data)?;
        let base = match data_folder::read_demo(&config.store.data)? {
            Some(demo) => demo.base,
            None => config.base_url(config.server.listen),
        };
        let master = data_folder::master_key(config, true)?;
        let engine = wiring::engine(config, &master, base.clone()).await?;
        let upstream = self.decision.upstream(config)?;
        let decided = recorded(&engine, &self.decision, upstream.as_ref()).await;
        engine.store().close().await;
        let invitation = decided?;
        let username = self.decision.username();
        Ok(match invitation {
            Some(token) => format!(
                "{}{}?invitation={token}\nGive this link to the owner of {username}: it works once, for a day.\n",
                origin(&base),
                Endpoint::Enrol.path(),
            ),
            None => format!("{username} is {}\n", self.decision.done()),
        })
    }
}

/// The token of an invitation, where one is made; only after the Record that says so is durable.
async fn recorded(
    engine: &Arc<Engine>,
    decision: &Decision,
    upstream: Option<&Upstream>,
) -> Result<Option<String>, String> {
    let decided = decision.carry_out(engine, upstream).await;
    let done = Done {
        by: "ward account",
        what: decision.word(),
        succeeded: decided.is_ok(),
    };
    command_line::record(engine, done).await?;
    decided.map_err(|error| error.to_string())
}

impl Decision {
    /// A role that nobody defined would open nothing, and be missed.
    fn check(&self, config: &Config) -> Result<(), String> {
        if matches!(self, Decision::Link { .. }) && !config.upstream.is_on() {
            return Err(
                "no provider is configured: give the server's file with --config (upstream.issuer)"
                    .to_owned(),
            );
        }
        let Decision::Add { roles, .. } = self else {
            return Ok(());
        };
        let known = Roles::seeded();
        match roles.iter().find(|role| known.get(role).is_none()) {
            None => Ok(()),
            Some(role) => {
                let names: Vec<&str> = known.iter().map(|role| role.name.as_str()).collect();
                Err(format!(
                    "there is no role {role}: choose of {}",
                    names.join(", ")
                ))
            }
        }
    }

    /// The provider, for who is linked with it.
    fn upstream(&self, config: &Config) -> Result<Option<Upstream>, String> {
        match self {
            Decision::Link { .. } => config.upstream.settings(),
            _ => Ok(None),
        }
    }

    async fn carry_out(
        &self,
        engine: &Engine,
        upstream: Option<&Upstream>,
    ) -> Result<Option<String>, AccountError> {
        let (store, now_s) = (engine.store(), engine.now_us() / 1_000_000);
        match self {
            Decision::Add {
                username,
                name,
                resource,
                roles,
            } => {
                let new = NewAccount {
                    username: username.clone(),
                    name: name.clone(),
                    fhir_user: resource.clone(),
                    roles: roles.clone(),
                };
                account::add(store, &new, now_s).await.map(Some)
            }
            Decision::Disable { username } => {
                account::close(store, username, now_s).await.map(|_| None)
            }
            Decision::Enable { username } => {
                account::open(store, username, now_s).await.map(|()| None)
            }
            Decision::Reset { username } => {
                let (token, _) = account::reset(store, username, now_s).await?;
                Ok(Some(token))
            }
            Decision::Link { username, person } => {
                let upstream = upstream.ok_or(AccountError::Person)?;
                account::link(store, username, upstream, person, now_s).await?;
                Ok(None)
            }
            Decision::Unlink { username } => {
                account::unlink(store, username, now_s).await.map(|_| None)
            }
        }
    }

    fn username(&self) -> &str {
        match self {
            Decision::Add { username, .. }
            | Decision::Disable { username }
            | Decision::Enable { username }
            | Decision::Reset { username }
            | Decision::Link { username, .. }
            | Decision::Unlink { username } => username,
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Decision::Add { .. } => "add",
            Decision::Disable { .. } => "disable",
            Decision::Enable { .. } => "enable",
            Decision::Reset { .. } => "reset",
            Decision::Link { .. } => "link",
            Decision::Unlink { .. } => "unlink",
        }
    }

    fn done(&self) -> &'static str {
        match self {
            Decision::Disable { .. } => "disabled",
            Decision::Link { .. } => "linked",
            Decision::Unlink { .. } => "linked no longer",
            _ => "enabled",
        }
    }
}
