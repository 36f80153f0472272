//! Tokens as a newcomer gets them, from `ward token`; asked for anew before they end, so that a test may take its time.

use crate::binary::ward_binary;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a client shows. Clones share it.
#[derive(Clone)]
pub struct Token {
    held: Arc<Mutex<Held>>,
    /// `None`: a token that stays as it is.
    source: Option<Arc<Source>>,
}

struct Held {
    text: String,
    since: Instant,
}

/// Who signs in where.
pub(crate) struct Source {
    pub data: PathBuf,
    pub caller: String,
    pub patient: Option<String>,
    /// Part of what the caller may do.
    pub scope: Option<String>,
    /// Purposes of use that are asserted.
    pub purpose: Option<String>,
}

/// Tokens of backend services live for five minutes; a request may take one of them.
const RENEWED_AFTER: Duration = Duration::from_secs(200);

impl Token {
    pub fn fixed(text: String) -> Token {
        Token::held(text, None)
    }

    pub(crate) fn of(source: Source) -> Token {
        Token::asked(source).unwrap_or_else(|why| panic!("ward token: {why}"))
    }

    pub(crate) fn asked(source: Source) -> Result<Token, String> {
        let text = source.ask()?;
        Ok(Token::held(text, Some(Arc::new(source))))
    }

    /// The token to send now.
    pub fn text(&self) -> String {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(source) = &self.source
            && held.since.elapsed() > RENEWED_AFTER
        {
            // Where the server was just killed, the request will tell.
            if let Ok(text) = source.ask() {
                *held = Held {
                    text,
                    since: Instant::now(),
                };
            }
        }
        held.text.clone()
    }

    fn held(text: String, source: Option<Arc<Source>>) -> Token {
        let since = Instant::now();
        Token {
            held: Arc::new(Mutex::new(Held { text, since })),
            source,
        }
    }
}

impl Source {
    fn ask(&self) -> Result<String, String> {
        let mut command = Command::new(ward_binary());
        command
            .args(["token", "--as", &self.caller, "--data"])
            .arg(&self.data);
        if let Some(patient) = &self.patient {
            command.args(["--patient", patient]);
        }
        if let Some(scope) = &self.scope {
            command.args(["--scope", scope]);
        }
        if let Some(purpose) = &self.purpose {
            command.args(["--purpose", purpose]);
        }
        let output = command.output().map_err(|e| e.to_string())?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}
