//! Handles in an order, four bytes each, that knows how many stand before a place.
//!
//! The keys stand in the entries; whoever asks brings them along. Chunks keep an insertion from moving more than a few
//! hundred handles, and counting is a sum over chunks: a few microseconds for a million.

use super::slab::Handle;

/// The most handles of a chunk.
const MOST: usize = 512;

/// See the module.
#[derive(Default)]
pub struct Sorted {
    /// None of them empty.
    chunks: Vec<Vec<Handle>>,
}

/// A place between two handles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    chunk: usize,
    offset: usize,
}

impl Place {
    /// Before the first one.
    pub const START: Self = Self { chunk: 0, offset: 0 };
}

impl Sorted {
    /// Of handles that are in order already.
    pub fn from_sorted(handles: &[Handle]) -> Self {
        Self { chunks: handles.chunks(MOST / 4 * 3).map(<[Handle]>::to_vec).collect() }
    }

    pub const fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub fn first(&self) -> Option<Handle> {
        self.chunks.first().and_then(|chunk| chunk.first()).copied()
    }

    /// The first place whose handle is not `before`; those before it must all be so.
    pub fn place(&self, before: impl Fn(Handle) -> bool) -> Place {
        let chunk = self.chunks.partition_point(|chunk| chunk.last().is_some_and(|last| before(*last)));
        let offset = self.chunks.get(chunk).map_or(0, |chunk| chunk.partition_point(|handle| before(*handle)));
        Place { chunk, offset }
    }

    pub const fn end(&self) -> Place {
        Place { chunk: self.chunks.len(), offset: 0 }
    }

    /// How many handles stand before `place`.
    pub fn rank(&self, place: Place) -> usize {
        self.chunks[..place.chunk].iter().map(Vec::len).sum::<usize>() + place.offset
    }

    pub fn insert<K: Ord>(&mut self, handle: Handle, key: impl Fn(Handle) -> K) {
        let own = key(handle);
        let Place { chunk, offset } = self.place(|other| key(other) < own);
        if let Some(chunk) = self.chunks.get_mut(chunk) {
            chunk.insert(offset, handle);
        } else if let Some(last) = self.chunks.last_mut().filter(|last| last.len() < MOST) {
            // What is new is mostly the newest: chunks fill up to the brim then.
            last.push(handle);
        } else {
            self.chunks.reserve_exact(if self.chunks.is_empty() { 1 } else { self.chunks.len().div_ceil(8) });
            self.chunks.push(vec![handle]);
        }
        if self.chunks.get(chunk).is_some_and(|chunk| chunk.len() > MOST) {
            let tail = self.chunks[chunk].split_off(MOST / 2);
            self.chunks.insert(chunk + 1, tail);
        }
    }

    /// Whether it was there.
    pub fn remove<K: Ord>(&mut self, handle: Handle, key: impl Fn(Handle) -> K) -> bool {
        let own = key(handle);
        let Place { chunk, offset } = self.place(|other| key(other) < own);
        let Some(there) = self.chunks.get_mut(chunk) else { return false };
        if there.get(offset) != Some(&handle) {
            return false;
        }
        there.remove(offset);
        if there.is_empty() {
            self.chunks.remove(chunk);
        }
        true
    }

    pub const fn range(&self, from: Place, to: Place) -> Range<'_> {
        Range { sorted: self, from, to }
    }

    pub const fn iter(&self) -> Range<'_> {
        self.range(Place::START, self.end())
    }
}

/// The handles between two places.
pub struct Range<'a> {
    sorted: &'a Sorted,
    from: Place,
    to: Place,
}

impl Range<'_> {
    /// How many they are.
    pub fn count(&self) -> usize {
        self.sorted.rank(self.to).saturating_sub(self.sorted.rank(self.from))
    }
}

impl Iterator for Range<'_> {
    type Item = Handle;

    fn next(&mut self) -> Option<Handle> {
        if self.from >= self.to {
            return None;
        }
        let chunk = &self.sorted.chunks[self.from.chunk];
        let handle = chunk[self.from.offset];
        self.from.offset += 1;
        if self.from.offset == chunk.len() {
            self.from = Place { chunk: self.from.chunk + 1, offset: 0 };
        }
        Some(handle)
    }
}

impl DoubleEndedIterator for Range<'_> {
    fn next_back(&mut self) -> Option<Handle> {
        if self.from >= self.to {
            return None;
        }
        if self.to.offset == 0 {
            self.to.chunk -= 1;
            self.to.offset = self.sorted.chunks[self.to.chunk].len();
        }
        self.to.offset -= 1;
        Some(self.sorted.chunks[self.to.chunk][self.to.offset])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Each handle's key is its number turned around, so that they do not come in order.
    fn key(handle: Handle) -> u32 {
        handle.number().reverse_bits()
    }

    fn compare(sorted: &Sorted, model: &BTreeSet<u32>) {
        let keys: Vec<u32> = sorted.iter().map(key).collect();
        assert!(keys.iter().eq(model.iter()));
        assert!(sorted.iter().rev().map(key).eq(model.iter().rev().copied()));
        assert_eq!(sorted.iter().count(), model.len());
        assert_eq!(Range::count(&sorted.iter()), model.len());
        assert_eq!(sorted.is_empty(), model.is_empty());
        assert_eq!(sorted.first().map(key), model.first().copied());
        for bound in [0, 1 << 20, 1 << 29, 1 << 30, 1 << 31, u32::MAX] {
            let place = sorted.place(|handle| key(handle) < bound);
            assert_eq!(sorted.rank(place), model.range(..bound).count());
            assert!(sorted.range(Place::START, place).map(key).eq(model.range(..bound).copied()));
            assert!(sorted.range(place, sorted.end()).rev().map(key).eq(model.range(bound..).rev().copied()));
        }
    }

    #[test]
    fn it_keeps_the_order_that_a_set_keeps() {
        let (mut sorted, mut model, mut state) = (Sorted::default(), BTreeSet::new(), 7_u32);
        compare(&sorted, &model);
        for round in 0..20_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let handle = Handle::new(state >> 20);
            if model.contains(&key(handle)) {
                assert!(sorted.remove(handle, key));
                model.remove(&key(handle));
            } else {
                assert!(!sorted.remove(handle, key));
                sorted.insert(handle, key);
                model.insert(key(handle));
            }
            if round % 997 == 0 {
                compare(&sorted, &model);
            }
        }
        let handles: Vec<Handle> = sorted.iter().collect();
        compare(&Sorted::from_sorted(&handles), &model);
        for handle in handles {
            assert!(sorted.remove(handle, key));
        }
        assert!(sorted.is_empty());
    }

    #[test]
    fn what_comes_in_order_fills_its_chunks() {
        let mut sorted = Sorted::default();
        for number in 0..10_000 {
            sorted.insert(Handle::new(number), Handle::number);
        }
        assert_eq!(sorted.chunks.len(), 10_000_usize.div_ceil(MOST));
    }
}
