//! Budgets by key, as many as there may be.

use std::collections::BTreeMap;

use super::bucket::Bucket;
use crate::domain::timestamp::Timestamp;

/// An address, or a digest of whatever else tells budgets apart: each costs the same.
pub type Key = [u8; 16];

/// A few MB.
pub const MOST: usize = 65_536;
/// The smallest number at which it looks for full ones.
const FIRST: usize = 1_024;

/// Budgets that are not full. See the module.
pub struct Table {
    buckets: BTreeMap<Key, Bucket>,
    /// It looks for full ones when there are so many: twice what the last look left, so that it costs little for each.
    look: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self { buckets: BTreeMap::new(), look: FIRST }
    }
}

impl Table {
    /// One that somebody has taken from.
    pub fn find(&mut self, key: Key) -> Option<&mut Bucket> {
        self.buckets.get_mut(&key)
    }

    /// The same, or a new one.
    pub fn make(&mut self, key: Key, now: Timestamp) -> &mut Bucket {
        if self.buckets.len() >= self.look && !self.buckets.contains_key(&key) {
            self.sweep(now);
        }
        self.buckets.entry(key).or_default()
    }

    /// Forgets those that are full, and where that does not make room for a quarter more those that are nearest to it: a
    /// budget that somebody is using up outlives any number of those that were touched once.
    fn sweep(&mut self, now: Timestamp) {
        self.buckets.retain(|_, bucket| !bucket.is_idle(now));
        let above = self.buckets.len().saturating_sub(MOST / 4 * 3);
        if above > 0 {
            let mut order: Vec<_> = self.buckets.iter().map(|(key, bucket)| (bucket.full(), *key)).collect();
            order.sort_unstable();
            for (_, key) in order.drain(..above) {
                self.buckets.remove(&key);
            }
        }
        self.look = (2 * self.buckets.len()).clamp(FIRST, MOST);
    }

    /// How many there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.buckets.len()
    }
}
