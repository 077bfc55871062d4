//! Asking whether a session is good, listing sessions, ending them.

use std::net::IpAddr;

use super::Service;
use crate::domain::credential::Credential;
use crate::domain::ending::{Actor, Ended, Ending, Note, Reason};
use crate::domain::id::{SessionId, UserId, UserKey};
use crate::domain::listing::{Filter, Page, Query, Status, Total, Whose};
use crate::domain::session::{Session, SessionChange, Verdict};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Email, User};
use crate::store::{Change, End, EndUser, Result};

/// A session that was live when it was asked for.
#[derive(Debug, Clone)]
pub struct LiveSession {
    /// The session.
    pub session: Session,
    /// Its user, as of this request.
    pub user: User,
    /// The last request written down.
    pub seen: Timestamp,
}

/// What a credential is worth.
#[derive(Debug, Clone)]
pub enum Resolved {
    /// It opens this session.
    Live(Box<LiveSession>),
    /// It opened a session that somebody or something ended.
    Ended(Ended),
    /// It opened a session that ran out.
    Expired(Timestamp),
    /// It opens nothing, and tells nothing.
    Unknown,
}

/// How far a sign-out goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// This session.
    This,
    /// One other session of the same user.
    One(SessionId),
    /// All of the user's but this one.
    Others,
    /// All of the user's.
    All,
}

/// What became of a sign-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedOut {
    /// So many sessions have ended now.
    Done(u64),
    /// What was to end had ended before.
    Already,
    /// There is no such session of this user.
    NotFound,
}

/// What became of a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Selection {
    /// Ended by this call.
    pub ended: u64,
    /// Past before.
    pub already: u64,
    /// No such session.
    pub unknown: u64,
}

/// An administrator's order, before it is known whom it hits.
#[derive(Debug, Clone)]
pub struct Order {
    /// Who gives it.
    pub by: Actor,
    /// What they wrote.
    pub note: Option<Note>,
    /// From where.
    pub from: Option<IpAddr>,
}

impl Order {
    pub(super) fn ending(&self, reason: Reason) -> Ending {
        Ending { by: self.by.clone(), reason, note: self.note.clone(), from: self.from }
    }
}

impl Service {
    /// What `credential` is worth now. The secret is compared before anything else is looked at.
    pub async fn resolve(&self, credential: &Credential) -> Result<Resolved> {
        let resolved = self.look_up(credential).await;
        self.metrics.resolved(&resolved);
        resolved
    }

    async fn look_up(&self, credential: &Credential) -> Result<Resolved> {
        let (user, id) = (credential.user(), credential.session());
        #[cfg(feature = "seeded-bugs")]
        if let Some(cached) = cache::get(credential, self.clock.now()) {
            return Ok(cached);
        }
        self.resolve_where(user, id, |session| session.opens_with(credential)).await
    }

    /// What a session is worth now to whoever has proved, by a tag of this server's own, that it may be asked for.
    pub async fn resolve_derived(&self, user: UserKey, id: SessionId) -> Result<Resolved> {
        self.resolve_where(user, id, |_| true).await
    }

    async fn resolve_where(
        &self,
        user: UserKey,
        id: SessionId,
        opens: impl FnOnce(&Session) -> bool + Send,
    ) -> Result<Resolved> {
        let Some(standing) = self.store.session(user, id).await? else { return Ok(Resolved::Unknown) };
        if !opens(&standing.session) {
            return Ok(Resolved::Unknown);
        }
        let now = self.clock.now();
        match standing.verdict(now, &self.limits) {
            Verdict::Live => {}
            Verdict::Ended(ended) => return Ok(Resolved::Ended(ended)),
            Verdict::Expired(at) => return Ok(Resolved::Expired(at)),
        }
        let due = now >= standing.seen + standing.session.lifetime(&self.limits).touch_step();
        // A session is touched so seldom that this bug would need hours to show.
        #[cfg(feature = "seeded-bugs")]
        let due = due || crate::domain::seeded::has("touch-rewrites");
        if due {
            self.store.touch(user, id).await?;
        }
        let Some(owner) = standing.user else { return Ok(Resolved::Unknown) };
        let live = LiveSession { session: standing.session, user: owner, seen: standing.seen };
        #[cfg(feature = "seeded-bugs")]
        cache::put(&live, now);
        Ok(Resolved::Live(Box::new(live)))
    }

    /// Signs out, in one of four scopes. Repeating it is no error.
    pub async fn sign_out(&self, live: &LiveSession, scope: Scope, from: Option<IpAddr>) -> Result<SignedOut> {
        let (user, own) = (live.user.key(), live.session.id());
        let by = Actor::User(live.user.id.clone());
        let ending = |reason| Ending::new(by.clone(), reason, from);
        let one = |end| match end {
            End::Done(_) => SignedOut::Done(1),
            End::AlreadyEnded(_) => SignedOut::Already,
            End::NotFound => SignedOut::NotFound,
        };
        match scope {
            Scope::This => Ok(one(self.store.end(user, own, ending(Reason::SignedOut)).await?)),
            Scope::One(id) if id == own => Ok(one(self.store.end(user, id, ending(Reason::SignedOut)).await?)),
            Scope::One(id) => Ok(one(self.store.end(user, id, ending(Reason::SignedOutElsewhere)).await?)),
            Scope::Others | Scope::All => {
                let keep = (scope == Scope::Others).then_some(own);
                let ended = self.store.end_user(user, keep, ending(Reason::SignedOutElsewhere)).await?;
                self.unreaped.notify_one();
                Ok(match ended {
                    EndUser::Done { count, .. } => SignedOut::Done(count),
                    EndUser::KeeperEnded => SignedOut::Already,
                    EndUser::NotFound => SignedOut::NotFound,
                })
            }
        }
    }

    /// Signs out somebody whose session is past: makes sure that it is so on disk, since another request may be ending it at
    /// this moment, and since what ran out is written down nowhere yet.
    pub async fn sign_out_past(&self, credential: &Credential, from: Option<IpAddr>) -> Result<SignedOut> {
        let ending = Ending::new(Actor::Anonymous, Reason::SignedOut, from);
        self.store.end(credential.user(), credential.session(), ending).await?;
        Ok(SignedOut::Already)
    }

    /// Ends one session of anybody, as an administrator.
    pub async fn revoke(&self, id: SessionId, order: &Order) -> Result<End> {
        match self.store.owner(id).await? {
            Some(user) => self.store.end(user, id, order.ending(Reason::Revoked)).await,
            None => Ok(End::NotFound),
        }
    }

    /// Ends one session of this user, as an administrator; one of somebody else is none.
    pub async fn revoke_of(&self, user: &UserId, id: SessionId, order: &Order) -> Result<End> {
        self.store.end(user.key(), id, order.ending(Reason::Revoked)).await
    }

    /// Ends these sessions, each for itself: a failure in the middle leaves the earlier ones ended.
    pub async fn revoke_selection(&self, ids: &[SessionId], order: &Order) -> Result<Selection> {
        let mut selection = Selection::default();
        for id in ids {
            match self.revoke(*id, order).await? {
                End::Done(_) => selection.ended += 1,
                End::AlreadyEnded(_) => selection.already += 1,
                End::NotFound => selection.unknown += 1,
            }
        }
        Ok(selection)
    }

    /// Ends all sessions of one user; `keep`, the administrator's own, survives.
    pub async fn revoke_user(&self, user: &UserId, keep: Option<SessionId>, order: &Order) -> Result<EndUser> {
        let ended = self.store.end_user(user.key(), keep, order.ending(Reason::Revoked)).await?;
        self.unreaped.notify_one();
        Ok(ended)
    }

    /// Changes a live session that goes on, as its user.
    pub async fn change_session(
        &self,
        user: UserKey,
        id: SessionId,
        change: SessionChange,
        from: Option<IpAddr>,
    ) -> Result<Change> {
        self.store.change_session(user, id, change, from).await
    }

    /// One page of a listing.
    pub async fn list(&self, query: &Query) -> Result<Page> {
        self.store.page(query).await
    }

    /// How many sessions a filter takes in.
    pub async fn count(&self, filter: &Filter) -> Result<Total> {
        self.store.total(filter).await
    }

    /// How many live sessions a user has.
    pub async fn count_live(&self, user: &UserId) -> Result<u64> {
        let filter = Filter { whose: Whose::User(user.key()), status: Status::Live, ..Filter::default() };
        match self.store.total(&filter).await? {
            Total::Exactly(count) | Total::MoreThan(count) => Ok(count),
        }
    }

    /// What somebody typed to say whose sessions they mean: an address or an id if it is one of a user, else a text that
    /// occurs in one.
    pub async fn whose(&self, typed: &str) -> Result<Whose> {
        let typed = typed.trim();
        if typed.is_empty() {
            return Ok(Whose::Everyones);
        }
        if let Some(user) = self.named(typed).await? {
            return Ok(Whose::User(user.key()));
        }
        // Somebody who was deleted has left their sessions behind, under their id.
        if let Ok(id) = typed.parse::<UserId>() {
            let theirs = Filter { whose: Whose::User(id.key()), status: Status::Any, ..Filter::default() };
            if self.store.total(&theirs).await? != Total::Exactly(0) {
                return Ok(theirs.whose);
            }
        }
        Ok(Whose::Matching(typed.to_lowercase()))
    }

    /// The user with this address or id.
    pub async fn named(&self, typed: &str) -> Result<Option<User>> {
        let typed = typed.trim();
        if let Ok(email) = typed.parse::<Email>()
            && let Some(user) = self.store.user_by_email(&email).await?
        {
            return Ok(Some(user));
        }
        match typed.parse::<UserId>() {
            Ok(id) => self.store.user(id.key()).await,
            Err(_) => Ok(None),
        }
    }
}

/// The bug that remembers for a second who is signed in.
#[cfg(feature = "seeded-bugs")]
mod cache {
    use std::collections::BTreeMap;
    use std::sync::{Mutex, PoisonError};
    use std::time::Duration;

    use super::{Credential, LiveSession, Resolved, SessionId, Timestamp};
    use crate::domain::seeded::has;

    static LIVE: Mutex<BTreeMap<SessionId, (Timestamp, LiveSession)>> = Mutex::new(BTreeMap::new());

    pub fn put(live: &LiveSession, now: Timestamp) {
        if has("positive-cache") {
            let mut cached = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
            cached.insert(live.session.id(), (now, live.clone()));
        }
    }

    pub fn get(credential: &Credential, now: Timestamp) -> Option<Resolved> {
        let cached = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, live) = cached.get(&credential.session())?;
        let fresh = now.since(*at) < Duration::from_secs(1) && live.session.opens_with(credential);
        fresh.then(|| Resolved::Live(Box::new(live.clone())))
    }
}
