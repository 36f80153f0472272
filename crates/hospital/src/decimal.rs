//! A decimal as text with a fixed number of digits after the point, so that `5.40` is written `5.40`.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Decimal {
    unscaled: i64,
    scale: u8,
}

impl Decimal {
    /// `unscaled` divided by ten to the power of `scale` (0 to 6).
    pub const fn new(unscaled: i64, scale: u8) -> Self {
        Self { unscaled, scale }
    }

    pub const fn unscaled(self) -> i64 {
        self.unscaled
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scale == 0 {
            return write!(f, "{}", self.unscaled);
        }
        let unit = 10_i64.pow(u32::from(self.scale));
        let sign = if self.unscaled < 0 { "-" } else { "" };
        let (whole, part) = (self.unscaled.abs() / unit, self.unscaled.abs() % unit);
        write!(
            f,
            "{sign}{whole}.{part:0width$}",
            width = usize::from(self.scale)
        )
    }
}
