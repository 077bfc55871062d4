//! One step of the committer: what it read, and what it is about to write, in one transaction.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use super::durable::Durable;
use super::index::Index;
use super::journal::{self, Entry};
use super::people::People;
use super::trail::Trail;
use super::trees::{Place, Trees, Write};
use crate::domain::audit::{Draft, Event};
use crate::domain::ending::{Ended, Ending};
use crate::domain::epoch::Epoch;
use crate::domain::id::{EventSeq, SessionId, UserKey};
use crate::domain::session::Standing;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;
use crate::store::codec::{self, Record};
use crate::store::{Environment, Result};

/// What readers and the committer share.
pub struct Shared {
    pub trees: Trees,
    pub index: Mutex<Index>,
    /// What is asked about users. Apart from the index, so that looking through all of them holds nobody up.
    pub people: RwLock<People>,
    /// Where in the audit log to look.
    pub trail: RwLock<Trail>,
    /// Who may administrate.
    pub administrators: RwLock<BTreeSet<UserKey>>,
    /// The server's epoch: replaced right after the transaction that wrote it, before anybody is answered.
    pub epoch: RwLock<Epoch>,
    pub environment: Environment,
    /// Endings that memory knows and the journal does not have yet.
    pub unconfirmed: Mutex<Vec<Entry>>,
    pub durable: Durable,
}

impl Shared {
    pub fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn unconfirmed(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.unconfirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what is asked about users without reading all of them.
    pub fn note_user(&self, user: &User) {
        let mut administrators = self.administrators.write().unwrap_or_else(PoisonError::into_inner);
        if user.is_settled_administrator() {
            administrators.insert(user.key());
        } else {
            administrators.remove(&user.key());
        }
        drop(administrators);
        self.people.write().unwrap_or_else(PoisonError::into_inner).note(user);
    }

    /// Forgets what was noted of a user.
    pub fn forget_user(&self, key: UserKey) {
        self.administrators.write().unwrap_or_else(PoisonError::into_inner).remove(&key);
        self.people.write().unwrap_or_else(PoisonError::into_inner).forget(key);
    }

    /// Whether anybody but this user may administrate, and has a password of their own.
    pub fn has_other_administrator(&self, user: UserKey) -> bool {
        let administrators = self.administrators.read().unwrap_or_else(PoisonError::into_inner);
        administrators.iter().any(|key| *key != user)
    }

    /// Up to `most` of the users whose particulars contain `part`.
    pub fn users_matching(&self, part: &str, most: usize) -> Vec<UserKey> {
        self.people.read().unwrap_or_else(PoisonError::into_inner).matching(part, most)
    }

    pub fn server_epoch(&self) -> Epoch {
        *self.epoch.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn standing(&self, user: UserKey, id: SessionId) -> Result<Option<Standing>> {
        self.trees.standing(user, id, || self.server_epoch())
    }
}

/// A change to memory that goes with a change to the trees.
pub type Effect = Box<dyn FnOnce(&Shared) + Send>;

/// See the module. Reads see everything that earlier steps wrote, and nothing of this one.
pub struct Step<'a> {
    pub shared: &'a Shared,
    /// The time of this step; stamps all that it writes.
    pub now: Timestamp,
    next: EventSeq,
    writes: Vec<Write>,
    ends: Vec<Entry>,
    whole: bool,
    visible: Vec<Effect>,
    durable: Vec<Effect>,
    /// What somebody read before the step began.
    #[cfg(feature = "seeded-bugs")]
    pub seen: Option<Standing>,
}

/// What a step leaves behind for the committer.
pub struct Outcome {
    pub writes: Vec<Write>,
    /// For the journal.
    pub ends: Vec<Entry>,
    /// They are all that the step did.
    pub whole: bool,
    /// To run once the transaction is made: endings are visible before they are durable.
    pub visible: Vec<Effect>,
    /// To run once it is on disk: new sessions are visible only then.
    pub durable: Vec<Effect>,
    pub next: EventSeq,
}

impl<'a> Step<'a> {
    pub fn new(shared: &'a Shared, now: Timestamp, next: EventSeq) -> Self {
        Self {
            shared,
            now,
            next,
            writes: Vec::new(),
            ends: Vec::new(),
            whole: false,
            visible: Vec::new(),
            durable: Vec::new(),
            #[cfg(feature = "seeded-bugs")]
            seen: None,
        }
    }

    pub fn finish(self) -> Outcome {
        Outcome {
            writes: self.writes,
            ends: self.ends,
            whole: self.whole,
            visible: self.visible,
            durable: self.durable,
            next: self.next,
        }
    }

    /// Writes a record.
    pub fn put<T: Record>(&mut self, place: Place, key: &[u8], value: &T) -> Result<()> {
        let value = Some(codec::encode(key, value)?);
        self.writes.push(Write { place, key: key.to_vec(), value });
        Ok(())
    }

    /// Removes a record.
    pub fn remove(&mut self, place: Place, key: &[u8]) {
        self.writes.push(Write { place, key: key.to_vec(), value: None });
    }

    /// Writes the next audit event.
    pub fn event(&mut self, draft: Draft) -> Result<Event> {
        let seq = self.next;
        self.next = EventSeq(seq.0 + 1);
        let event = Event { seq, at: self.now, draft };
        self.put(Place::Audit, &seq.0.to_be_bytes(), &event)?;
        let noted = event.clone();
        self.when_visible(move |shared| {
            shared.trail.write().unwrap_or_else(PoisonError::into_inner).note(&noted);
        });
        Ok(event)
    }

    /// Writes the event of an ending, and both into the journal; the answer is what sessions remember.
    pub fn ended(
        &mut self,
        ending: &Ending,
        draft: Draft,
        effect: impl FnOnce(Ended) -> journal::Effect,
    ) -> Result<Ended> {
        let event = self.event(draft)?;
        let ended = ending.at(self.now, event.seq);
        self.ends.push(Entry { effect: effect(ended.clone()), event: Some(event) });
        Ok(ended)
    }

    /// Whether it has ended anything so far.
    pub fn has_ended(&self) -> bool {
        !self.ends.is_empty()
    }

    /// Writes into the journal, before what ended by it, that a session was created: neither comes without the other.
    pub fn created(&mut self, user: UserKey, id: SessionId, record: Vec<u8>, event: Event) {
        self.ends.insert(0, Entry { effect: journal::Effect::Created { user, id, record }, event: Some(event) });
        self.whole = true;
    }

    /// Writes into the journal, after what ended the others, that a session goes on.
    pub fn kept(&mut self, user: UserKey, id: SessionId, old: Epoch, fresh: Epoch) {
        self.ends.push(Entry { effect: journal::Effect::Kept { user, id, old, fresh }, event: None });
    }

    /// Says that the journal holds all of this step.
    pub const fn is_whole(&mut self) {
        self.whole = true;
    }

    /// Writes into the journal that a session ran out.
    pub fn expired(&mut self, user: UserKey, id: SessionId, at: Timestamp) {
        self.ends.push(Entry { effect: journal::Effect::Expired { user, id, at }, event: None });
    }

    /// Changes memory when the transaction is made.
    pub fn when_visible(&mut self, effect: impl FnOnce(&Shared) + Send + 'static) {
        self.visible.push(Box::new(effect));
    }

    /// Changes memory when the transaction is on disk.
    pub fn when_durable(&mut self, effect: impl FnOnce(&Shared) + Send + 'static) {
        self.durable.push(Box::new(effect));
    }
}
