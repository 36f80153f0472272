//! What is usual, learnt from the stream: a histogram of quarter octaves that forgets slowly. 324 bytes.

#[derive(Clone, Debug)]
pub(crate) struct Baseline {
    counts: [u32; BUCKETS],
    total: u32,
}

impl Default for Baseline {
    fn default() -> Baseline {
        Baseline {
            counts: [0; BUCKETS],
            total: 0,
        }
    }
}

impl Baseline {
    pub fn add(&mut self, value: f64) {
        self.counts[bucket(value)] += 1;
        self.total += 1;
        if self.total >= HALVED_AT {
            self.counts.iter_mut().for_each(|count| *count /= 2);
            self.total = self.counts.iter().sum();
        }
    }

    pub fn samples(&self) -> u32 {
        self.total
    }

    /// The middle of the bucket in which `share` of all values are reached; 0 without values.
    pub fn quantile(&self, share: f64) -> f64 {
        if self.total == 0 {
            return 0.0;
        }
        let wanted = (share * f64::from(self.total)).ceil() as u32;
        let mut reached = 0;
        let found = self.counts.iter().position(|count| {
            reached += count;
            reached >= wanted
        });
        middle(found.unwrap_or(BUCKETS - 1))
    }
}

fn bucket(value: f64) -> usize {
    if value < 1.0 {
        return 0;
    }
    // 1 + four for each doubling.
    (1 + (value.log2() * 4.0).floor() as usize).min(BUCKETS - 1)
}

fn middle(bucket: usize) -> f64 {
    match bucket {
        0 => 0.0,
        n => ((n as f64 - 0.5) / 4.0).exp2(),
    }
}

const BUCKETS: usize = 80;
/// So many values, and all count half from then on.
const HALVED_AT: u32 = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_quantiles_within_a_quarter_octave() {
        let mut usual = Baseline::default();
        assert_eq!(usual.quantile(0.99), 0.0);
        (1..=1_000).for_each(|value| usual.add(f64::from(value)));
        let (middle, high) = (usual.quantile(0.5), usual.quantile(0.99));
        assert!((450.0..=560.0).contains(&middle), "{middle}");
        assert!((900.0..=1_100.0).contains(&high), "{high}");
        for value in 0..100_000 {
            usual.add(f64::from(value % 3));
        }
        assert!(usual.samples() < HALVED_AT && usual.quantile(0.9) < 3.0);
    }
}
