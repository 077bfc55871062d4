//! Sign-ins and endings as they happen, for other programs: each event of the audit log that is of use to them, in its
//! order, from any place on. Knows no HTTP.
//!
//! Nothing is kept for a reader: whoever is ready for more asks the log, and whoever is slow is behind.

mod follower;
mod streams;
mod told;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::Service;
use crate::domain::id::{EventSeq, KeyId, SessionId, UserKey};
use crate::domain::key::{KeyVerdict, Scope};
use crate::domain::session::Verdict;
use crate::domain::user::User;
use crate::store::{Result, StoreError};

pub(crate) use self::follower::Follower;
pub use self::streams::{Slot, Streams};
pub use self::told::{Cursor, CursorError, Kind, KindError, Told, Who};

/// How often whoever waits for news is looked at: their session or key may have run out.
const LOOK: Duration = Duration::from_millis(500);
/// So many looks without news, and a sign of life is due.
const QUIET: u32 = 30;
/// What comes within this time is read together: a thousand events in a second are not a thousand reads for each reader.
const GATHER: Duration = Duration::from_millis(20);
/// Events that are read at once.
const PAGE: usize = 64;

/// With what somebody follows the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// An API key with the scope to read sessions.
    Key(KeyId),
    /// The session of an administrator.
    Session(UserKey, SessionId),
}

/// Why there is no feed.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The place is beyond the end of the log.
    #[error("there is no event with this id yet")]
    Future,
    /// So many are open, of this key or session or in all, and there can be no more.
    #[error("{0} feeds are open; close one, or try again later")]
    TooMany(u32),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a feed says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Something happened.
    Told(Box<Told>),
    /// Nothing for a while. All up to this place has been told.
    Quiet(Cursor),
}

/// One reader's feed. It ends when what it was opened with is no longer good.
pub struct Feed {
    service: Arc<Service>,
    holder: Holder,
    follower: Follower,
    read: VecDeque<Told>,
    quiet: u32,
    _slot: Slot,
}

impl Service {
    /// Opens a feed of what comes after `from`, or from now on.
    pub async fn open_feed(
        self: &Arc<Self>,
        holder: Holder,
        from: Option<Cursor>,
    ) -> std::result::Result<Feed, FeedError> {
        let slot = self.streams.take(holder).map_err(FeedError::TooMany)?;
        let follower = match from {
            Some(from) => Follower::after(Arc::clone(&self.store), from).ok_or(FeedError::Future)?,
            None => Follower::from_now_on(Arc::clone(&self.store)).await?,
        };
        Ok(Feed { service: Arc::clone(self), holder, follower, read: VecDeque::new(), quiet: 0, _slot: slot })
    }

    /// Whether what somebody follows the feed with is good at this moment. Does not count as being seen: a page that is
    /// left open must not keep its session alive.
    pub async fn may_follow(&self, holder: Holder) -> Result<bool> {
        let now = self.clock.now();
        match holder {
            Holder::Key(id) => {
                let stored = self.store.key(id).await?;
                Ok(stored.is_some_and(|stored| {
                    stored.key.verdict(now) == KeyVerdict::Live && stored.key.scopes.contain(Scope::SessionsRead)
                }))
            }
            Holder::Session(user, id) => {
                let Some(standing) = self.store.session(user, id).await? else { return Ok(false) };
                let is_live = standing.verdict(now, &self.limits) == Verdict::Live;
                let may = |user: User| user.is_administrator() && !self.lacks_second_factor(&user);
                Ok(is_live && standing.user.is_some_and(may))
            }
        }
    }
}

impl Feed {
    /// Where it stands: what comes next comes after this.
    pub fn cursor(&self) -> Cursor {
        self.follower.cursor()
    }

    /// What comes next; `None` once the session or key is no longer good, or nobody knows.
    pub async fn next(&mut self) -> Option<Said> {
        loop {
            // Before each event: what was read before this moment is older than an end that comes after it.
            match self.service.may_follow(self.holder).await {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    tracing::warn!(%error, "a feed ends, since nobody knows whether it may go on");
                    return None;
                }
            }
            if let Some(told) = self.read.pop_front() {
                self.quiet = 0;
                return Some(Said::Told(Box::new(told)));
            }
            match self.follower.read(PAGE).await {
                Ok(heard) if heard.is_empty() => {}
                Ok(heard) => {
                    self.read.extend(heard.iter().filter_map(Told::of));
                    continue;
                }
                Err(error) => {
                    tracing::warn!(%error, "a feed ends, since the audit log cannot be read");
                    return None;
                }
            }
            match tokio::time::timeout(LOOK, self.follower.changed()).await {
                Ok(true) => tokio::time::sleep(GATHER).await,
                Ok(false) => return None,
                Err(_) => self.quiet += 1,
            }
            if self.quiet == QUIET {
                self.quiet = 0;
                return Some(Said::Quiet(self.follower.cursor()));
            }
        }
    }
}

impl Service {
    /// The number of the newest event that is durable.
    pub fn newest_event(&self) -> EventSeq {
        *self.store.watch_events().borrow()
    }
}
