//! Sessions that have run out, and have yet to be moved.

use super::{Class, Index, Timestamp};

impl Index {
    /// Moves up to `most` of those that are overdue to where they belong. No count, page or verdict depends on it.
    pub fn advance(&mut self, now: Timestamp, most: usize) {
        let now = self.at(now);
        for _ in 0..most {
            let Some(handle) = self.shelf.live.due.first() else { return };
            let entry = &self.entries[handle];
            if entry.deadline > now {
                return;
            }
            if self.is_current(entry) {
                self.change(handle, |entry| entry.class = Class::Expired);
                continue;
            }
            // It is counted where it belongs; here and there it need no longer be looked for.
            let (group, generations, entries) = (entry.group, entry.generations, &self.entries);
            self.shelf.live.due.remove(handle, |handle| entries[handle].due());
            let withdrawn = &mut self.groups[group.0 as usize].withdrawn;
            if let Some(withdrawn) = withdrawn.iter_mut().find(|withdrawn| withdrawn.generations == generations) {
                withdrawn.orders.due.remove(handle, |handle| entries[handle].due());
            }
        }
    }

    /// Whether there is so much overdue that somebody should move it, and nobody does. Whoever is told so does.
    pub fn falls_behind(&mut self, now: Timestamp) -> bool {
        let behind = !self.catching_up && self.is_behind(now);
        self.catching_up |= behind;
        behind
    }

    /// Moves some of what is overdue; whether there is more.
    pub fn catch_up(&mut self, now: Timestamp, most: usize) -> bool {
        self.advance(now, most);
        self.catching_up = self.is_behind(now);
        self.catching_up
    }

    pub(super) fn is_behind(&self, now: Timestamp) -> bool {
        let now = self.at(now);
        self.shelf.live.due.first().is_some_and(|handle| self.entries[handle].deadline <= now)
    }
}
