//! How many feeds are open: each holds a connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Holder;

/// With one key or session.
const EACH: usize = 8;
/// In all.
const ALL: usize = 256;

/// The open feeds.
pub struct Streams {
    open: Arc<Mutex<BTreeMap<Holder, usize>>>,
    all: usize,
}

/// The right to have one open, until it is dropped.
pub struct Slot {
    open: Arc<Mutex<BTreeMap<Holder, usize>>>,
    holder: Holder,
}

impl Default for Streams {
    fn default() -> Self {
        Self { open: Arc::default(), all: ALL }
    }
}

impl Streams {
    /// One more for `holder`, unless there are too many.
    pub fn take(&self, holder: Holder) -> Option<Slot> {
        let mut open = lock(&self.open);
        let own = open.get(&holder).copied().unwrap_or(0);
        if own >= EACH || open.values().sum::<usize>() >= self.all {
            return None;
        }
        open.insert(holder, own + 1);
        Some(Slot { open: Arc::clone(&self.open), holder })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
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

fn lock(open: &Mutex<BTreeMap<Holder, usize>>) -> MutexGuard<'_, BTreeMap<Holder, usize>> {
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
        assert!(streams.take(ada).is_none());
        let bobs = [streams.take(bob).unwrap(), streams.take(bob).unwrap()];
        assert!(streams.take(bob).is_none(), "ten in all");
        adas.pop();
        assert_eq!(streams.count(), 9);
        assert!(
            streams.take(ada).is_some(),
            "one that was closed makes room, and one that was opened and closed again"
        );
        drop((adas, bobs));
        assert_eq!(streams.count(), 0);
        assert!(lock(&streams.open).is_empty());
    }
}
