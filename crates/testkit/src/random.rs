//! Random numbers for tests: a seed is all that a failing run needs to be repeated.

/// SplitMix64.
pub struct Random(pub u64);

impl Random {
    /// Begins at `WARD_TEST_SEED`: a number, or `clock` for a seed that no run had before; the same in every run without it. Printed.
    pub fn seeded() -> Random {
        let seed = seed();
        println!("WARD_TEST_SEED={seed}");
        Random(seed)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    pub fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    /// True once in `n` times.
    pub fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub fn one_of<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }
}

/// Of every run that is asked for none: what a gate says of a change depends on the change alone.
const SEED: u64 = 20_261_129;

fn seed() -> u64 {
    match std::env::var("WARD_TEST_SEED").as_deref() {
        Err(_) => SEED,
        Ok("clock") => of_the_clock(),
        Ok(given) => given
            .parse()
            .expect("WARD_TEST_SEED is a number or `clock`"),
    }
}

fn of_the_clock() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(1, |time| time.as_nanos() as u64)
}
