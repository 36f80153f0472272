//! Formats of a store: a chain of steps, each of which makes one format of the one before (expand and contract). Both stores
//! have a chain of their own and the same rules for it; a step is applied once, together with its number, or not at all.

use crate::contract::OpenError;

/// The first step makes the oldest format that is read, each other one the next of the one before.
#[derive(Clone, Copy)]
pub struct Chain<'a> {
    pub oldest: usize,
    pub steps: &'a [&'a str],
}

impl<'a> Chain<'a> {
    /// The format after all steps.
    pub fn newest(self) -> usize {
        self.oldest + self.steps.len() - 1
    }

    /// The steps that a store still needs. `format` and `checksum` are what it holds; none: it is empty.
    pub fn missing(
        self,
        format: Option<i64>,
        checksum: Option<&[u8]>,
    ) -> Result<&'a [&'a str], OpenError> {
        let Some(found) = format.map(|found| usize::try_from(found).unwrap_or(0)) else {
            return Ok(self.steps);
        };
        if found > self.newest() {
            let known = self.newest();
            return Err(OpenError::Newer { found, known });
        }
        if found < self.oldest {
            let oldest = self.oldest;
            return Err(OpenError::Older { found, oldest });
        }
        let done = found - self.oldest + 1;
        if checksum != Some(&self.checksum_of(done)[..]) {
            return Err(OpenError::Altered);
        }
        Ok(&self.steps[done..])
    }

    /// Over the text of all steps.
    pub fn checksum(self) -> [u8; 32] {
        self.checksum_of(self.steps.len())
    }

    /// Over the text of the first steps: a store made by other ones is not ours to write to.
    fn checksum_of(self, done: usize) -> [u8; 32] {
        ward_seal::hash::sha256(self.steps[..done].concat().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_gets_the_steps_that_it_lacks() {
        let chain = |steps| Chain { oldest: 5, steps };
        let (one, three) = (chain(&["a"]), chain(&["a", "b", "c"]));
        assert_eq!((one.newest(), three.newest()), (5, 7));
        assert_eq!(three.missing(None, None), Ok(&["a", "b", "c"][..]));
        let made = one.checksum();
        assert_eq!(one.missing(Some(5), Some(&made)), Ok(&[][..]));
        assert_eq!(three.missing(Some(5), Some(&made)), Ok(&["b", "c"][..]));
        let made = three.checksum();
        assert_eq!(three.missing(Some(7), Some(&made)), Ok(&[][..]));
        let (found, known) = (7, 5);
        let newer = Err(OpenError::Newer { found, known });
        assert_eq!(one.missing(Some(7), Some(&made)), newer);
        for found in [4, 0] {
            let older = Err(OpenError::Older { found, oldest: 5 });
            assert_eq!(three.missing(Some(found as i64), Some(&made)), older);
        }
        assert_eq!(
            three.missing(Some(-1), None),
            Err(OpenError::Older {
                found: 0,
                oldest: 5
            })
        );
        let other = chain(&["a", "B", "c"]).checksum();
        for wrong in [None, Some(&other[..]), Some(&one.checksum()[..])] {
            assert_eq!(three.missing(Some(7), wrong), Err(OpenError::Altered));
        }
    }
}
