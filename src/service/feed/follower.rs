//! Going through the audit log from one place on, and noticing where it does not join up.

use std::sync::Arc;

use tokio::sync::watch;

use super::told::Cursor;
use crate::domain::audit::{Action, Event};
use crate::domain::id::EventSeq;
use crate::domain::timestamp::Timestamp;
use crate::store::{Result, Store};

/// What was found in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The next event.
    Event(Event),
    /// Nobody can say any more what happened up to this place: it was swept, or a restore has put another log here.
    Gap(EventSeq, Timestamp),
}

/// Somebody who follows the log.
pub struct Follower {
    store: Arc<dyn Store>,
    newest: watch::Receiver<EventSeq>,
    at: Cursor,
}

impl Follower {
    /// Whoever has dealt with all up to `at`. `None` if the log does not reach that far.
    pub fn after(store: Arc<dyn Store>, at: Cursor) -> Option<Self> {
        let newest = store.watch_events();
        let known = at.seq <= *newest.borrow();
        known.then_some(Self { store, newest, at })
    }

    /// Whoever wants to hear of what is new.
    pub async fn from_now_on(store: Arc<dyn Store>) -> Result<Self> {
        let newest = store.watch_events();
        let mut follower = Self { store, newest, at: Cursor::default() };
        follower.go_to_the_end().await?;
        Ok(follower)
    }

    /// What comes next comes after this.
    pub const fn cursor(&self) -> Cursor {
        self.at
    }

    /// Waits for something new. False once there will be nothing.
    pub async fn changed(&mut self) -> bool {
        self.newest.changed().await.is_ok()
    }

    /// Reads on, up to about `most` events. Nothing if there is nothing new.
    pub async fn read(&mut self, most: usize) -> Result<Vec<Heard>> {
        let newest = *self.newest.borrow_and_update();
        if newest < self.at.seq {
            return self.over_a_gap().await;
        }
        if newest == self.at.seq {
            return Ok(Vec::new());
        }
        // The last one is read again: if it is another one now, so is the log.
        let known = self.at.time.filter(|_| self.at.seq > EventSeq(0));
        let before = EventSeq(self.at.seq.0 - u64::from(known.is_some()));
        let mut events = self.store.events_after(before, most + 1).await?;
        if let (Some(known), Some(first)) = (known, events.first())
            && first.seq == self.at.seq
        {
            if first.at != known {
                return self.over_a_gap().await;
            }
            events.remove(0);
        }
        let mut heard = Vec::with_capacity(events.len() + 1);
        if let Some(first) = events.first().filter(|first| first.seq.0 > self.at.seq.0 + 1) {
            heard.push(Heard::Gap(EventSeq(first.seq.0 - 1), first.at));
        }
        if let Some(last) = events.last() {
            self.at = Cursor::of(last);
        }
        heard.extend(events.into_iter().map(Heard::Event));
        Ok(heard)
    }

    /// The log is not the one that it was: on from its end.
    async fn over_a_gap(&mut self) -> Result<Vec<Heard>> {
        let at = self.go_to_the_end().await?;
        Ok(vec![Heard::Gap(self.at.seq, at)])
    }

    async fn go_to_the_end(&mut self) -> Result<Timestamp> {
        let newest = *self.newest.borrow_and_update();
        let last = self.store.events_after(EventSeq(newest.0.saturating_sub(1)), 1).await?.pop();
        self.at = last.as_ref().map_or(Cursor { seq: newest, time: None }, Cursor::of);
        Ok(last.map_or(Timestamp::from_millis(0), |last| last.at))
    }
}

impl Cursor {
    /// The place of an event. One that nobody knows may yet turn out to be another: its time says nothing.
    pub(super) fn of(event: &Event) -> Self {
        let time = (event.draft.action != Action::Lost).then_some(event.at);
        Self { seq: event.seq, time }
    }
}
