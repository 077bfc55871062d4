//! Filling the index at opening: a million entries are sorted once, and not put in one by one.

use super::{Class, Handle, Index, Order, Particulars, Slab, Sorted, Unreaped, by_address, by_agent};

impl Index {
    /// Enters a session as of opening the database; [`Index::loaded`] must follow before anybody looks.
    pub fn load(&mut self, particulars: &Particulars, unreaped: bool) {
        let handle = self.entry_of(particulars, false);
        *self.counts.of_mut(particulars.class) += 1;
        let group = &mut self.groups[self.entries[handle].group.0 as usize];
        group.shelf.insert(&self.entries, handle);
        *group.counts.of_mut(particulars.class) += 1;
        if unreaped {
            self.unreaped.push_back(Unreaped::One(particulars.id));
        }
    }

    /// Puts all that was loaded into order.
    pub fn loaded(&mut self) {
        let entries = &self.entries;
        self.by_id = sorted(entries, |_| true, |handle| entries[handle].id);
        self.by_address = sorted(entries, |_| true, |handle| by_address(&entries[handle]));
        self.by_agent = sorted(entries, |_| true, |handle| by_agent(&entries[handle]));
        for class in [Class::Live, Class::Ended, Class::Expired] {
            let own = |handle: Handle| entries[handle].class == class;
            let orders = self.shelf.of_mut(class);
            orders.seen = sorted(entries, own, |handle| entries[handle].position(Order::LastActive));
            orders.created = sorted(entries, own, |handle| entries[handle].position(Order::SignedIn));
            if class == Class::Live {
                orders.due = sorted(entries, own, |handle| entries[handle].due());
            }
        }
    }
}

fn sorted<K: Ord>(entries: &Slab, own: impl Fn(Handle) -> bool, key: impl Fn(Handle) -> K) -> Sorted {
    let mut keyed: Vec<(K, Handle)> =
        entries.handles().filter(|handle| own(*handle)).map(|handle| (key(handle), handle)).collect();
    keyed.sort_unstable();
    let handles: Vec<Handle> = keyed.into_iter().map(|(_, handle)| handle).collect();
    Sorted::from_sorted(&handles)
}
