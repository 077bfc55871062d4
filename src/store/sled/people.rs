//! What is asked about users without reading all of them, in memory: what a text filter looks at, and the order of their
//! addresses.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::domain::id::UserKey;
use crate::domain::listing::{Towards, UserCursor, UserFilter, UserMarks, UserState};
use crate::domain::user::{Email, User};

/// Users that one look passes over: whoever writes one down waits meanwhile.
const PASSED_AT_ONCE: usize = 4_096;

/// See the module.
#[derive(Default)]
pub struct People {
    known: BTreeMap<UserKey, Known>,
    order: BTreeMap<Email, UserKey>,
    /// How many are in each of [`UserState::ALL`].
    counts: [u64; UserState::ALL.len()],
}

struct Known {
    email: Email,
    searched: String,
    marks: UserMarks,
}

/// What a look found.
pub struct Look {
    pub found: Vec<(Email, UserKey)>,
    /// How far it got.
    pub reached: Option<Email>,
    pub exhausted: bool,
}

impl People {
    /// Notes a user as they are now.
    pub fn note(&mut self, user: &User) {
        let (key, email) = (user.key(), user.email.clone());
        let known = Known { email: email.clone(), searched: user.searched(), marks: UserMarks::of(user) };
        self.count(known.marks, u64::wrapping_add);
        if let Some(before) = self.known.insert(key, known) {
            self.count(before.marks, u64::wrapping_sub);
            if before.email != email {
                self.leave(&before.email, key);
            }
        }
        self.order.insert(email, key);
    }

    /// Forgets a user.
    pub fn forget(&mut self, key: UserKey) {
        if let Some(before) = self.known.remove(&key) {
            self.count(before.marks, u64::wrapping_sub);
            self.leave(&before.email, key);
        }
    }

    /// An address that somebody else has taken since stays theirs.
    fn leave(&mut self, email: &Email, key: UserKey) {
        if self.order.get(email) == Some(&key) {
            self.order.remove(email);
        }
    }

    fn count(&mut self, marks: UserMarks, by: fn(u64, u64) -> u64) {
        for (state, count) in UserState::ALL.into_iter().zip(&mut self.counts) {
            *count = by(*count, u64::from(state.admits(marks)));
        }
    }

    /// How many are in this state.
    pub fn counted(&self, state: UserState) -> u64 {
        let counts = UserState::ALL.into_iter().zip(self.counts);
        counts.filter(|(other, _)| *other == state).map(|(_, count)| count).sum()
    }

    /// What a text filter looks at.
    pub fn searched(&self, key: UserKey) -> Option<&str> {
        self.known.get(&key).map(|known| known.searched.as_str())
    }

    /// Up to `most` of those in whose particulars `part` occurs.
    pub fn matching(&self, part: &str, most: usize) -> Vec<UserKey> {
        let meant = self.known.iter().filter(|(_, known)| known.searched.contains(part));
        meant.map(|(key, _)| *key).take(most).collect()
    }

    /// Up to `wanted` of those who are meant, from `from` on.
    pub fn look(&self, filter: &UserFilter, from: Option<&UserCursor>, wanted: usize) -> Look {
        let beyond = from.map_or(Bound::Unbounded, |cursor| {
            if cursor.including { Bound::Included(&cursor.email) } else { Bound::Excluded(&cursor.email) }
        });
        match from.map(|cursor| cursor.towards) {
            None | Some(Towards::Next) => {
                self.pass(self.order.range::<Email, _>((beyond, Bound::Unbounded)), filter, wanted)
            }
            Some(Towards::Previous) => {
                self.pass(self.order.range::<Email, _>((Bound::Unbounded, beyond)).rev(), filter, wanted)
            }
        }
    }

    fn pass<'a>(
        &self,
        rows: impl Iterator<Item = (&'a Email, &'a UserKey)>,
        filter: &UserFilter,
        wanted: usize,
    ) -> Look {
        let mut look = Look { found: Vec::new(), reached: None, exhausted: false };
        for (passed, (email, key)) in rows.enumerate() {
            if look.found.len() == wanted || passed == PASSED_AT_ONCE.max(wanted) {
                return look;
            }
            look.reached = Some(email.clone());
            if self.known.get(key).is_some_and(|known| filter.admits(&known.searched, known.marks)) {
                look.found.push((email.clone(), *key));
            }
        }
        look.exhausted = true;
        look
    }
}
