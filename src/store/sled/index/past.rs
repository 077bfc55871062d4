//! What is past: the records that have yet to be told so, and those that are old enough to go.

use super::{Class, GroupId, Handle, Index, Order, SessionId, Timestamp, Unreaped, UserKey, by_address, by_agent};
use crate::domain::listing::Period;
use crate::store::sled::shelf::Span;

/// Entries that one search for unreaped ones moves by itself.
const MOVED_AT_ONCE: usize = 1_024;

/// What the reaper has to do.
#[derive(Default)]
pub struct ToReap {
    pub sessions: Vec<(UserKey, SessionId)>,
    /// Others, whose records need not be touched since they had run out before: they have been moved.
    pub moved: usize,
}

impl Index {
    /// Up to `most` sessions whose records still say that they are live although their generation has passed.
    pub fn unreaped(&mut self, most: usize) -> ToReap {
        let (mut found, mut moved, mut again) = (Vec::new(), 0, Vec::new());
        while found.len() < most && moved < MOVED_AT_ONCE {
            match self.unreaped.pop_front() {
                None => break,
                Some(Unreaped::One(id)) => {
                    found.extend(self.find(id).map(|handle| (self.group(self.entries[handle].group).key, id)));
                }
                // Found just now; an end-all after the other names the same user twice.
                Some(Unreaped::Group(id)) if again.contains(&id) => {}
                Some(Unreaped::Group(id)) => {
                    self.settle(id);
                    let group = self.group(id);
                    let Some(withdrawn) = group.withdrawn.last() else { continue };
                    let (key, at) = (group.key, withdrawn.at);
                    let left = withdrawn.orders.seen.iter().take(most - found.len());
                    let (expired, ended): (Vec<_>, Vec<_>) =
                        left.map(|handle| &self.entries[handle]).partition(|entry| entry.deadline <= at);
                    found.extend(ended.iter().map(|entry| (key, entry.id)));
                    // Once what was found is reaped, it is asked whether there is more.
                    if ended.is_empty() {
                        self.unreaped.push_front(Unreaped::Group(id));
                    } else {
                        again.push(id);
                    }
                    let expired: Vec<_> = expired.iter().map(|entry| entry.id).collect();
                    moved += expired.len();
                    for id in expired {
                        self.reaped(id);
                    }
                }
                Some(Unreaped::Everyone { next: GroupId(next) }) => {
                    let count = u32::try_from(self.groups.len()).unwrap_or(u32::MAX);
                    let end = next.saturating_add(u32::try_from(most).unwrap_or(u32::MAX)).min(count);
                    if end < count {
                        self.unreaped.push_front(Unreaped::Everyone { next: GroupId(end) });
                    }
                    for id in (next..end).rev().map(GroupId) {
                        self.settle(id);
                        if !self.group(id).withdrawn.is_empty() {
                            self.unreaped.push_front(Unreaped::Group(id));
                        }
                    }
                }
            }
        }
        self.unreaped.extend(again.into_iter().map(Unreaped::Group));
        ToReap { sessions: found, moved }
    }

    /// Whether every record tells its own story.
    pub fn is_reaped(&self) -> bool {
        self.unreaped.is_empty()
    }

    /// The next past sessions that were last seen before `before`, oldest first; none at the end, and then from the start.
    pub fn sweepable(&mut self, before: Timestamp, most: usize) -> Vec<(UserKey, SessionId)> {
        let span = Span { beyond: self.swept, ..Span::all(Period { from: None, to: Some(before) }) };
        let past = [Class::Ended, Class::Expired].into_iter().filter_map(|class| self.shelf.of(class));
        let mut found: Vec<_> = past
            .flat_map(|orders| orders.range(&self.entries, Order::LastActive, &span).take(most))
            .map(|handle| (self.entries[handle].position(Order::LastActive), handle))
            .collect();
        found.sort_unstable();
        found.truncate(most);
        self.swept = found.last().map(|(position, _)| *position);
        let owned = |(_, handle): (_, Handle)| (self.group(self.entries[handle].group).key, self.entries[handle].id);
        found.into_iter().map(owned).collect()
    }

    /// Forgets a past session.
    pub fn remove(&mut self, id: SessionId) {
        let Some(handle) = self.find(id).filter(|handle| self.entries[*handle].class != Class::Live) else { return };
        self.displace(handle);
        let entries = &self.entries;
        self.by_id.remove(handle, |handle| entries[handle].id);
        self.by_address.remove(handle, |handle| by_address(&entries[handle]));
        self.by_agent.remove(handle, |handle| by_agent(&entries[handle]));
        self.agents.release(self.entries[handle].agent);
        self.entries.remove(handle);
    }

    /// Moves an entry whose generation has passed to where its status belongs. The counts have known it since.
    pub fn reaped(&mut self, id: SessionId) {
        let Some(handle) = self.find(id) else { return };
        let (group, generations) = (self.entries[handle].group, self.entries[handle].generations);
        if self.entries[handle].class != Class::Live || self.is_current(&self.entries[handle]) {
            return;
        }
        self.settle(group);
        let server = self.generation();
        let (entries, group_id) = (&self.entries, group);
        let group = &mut self.groups[group.0 as usize];
        let own = group.withdrawn.iter_mut().find(|withdrawn| withdrawn.generations == generations);
        let Some(withdrawn) = own else { return };
        let expired = entries[handle].deadline <= withdrawn.at;
        withdrawn.orders.remove(entries, handle);
        group.withdrawn.retain(|withdrawn| !withdrawn.orders.seen.is_empty());
        if !group.withdrawn.iter().any(|withdrawn| withdrawn.generations.server == server) {
            self.stale.remove(&group_id);
        }
        if generations.server == server {
            self.shelf.live.remove(entries, handle);
        } else {
            for withdrawn in &mut self.withdrawn {
                if withdrawn.generations.server == generations.server {
                    withdrawn.orders.remove(entries, handle);
                }
            }
            self.withdrawn.retain(|withdrawn| !withdrawn.orders.seen.is_empty());
        }
        self.entries[handle].class = if expired { Class::Expired } else { Class::Ended };
        self.shelf.insert(&self.entries, handle);
        self.groups[group_id.0 as usize].shelf.insert(&self.entries, handle);
    }
}
