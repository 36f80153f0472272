//! A bearer token for work that may take longer than a token lives.

use super::remote::Issued;
use super::sign_in::SignIn;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

pub enum Bearer {
    /// Good for as long as it is.
    Given(String),
    /// Asked for anew before it ends.
    Renewed(Box<SignIn>, Mutex<Option<Held>>),
}

pub struct Held {
    token: String,
    renew_at: Instant,
}

/// How long before its end a token is not used any more: a large bundle takes its time.
const MARGIN: Duration = Duration::from_secs(120);

impl Bearer {
    pub fn renewed(sign_in: SignIn) -> Bearer {
        Bearer::Renewed(Box::new(sign_in), Mutex::new(None))
    }

    /// The token to send now. Of several threads one asks, and the others wait for it.
    pub fn current(&self, runtime: &Runtime) -> Result<String, String> {
        let (sign_in, held) = match self {
            Bearer::Given(token) => return Ok(token.clone()),
            Bearer::Renewed(sign_in, held) => (sign_in, held),
        };
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = held.as_ref().filter(|held| Instant::now() < held.renew_at) {
            return Ok(held.token.clone());
        }
        let asked_at = Instant::now();
        let issued = runtime.block_on(sign_in.token())?;
        *held = Some(Held {
            renew_at: asked_at + lifetime(&issued).saturating_sub(MARGIN),
            token: issued.access_token.clone(),
        });
        Ok(issued.access_token)
    }
}

fn lifetime(issued: &Issued) -> Duration {
    Duration::from_secs(issued.expires_in)
}
