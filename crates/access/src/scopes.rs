//! The scopes of one token.

use crate::scope::{ResourceScope, SCOPE_BYTES_MAX, Scope, ScopeError};
use std::fmt;

/// What a token's `scope` says. Texts that are no scopes grant nothing and are kept, so that they can be named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    granted: Vec<Scope>,
    refused: Vec<String>,
    text: String,
}

/// Scopes in one token.
pub const SCOPES_MAX: usize = 256;
/// Granular scopes in one token.
pub const GRANULAR_MAX: usize = 32;
/// Longest `scope` text.
pub const SCOPES_BYTES_MAX: usize = 8 * SCOPE_BYTES_MAX;

impl Scopes {
    /// Reads a list separated by spaces. Error: `TooLong`, beyond [`SCOPES_MAX`] or [`SCOPES_BYTES_MAX`].
    pub fn parse(text: &str) -> Result<Scopes, ScopeError> {
        let mut scopes = Scopes {
            text: text.to_owned(),
            ..Scopes::default()
        };
        if text.len() > SCOPES_BYTES_MAX || text.split(' ').count() > SCOPES_MAX {
            return Err(ScopeError::TooLong);
        }
        for one in text.split(' ').filter(|one| !one.is_empty()) {
            match Scope::parse(one) {
                Ok(scope) if scopes.is_one_granular_too_many(&scope) => {
                    scopes.refused.push(one.to_owned());
                }
                Ok(scope) => scopes.granted.push(scope),
                Err(_) => scopes.refused.push(one.to_owned()),
            }
        }
        Ok(scopes)
    }

    pub fn contains(&self, scope: &Scope) -> bool {
        self.granted.contains(scope)
    }

    pub fn resources(&self) -> impl Iterator<Item = &ResourceScope> {
        self.granted.iter().filter_map(|scope| match scope {
            Scope::Resource(scope) => Some(scope),
            _ => None,
        })
    }

    fn is_one_granular_too_many(&self, scope: &Scope) -> bool {
        let is_granular = |scope: &ResourceScope| !scope.query.is_empty();
        matches!(scope, Scope::Resource(new) if is_granular(new))
            && self.resources().filter(|one| is_granular(one)).count() == GRANULAR_MAX
    }

    /// What was no scope, or granular beyond [`GRANULAR_MAX`].
    pub fn refused(&self) -> &[String] {
        &self.refused
    }

    /// As it was written: version 1 asked for is version 1 returned (S65).
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_it_knows_and_names_the_rest() {
        let scopes =
            Scopes::parse("openid  patient/Observation.rs patient/Foo.rs nonsense launch/patient")
                .unwrap();
        assert_eq!(scopes.resources().count(), 1);
        assert!(scopes.contains(&Scope::OpenId));
        assert!(!scopes.contains(&Scope::OfflineAccess));
        assert_eq!(scopes.refused(), ["patient/Foo.rs", "nonsense"]);
        assert!(scopes.to_string().starts_with("openid "));
        assert_eq!(
            Scopes::parse(&"openid ".repeat(SCOPES_MAX + 1)),
            Err(ScopeError::TooLong)
        );
        assert_eq!(
            Scopes::parse(&"x".repeat(SCOPES_BYTES_MAX + 1)),
            Err(ScopeError::TooLong)
        );
        assert_eq!(Scopes::parse("").unwrap().resources().count(), 0);
    }
}
