//! Orders and counts of all sessions, in memory: rebuilt at opening, changed by the committer alone.
//!
//! Hints for pages, exact for counts. Ending all of a user's sessions, or everyone's, is a new *generation*: the
//! counts change at once, the entries are moved later, by [`Index::reaped`].

mod past;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::mem;
use std::net::IpAddr;
use std::thread;

use super::shelf::{Class, Item, Position, Shelf, Walk};
use crate::domain::clock::Clock;
use crate::domain::id::{SessionId, UserKey};
use crate::domain::lifetime::Limits;
use crate::domain::listing::{Order, Status, Towards};
use crate::domain::session::Standing;
use crate::domain::timestamp::Timestamp;

/// How many sessions there are of each status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    pub live: u64,
    pub ended: u64,
    pub expired: u64,
}

/// What the index knows of one session.
#[derive(Debug, Clone)]
pub struct Entry {
    pub user: UserKey,
    pub created: Timestamp,
    pub seen: Timestamp,
    pub deadline: Timestamp,
    pub address: Option<IpAddr>,
    pub class: Class,
    /// Written, but not yet durable: in no order and no count.
    pub pending: bool,
    generations: Generations,
}

impl Entry {
    /// What the index keeps of a session. Its generations are those of the moment when it is entered.
    pub fn new(standing: &Standing, limits: &Limits, class: Class) -> Self {
        Self {
            user: standing.session.user_key(),
            created: standing.session.created(),
            seen: standing.seen,
            deadline: standing.deadline(limits),
            address: standing.session.client().address,
            class,
            pending: false,
            generations: Generations::default(),
        }
    }

    const fn item(&self, id: SessionId) -> Item {
        Item { id, class: self.class, seen: self.seen, created: self.created }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Generations {
    user: u64,
    server: u64,
}

/// One user's sessions.
#[derive(Default)]
pub struct Group {
    pub counts: Counts,
    pub shelf: Shelf,
    generation: u64,
    /// The server's generation that `counts` and `shelf` were brought up to.
    server: u64,
    /// Live when their generation passed; still in the live order of the whole until they are reaped.
    withdrawn: Vec<Shelf>,
}

/// Where records have yet to be told what the counts know.
enum Unreaped {
    Group(UserKey),
    Everyone { next: Option<UserKey> },
    One(UserKey, SessionId),
}

/// See the module.
#[derive(Default)]
pub struct Index {
    entries: HashMap<SessionId, Entry>,
    groups: BTreeMap<UserKey, Group>,
    shelf: Shelf,
    /// The live ones by the time at which they expire.
    expiry: BTreeSet<(Timestamp, SessionId)>,
    counts: Counts,
    /// Those of the group that the committer is putting on disk.
    pending: Vec<SessionId>,
    generation: u64,
    unreaped: VecDeque<Unreaped>,
    /// How far the sweep has got through the past ones, oldest first.
    swept: Option<Position>,
    /// The time of the step under way. Until its effects stand here, nothing expires that it still took for live.
    step: Option<Timestamp>,
}

impl Index {
    pub fn entry(&self, id: SessionId) -> Option<&Entry> {
        self.entries.get(&id)
    }

    pub fn group(&self, key: UserKey) -> Option<&Group> {
        self.groups.get(&key)
    }

    /// Everybody's positions. Those that passed with their generation stand among the live ones until they are reaped, so
    /// the caller asks [`Index::class`] of each.
    pub fn walk(&self, order: Order, status: Status, from: Option<Position>, towards: Towards) -> Walk<'_> {
        let stale = status == Status::Ended && !self.unreaped.is_empty();
        let classes = if stale { &[Class::Live, Class::Ended] } else { Class::of(status) };
        self.shelf.walk(order, classes, from, towards)
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The status of an entry by this index: a stale live one has ended.
    pub fn class(&self, entry: &Entry) -> Class {
        if entry.class == Class::Live && !self.is_current(entry) { Class::Ended } else { entry.class }
    }

    fn is_current(&self, entry: &Entry) -> bool {
        let user = self.groups.get(&entry.user).map_or(0, |group| group.generation);
        entry.generations == Generations { user, server: self.generation }
    }

    /// A user's group, brought up to the present generation of the server.
    pub fn settle(&mut self, key: UserKey) -> &mut Group {
        let generation = self.generation;
        let group = self.groups.entry(key).or_default();
        if group.server != generation {
            group.server = generation;
            group.withdraw();
        }
        group
    }

    /// Enters a session as of opening the database.
    pub fn load(&mut self, id: SessionId, entry: Entry, unreaped: bool) {
        let user = entry.user;
        self.insert(id, entry);
        if unreaped {
            self.unreaped.push_back(Unreaped::One(user, id));
        }
    }

    /// Enters a new session that readers must not see yet.
    pub fn insert_pending(&mut self, id: SessionId, entry: Entry) {
        self.pending.push(id);
        self.insert(id, Entry { pending: true, ..entry });
    }

    fn insert(&mut self, id: SessionId, mut entry: Entry) {
        entry.generations = Generations { user: self.settle(entry.user).generation, server: self.generation };
        if !entry.pending {
            self.place(id, &entry);
        }
        self.entries.insert(id, entry);
    }

    /// Shows a session whose record has become durable.
    pub fn promote(&mut self, id: SessionId) {
        let Some(mut entry) = self.entries.get(&id).cloned() else { return };
        if !entry.pending {
            return;
        }
        entry.pending = false;
        self.pending.retain(|pending| *pending != id);
        if entry.class == Class::Live && !self.is_current(&entry) {
            entry.class = Class::Ended;
            self.unreaped.push_back(Unreaped::One(entry.user, id));
        }
        self.place(id, &entry);
        self.entries.insert(id, entry);
    }

    /// Puts an entry of the present generation into orders and counts.
    fn place(&mut self, id: SessionId, entry: &Entry) {
        self.shelf.insert(entry.item(id));
        *self.counts.of(entry.class) += 1;
        if entry.class == Class::Live {
            self.expiry.insert((entry.deadline, id));
        }
        let group = self.settle(entry.user);
        group.shelf.insert(entry.item(id));
        *group.counts.of(entry.class) += 1;
    }

    /// Takes an entry of the present generation out of orders and counts.
    fn displace(&mut self, id: SessionId, entry: &Entry) {
        self.shelf.remove(entry.item(id));
        *self.counts.of(entry.class) -= 1;
        self.expiry.remove(&(entry.deadline, id));
        let group = self.settle(entry.user);
        group.shelf.remove(entry.item(id));
        *group.counts.of(entry.class) -= 1;
    }

    fn change(&mut self, id: SessionId, change: impl FnOnce(&mut Entry)) {
        let Some(entry) = self.entries.get(&id).cloned() else { return };
        let mut changed = entry.clone();
        change(&mut changed);
        if !entry.pending {
            self.displace(id, &entry);
            self.place(id, &changed);
        }
        self.entries.insert(id, changed);
    }

    /// Begins a step at the time that `clock` tells, and lets expire what it may no longer take for live.
    pub fn begin_step(&mut self, clock: &dyn Clock) -> Timestamp {
        let now = clock.now();
        self.advance(now);
        self.step = Some(now);
        now
    }

    /// All effects of the step stand here.
    pub fn end_step(&mut self) {
        self.step = None;
    }

    /// Lets all sessions expire whose time has come.
    pub fn advance(&mut self, now: Timestamp) {
        let now = self.step.map_or(now, |step| now.min(step));
        while let Some(&(deadline, id)) = self.expiry.first() {
            if deadline > now {
                return;
            }
            let stale = self.entries.get(&id).is_none_or(|entry| !self.is_current(entry));
            if stale {
                self.expiry.pop_first();
            } else {
                self.change(id, |entry| entry.class = Class::Expired);
            }
        }
    }

    /// Notes that a live session was seen.
    pub fn touch(&mut self, id: SessionId, seen: Timestamp, deadline: Timestamp) {
        self.change(id, |entry| {
            entry.seen = seen;
            entry.deadline = deadline;
        });
    }

    /// Notes that a live session was ended by name.
    pub fn end(&mut self, id: SessionId) {
        self.change(id, |entry| entry.class = Class::Ended);
    }

    /// Ends all of a user's live sessions but `keep`: a new generation.
    pub fn end_user(&mut self, user: UserKey, keep: Option<SessionId>) {
        let kept = keep.and_then(|id| self.entries.get(&id).cloned().map(|entry| (id, entry)));
        if let Some((id, entry)) = kept.as_ref().filter(|(_, entry)| !entry.pending) {
            self.displace(*id, entry);
        }
        let group = self.settle(user);
        let ended = group.counts.live;
        group.generation += 1;
        group.withdraw();
        let generation = group.generation;
        self.counts.live -= ended;
        self.counts.ended += ended;
        if let Some((id, mut entry)) = kept {
            entry.generations.user = generation;
            if !entry.pending {
                self.place(id, &entry);
            }
            self.entries.insert(id, entry);
        }
        self.unreaped.push_back(Unreaped::Group(user));
    }

    /// Ends everyone's live sessions: a new generation.
    pub fn end_everyone(&mut self) {
        self.generation += 1;
        self.counts.ended += self.counts.live;
        self.counts.live = 0;
        // Freeing a million entries is nothing that whoever waits for this step should wait for.
        let passed = mem::take(&mut self.expiry);
        thread::spawn(move || drop(passed));
        self.unreaped.push_back(Unreaped::Everyone { next: None });
    }

    /// Live sessions, those not yet durable included: an end-all ends them as well.
    pub fn live(&self) -> u64 {
        self.counts.live + self.pending_live().count() as u64
    }

    /// The same of one user.
    pub fn live_of(&mut self, user: UserKey) -> u64 {
        let shown = self.settle(user).counts.live;
        shown + self.pending_live().filter(|(_, entry)| entry.user == user).count() as u64
    }

    fn pending_live(&self) -> impl Iterator<Item = (SessionId, &Entry)> {
        let entries = self.pending.iter().filter_map(|id| Some((*id, self.entries.get(id)?)));
        entries.filter(|(_, entry)| self.class(entry) == Class::Live)
    }

    /// Live sessions of a user, those not yet durable included: how many, and which of them are idle longest, as many as
    /// are above `room`.
    pub fn above(&mut self, user: UserKey, room: usize) -> Vec<SessionId> {
        let shown = usize::try_from(self.settle(user).counts.live).unwrap_or(usize::MAX);
        let pending: Vec<_> = self.pending_live().filter(|(_, entry)| entry.user == user).map(|(id, _)| id).collect();
        let above = (shown + pending.len()).saturating_sub(room);
        let Some(group) = self.groups.get(&user) else { return Vec::new() };
        group.shelf.oldest_live().chain(pending).take(above).collect()
    }
}

impl Group {
    /// This user's positions, those that passed with their generation among the ended ones.
    pub fn walk(&self, order: Order, status: Status, from: Option<Position>, towards: Towards) -> Walk<'_> {
        let own = std::iter::once(self.shelf.walk(order, Class::of(status), from, towards));
        let withdrawn = if matches!(status, Status::Ended | Status::Any) { &self.withdrawn[..] } else { &[] };
        let withdrawn = withdrawn.iter().map(|shelf| shelf.walk(order, &[Class::Live], from, towards));
        Walk::merge(own.chain(withdrawn), towards)
    }

    fn withdraw(&mut self) {
        self.counts.ended += self.counts.live;
        self.counts.live = 0;
        let live = self.shelf.take_live();
        if !live.is_empty() {
            self.withdrawn.push(live);
        }
    }
}

impl Counts {
    fn of(&mut self, class: Class) -> &mut u64 {
        match class {
            Class::Live => &mut self.live,
            Class::Ended => &mut self.ended,
            Class::Expired => &mut self.expired,
        }
    }
}
