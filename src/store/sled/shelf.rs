//! Sessions of each status in each order that a listing may ask for.

use std::collections::BTreeSet;
use std::mem;
use std::ops::Bound;

use crate::domain::id::SessionId;
use crate::domain::listing::{Order, Status, Towards};
use crate::domain::timestamp::Timestamp;

/// The status that an entry is shelved under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Live = 0,
    Ended = 1,
    Expired = 2,
}

impl Class {
    /// The classes that a listing of `status` wants.
    pub const fn of(status: Status) -> &'static [Self] {
        match status {
            Status::Live => &[Self::Live],
            Status::Ended => &[Self::Ended],
            Status::Expired => &[Self::Expired],
            Status::Any => &[Self::Live, Self::Ended, Self::Expired],
        }
    }
}

/// What a shelf keeps of a session.
pub struct Item {
    pub id: SessionId,
    pub class: Class,
    pub seen: Timestamp,
    pub created: Timestamp,
}

/// A place in an order.
pub type Position = (Timestamp, SessionId);

#[derive(Default)]
struct Orders {
    seen: BTreeSet<Position>,
    created: BTreeSet<Position>,
}

/// See the module.
#[derive(Default)]
pub struct Shelf([Orders; 3]);

impl Shelf {
    pub fn insert(&mut self, Item { id, class, seen, created }: Item) {
        let orders = &mut self.0[class as usize];
        orders.seen.insert((seen, id));
        orders.created.insert((created, id));
    }

    pub fn remove(&mut self, Item { id, class, seen, created }: Item) {
        let orders = &mut self.0[class as usize];
        orders.seen.remove(&(seen, id));
        orders.created.remove(&(created, id));
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|orders| orders.seen.is_empty())
    }

    /// Takes all live ones, whatever their number, in one step.
    pub fn take_live(&mut self) -> Self {
        let live = mem::take(&mut self.0[Class::Live as usize]);
        Self([live, Orders::default(), Orders::default()])
    }

    /// The live ones, idle longest first.
    pub fn oldest_live(&self) -> impl Iterator<Item = SessionId> {
        self.0[Class::Live as usize].seen.iter().map(|(_, id)| *id)
    }

    /// Positions of these classes beyond `from` in the given direction, nearest first.
    pub fn walk(&self, order: Order, classes: &[Class], from: Option<Position>, towards: Towards) -> Walk<'_> {
        let range = match (from, towards) {
            (None, _) => (Bound::Unbounded, Bound::Unbounded),
            (Some(from), Towards::Older) => (Bound::Unbounded, Bound::Excluded(from)),
            (Some(from), Towards::Newer) => (Bound::Excluded(from), Bound::Unbounded),
        };
        let heads = classes
            .iter()
            .map(|class| {
                let orders = &self.0[*class as usize];
                let set = if order == Order::LastActive { &orders.seen } else { &orders.created };
                let mut range = set.range(range);
                (step(&mut range, towards), range)
            })
            .collect();
        Walk { heads, towards }
    }
}

type Range<'a> = std::collections::btree_set::Range<'a, Position>;

fn step(range: &mut Range<'_>, towards: Towards) -> Option<Position> {
    match towards {
        Towards::Older => range.next_back().copied(),
        Towards::Newer => range.next().copied(),
    }
}

/// Several orders read as one.
pub struct Walk<'a> {
    heads: Vec<(Option<Position>, Range<'a>)>,
    towards: Towards,
}

impl Walk<'_> {
    /// Reads all of `walks` as one.
    pub fn merge(walks: impl Iterator<Item = Self>, towards: Towards) -> Self {
        Self { heads: walks.flat_map(|walk| walk.heads).collect(), towards }
    }
}

impl Iterator for Walk<'_> {
    type Item = Position;

    fn next(&mut self) -> Option<Position> {
        let heads = self.heads.iter_mut().filter(|(head, _)| head.is_some());
        let (head, range) = match self.towards {
            Towards::Older => heads.max_by_key(|(head, _)| *head)?,
            Towards::Newer => heads.min_by_key(|(head, _)| *head)?,
        };
        mem::replace(head, step(range, self.towards))
    }
}
