//! The master key wraps data keys. It comes from a file (created 0600 on first start of the embedded default), the
//! environment, or a command; it is never stored beside the data it protects.

use crate::aead::{DataKey, OpenError};
use crate::secret::StoreSecret;
use crate::{hash, master_source};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

#[derive(Clone, Debug)]
pub enum MasterSource {
    /// 32 bytes in base64; created when absent if `create`.
    File { path: PathBuf, create: bool },
    /// Name of the variable.
    Environment(String),
    /// Standard output of a program, base64.
    Command(Vec<String>),
}

/// 32 bytes that are wiped on drop. Clones share one copy.
#[derive(Clone)]
pub struct MasterKey {
    bytes: Arc<Zeroizing<[u8; 32]>>,
    wrapping: DataKey,
}

impl MasterKey {
    /// Errors say which setting to mend and never hold a part of the key. Blocks on files or the command.
    pub fn load(source: &MasterSource) -> Result<MasterKey, String> {
        master_source::read(source).map(|bytes| MasterKey::from_secret(&bytes))
    }

    /// The same, also of a key that somebody made up: only to exchange it for another.
    pub fn load_to_replace(source: &MasterSource) -> Result<MasterKey, String> {
        master_source::read_any(source).map(|bytes| MasterKey::from_secret(&bytes))
    }

    pub fn from_bytes(bytes: [u8; 32]) -> MasterKey {
        MasterKey::from_secret(&Zeroizing::new(bytes))
    }

    /// First 4 bytes of SHA-256 over a label and the key: tells keys apart without revealing them.
    pub fn id(&self) -> u32 {
        let digest = hash::sha256_of(&[b"ward master key id", &self.bytes[..]]);
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
    }

    /// `key` sealed for storage. `context` says whose key it is; `unwrap` demands the same.
    pub fn wrap(&self, context: &[u8], key: &DataKey) -> Vec<u8> {
        self.wrap_bytes(context, key.bytes())
    }

    pub fn unwrap(&self, context: &[u8], wrapped: &[u8]) -> Result<DataKey, OpenError> {
        self.unwrap_bytes(context, wrapped)
            .map(|bytes| DataKey::from_bytes(&bytes))
    }

    /// The secret of a store sealed for storage; `unwrap_secret` opens it.
    pub fn wrap_secret(&self, secret: &StoreSecret) -> Vec<u8> {
        self.wrap_bytes(STORE_SECRET, secret.bytes())
    }

    pub fn unwrap_secret(&self, wrapped: &[u8]) -> Result<StoreSecret, OpenError> {
        self.unwrap_bytes(STORE_SECRET, wrapped)
            .map(|bytes| StoreSecret::from_bytes(&bytes))
    }

    fn wrap_bytes(&self, context: &[u8], bytes: &[u8; 32]) -> Vec<u8> {
        let mut out = Vec::new();
        self.wrapping.seal(context, bytes, &mut out);
        out
    }

    fn unwrap_bytes(
        &self,
        context: &[u8],
        wrapped: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>, OpenError> {
        let mut copy = Zeroizing::new(wrapped.to_vec());
        let plain = self.wrapping.open_in_place(context, &mut copy)?;
        let bytes: &[u8; 32] = (&*plain).try_into().map_err(|_| OpenError)?;
        Ok(Zeroizing::new(*bytes))
    }

    /// Independent 32 bytes for a purpose (HKDF-SHA-256), such as the sealing of cursors. They change with the master key:
    /// what must outlive it derives from the [`StoreSecret`].
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        hash::hkdf_sha256(b"ward master key", &self.bytes[..], purpose.as_bytes())
    }

    fn from_secret(bytes: &Zeroizing<[u8; 32]>) -> MasterKey {
        // The wrapping key is derived, so that the master key itself is used for derivation only.
        let wrapping = Zeroizing::new(hash::hkdf_sha256(
            b"ward master key",
            &bytes[..],
            b"wrap data keys",
        ));
        MasterKey {
            bytes: Arc::new(bytes.clone()),
            wrapping: DataKey::from_bytes(&wrapping),
        }
    }
}

/// Whose secret it is that `wrap_secret` wraps.
const STORE_SECRET: &[u8] = b"ward store secret";

/// Shows which key it is, never the key.
impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({:08x})", self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_in_context_only() {
        let master = MasterKey::from_bytes([1; 32]);
        let key = DataKey::generate();
        let wrapped = master.wrap(b"patient 1", &key);
        assert_eq!(wrapped.len(), 60);
        let again = master.unwrap(b"patient 1", &wrapped).unwrap();
        let mut sealed = vec![];
        key.seal(b"", b"plain", &mut sealed);
        assert_eq!(again.open_in_place(b"", &mut sealed).unwrap(), b"plain");
        assert!(master.unwrap(b"patient 2", &wrapped).is_err());
        assert!(
            MasterKey::from_bytes([2; 32])
                .unwrap(b"patient 1", &wrapped)
                .is_err()
        );
        assert!(master.unwrap(b"patient 1", b"").is_err());
    }

    #[test]
    fn a_store_secret_opens_under_its_master_only_and_is_no_data_key() {
        let (one, other) = (
            MasterKey::from_bytes([1; 32]),
            MasterKey::from_bytes([2; 32]),
        );
        let secret = StoreSecret::generate();
        let wrapped = one.wrap_secret(&secret);
        let again = one.unwrap_secret(&wrapped).unwrap();
        assert_eq!(again.derive("id"), secret.derive("id"));
        assert!(other.unwrap_secret(&wrapped).is_err());
        assert!(one.unwrap(b"patient 1", &wrapped).is_err());
        let key = one.wrap(b"patient 1", &DataKey::generate());
        assert!(one.unwrap_secret(&key).is_err());
    }

    #[test]
    fn derives_by_purpose() {
        let master = MasterKey::from_bytes([1; 32]);
        assert_eq!(
            master.derive("ids"),
            MasterKey::from_bytes([1; 32]).derive("ids")
        );
        assert_ne!(master.derive("ids"), master.derive("terms"));
        assert_ne!(
            master.derive("ids"),
            MasterKey::from_bytes([2; 32]).derive("ids")
        );
        assert_ne!(master.derive("wrap data keys"), [0; 32]);
        assert_ne!(master.id(), MasterKey::from_bytes([2; 32]).id());
    }
}
