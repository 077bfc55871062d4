//! What is past: the records that have yet to be told so, and those that are old enough to go.

use std::ops::Bound::{Excluded, Unbounded};

use super::{Class, Index, Order, SessionId, Timestamp, Towards, Unreaped, UserKey};

impl Index {
    /// Up to `most` sessions whose records still say that they are live although their generation has passed.
    pub fn unreaped(&mut self, most: usize) -> Vec<(UserKey, SessionId)> {
        let mut found = Vec::new();
        while found.len() < most {
            match self.unreaped.pop_front() {
                None => break,
                Some(Unreaped::One(user, id)) => found.push((user, id)),
                Some(Unreaped::Group(user)) => {
                    let group = self.settle(user);
                    let Some(shelf) = group.withdrawn.last() else { continue };
                    found.extend(shelf.oldest_live().take(most - found.len()).map(|id| (user, id)));
                    self.unreaped.push_back(Unreaped::Group(user));
                    break;
                }
                Some(Unreaped::Everyone { next }) => {
                    let from = next.map_or(Unbounded, Excluded);
                    let keys: Vec<_> = self.groups.range((from, Unbounded)).take(most).map(|(key, _)| *key).collect();
                    for key in &keys {
                        if !self.settle(*key).withdrawn.is_empty() {
                            self.unreaped.push_front(Unreaped::Group(*key));
                        }
                    }
                    if let Some(last) = keys.last() {
                        self.unreaped.push_back(Unreaped::Everyone { next: Some(*last) });
                    }
                }
            }
        }
        found
    }

    /// Whether every record tells its own story.
    pub fn is_reaped(&self) -> bool {
        self.unreaped.is_empty()
    }

    /// The next past sessions that were last seen before `before`, oldest first; none at the end, and then from the start.
    pub fn sweepable(&mut self, before: Timestamp, most: usize) -> Vec<(UserKey, SessionId)> {
        let past = self.shelf.walk(Order::LastActive, &[Class::Ended, Class::Expired], self.swept, Towards::Newer);
        let found: Vec<_> = past.take_while(|(seen, _)| *seen < before).take(most).collect();
        self.swept = found.last().copied();
        found.into_iter().filter_map(|(_, id)| Some((self.entries.get(&id)?.user, id))).collect()
    }

    /// Forgets a past session.
    pub fn remove(&mut self, id: SessionId) {
        if let Some(entry) = self.entries.get(&id).filter(|entry| entry.class != Class::Live).cloned() {
            self.displace(id, &entry);
            self.entries.remove(&id);
        }
    }

    /// Moves an entry whose generation has passed to where its status belongs.
    pub fn reaped(&mut self, id: SessionId) {
        let Some(mut entry) = self.entries.get(&id).cloned() else { return };
        if entry.class != Class::Live {
            return;
        }
        let group = self.settle(entry.user);
        for shelf in &mut group.withdrawn {
            shelf.remove(entry.item(id));
        }
        group.withdrawn.retain(|shelf| !shelf.is_empty());
        self.shelf.remove(entry.item(id));
        self.expiry.remove(&(entry.deadline, id));
        entry.class = Class::Ended;
        self.shelf.insert(entry.item(id));
        // The counts have known it since the generation passed.
        self.settle(entry.user).shelf.insert(entry.item(id));
        self.entries.insert(id, entry);
    }
}
