//! How many events there are of each class.

use crate::leaf::Class;
use std::collections::BTreeMap;
use std::fmt;

/// Written `1=523 2=91`, classes ascending, or `-` when there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted(BTreeMap<u8, u64>);

impl Counted {
    pub fn add(&mut self, class: Class, events: u64) {
        if events > 0 {
            let count = self.0.entry(class.0).or_default();
            *count = count.saturating_add(events);
        }
    }

    pub fn add_all(&mut self, others: &Counted) {
        others
            .iter()
            .for_each(|(class, events)| self.add(class, events));
    }

    pub fn of(&self, class: Class) -> u64 {
        self.0.get(&class.0).copied().unwrap_or(0)
    }

    pub fn total(&self) -> u64 {
        self.0.values().fold(0, |sum, n| sum.saturating_add(*n))
    }

    pub fn iter(&self) -> impl Iterator<Item = (Class, u64)> {
        self.0
            .iter()
            .map(|(class, events)| (Class(*class), *events))
    }

    /// The first class of which there are more here, with both numbers.
    pub fn beyond(&self, others: &Counted) -> Option<(Class, u64, u64)> {
        self.iter()
            .map(|(class, here)| (class, here, others.of(class)))
            .find(|(_, here, there)| here > there)
    }

    /// `None`: not as this is written.
    pub fn parse(text: &str) -> Option<Counted> {
        let mut counted = Counted::default();
        if text != "-" {
            for part in text.split(' ') {
                let (class, events) = part.split_once('=')?;
                counted.add(Class(class.parse().ok()?), events.parse().ok()?);
            }
        }
        (counted.to_string() == text).then_some(counted)
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return out.write_str("-");
        }
        for (n, (class, events)) in self.0.iter().enumerate() {
            let gap = if n == 0 { "" } else { " " };
            write!(out, "{gap}{class}={events}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_one_spelling() {
        for good in ["-", "1=5", "0=1 3=18446744073709551615 255=2"] {
            assert_eq!(Counted::parse(good).unwrap().to_string(), good);
        }
        for bad in [
            "", "1=0", "2=1 1=1", "1=1 1=1", "1=01", "1=1 ", "256=1", "1:1", "+1=1",
        ] {
            assert_eq!(Counted::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn compares() {
        let few = Counted::parse("1=5 2=1").unwrap();
        let many = Counted::parse("1=5 2=2 3=1").unwrap();
        assert_eq!(few.beyond(&many), None);
        assert_eq!(many.beyond(&few), Some((Class(2), 2, 1)));
        assert_eq!(many.total(), 8);
    }
}
