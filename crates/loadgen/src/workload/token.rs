//! Tokens for a backend service, each by an assertion that was signed before the clock starts: what is measured is the server.

use std::sync::Arc;
use std::thread;
use std::time::Instant;

use crate::arguments::Tokens;
use crate::client::Client;
use crate::report::Report;
use crate::run::{self, Script, Watched};
use crate::service::{ASSERTION_LIFETIME_S, Service};
use crate::target::Target;

pub async fn run(target: &Target, watched: &Watched, options: &Tokens) -> Result<Report, String> {
    let (pace, algorithm) = (&options.pace, options.algorithm);
    let service = Service::registered(target, algorithm, &options.scope, &options.admin).await?;
    let service = Arc::new(service);
    let begun = Instant::now();
    let forms = signed(&service, options.assertions)?;
    let left_s = ASSERTION_LIFETIME_S.saturating_sub(begun.elapsed().as_secs());
    if left_s < pace.warm_up + pace.duration {
        return Err(format!(
            "signing took so long that assertions are good for {left_s} s only: ask for fewer, or for less time"
        ));
    }
    let path: Arc<str> = service.token_path().into();
    let scripts = shared_out(forms, pace.clients.max(1)).into_iter();
    let scripts = scripts.map(|forms| Ask {
        path: path.clone(),
        forms,
    });
    let measured = run::run(target, watched, pace, scripts.collect()).await?;
    Ok(Report::new(format!("token {}", algorithm.name()), measured))
}

/// On all processors.
fn signed(service: &Arc<Service>, count: usize) -> Result<Vec<String>, String> {
    let processors = thread::available_parallelism().map_or(1, usize::from);
    let each = count.div_ceil(processors);
    let sign = |_| {
        let service = service.clone();
        thread::spawn(move || (0..each).map(|_| service.asks()).collect::<Vec<String>>())
    };
    let threads: Vec<_> = (0..processors).map(sign).collect();
    let mut forms = Vec::with_capacity(each * processors);
    for signing in threads {
        forms.extend(signing.join().map_err(|_| "signing failed")?);
    }
    Ok(forms)
}

/// As many for each client, and none for two.
fn shared_out(forms: Vec<String>, clients: usize) -> Vec<Vec<String>> {
    let mut shares = vec![Vec::new(); clients];
    for (at, form) in forms.into_iter().enumerate() {
        shares[at % clients].push(form);
    }
    shares
}

struct Ask {
    path: Arc<str>,
    forms: Vec<String>,
}

impl Script for Ask {
    async fn step(&mut self, client: &mut Client) -> bool {
        let Some(form) = self.forms.pop() else {
            return false;
        };
        client.form("token", &self.path, form, &[200]).await;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assertions_are_shared_out_once_each() {
        let forms: Vec<String> = (0..7).map(|n| n.to_string()).collect();
        let shares = shared_out(forms.clone(), 3);
        let counts: Vec<usize> = shares.iter().map(Vec::len).collect();
        assert_eq!(counts, [3, 2, 2]);
        let mut all = shares.concat();
        all.sort();
        assert_eq!(all, forms);
    }
}
