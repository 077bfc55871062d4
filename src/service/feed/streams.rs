//! How many feeds are open: each holds a connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Holder;

/// With one key or session.
const EACH: u32 = 8;
/// In all.
const ALL: u32 = 256;

/// The open feeds.
pub struct Streams {
    open: Arc<Mutex<BTreeMap<Holder, u32>>>,
    all: u32,
}

/// The right to have one open, until it is dropped.
pub struct Slot {
    open: Arc<Mutex<BTreeMap<Holder, u32>>>,
    holder: Holder,
}

impl Default for Streams {
    fn default() -> Self {
        Self { open: Arc::default(), all: ALL }
    }
}

impl Streams {
    /// One more for `holder`.
    ///
    /// # Errors
    /// If there are too many: how many there may be.
    pub fn take(&self, holder: Holder) -> Result<Slot, u32> {
        let mut open = lock(&self.open);
        let own = open.get(&holder).copied().unwrap_or(0);
        if own >= EACH {
            return Err(EACH);
        }
        if open.values().sum::<u32>() >= self.all {
            return Err(self.all);
        }
        open.insert(holder, own + 1);
        Ok(Slot { open: Arc::clone(&self.open), holder })
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        lock(&self.open).values().sum()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = lock(&self.open);
        if let Some(count) = open.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.holder);
            }
        }
    }
}

fn lock(open: &Mutex<BTreeMap<Holder, u32>>) -> MutexGuard<'_, BTreeMap<Holder, u32>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::OsEntropy;
    use crate::domain::id::KeyId;

    #[test]
    fn one_holder_has_eight_and_all_together_have_an_end() {
        let streams = Streams { all: 10, ..Streams::default() };
        let [ada, bob] = [(); 2].map(|()| Holder::Key(KeyId::new(&OsEntropy)));
        let mut adas: Vec<_> = (0..8).map(|_| streams.take(ada).unwrap()).collect();
        assert_eq!(streams.take(ada).err(), Some(8));
        let bobs = [streams.take(bob).unwrap(), streams.take(bob).unwrap()];
        assert_eq!(streams.take(bob).err(), Some(10), "in all");
        adas.pop();
        assert_eq!(streams.count(), 9);
        assert!(streams.take(ada).is_ok(), "one that was closed makes room, and one that was opened and closed again");
        drop((adas, bobs));
        assert_eq!(streams.count(), 0);
        assert!(lock(&streams.open).is_empty());
    }
}
