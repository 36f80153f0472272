//! AES-256-GCM with its key schedule computed once and wiped on drop. <https://csrc.nist.gov/pubs/sp/800/38/d/final>

use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use std::mem::MaybeUninit;
use std::sync::Arc;

/// `ring` leaves its key schedule in memory when it is dropped. It sits behind an `Arc` so that clones share the one
/// copy and nothing moves it, and the last owner overwrites it.
#[derive(Clone)]
pub(crate) struct ExpandedKey(Arc<Wiped>);

struct Wiped(MaybeUninit<LessSafeKey>);

impl ExpandedKey {
    pub(crate) fn new(bytes: &[u8; 32]) -> ExpandedKey {
        let unbound = UnboundKey::new(&AES_256_GCM, bytes).expect("AES-256 takes 32 bytes");
        ExpandedKey(Arc::new(Wiped(MaybeUninit::new(LessSafeKey::new(unbound)))))
    }

    pub(crate) fn get(&self) -> &LessSafeKey {
        // SAFETY: written in `new`, the only constructor, and wiped only by `drop`, when no borrow is left.
        unsafe { self.0.0.assume_init_ref() }
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        // SAFETY: LessSafeKey is flat (expanded key, algorithm pointer), owns no heap memory and has no Drop; it is
        // never read again, and MaybeUninit allows any bytes to remain.
        unsafe { zeroize::zeroize_flat_type(self.0.as_mut_ptr()) }
    }
}

const _: () = assert!(
    !std::mem::needs_drop::<LessSafeKey>(),
    "wiping it would leak what it owns"
);
