//! Where requests go: host, base path, tokens.

use crate::arguments::{Arguments, Compare};
use crate::tokens::{self, Token};

#[derive(Clone, Debug)]
pub struct Target {
    /// `host:port`
    pub authority: String,
    /// Path of the FHIR base, without a slash at the end; may be empty.
    pub path: String,
    /// Clients take them in turn.
    pub tokens: Vec<Token>,
    pub gzip: bool,
    /// `X-Ward-Bench-Steps`, which a Ward that is built for benches obeys.
    pub steps: Option<&'static str>,
}

impl Target {
    /// Reads the base URL and the tokens, on a runtime that renews them; an error says which of them cannot be used.
    pub fn of(arguments: &Arguments) -> Result<Self, String> {
        let (authority, path) = split(&arguments.base)?;
        let mut tokens = Vec::new();
        if let Some(token) = &arguments.token {
            tokens.push(Token::of(token)?);
        }
        if let Some(file) = &arguments.token_file {
            tokens.extend(tokens::in_file(file)?);
        }
        if let Some(command) = &arguments.token_command {
            let token = Token::printed_by(command)?;
            token.renew_by(command.clone());
            tokens.push(token);
        }
        Ok(Self {
            authority,
            path,
            tokens,
            gzip: arguments.gzip,
            steps: None,
        })
    }

    /// The same server for whoever a command line prints a token of.
    pub fn of_another(&self, token_command: &str) -> Result<Self, String> {
        let token = Token::printed_by(token_command)?;
        token.renew_by(token_command.to_owned());
        Ok(Self {
            tokens: vec![token],
            ..self.clone()
        })
    }

    /// The other server of a comparison; without a token of its own it is shown the same.
    pub fn beside(&self, options: &Compare) -> Result<Self, String> {
        let (authority, path) = split(&options.other)?;
        let mut tokens = self.tokens.clone();
        if let Some(token) = &options.other_token {
            tokens = vec![Token::of(token)?];
        }
        if let Some(command) = &options.other_token_command {
            let token = Token::printed_by(command)?;
            token.renew_by(command.clone());
            tokens = vec![token];
        }
        Ok(Self {
            authority,
            path,
            tokens,
            ..self.clone()
        })
    }
}

fn split(base: &str) -> Result<(String, String), String> {
    let rest = base
        .strip_prefix("http://")
        .ok_or_else(|| format!("{base}: only http:// URLs; measure without TLS"))?;
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let authority = if authority.contains(':') {
        authority.to_owned()
    } else {
        format!("{authority}:80")
    };
    let path = path.trim_end_matches('/');
    Ok((
        authority,
        if path.is_empty() {
            String::new()
        } else {
            format!("/{path}")
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_split() {
        let parts = |base: &str| split(base).unwrap();
        assert_eq!(
            parts("http://127.0.0.1:8080/fhir/"),
            ("127.0.0.1:8080".into(), "/fhir".into())
        );
        assert_eq!(parts("http://host"), ("host:80".into(), String::new()));
        assert!(split("https://host/fhir").is_err());
    }
}
