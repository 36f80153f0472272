//! Which visibility ids a caller sees: one bit for each.

use std::sync::{Arc, OnceLock};

/// Bitmap over the row's visibility id (`w` on PostgreSQL, `k` on SQLite). All ones while nothing is hidden.
/// Bit `n` is bit `n % 8`, lowest first, of byte `n / 8`, as PostgreSQL's `get_bit` counts; beyond the end nothing is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mask(pub Arc<[u8]>);

/// Ids that [`Mask::open`] covers. While nothing is hidden every row has id 0.
pub const OPEN_IDS: usize = 1024;

impl Mask {
    /// All ones.
    pub fn open() -> Mask {
        static OPEN: OnceLock<Mask> = OnceLock::new();
        OPEN.get_or_init(|| Mask([0xff; OPEN_IDS / 8].into()))
            .clone()
    }

    /// Whether rows with this visibility id are let through.
    pub fn shows(&self, visibility: i32) -> bool {
        let Ok(id) = usize::try_from(visibility) else {
            return false;
        };
        self.0
            .get(id / 8)
            .is_some_and(|byte| byte >> (id % 8) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_bits_from_the_lowest() {
        let mask = Mask([0b0000_0101, 0b1000_0000].into());
        let shown: Vec<i32> = (-1..20).filter(|id| mask.shows(*id)).collect();
        assert_eq!(shown, [0, 2, 15]);
        assert!(Mask::open().shows(0) && Mask::open().shows(OPEN_IDS as i32 - 1));
        assert!(
            !Mask::open().shows(OPEN_IDS as i32)
                && !Mask::open().shows(i32::MAX)
                && !Mask::open().shows(i32::MIN)
        );
    }
}
