//! The trees as they were at one moment, while they are written to: what is written over is kept as long as somebody reads.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use sled::IVec;

use super::overrides::Overrides;
use super::trees::{Place, Trees};
use super::view::View;
use crate::store::{Result, StoreError};

/// The most records that may be written over while somebody reads a snapshot: they are kept in memory.
const MOST_KEPT: usize = 1 << 20;

/// What has been written over since a snapshot was taken.
#[derive(Default)]
pub struct Before {
    values: Overrides,
    /// It is not kept up any more.
    broken: AtomicBool,
}

/// Those that somebody still reads.
#[derive(Default)]
pub struct Snapshots(Mutex<Vec<Weak<Before>>>);

impl Snapshots {
    /// One more.
    pub fn take(&self) -> Arc<Before> {
        let before = Arc::new(Before::default());
        self.all().push(Arc::downgrade(&before));
        before
    }

    /// Has whoever reads one give up.
    pub fn break_all(&self) {
        for snapshot in self.all().iter().filter_map(Weak::upgrade) {
            snapshot.broken.store(true, Ordering::Release);
        }
    }

    /// Notes for each what is about to be written over.
    pub fn note(&self, before: impl Fn() -> Result<Vec<(Place, IVec, Option<IVec>)>>) -> Result<()> {
        let mut all = self.all();
        if all.is_empty() {
            return Ok(());
        }
        all.retain(|snapshot| snapshot.strong_count() > 0);
        for snapshot in all.iter().filter_map(Weak::upgrade) {
            if snapshot.values.len() > MOST_KEPT {
                snapshot.broken.store(true, Ordering::Release);
            } else {
                snapshot.values.put_first(before()?);
            }
        }
        Ok(())
    }

    fn all(&self) -> MutexGuard<'_, Vec<Weak<Before>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The trees as they were at one moment, whatever is written meanwhile.
pub struct Snapshot<'a> {
    trees: &'a Trees,
    before: Arc<Before>,
}

impl<'a> Snapshot<'a> {
    pub const fn new(trees: &'a Trees, before: Arc<Before>) -> Self {
        Self { trees, before }
    }

    /// Fails once nobody knows any more what was there.
    fn whole<T>(&self, value: T) -> Result<T> {
        if self.before.broken.load(Ordering::Acquire) {
            return Err(StoreError::Unavailable {
                what: "too much was changed while the database was read as it had been, or it failed meanwhile",
                source: None,
            });
        }
        Ok(value)
    }
}

impl View for Snapshot<'_> {
    fn bytes(&self, place: Place, key: &[u8]) -> Result<Option<IVec>> {
        let present = self.trees.bytes(place, key)?;
        // Looked at last: what was written over is noted before it is.
        let value = self.before.values.in_front(place, key, || Ok(present))?;
        self.whole(value)
    }

    fn iter(&self, place: Place) -> impl Iterator<Item = Result<(IVec, IVec)>> {
        self.before.values.over(place, self.trees.iter(place)).map(|entry| entry.and_then(|entry| self.whole(entry)))
    }
}
