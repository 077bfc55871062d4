//! How webhooks fare, for whoever asks.

use std::collections::BTreeMap;

use tokio::sync::watch;

use crate::domain::id::EventSeq;
use crate::domain::timestamp::Timestamp;
use crate::domain::webhook::WebhookName;
use crate::service::Service;

/// How one webhook fares. Counts are those since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// Events that the receiver has taken.
    pub delivered: u64,
    /// Attempts that came to nothing.
    pub failed: u64,
    /// Events that were given up.
    pub given_up: u64,
    /// Attempts that came to nothing since the last that did not.
    pub row: u32,
    /// When it is tried again, if it waits for that.
    pub next: Option<Timestamp>,
    /// It was told to stop, and waits for a restart.
    pub paused: bool,
    /// The last event that it has dealt with.
    pub at: EventSeq,
}

/// All of them.
#[derive(Default)]
pub struct Board {
    standings: watch::Sender<BTreeMap<WebhookName, Standing>>,
    looks: watch::Sender<u64>,
}

impl Board {
    pub(super) fn change(&self, name: &WebhookName, change: impl FnOnce(&mut Standing)) {
        self.standings.send_modify(|standings| change(standings.entry(name.clone()).or_default()));
    }

    pub(super) fn of(&self, name: &WebhookName) -> Standing {
        self.standings.borrow().get(name).copied().unwrap_or_default()
    }

    pub(super) fn looks(&self) -> watch::Receiver<u64> {
        self.looks.subscribe()
    }
}

impl Service {
    /// How each webhook fares that has begun, and how many events it has yet to deal with.
    pub fn webhooks(&self) -> BTreeMap<WebhookName, (Standing, u64)> {
        let newest = self.newest_event();
        let behind = |standing: &Standing| newest.0.saturating_sub(standing.at.0);
        self.board.standings.borrow().iter().map(|(name, it)| (name.clone(), (*it, behind(it)))).collect()
    }

    /// Tells whoever wants to know of every change to how webhooks fare.
    pub fn watch_webhooks(&self) -> watch::Receiver<BTreeMap<WebhookName, Standing>> {
        self.board.standings.subscribe()
    }

    /// Has those that wait look at the clock again.
    pub fn wake_webhooks(&self) {
        self.board.looks.send_modify(|looks| *looks += 1);
    }
}
