//! `ward check-config`: the effective configuration, each option with its origin; or what is wrong with it. The master key is
//! read as a start would read it.

use crate::config::{self, Origin, environment_name};
use crate::egress::EgressClient;
use crate::sequence::anchors::Anchors;
use crate::{data_folder, feed, tls};
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args)]
pub struct CheckConfig {
    /// TOML file to check
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print all options as a table in Markdown, for the guide
    #[arg(long)]
    markdown: bool,
}

impl CheckConfig {
    pub fn run(self) -> Result<ExitCode, String> {
        if self.markdown {
            crate::token::print(&markdown());
            return Ok(ExitCode::SUCCESS);
        }
        let loaded = config::load(self.config.as_ref(), &Vec::new())?;
        data_folder::check_master_key(&loaded.config)?;
        tls::check(&loaded.config.tls)?;
        feed::check(&loaded.config)?;
        EgressClient::for_upstream(&loaded.config)?;
        loaded.config.upstream.settings()?;
        loaded.config.engine_settings(String::new())?;
        Anchors::of(&loaded.config)?;
        let mut text = String::new();
        for (option, value, origin) in &loaded.rows {
            let origin = match origin {
                Origin::Default => "default",
                Origin::File => "file",
                Origin::Environment => "environment",
                Origin::Flag => "flag",
            };
            // A database URL may hold a password.
            let value = if option.name == "store.database" && value != "\"\"" {
                "\"postgres://…\""
            } else {
                value
            };
            text.push_str(&format!("{:<34} = {value:<24} # {origin}\n", option.name));
        }
        text.push_str("\nthe configuration is valid\n");
        crate::token::print(&text);
        Ok(ExitCode::SUCCESS)
    }
}

fn markdown() -> String {
    let mut text =
        String::from("| option | environment | default | meaning |\n|---|---|---|---|\n");
    for option in config::OPTIONS {
        text.push_str(&format!(
            "| `{}` | `{}` | `{}` | {} |\n",
            option.name,
            environment_name(option.name),
            option.default,
            option.meaning
        ));
    }
    text
}
