//! The records: the server's, one user's, and the audit log.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::domain::audit::{Draft, Event, search};
use crate::domain::ending::Ended;
use crate::domain::epoch::Epoch;
use crate::domain::id::{EventSeq, SessionId};
use crate::domain::listing::Direction;
use crate::domain::session::{AlreadyEnded, Session, Standing};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;

/// The server's epoch, and what replaced each former one.
pub(super) struct Server {
    epoch: Epoch,
    replaced: BTreeMap<Epoch, Ended>,
}

impl Server {
    pub(super) fn new(epoch: Epoch) -> Self {
        Self { epoch, replaced: BTreeMap::new() }
    }

    pub(super) const fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub(super) fn redraw(&mut self, epoch: Epoch, ended: Ended) {
        self.replaced.insert(self.epoch, ended);
        self.epoch = epoch;
    }
}

/// All that belongs to one user.
pub(super) struct Partition {
    user: User,
    /// The user was deleted; their sessions and what ended them are still known.
    deleted: bool,
    sessions: BTreeMap<SessionId, Session>,
    seen: BTreeMap<SessionId, Timestamp>,
    /// What replaced each of the user's former epochs.
    replaced: BTreeMap<Epoch, Ended>,
}

impl Partition {
    pub(super) fn new(user: User) -> Self {
        Self { user, deleted: false, sessions: BTreeMap::new(), seen: BTreeMap::new(), replaced: BTreeMap::new() }
    }

    pub(super) const fn user(&self) -> &User {
        &self.user
    }

    pub(super) fn replace_user(&mut self, user: User) {
        self.user = user;
        self.deleted = false;
    }

    /// The user, unless deleted.
    pub(super) fn present(&self) -> Option<&User> {
        (!self.deleted).then_some(&self.user)
    }

    pub(super) fn delete_user(&mut self, ended: Ended) {
        self.replaced.insert(self.user.epoch, ended);
        self.deleted = true;
    }

    /// How many sessions there are, live or past.
    pub(super) fn len(&self) -> usize {
        self.sessions.len()
    }

    pub(super) fn holds(&self, id: SessionId) -> bool {
        self.sessions.contains_key(&id)
    }

    pub(super) fn standing(&self, id: SessionId, server: &Server) -> Option<Standing> {
        self.sessions.get(&id).map(|session| self.standing_of(session, server))
    }

    pub(super) fn standings(&self, server: &Server) -> Vec<Standing> {
        self.sessions.values().map(|session| self.standing_of(session, server)).collect()
    }

    fn standing_of(&self, session: &Session, server: &Server) -> Standing {
        let epochs = session.epochs();
        let replaced = [self.replaced.get(&epochs.user), server.replaced.get(&epochs.server)];
        Standing {
            session: session.clone(),
            seen: self.seen.get(&session.id()).copied().unwrap_or(session.created()),
            user: self.present().cloned(),
            server: server.epoch,
            // Two within one millisecond: the log knows which came first.
            replaced: replaced.into_iter().flatten().min_by_key(|ended| (ended.at, ended.event)).cloned(),
        }
    }

    pub(super) fn add(&mut self, session: Session) {
        self.seen.insert(session.id(), session.created());
        self.sessions.insert(session.id(), session);
    }

    /// Changes one record; whether there was one and it let itself be changed.
    pub(super) fn change(
        &mut self,
        id: SessionId,
        change: impl FnOnce(&mut Session) -> Result<(), AlreadyEnded>,
    ) -> bool {
        self.sessions.get_mut(&id).is_some_and(|session| change(session).is_ok())
    }

    pub(super) fn remove(&mut self, id: SessionId) {
        self.sessions.remove(&id);
        self.seen.remove(&id);
    }

    pub(super) fn note_seen(&mut self, id: SessionId, at: Timestamp) {
        self.seen.insert(id, at);
    }

    pub(super) fn redraw(&mut self, epoch: Epoch, ended: Ended) {
        self.replaced.insert(self.user.epoch, ended);
        self.user.epoch = epoch;
    }
}

/// The audit log.
#[derive(Default)]
pub(super) struct Log {
    events: Vec<Event>,
    /// The number of the last one, for whoever follows the log.
    newest: watch::Sender<EventSeq>,
}

impl Log {
    pub(super) fn append(&mut self, at: Timestamp, draft: Draft) -> EventSeq {
        let seq = EventSeq(self.events.last().map_or(1, |event| event.seq.0 + 1));
        self.events.push(Event { seq, at, draft });
        self.newest.send_replace(seq);
        seq
    }

    pub(super) fn watch(&self) -> watch::Receiver<EventSeq> {
        self.newest.subscribe()
    }

    /// Those after this one, oldest first.
    pub(super) fn after(&self, after: EventSeq, most: usize) -> Vec<Event> {
        let start = self.events.partition_point(|event| event.seq <= after);
        self.events.iter().skip(start).take(most).cloned().collect()
    }

    /// Forgets what is older, but never the last: its number is where the next one goes on.
    pub(super) fn sweep(&mut self, before: Timestamp, most: usize) -> usize {
        let last = self.events.len().saturating_sub(1);
        let old = self.events.iter().take(last).take_while(|event| event.at < before).take(most).count();
        self.events.drain(..old);
        old
    }

    pub(super) fn newest(&self, before: Option<EventSeq>, most: usize) -> Vec<Event> {
        let asked = |event: &&Event| before.is_none_or(|before| event.seq < before);
        self.events.iter().rev().filter(asked).take(most).cloned().collect()
    }

    /// One page of a search.
    pub(super) fn find(&self, query: &search::Query) -> search::Page {
        let backwards =
            query.cursor.map_or(query.direction == Direction::Descending, |cursor| cursor.reads_backwards());
        let of_them = self.events.iter().filter(|event| query.filter.concerns(&event.draft));
        let ahead = of_them.filter(|event| query.cursor.is_none_or(|cursor| cursor.is_before(event.seq)));
        let mut ahead: Vec<_> = ahead.collect();
        if backwards {
            ahead.reverse();
        }
        let wanted = query.rows.clamp(1, search::Query::MOST_EXAMINED);
        let (mut rows, mut reached, mut more) = (Vec::new(), None, false);
        for (examined, event) in ahead.into_iter().enumerate() {
            let meant = query.filter.admits(event);
            // One more than wanted shows that there is a next page.
            more = examined == search::Query::MOST_EXAMINED || (meant && rows.len() == wanted);
            if more {
                break;
            }
            if meant {
                rows.push(event.clone());
            }
            reached = Some(event.seq);
        }
        search::page(query, rows, reached, more)
    }
}
