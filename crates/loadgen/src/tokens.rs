//! Bearer tokens, which may be shorter-lived than a run: a command that prints one is run again and again.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hyper::header::HeaderValue;

/// The header of a client; clones see the same one, also when it is exchanged.
#[derive(Clone, Debug)]
pub struct Token(Arc<RwLock<HeaderValue>>);

/// Tokens of backend services live for five minutes.
const RENEWED_EVERY: Duration = Duration::from_secs(120);

impl Token {
    pub fn of(text: &str) -> Result<Token, String> {
        Ok(Token(Arc::new(RwLock::new(header(text)?))))
    }

    /// The first of the tokens that a command line prints; it is run by `sh`.
    pub fn printed_by(command: &str) -> Result<Token, String> {
        Token::of(&printed(command)?)
    }

    /// Exchanges it as long as the runtime lives. Where that fails the old one is kept, and requests will tell.
    pub fn renew_by(&self, command: String) {
        let token = self.clone();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEWED_EVERY).await;
                let command = command.clone();
                let asked = tokio::task::spawn_blocking(move || printed(&command)).await;
                let new = asked
                    .map_err(|e| e.to_string())
                    .and_then(|text| header(&text?));
                match new {
                    Ok(new) => *token.0.write().unwrap_or_else(PoisonError::into_inner) = new,
                    Err(problem) => eprintln!("ward-loadgen: no new token: {problem}"),
                }
            }
        });
    }

    pub fn header(&self) -> HeaderValue {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// One token per line.
pub fn in_file(file: &Path) -> Result<Vec<Token>, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.map(Token::of).collect()
}

fn printed(command: &str) -> Result<String, String> {
    let output = Command::new("sh")
        .args(["-c", command])
        .output()
        .map_err(|e| format!("{command}: {e}"))?;
    if !output.status.success() {
        let problem = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command}: {}", problem.trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn header(token: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.trim()))
        .map_err(|_| "a token holds bytes that no header can carry".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_prints_the_token() {
        let token = Token::printed_by("echo a.b.c").unwrap();
        assert_eq!(token.header(), "Bearer a.b.c");
        let problem = Token::printed_by("echo because >&2; exit 1").unwrap_err();
        assert!(problem.ends_with(": because"), "{problem}");
        assert!(Token::of("a\nb").is_err());
    }
}
