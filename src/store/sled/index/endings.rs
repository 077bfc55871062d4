//! Ending many sessions at once: a new generation.

use super::{
    Generations, Group, GroupId, Index, Orders, SessionId, Slab, Sorted, Status, Timestamp, Unreaped, UserKey,
    Withdrawn,
};

impl Index {
    /// Ends all of a user's live sessions but `keep`: a new generation.
    pub fn end_user(&mut self, user: UserKey, keep: Option<SessionId>, at: Timestamp) {
        let id = self.enter(user);
        let kept = keep.and_then(|id| self.find(id));
        let shown = kept.filter(|handle| !self.entries[*handle].pending);
        if let Some(handle) = shown {
            self.displace(handle);
        }
        let group = &mut self.groups[id.0 as usize];
        let before = group.counts;
        group.withdraw(&self.entries, at);
        group.generation += 1;
        let (after, generation, stale) = (group.counts, group.generation, !group.withdrawn.is_empty());
        self.counts.live -= before.live - after.live;
        self.counts.ended += after.ended - before.ended;
        self.counts.expired += after.expired - before.expired;
        if stale {
            self.stale.insert(id);
        }
        if let Some(handle) = kept {
            self.entries[handle].generations.user = generation;
        }
        if let Some(handle) = shown {
            self.place(handle);
        }
        self.unreaped.push_back(Unreaped::Group(id));
    }

    /// Ends everyone's live sessions: a new generation.
    pub fn end_everyone(&mut self, at: Timestamp) {
        let (before, overdue) = (self.counts, self.overdue(at));
        let has = |status| self.left_behind().any(|withdrawn| withdrawn.has(status));
        let has_ended = before.live > overdue as u64 || has(Status::Ended);
        let has_expired = overdue > 0 || has(Status::Expired);
        let generations = Generations { user: 0, server: self.generation() };
        self.counts = before.withdrawn(overdue);
        // Nobody asks when these expire: the groups know.
        let orders = Orders { due: Sorted::default(), ..self.shelf.take_live() };
        if !orders.seen.is_empty() {
            self.withdrawn.push(Withdrawn { orders, generations, at, has_ended, has_expired });
        }
        self.stale.clear();
        self.passed.push(at);
        self.unreaped.push_back(Unreaped::Everyone { next: GroupId(0) });
    }
}

impl Group {
    /// Sets all live ones aside, as of `at`.
    pub(super) fn withdraw(&mut self, entries: &Slab, at: Timestamp) {
        if self.shelf.live.seen.is_empty() {
            return;
        }
        let (live, overdue) = (self.counts.live, self.shelf.live.overdue(entries, at));
        self.counts = self.counts.withdrawn(overdue);
        let generations = Generations { user: self.generation, server: self.server };
        let (has_ended, has_expired) = (live > overdue as u64, overdue > 0);
        self.withdrawn.push(Withdrawn { orders: self.shelf.take_live(), generations, at, has_ended, has_expired });
    }
}
