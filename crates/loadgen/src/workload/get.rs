//! GET of one path again and again: reads of one resource, metadata, or the bare server.

use crate::arguments::Get;
use crate::client::Client;
use crate::report::Report;
use crate::run::{self, Script, Watched};
use crate::target::Target;

pub async fn run(target: &Target, watched: &Watched, options: &Get) -> Result<Report, String> {
    let path = options.path.trim_start_matches('/');
    let scripts = (0..options.pace.clients)
        .map(|_| Path(path.to_owned()))
        .collect();
    let measured = run::run(target, watched, &options.pace, scripts).await?;
    Ok(Report::new(format!("get {path}"), measured))
}

struct Path(String);

impl Script for Path {
    async fn step(&mut self, client: &mut Client) -> bool {
        client.get("get", &self.0).await;
        true
    }
}
