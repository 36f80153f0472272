//! Numbers drawn by a seed (SplitMix64): the same seed gives the same hospital on every machine. Not for secrets.

#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    pub fn of(seed: u64, stream: u64) -> Rng {
        let mut mixed = Rng(seed ^ stream.wrapping_mul(0x9E6C_63D0_876A_3F6B));
        Rng(mixed.draw())
    }

    fn draw(&mut self) -> u64 {
        let value = crate::window::scramble(self.0);
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        value
    }

    /// In `[0, 1)`.
    pub fn share(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub fn chance(&mut self, share: f64) -> bool {
        self.share() < share
    }

    /// In `0..bound`; 0 where there is none.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.draw()) * bound as u128) >> 64) as usize
    }

    /// In `low..=high`.
    pub fn range(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low).max(0) as usize + 1) as i64
    }

    /// One of a list that is not empty.
    pub fn pick<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    /// About how many of something that happens `mean` times on average.
    pub fn poisson(&mut self, mean: f64) -> usize {
        let (mut left, floor) = (1.0, (-mean).exp());
        let mut count = 0;
        loop {
            left *= self.share();
            if left <= floor || count > 10_000 {
                return count;
            }
            count += 1;
        }
    }
}
