//! Values that stand in front of those of the trees: what could not be written any more, and, for a snapshot, what has been
//! written over since.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use sled::IVec;

use super::trees::Place;

/// A key with its value; `None` stands for no record.
type Entry = (IVec, Option<IVec>);
type Map = BTreeMap<(Place, IVec), Option<IVec>>;

/// See the module.
#[derive(Default)]
pub struct Overrides {
    /// Nearly always there are none, and whoever reads need not take the lock to know.
    any: AtomicBool,
    map: RwLock<Map>,
}

impl Overrides {
    fn map(&self) -> Option<RwLockReadGuard<'_, Map>> {
        self.any.load(Ordering::Acquire).then(|| self.map.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What stands in front of the record at `key`, or the record.
    pub fn in_front<E>(
        &self,
        place: Place,
        key: &[u8],
        record: impl FnOnce() -> Result<Option<IVec>, E>,
    ) -> Result<Option<IVec>, E> {
        let found = self.map().and_then(|map| map.get(&(place, IVec::from(key))).cloned());
        found.map_or_else(record, Ok)
    }

    /// Puts values in front.
    pub fn put(&self, values: impl IntoIterator<Item = (Place, IVec, Option<IVec>)>) {
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        map.extend(values.into_iter().map(|(place, key, value)| ((place, key), value)));
        self.any.store(!map.is_empty(), Ordering::Release);
    }

    /// How many stand in front.
    pub fn len(&self) -> usize {
        self.map().map_or(0, |map| map.len())
    }

    /// Puts values in front where nothing stands yet.
    pub fn put_first(&self, values: impl IntoIterator<Item = (Place, IVec, Option<IVec>)>) {
        let mut map = self.map.write().unwrap_or_else(PoisonError::into_inner);
        for (place, key, value) in values {
            map.entry((place, key)).or_insert(value);
        }
        self.any.store(!map.is_empty(), Ordering::Release);
    }

    /// All that stands in front of one tree.
    pub fn of(&self, place: Place) -> Vec<(IVec, Option<IVec>)> {
        let Some(map) = self.map() else { return Vec::new() };
        let own = map.range((place, IVec::default())..).take_while(|((found, _), _)| *found == place);
        own.map(|((_, key), value)| (key.clone(), value.clone())).collect()
    }

    /// The first entry after `after` and up to `to`, the latter included; from the start or to the end where there is none.
    fn next(&self, place: Place, after: Option<&IVec>, to: Option<&IVec>) -> Option<Entry> {
        let from = after.map_or_else(|| Included((place, IVec::default())), |key| Excluded((place, key.clone())));
        let to = to.map_or(Unbounded, |key| Included((place, key.clone())));
        let map = self.map()?;
        let ((found, key), value) = map.range((from, to)).next()?;
        (*found == place).then(|| (key.clone(), value.clone()))
    }

    /// The last entry before `before`, or of all, that is not before `from`.
    fn last(&self, place: Place, before: Option<&IVec>, from: Option<&IVec>) -> Option<Entry> {
        let map = self.map()?;
        let from = Included((place, from.cloned().unwrap_or_default()));
        let found = match before {
            Some(key) => map.range((from, Excluded((place, key.clone())))).next_back(),
            None => map.range((from, Unbounded)).take_while(|((found, _), _)| *found == place).last(),
        };
        found.map(|((_, key), value)| (key.clone(), value.clone()))
    }

    /// `under`, which rises, with the values in front of it. What is put in front meanwhile counts from there on.
    pub fn over<I, E>(&self, place: Place, under: I) -> Merged<'_, I>
    where
        I: Iterator<Item = Result<(IVec, IVec), E>>,
    {
        Merged { overrides: self, place, under: under.peekable(), at: None, falls: false }
    }

    /// The same where `under` falls, from `before` on.
    pub fn over_falling<I, E>(&self, place: Place, before: Option<IVec>, under: I) -> Merged<'_, I>
    where
        I: Iterator<Item = Result<(IVec, IVec), E>>,
    {
        Merged { overrides: self, place, under: under.peekable(), at: before, falls: true }
    }
}

/// Records in the order of their keys.
pub struct Merged<'a, I: Iterator> {
    overrides: &'a Overrides,
    place: Place,
    under: Peekable<I>,
    /// The key that was passed last.
    at: Option<IVec>,
    falls: bool,
}

impl<I, E> Iterator for Merged<'_, I>
where
    I: Iterator<Item = Result<(IVec, IVec), E>>,
{
    type Item = Result<(IVec, IVec), E>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let below = self.under.peek().and_then(|entry| entry.as_ref().ok()).map(|(key, _)| key);
            // Only now: what was put in front before the record below was written is seen here.
            let front = if self.falls {
                self.overrides.last(self.place, self.at.as_ref(), below)
            } else {
                self.overrides.next(self.place, self.at.as_ref(), below)
            };
            let Some((key, value)) = front else {
                let record = self.under.next();
                if let Some(Ok((key, _))) = &record {
                    self.at = Some(key.clone());
                }
                return record;
            };
            if below == Some(&key) {
                self.under.next();
            }
            self.at = Some(key.clone());
            if let Some(value) = value {
                return Some(Ok((key, value)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Below = Result<(IVec, IVec), ()>;

    fn below(keys: &[u8]) -> Vec<Below> {
        keys.iter().map(|key| Ok((IVec::from(&[*key]), IVec::from(b"old")))).collect()
    }

    fn told(merged: impl Iterator<Item = Below>) -> Vec<(u8, bool)> {
        merged.map(|entry| entry.unwrap()).map(|(key, value)| (key[0], value == b"new")).collect()
    }

    #[test]
    fn values_in_front_replace_add_and_remove_in_order() {
        let overrides = Overrides::default();
        let new = || Some(IVec::from(b"new"));
        overrides.put(
            [(1, new()), (3, None), (4, new()), (9, new())]
                .map(|(key, value)| (Place::Audit, IVec::from(&[key]), value)),
        );
        overrides.put([(Place::Users, IVec::from(&[2]), new()), (Place::Meta, IVec::from(&[2]), new())]);
        let wanted = [(1, true), (2, false), (4, true), (5, false), (9, true)];
        let keys = [2, 3, 4, 5];
        assert_eq!(told(overrides.over(Place::Audit, below(&keys).into_iter())), wanted);

        let mut falling = below(&keys);
        falling.reverse();
        let mut backwards = wanted;
        backwards.reverse();
        assert_eq!(told(overrides.over_falling(Place::Audit, None, falling.clone().into_iter())), backwards);
        let before = Some(IVec::from(&[5]));
        let under = falling.into_iter().skip(1);
        assert_eq!(told(overrides.over_falling(Place::Audit, before, under)), backwards[2..]);
    }

    #[test]
    fn what_stands_in_front_first_stays() {
        let overrides = Overrides::default();
        overrides.put_first([(Place::Meta, IVec::from(b"k"), None)]);
        overrides.put_first([(Place::Meta, IVec::from(b"k"), Some(IVec::from(b"v")))]);
        let below = || Ok::<_, ()>(Some(IVec::from(b"below")));
        assert_eq!(overrides.in_front(Place::Meta, b"k", below), Ok(None));
        assert_eq!(overrides.in_front(Place::Users, b"k", below), below());
    }
}
