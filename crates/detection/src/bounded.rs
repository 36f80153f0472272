//! A map that forgets what was not touched for longest when it is full.

use std::collections::HashMap;
use std::hash::Hash;

#[derive(Debug)]
pub(crate) struct Bounded<K, V> {
    entries: HashMap<K, (i64, V)>,
    entries_max: usize,
    /// What was not touched for so long is forgotten first.
    kept_s: i64,
}

impl<K: Hash + Eq + Copy, V> Bounded<K, V> {
    pub fn new(entries_max: usize, kept_s: i64) -> Bounded<K, V> {
        Bounded {
            entries: HashMap::new(),
            entries_max,
            kept_s,
        }
    }

    /// Does not touch it.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    pub fn put(&mut self, key: K, value: V, at_s: i64) {
        self.make_room(&key, at_s);
        self.entries.insert(key, (at_s, value));
    }

    /// Touches it, and makes it where there is none.
    pub fn entry(&mut self, key: K, at_s: i64, make: impl FnOnce() -> V) -> &mut V {
        self.make_room(&key, at_s);
        let slot = self.entries.entry(key).or_insert_with(|| (at_s, make()));
        slot.0 = at_s;
        &mut slot.1
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Of the table; what values hold elsewhere is not counted.
    pub fn bytes(&self) -> usize {
        self.entries.capacity() * (size_of::<(K, (i64, V))>() + 1)
    }

    /// Seldom, and then an eighth of all at once: constant on average.
    fn make_room(&mut self, key: &K, at_s: i64) {
        if self.entries.len() < self.entries_max || self.entries.contains_key(key) {
            return;
        }
        self.entries
            .retain(|_, (touched, _)| at_s - *touched < self.kept_s);
        let kept = self.entries_max - self.entries_max / 8;
        if self.entries.len() <= kept {
            return;
        }
        let mut touched: Vec<i64> = self.entries.values().map(|(at, _)| *at).collect();
        let over = self.entries.len() - kept;
        let (_, oldest, _) = touched.select_nth_unstable(over - 1);
        let oldest = *oldest;
        self.entries.retain(|_, (at, _)| *at > oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_was_touched_last() {
        let mut map = Bounded::new(80, 1_000);
        for key in 0..1_000 {
            map.put(key, key, key);
            map.entry(0, key, || -1);
        }
        assert!(map.len() <= 80);
        assert_eq!(map.get(&999), Some(&999));
        assert_eq!(map.get(&0), Some(&0));
        assert_eq!(map.get(&500), None);
    }
}
