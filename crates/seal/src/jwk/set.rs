//! A JWK Set. <https://www.rfc-editor.org/rfc/rfc7517#section-5>

use super::{Algorithm, Jwk, JwkError, members::Members};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt;

/// The keys of a set that can be used here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JwkSet {
    pub keys: Vec<Jwk>,
    /// Place in the set and reason of each key that cannot be used (RFC 7517 §5: such keys are ignored).
    pub ignored: Vec<(usize, JwkError)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetError {
    /// Not an object with an array `keys` of objects.
    Malformed,
    /// More than [`KEYS_MAX`] keys or [`SET_BYTES_MAX`] bytes.
    TooLarge,
    /// A private or symmetric key is among them: what it protected is known to all who can read the set.
    Private,
}

pub const KEYS_MAX: usize = 32;
pub const SET_BYTES_MAX: usize = 64 * 1024;

impl JwkSet {
    pub fn parse(json: &[u8]) -> Result<JwkSet, SetError> {
        if json.len() > SET_BYTES_MAX {
            return Err(SetError::TooLarge);
        }
        let written: Written = serde_json::from_slice(json).map_err(|_| SetError::Malformed)?;
        if written.keys.len() > KEYS_MAX {
            return Err(SetError::TooLarge);
        }
        let mut set = JwkSet::default();
        for (at, key) in written.keys.iter().enumerate() {
            let members = serde_json::from_str::<Members>(key.get());
            match members
                .map_err(|_| JwkError::Malformed)
                .and_then(Jwk::try_from)
            {
                Ok(key) => set.keys.push(key),
                Err(JwkError::Private) => return Err(SetError::Private),
                Err(reason) => set.ignored.push((at, reason)),
            }
        }
        Ok(set)
    }

    /// The key of this `kid` that permits the algorithm. `None` also when there are two of them (S56): which is meant is
    /// not known. A token without `kid` fits only a set where one key permits its algorithm.
    pub fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<&Jwk> {
        let named = |key: &&Jwk| kid.is_none() || key.kid() == kid;
        let mut found = self.keys.iter().filter(named);
        if kid.is_some() {
            let key = found.next()?;
            return (found.next().is_none() && key.permits(algorithm)).then_some(key);
        }
        let mut fitting = found.filter(|key| key.permits(algorithm));
        let key = fitting.next()?;
        fitting.next().is_none().then_some(key)
    }

    /// As it is published.
    pub fn to_json(&self) -> String {
        let keys: Vec<_> = self.keys.iter().map(Jwk::to_json).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetError::Malformed => f.write_str("not a JSON Web Key Set"),
            SetError::TooLarge => write!(f, "more than {KEYS_MAX} keys or {SET_BYTES_MAX} bytes"),
            SetError::Private => write!(f, "one of the keys: {}", JwkError::Private),
        }
    }
}

impl std::error::Error for SetError {}

#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}
