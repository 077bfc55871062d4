//! Sessions of each status in each order that a listing may ask for.

use std::mem;

use super::index::slab::{Handle, Slab};
use super::index::sorted::{Place, Range, Sorted};
use crate::domain::id::SessionId;
use crate::domain::listing::{Order, Period, Status};
use crate::domain::timestamp::Timestamp;

/// The status that an entry is shelved under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    Live = 0,
    Ended = 1,
    Expired = 2,
}

impl Class {
    /// Whether a listing of `status` wants it.
    pub const fn is_in(self, status: Status) -> bool {
        matches!(
            (self, status),
            (_, Status::Any)
                | (Self::Live, Status::Live)
                | (Self::Ended, Status::Ended)
                | (Self::Expired, Status::Expired)
        )
    }
}

/// A place in an order.
pub type Position = (Timestamp, SessionId);

/// Entries of one status.
#[derive(Default)]
pub struct Orders {
    pub seen: Sorted,
    pub created: Sorted,
    /// By the time at which they expire: of live ones alone.
    pub due: Sorted,
}

impl Orders {
    /// How many have expired by `now`.
    pub fn overdue(&self, entries: &Slab, now: Timestamp) -> usize {
        self.overdue_and_rest(entries, now).0.count()
    }

    /// Those that have expired by `now`, and those that have not.
    pub fn overdue_and_rest(&self, entries: &Slab, now: Timestamp) -> (Range<'_>, Range<'_>) {
        let here = self.due.place(|handle| entries[handle].deadline <= now);
        (self.due.range(Place::START, here), self.due.range(here, self.due.end()))
    }

    /// Removes one from all orders.
    pub fn remove(&mut self, entries: &Slab, handle: Handle) {
        self.seen.remove(handle, |handle| entries[handle].position(Order::LastActive));
        self.created.remove(handle, |handle| entries[handle].position(Order::SignedIn));
        self.due.remove(handle, |handle| entries[handle].due());
    }

    /// Those of `span` in this order.
    pub fn range(&self, entries: &Slab, order: Order, span: &Span) -> Range<'_> {
        let sorted = if order == Order::LastActive { &self.seen } else { &self.created };
        let from = sorted.place(|handle| span.is_after(entries[handle].position(order)));
        let to = sorted.place(|handle| !span.is_before(entries[handle].position(order)));
        sorted.range(from, to.max(from))
    }
}

/// Part of an order: a period, and from some place on.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    pub period: Period,
    pub beyond: Option<Position>,
    /// From the newest to the oldest.
    pub backwards: bool,
}

impl Span {
    pub const fn all(period: Period) -> Self {
        Self { period, beyond: None, backwards: false }
    }

    pub fn contains(&self, position: Position) -> bool {
        !self.is_after(position) && !self.is_before(position)
    }

    /// Whether it starts after `position`.
    fn is_after(&self, position: Position) -> bool {
        self.period.from.is_some_and(|from| position.0 < from)
            || (!self.backwards && self.beyond.is_some_and(|beyond| position <= beyond))
    }

    /// Whether it has ended before `position`.
    fn is_before(&self, position: Position) -> bool {
        self.period.to.is_some_and(|to| position.0 >= to)
            || (self.backwards && self.beyond.is_some_and(|beyond| position >= beyond))
    }
}

/// See the module.
#[derive(Default)]
pub struct Shelf {
    pub live: Orders,
    /// Most users have none: no room is kept for them.
    past: Option<Box<[Orders; 2]>>,
}

impl Shelf {
    /// The entries of one status; `None` where there have never been any.
    pub fn of(&self, class: Class) -> Option<&Orders> {
        match class {
            Class::Live => Some(&self.live),
            Class::Ended => self.past.as_ref().map(|past| &past[0]),
            Class::Expired => self.past.as_ref().map(|past| &past[1]),
        }
    }

    pub fn of_mut(&mut self, class: Class) -> &mut Orders {
        match class {
            Class::Live => &mut self.live,
            Class::Ended => &mut self.past.get_or_insert_default()[0],
            Class::Expired => &mut self.past.get_or_insert_default()[1],
        }
    }

    /// Puts one where its class belongs.
    pub fn insert(&mut self, entries: &Slab, handle: Handle) {
        let class = entries[handle].class;
        let orders = self.of_mut(class);
        orders.seen.insert(handle, |handle| entries[handle].position(Order::LastActive));
        orders.created.insert(handle, |handle| entries[handle].position(Order::SignedIn));
        if class == Class::Live {
            orders.due.insert(handle, |handle| entries[handle].due());
        }
    }

    /// Takes one from where its class belongs.
    pub fn remove(&mut self, entries: &Slab, handle: Handle) {
        self.of_mut(entries[handle].class).remove(entries, handle);
    }

    /// Takes all live ones, whatever their number, in one step.
    pub fn take_live(&mut self) -> Orders {
        mem::take(&mut self.live)
    }
}
