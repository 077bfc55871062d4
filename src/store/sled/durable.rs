//! Up to which event the audit log is durable, for whoever follows it.
//!
//! As long as the database takes what it is given, that is the last event of each group. Where it takes nothing, endings go to
//! the journal alone, while a change of the same group that is none hangs in the air: its number is passed, and what
//! became of it is known only once the store is opened anew.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::journal::Entry;
use crate::domain::id::EventSeq;

/// See the module.
pub struct Durable {
    newest: watch::Sender<EventSeq>,
    /// Numbers that are not, though the newest may have passed them.
    doubtful: Mutex<BTreeSet<EventSeq>>,
}

impl Durable {
    /// All up to `last`; whoever listens to `newest` is told.
    pub fn new(newest: watch::Sender<EventSeq>, last: EventSeq) -> Self {
        newest.send_replace(last);
        Self { newest, doubtful: Mutex::default() }
    }

    /// The newest one.
    pub fn newest(&self) -> EventSeq {
        *self.newest.borrow()
    }

    /// Whether this one may still be taken back.
    pub fn is_doubtful(&self, seq: EventSeq) -> bool {
        self.doubtful().contains(&seq)
    }

    /// All are, up to this one.
    pub fn all(&self, upto: EventSeq) {
        self.newest.send_if_modified(|newest| {
            let rises = *newest < upto;
            *newest = upto;
            rises
        });
    }

    /// The journal has what is for it, and the database nothing. A number after the last in the journal may yet be given to
    /// something else.
    pub fn journaled(&self, events: Events) {
        self.doubtful().extend(events.others);
        if let Some(last) = events.journaled.last() {
            self.all(*last);
        }
    }

    fn doubtful(&self) -> MutexGuard<'_, BTreeSet<EventSeq>> {
        self.doubtful.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The numbers that a group of changes has taken, rising.
#[derive(Default)]
pub struct Events {
    journaled: Vec<EventSeq>,
    others: Vec<EventSeq>,
}

impl Events {
    /// Notes those of one step, from `first` to before `next`, of which the journal gets `ends`.
    pub fn note(&mut self, first: EventSeq, next: EventSeq, ends: &[Entry]) {
        let journaled: BTreeSet<_> =
            ends.iter().filter_map(|entry| entry.event.as_ref()).map(|event| event.seq).collect();
        for seq in (first.0..next.0).map(EventSeq) {
            if journaled.contains(&seq) { self.journaled.push(seq) } else { self.others.push(seq) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::journal::Effect;
    use super::*;
    use crate::domain::audit::{Action, Draft, Event, Outcome};
    use crate::domain::ending::Actor;
    use crate::domain::id::UserKey;
    use crate::domain::timestamp::Timestamp;

    fn ending(seq: u64) -> Entry {
        let draft = Draft::new(Actor::System, Action::EndSession, Outcome::Success);
        let event = Event { seq: EventSeq(seq), at: Timestamp::MIN, draft };
        let (user, at) = (UserKey::from_bytes([0; 16]), Timestamp::MIN);
        let id = crate::domain::id::SessionId::new(at, &crate::domain::clock::OsEntropy);
        Entry { effect: Effect::Expired { user, id, at }, event: Some(event) }
    }

    fn steps(steps: &[(u64, u64, &[u64])]) -> Events {
        let mut events = Events::default();
        for (first, next, ends) in steps {
            let ends: Vec<_> = ends.iter().map(|seq| ending(*seq)).collect();
            events.note(EventSeq(*first), EventSeq(*next), &ends);
        }
        events
    }

    #[test]
    fn a_change_that_hangs_in_the_air_is_passed_once_an_ending_stands_after_it() {
        let newest = watch::Sender::default();
        let durable = Durable::new(newest.clone(), EventSeq(4));
        let mut heard = newest.subscribe();
        // The database failed, and the journal had nothing to take: the number may be given to something else.
        durable.journaled(steps(&[(5, 6, &[])]));
        assert!(!heard.has_changed().unwrap());
        // An ending with its own event and one beside it, then another change.
        durable.journaled(steps(&[(6, 8, &[7]), (8, 9, &[])]));
        assert_eq!(*heard.borrow_and_update(), EventSeq(7));
        let doubtful: Vec<_> = (1..=9).filter(|seq| durable.is_doubtful(EventSeq(*seq))).collect();
        assert_eq!(doubtful, [5, 6, 8]);
    }

    #[test]
    fn whoever_listens_goes_on_listening_when_the_store_is_opened_anew() {
        let newest = watch::Sender::default();
        let mut heard = newest.subscribe();
        let first = Durable::new(newest.clone(), EventSeq(4));
        first.all(EventSeq(6));
        assert_eq!(*heard.borrow_and_update(), EventSeq(6));
        // Another log, which is shorter.
        let second = Durable::new(newest, EventSeq(2));
        assert_eq!((second.newest(), *heard.borrow_and_update()), (EventSeq(2), EventSeq(2)));
    }
}
