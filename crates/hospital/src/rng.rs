//! The seeded stream of numbers everything here is drawn from (SplitMix64): the same seed gives the same hospital on
//! every machine. Not for secrets.

use crate::decimal::Decimal;

/// A deterministic stream; cheap to make, so that every patient gets one of their own.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream of its own for item `index` of `seed`: item 7 is the same whether 8 or 8,000 are made.
    pub fn of(seed: u64, index: u64) -> Self {
        let mut mixed = Self(seed ^ index.wrapping_mul(0x9E6C_63D0_876A_3F6B));
        Self(mixed.next())
    }

    #[allow(clippy::should_implement_trait)] // an endless stream, never an Option
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`; 0 where `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Multiply and shift: the bias is below 2^-32 for the bounds used here.
        ((self.next() >> 32) * bound) >> 32
    }

    /// A number in `low..=high`.
    pub fn range(&mut self, low: i64, high: i64) -> i64 {
        let width = high.saturating_sub(low).max(0).unsigned_abs() + 1;
        low + self.below(width) as i64
    }

    /// True `percent` times in a hundred.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `table`, which must not be empty.
    pub fn pick<'t, T>(&mut self, table: &'t [T]) -> &'t T {
        &table[self.below(table.len() as u64) as usize]
    }

    /// One of `table` by value; it must not be empty.
    pub fn choose<T: Copy>(&mut self, table: &[T]) -> T {
        table[self.below(table.len() as u64) as usize]
    }

    /// A number between `low` and `high` with `scale` digits after the point; both ends are given without the point.
    pub fn decimal(&mut self, low: i64, high: i64, scale: u8) -> Decimal {
        Decimal::new(self.range(low, high), scale)
    }

    /// A version 4 UUID in the form `urn:uuid:…`.
    pub fn urn(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "urn:uuid:{:08x}-{:04x}-4{:03x}-{:x}{:03x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            8 + ((low >> 62) & 3),
            (low >> 48) & 0xfff,
            low & 0xffff_ffff_ffff
        )
    }
}
