//! Where the entries stand that a listing may mean.

use std::mem;
use std::net::IpAddr;

use ipnet::IpNet;

use super::agents::Matching;
use super::sorted::Range;
use super::{Class, GroupId, Handle, Index, Orders, Position, Slab, Timestamp, Withdrawn};
use crate::domain::listing::{Order, Status};
use crate::store::sled::shelf::Span;

/// So many overdue ones are put in order for a page; more are passed over among the live ones.
const LOOSE: usize = 5_000;
/// So many orders are read as one; if there are more, all live ones are passed over instead.
const MERGED: usize = 16;

/// Orders, and entries in none of them, among which all of one status are, each once. Others may be, too: ask
/// [`Index::class`] of each.
pub struct Sources<'a> {
    orders: Vec<&'a Orders>,
    loose: Vec<Handle>,
}

impl Index {
    /// Of everybody, or of one group, which must be settled.
    pub fn sources(&self, whose: Option<GroupId>, status: Status, now: Timestamp) -> Sources<'_> {
        let (shelf, withdrawn) = match whose {
            None => (&self.shelf, &self.withdrawn),
            Some(id) => (&self.group(id).shelf, &self.group(id).withdrawn),
        };
        let classes = [Class::Live, Class::Ended, Class::Expired].into_iter().filter(|class| class.is_in(status));
        let mut orders: Vec<_> = classes.filter_map(|class| shelf.of(class)).collect();
        orders.extend(withdrawn.iter().filter(|withdrawn| withdrawn.has(status)).map(|withdrawn| &withdrawn.orders));
        let mut loose = Vec::new();
        if status == Status::Live {
            // After a crowd has run out: the few that have not, and not all that are still among them.
            let (overdue, rest) = shelf.live.overdue_and_rest(&self.entries, now);
            let left = Range::count(&rest);
            if left <= LOOSE && left < Range::count(&overdue) {
                orders.clear();
                loose.extend(rest);
            }
        }
        if matches!(status, Status::Live | Status::Any) {
            return Sources { orders, loose };
        }

        // Some of those in the orders of the live ones have expired or ended.
        let left: Vec<&Withdrawn> = match whose {
            None => self.left_behind().filter(|withdrawn| withdrawn.has(status)).take(MERGED + 1).collect(),
            Some(_) => Vec::new(),
        };
        let (overdue, _) = shelf.live.overdue_and_rest(&self.entries, now);
        let many = status == Status::Expired && Range::count(&overdue) > LOOSE;
        if many || left.len() > MERGED {
            orders.push(&shelf.live);
            return Sources { orders, loose };
        }
        orders.extend(left.into_iter().map(|withdrawn| &withdrawn.orders));
        if status == Status::Expired {
            loose.extend(overdue.filter(|handle| self.is_current(&self.entries[*handle])));
        }
        Sources { orders, loose }
    }

    /// Everybody's from this network.
    pub fn in_network(&self, net: &IpNet) -> Range<'_> {
        let (first, last): (IpAddr, IpAddr) = (net.network(), net.broadcast());
        let from = self.by_address.place(|handle| self.entries[handle].address < Some(first));
        let to = self.by_address.place(|handle| self.entries[handle].address <= Some(last));
        self.by_address.range(from, to.max(from))
    }

    /// Everybody's with one of these agents; `None` where they are more than `most`.
    pub fn with_agents(&self, agents: &Matching, most: usize) -> Option<Vec<Range<'_>>> {
        let (mut ranges, mut count) = (Vec::new(), 0);
        for agent in agents.candidates() {
            let from = self.by_agent.place(|handle| self.entries[handle].agent < agent);
            let to = self.by_agent.place(|handle| self.entries[handle].agent <= agent);
            let range = self.by_agent.range(from, to.max(from));
            count += Range::count(&range);
            if count > most {
                return None;
            }
            ranges.push(range);
        }
        Some(ranges)
    }
}

impl<'a> Sources<'a> {
    /// How many positions a walk has.
    pub fn count(&self, entries: &Slab, order: Order, span: &Span) -> usize {
        let ranges = self.orders.iter().map(|orders| Range::count(&orders.range(entries, order, span)));
        ranges.sum::<usize>() + self.loose.len()
    }

    /// All handles of `span` in this order, each order after the other.
    pub fn all(&self, entries: &'a Slab, order: Order, span: Span) -> impl Iterator<Item = Handle> {
        let ranges = self.orders.iter().flat_map(move |orders| orders.range(entries, order, &span));
        ranges.chain(self.loose.iter().copied())
    }

    /// The positions of `span`, in its direction.
    pub fn walk(self, entries: &'a Slab, order: Order, span: Span) -> Walk<'a> {
        let mut loose: Vec<_> =
            self.loose.into_iter().map(|handle| (entries[handle].position(order), handle)).collect();
        loose.retain(|(position, _)| span.contains(*position));
        loose.sort_unstable();
        let ranges = self.orders.iter().map(|orders| Rest::Ordered(orders.range(entries, order, &span)));
        let rests = ranges.chain([Rest::Loose(loose.into_iter())]);
        let mut walk = Walk { entries, order, backwards: span.backwards, heads: Vec::new() };
        for mut rest in rests {
            let head = walk.step(&mut rest);
            if head.is_some() {
                walk.heads.push((head, rest));
            }
        }
        walk
    }
}

type Found = (Position, Handle);

enum Rest<'a> {
    Ordered(Range<'a>),
    Loose(std::vec::IntoIter<Found>),
}

/// Several orders read as one.
pub struct Walk<'a> {
    entries: &'a Slab,
    order: Order,
    backwards: bool,
    heads: Vec<(Option<Found>, Rest<'a>)>,
}

impl Walk<'_> {
    fn step(&self, rest: &mut Rest<'_>) -> Option<Found> {
        match (rest, self.backwards) {
            (Rest::Loose(found), true) => found.next_back(),
            (Rest::Loose(found), false) => found.next(),
            (Rest::Ordered(range), backwards) => {
                let handle = if backwards { range.next_back() } else { range.next() }?;
                Some((self.entries[handle].position(self.order), handle))
            }
        }
    }
}

impl Iterator for Walk<'_> {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        let heads = self.heads.iter().enumerate().filter(|(_, (head, _))| head.is_some());
        let (nearest, _) = if self.backwards {
            heads.max_by_key(|(_, (head, _))| *head)?
        } else {
            heads.min_by_key(|(_, (head, _))| *head)?
        };
        let (head, mut rest) = mem::replace(&mut self.heads[nearest], (None, Rest::Loose(Vec::new().into_iter())));
        self.heads[nearest] = (self.step(&mut rest), rest);
        head
    }
}
