//! Orders and counts of all sessions, in memory: rebuilt at opening, changed by the committer alone.
//!
//! Hints for pages, exact for counts. Two things happen to any number of sessions at once, and cost the same for one and
//! for a million, since the entries themselves are moved later, a few at a time:
//!
//! * Ending all of a user's sessions, or everyone's, is a new *generation*; [`Index::reaped`] moves what it left behind.
//! * Expiry: a live entry whose deadline has passed is *overdue*. Counts take the overdue ones off, which the order of
//!   expiry counts in a few microseconds; [`Index::advance`] moves them.

pub mod agents;
mod counts;
mod endings;
pub mod entry;
mod load;
mod overdue;
mod past;
pub mod slab;
pub mod sorted;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use self::agents::Agents;
pub use self::counts::Counts;
use self::entry::Generations;
pub use self::entry::{Entry, GroupId, Particulars};
pub use self::past::ToReap;
use self::slab::{Handle, Slab};
use self::sorted::Sorted;
use super::shelf::{Class, Orders, Position, Shelf};
use crate::domain::clock::Clock;
use crate::domain::id::{SessionId, UserKey};
use crate::domain::listing::{Order, Status};
use crate::domain::timestamp::Timestamp;

/// Overdue entries that a step of the committer moves: more than it can add.
const PER_STEP: usize = 8;

/// One user's sessions.
pub struct Group {
    pub key: UserKey,
    counts: Counts,
    shelf: Shelf,
    generation: u32,
    /// The server's generation that `counts` and `shelf` were brought up to.
    server: u32,
    /// Live when their generation passed; still among the live ones of the whole until they are reaped.
    withdrawn: Vec<Withdrawn>,
}

/// What was live when its generation passed.
struct Withdrawn {
    orders: Orders,
    generations: Generations,
    /// When it passed: what was overdue by then has expired, the rest has ended.
    at: Timestamp,
    has_ended: bool,
    has_expired: bool,
}

impl Withdrawn {
    const fn has(&self, status: Status) -> bool {
        match status {
            Status::Live => false,
            Status::Ended => self.has_ended,
            Status::Expired => self.has_expired,
            Status::Any => true,
        }
    }
}

/// Where records have yet to be told what the counts know.
enum Unreaped {
    Group(GroupId),
    Everyone { next: GroupId },
    One(SessionId),
}

/// See the module.
#[derive(Default)]
pub struct Index {
    pub entries: Slab,
    by_id: Sorted,
    by_address: Sorted,
    by_agent: Sorted,
    pub agents: Agents,
    groups: Vec<Group>,
    /// The groups' numbers.
    users: BTreeMap<UserKey, GroupId>,
    shelf: Shelf,
    /// What end-alls of everyone left behind.
    withdrawn: Vec<Withdrawn>,
    /// Groups that have left something behind among the live ones of the whole.
    stale: BTreeSet<GroupId>,
    counts: Counts,
    /// Those of the group that the committer is putting on disk.
    pending: Vec<Handle>,
    /// When each of the server's generations passed; as many as have passed.
    passed: Vec<Timestamp>,
    unreaped: VecDeque<Unreaped>,
    /// How far the sweep has got through the past ones, oldest first.
    swept: Option<Position>,
    /// The time of the step under way. Until its effects stand here, nothing expires that it still took for live.
    step: Option<Timestamp>,
    /// Somebody is moving what is overdue.
    catching_up: bool,
}

impl Index {
    /// The entry with this id.
    pub fn find(&self, id: SessionId) -> Option<Handle> {
        let place = self.by_id.place(|handle| self.entries[handle].id < id);
        self.by_id.range(place, self.by_id.end()).next().filter(|handle| self.entries[*handle].id == id)
    }

    /// Whose session this is, if it is durable.
    pub fn owner(&self, id: SessionId) -> Option<UserKey> {
        let entry = &self.entries[self.find(id)?];
        (!entry.pending).then(|| self.group(entry.group).key)
    }

    pub fn group(&self, id: GroupId) -> &Group {
        &self.groups[id.0 as usize]
    }

    /// The group of a user who has ever had a session.
    pub fn group_id(&self, key: UserKey) -> Option<GroupId> {
        self.users.get(&key).copied()
    }

    fn generation(&self) -> u32 {
        u32::try_from(self.passed.len()).unwrap_or(u32::MAX)
    }

    /// The time that everything here is told by: a step's time stands still.
    pub fn at(&self, now: Timestamp) -> Timestamp {
        self.step.map_or(now, |step| now.min(step))
    }

    /// Everybody's.
    pub fn counts(&self, now: Timestamp) -> Counts {
        self.counts.with_overdue(self.overdue(self.at(now)))
    }

    /// One user's, who is brought up to the present generation of the server.
    pub fn counts_of(&mut self, id: GroupId, now: Timestamp) -> Counts {
        let now = self.at(now);
        self.settle(id);
        let group = self.group(id);
        group.counts.with_overdue(group.shelf.live.overdue(&self.entries, now))
    }

    /// How many of the live ones of the whole have expired: without those that passed with their generation before, which
    /// are counted where they belong.
    fn overdue(&self, now: Timestamp) -> usize {
        if !self.is_behind(now) {
            return 0;
        }
        let left: usize = self.left_behind().map(|withdrawn| withdrawn.orders.overdue(&self.entries, now)).sum();
        self.shelf.live.overdue(&self.entries, now) - left
    }

    /// What users' end-alls have left among the live ones of the whole.
    fn left_behind(&self) -> impl Iterator<Item = &Withdrawn> {
        let server = self.generation();
        let withdrawn = self.stale.iter().flat_map(|id| &self.group(*id).withdrawn);
        withdrawn.filter(move |withdrawn| withdrawn.generations.server == server)
    }

    /// The status of an entry at `now`.
    pub fn class(&self, entry: &Entry, now: Timestamp) -> Class {
        if entry.class != Class::Live {
            return entry.class;
        }
        if self.is_current(entry) {
            return if entry.deadline <= now { Class::Expired } else { Class::Live };
        }
        // What ran out before its generation passed ran out.
        let ran_out = self.passed_at(entry).is_some_and(|at| entry.deadline <= at);
        if ran_out { Class::Expired } else { Class::Ended }
    }

    fn is_current(&self, entry: &Entry) -> bool {
        let group = self.group(entry.group);
        entry.generations == Generations { user: group.generation, server: self.generation() }
    }

    /// When the generation of an entry passed. Nobody knows of one that was not durable yet.
    fn passed_at(&self, entry: &Entry) -> Option<Timestamp> {
        let mut withdrawn = self.group(entry.group).withdrawn.iter();
        let of_user = withdrawn.find(|withdrawn| withdrawn.generations == entry.generations);
        let of_server = || self.passed.get(entry.generations.server as usize).copied();
        of_user.map(|withdrawn| withdrawn.at).or_else(of_server)
    }

    /// The group of `key`, a new one if need be.
    fn enter(&mut self, key: UserKey) -> GroupId {
        let next = GroupId(u32::try_from(self.groups.len()).unwrap_or(u32::MAX));
        let id = *self.users.entry(key).or_insert(next);
        if id == next {
            let (counts, shelf, server) = (Counts::default(), Shelf::default(), self.generation());
            self.groups.push(Group { key, counts, shelf, generation: 0, server, withdrawn: Vec::new() });
        }
        self.settle(id);
        id
    }

    /// Brings a group up to the present generation of the server.
    pub fn settle(&mut self, id: GroupId) {
        let server = self.generation();
        let group = &mut self.groups[id.0 as usize];
        if group.server != server {
            if let Some(at) = self.passed.get(group.server as usize) {
                group.withdraw(&self.entries, *at);
            }
            group.server = server;
        }
    }

    /// Enters a new session that readers must not see yet.
    pub fn insert_pending(&mut self, particulars: &Particulars) {
        let handle = self.entry_of(particulars, true);
        self.pending.push(handle);
        let entries = &self.entries;
        self.by_id.insert(handle, |handle| entries[handle].id);
        self.by_address.insert(handle, |handle| by_address(&entries[handle]));
        self.by_agent.insert(handle, |handle| by_agent(&entries[handle]));
    }

    fn entry_of(&mut self, particulars: &Particulars, pending: bool) -> Handle {
        let Particulars { id, user, created, seen, deadline, address, ref agent, door, class } = *particulars;
        let group = self.enter(user);
        let generations = Generations { user: self.group(group).generation, server: self.generation() };
        let agent = self.agents.take(agent);
        let entry = Entry { id, created, seen, deadline, address, group, agent, generations, class, door, pending };
        self.entries.insert(entry)
    }

    /// Shows a session whose record has become durable.
    pub fn promote(&mut self, id: SessionId) {
        let Some(handle) = self.find(id).filter(|handle| self.entries[*handle].pending) else { return };
        self.pending.retain(|pending| *pending != handle);
        let passed = !self.is_current(&self.entries[handle]);
        let entry = &mut self.entries[handle];
        entry.pending = false;
        if entry.class == Class::Live && passed {
            entry.class = Class::Ended;
            self.unreaped.push_back(Unreaped::One(id));
        }
        self.place(handle);
    }

    /// Puts an entry of the present generation into orders and counts.
    fn place(&mut self, handle: Handle) {
        let (class, group) = (self.entries[handle].class, self.entries[handle].group);
        self.settle(group);
        self.shelf.insert(&self.entries, handle);
        *self.counts.of_mut(class) += 1;
        let group = &mut self.groups[group.0 as usize];
        group.shelf.insert(&self.entries, handle);
        *group.counts.of_mut(class) += 1;
    }

    /// Takes an entry of the present generation out of orders and counts.
    fn displace(&mut self, handle: Handle) {
        let (class, group) = (self.entries[handle].class, self.entries[handle].group);
        self.settle(group);
        self.shelf.remove(&self.entries, handle);
        *self.counts.of_mut(class) -= 1;
        let group = &mut self.groups[group.0 as usize];
        group.shelf.remove(&self.entries, handle);
        *group.counts.of_mut(class) -= 1;
    }

    fn change(&mut self, handle: Handle, change: impl FnOnce(&mut Entry)) {
        let shown = !self.entries[handle].pending;
        if shown {
            self.displace(handle);
        }
        change(&mut self.entries[handle]);
        if shown {
            self.place(handle);
        }
    }

    /// Begins a step at the time that `clock` tells.
    pub fn begin_step(&mut self, clock: &dyn Clock) -> Timestamp {
        let now = clock.now();
        self.advance(now, PER_STEP);
        self.step = Some(now);
        now
    }

    /// All effects of the step stand here.
    pub fn end_step(&mut self) {
        self.step = None;
    }

    /// Notes that a live session was seen.
    pub fn touch(&mut self, id: SessionId, seen: Timestamp, deadline: Timestamp) {
        if let Some(handle) = self.find(id) {
            self.change(handle, |entry| {
                entry.seen = seen;
                entry.deadline = deadline;
            });
        }
    }

    /// Notes that a live session was ended by name.
    pub fn end(&mut self, id: SessionId) {
        if let Some(handle) = self.find(id) {
            self.change(handle, |entry| entry.class = Class::Ended);
        }
    }

    /// Live sessions, those not yet durable included: an end-all ends them as well.
    pub fn live(&self, now: Timestamp) -> u64 {
        self.counts(now).live + self.pending_live(now).count() as u64
    }

    /// The same of one user.
    pub fn live_of(&mut self, user: UserKey, now: Timestamp) -> u64 {
        let Some(group) = self.group_id(user) else { return 0 };
        let shown = self.counts_of(group, now).live;
        shown + self.pending_live(now).filter(|handle| self.entries[*handle].group == group).count() as u64
    }

    fn pending_live(&self, now: Timestamp) -> impl Iterator<Item = Handle> {
        let pending = self.pending.iter().copied();
        pending.filter(move |handle| self.class(&self.entries[*handle], now) == Class::Live)
    }

    /// Live sessions of a user, those not yet durable included: how many, and which of them are idle longest, as many as
    /// are above `room`.
    pub fn above(&mut self, user: UserKey, room: usize, now: Timestamp) -> Vec<SessionId> {
        let Some(group) = self.group_id(user) else { return Vec::new() };
        let shown = usize::try_from(self.counts_of(group, now).live).unwrap_or(usize::MAX);
        let entries = &self.entries;
        let pending: Vec<_> = self.pending_live(now).filter(|handle| entries[*handle].group == group).collect();
        let above = (shown + pending.len()).saturating_sub(room);
        let longest_idle = self.group(group).shelf.live.seen.iter();
        let live = longest_idle.filter(|handle| entries[*handle].deadline > now);
        live.chain(pending).take(above).map(|handle| entries[handle].id).collect()
    }
}

impl Group {
    /// How many sessions of whatever status.
    pub fn size(&self) -> usize {
        usize::try_from(self.counts.of(Status::Any)).unwrap_or(usize::MAX)
    }
}

/// The order of addresses.
const fn by_address(entry: &Entry) -> (Option<std::net::IpAddr>, SessionId) {
    (entry.address, entry.id)
}

/// The order of agents.
const fn by_agent(entry: &Entry) -> (agents::Agent, SessionId) {
    (entry.agent, entry.id)
}
