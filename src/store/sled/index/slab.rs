//! Entries at places that never move, so that four bytes name one.

use std::ops::{Index, IndexMut};

use super::entry::Entry;

/// Entries that are made room for at once: growing by doubling would copy all of them while everybody waits.
const BLOCK: usize = 1_024;

/// The place of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Handle(u32);

#[cfg(test)]
impl Handle {
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    pub const fn number(self) -> u32 {
        self.0
    }
}

/// See the module.
#[derive(Default)]
pub struct Slab {
    blocks: Vec<Vec<Entry>>,
    free: Vec<Handle>,
}

impl Slab {
    pub fn insert(&mut self, entry: Entry) -> Handle {
        if let Some(handle) = self.free.pop() {
            self[handle] = entry;
            return handle;
        }
        if self.blocks.last().is_none_or(|block| block.len() == BLOCK) {
            self.blocks.push(Vec::with_capacity(BLOCK));
        }
        let full = self.blocks.len() - 1;
        let block = &mut self.blocks[full];
        block.push(entry);
        Handle(u32::try_from(full * BLOCK + block.len() - 1).unwrap_or(u32::MAX))
    }

    /// Nothing may name it any more.
    pub fn remove(&mut self, handle: Handle) {
        self.free.push(handle);
    }

    /// Every place that was ever taken: for a slab that nothing was removed from.
    pub fn handles(&self) -> impl Iterator<Item = Handle> + use<> {
        let last = self.blocks.last().map_or(0, Vec::len);
        let count = self.blocks.len().saturating_sub(1) * BLOCK + last;
        (0..u32::try_from(count).unwrap_or(u32::MAX)).map(Handle)
    }
}

impl Index<Handle> for Slab {
    type Output = Entry;
    fn index(&self, handle: Handle) -> &Entry {
        let number = handle.0 as usize;
        &self.blocks[number / BLOCK][number % BLOCK]
    }
}

impl IndexMut<Handle> for Slab {
    fn index_mut(&mut self, handle: Handle) -> &mut Entry {
        let number = handle.0 as usize;
        &mut self.blocks[number / BLOCK][number % BLOCK]
    }
}
