//! Bugs on demand in what goes on between reading and writing; see [`crate::domain::seeded`].

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Sled;
use super::trees::{Place, session_key};
use crate::domain::id::{SessionId, UserKey};
use crate::domain::seeded::has;
use crate::domain::session::{Standing, Verdict};
use crate::store::{End, Result};

/// How long a read takes to come back, as it would from another machine.
const ON_THE_WAY: Duration = Duration::from_millis(1);

type Read = BTreeMap<(UserKey, SessionId), Standing>;

/// What was read since the last ending.
fn read() -> MutexGuard<'static, Read> {
    static READ: Mutex<Read> = Mutex::new(BTreeMap::new());
    READ.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Something ended: whatever was read before counts no longer.
pub fn forget() {
    read().clear();
}

impl Sled {
    /// The bug that keeps what it has read until something ends, and does not see that something ended while it read.
    pub(super) async fn read_through(&self, user: UserKey, id: SessionId) -> Result<Option<Standing>> {
        let kept = read().get(&(user, id)).cloned();
        if kept.is_some() {
            return Ok(kept);
        }
        let standing = self.handle().await?.shared.standing(user, id)?;
        tokio::time::sleep(ON_THE_WAY).await;
        if let Some(standing) = &standing {
            read().insert((user, id), standing.clone());
        }
        Ok(standing)
    }

    /// The bug that decides outside the committer: of an end, whether there is anything to do.
    pub(super) async fn decide_early(&self, user: UserKey, id: SessionId) -> Result<Option<End>> {
        if !has("check-then-act") {
            return Ok(None);
        }
        let shared = &self.handle().await?.shared;
        let Some(standing) = shared.standing(user, id)? else { return Ok(Some(End::NotFound)) };
        let verdict = standing.verdict(shared.environment.clock.now(), &shared.environment.limits);
        Ok((verdict != Verdict::Live).then_some(End::AlreadyEnded(verdict)))
    }

    /// The same bug: of "all others", whether the kept session is live.
    pub(super) async fn look_early(&self, user: UserKey, keep: Option<SessionId>) -> Result<Option<Standing>> {
        match keep {
            Some(id) if has("check-then-act") => self.handle().await?.shared.standing(user, id),
            _ => Ok(None),
        }
    }

    /// The bug that notes a touch in the session's own record, as it was when it was read.
    pub(super) async fn rewrite(&self, user: UserKey, id: SessionId) -> Result<bool> {
        if !has("touch-rewrites") {
            return Ok(false);
        }
        let handle = self.handle().await?;
        let Some(Standing { session, .. }) = handle.shared.standing(user, id)? else { return Ok(true) };
        handle.committer.submit(move |step| step.put(Place::Sessions, &session_key(user, id), &session));
        Ok(true)
    }
}
