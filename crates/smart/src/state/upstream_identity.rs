//! Whose account a person of the upstream provider has: by issuer and person alone, never by a name or an e-mail address that
//! two people may have had.

use super::{NEVER, Row, RowKind};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamIdentity {
    /// Made by [`UpstreamIdentity::id`].
    pub id: String,
    /// Which provider, for lists.
    pub issuer: String,
    /// User name of the account.
    pub account: String,
    /// Seconds since 1970.
    pub linked_s: i64,
}

impl UpstreamIdentity {
    /// Names a person: the provider, the claim that tells people apart, and its value. Of a bounded length whatever is said.
    pub fn id(issuer: &str, claim: &str, person: &str) -> String {
        let lengths = [issuer.len(), claim.len()].map(|n| (n as u64).to_le_bytes());
        let digest = ward_seal::hash::sha256_of(&[
            &lengths[0],
            &lengths[1],
            issuer.as_bytes(),
            claim.as_bytes(),
            person.as_bytes(),
        ]);
        ward_seal::base64url(&digest)
    }
}

impl Row for UpstreamIdentity {
    const KIND: RowKind = RowKind::UpstreamIdentity;

    fn key(&self) -> &str {
        &self.id
    }

    fn owner(&self) -> &str {
        &self.account
    }

    fn expires_s(&self) -> i64 {
        NEVER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_of_one_name_at_two_providers_are_two() {
        let ids = [
            UpstreamIdentity::id("https://a.example", "sub", "1"),
            UpstreamIdentity::id("https://b.example", "sub", "1"),
            UpstreamIdentity::id("https://a.example", "oid", "1"),
            UpstreamIdentity::id("https://a.examples", "ub", "1"),
            UpstreamIdentity::id("https://a.example", "sub", "2"),
        ];
        let distinct: std::collections::HashSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }
}
