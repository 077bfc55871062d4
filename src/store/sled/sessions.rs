//! The life of sessions, each change one step of the committer.

use std::net::IpAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use async_trait::async_trait;

use super::committer::Proof;
use super::index::{Particulars, ToReap};
use super::journal::Effect;
use super::shelf::Class;
use super::step::Step;
use super::trees::{EPOCH, Place, session_key};
use super::view::View;
use super::{Sled, listing, space};
use crate::domain::audit::Draft;
use crate::domain::ending::{Actor, Ended, Ending, Reason};
use crate::domain::epoch::{Epoch, Epochs};
use crate::domain::id::{SessionId, UserKey};
use crate::domain::listing::{Filter, Page, Query, Total};
use crate::domain::session::{AlreadyEnded, Session, SessionChange, Standing, State, Verdict};
use crate::domain::timestamp::Timestamp;
use crate::store::{Change, Created, End, EndUser, EndedEveryone, Result, Sessions, StoreError, codec};

/// Sessions that one sign-in makes room from at the most: more are there only where the limit was lowered, and the next
/// sign-ins see to them.
const MOST_DISPLACED: usize = 256;

/// Overdue entries that are moved in one piece, and the pause between two pieces.
const MOVED_AT_ONCE: usize = 256;
const BREATH: Duration = Duration::from_micros(200);

#[async_trait]
impl Sessions for Sled {
    async fn server_epoch(&self) -> Result<Epoch> {
        Ok(self.handle().await?.shared.server_epoch())
    }

    /// A handful of point reads, a few microseconds from the cache: not worth another thread.
    async fn session(&self, user: UserKey, id: SessionId) -> Result<Option<Standing>> {
        #[cfg(feature = "seeded-bugs")]
        if crate::domain::seeded::has("fill-after-end") {
            return self.read_through(user, id).await;
        }
        self.handle().await?.shared.standing(user, id)
    }

    async fn owner(&self, id: SessionId) -> Result<Option<UserKey>> {
        Ok(self.handle().await?.shared.index().owner(id))
    }

    async fn create(&self, session: Session, replaces: Option<SessionId>) -> Result<Created> {
        space::check(&self.0.folder)?;
        self.commit(move |step| create(step, &session, replaces)).await
    }

    async fn end(&self, user: UserKey, id: SessionId, ending: Ending) -> Result<End> {
        #[cfg(feature = "seeded-bugs")]
        if let Some(decided) = self.decide_early(user, id).await? {
            return Ok(decided);
        }
        self.commit_ending(move |step| end(step, user, id, &ending)).await
    }

    async fn end_user(&self, user: UserKey, keep: Option<SessionId>, ending: Ending) -> Result<EndUser> {
        #[cfg(feature = "seeded-bugs")]
        if let Some(kept) = self.look_early(user, keep).await? {
            return self
                .commit_ending(move |step| {
                    step.seen = Some(kept);
                    end_user(step, user, keep, &ending)
                })
                .await;
        }
        self.commit_ending(move |step| end_user(step, user, keep, &ending)).await
    }

    async fn end_everyone(&self, ending: Ending) -> Result<EndedEveryone> {
        self.handle().await?.committer.commit(move |step| end_everyone(step, &ending), Proof::LastResort).await
    }

    async fn change_session(
        &self,
        user: UserKey,
        id: SessionId,
        change: SessionChange,
        from: Option<IpAddr>,
    ) -> Result<Change> {
        self.commit(move |step| change_session(step, user, id, &change, from)).await
    }

    async fn touch(&self, user: UserKey, id: SessionId) -> Result<()> {
        #[cfg(feature = "seeded-bugs")]
        if self.rewrite(user, id).await? {
            return Ok(());
        }
        self.handle().await?.committer.submit(move |step| touch(step, user, id));
        Ok(())
    }

    async fn reap(&self, most: usize) -> Result<usize> {
        self.commit(move |step| reap(step, most)).await
    }

    async fn page(&self, query: &Query) -> Result<Page> {
        let query = query.clone();
        let page = self.read(move |shared| listing::page(shared, &query)).await;
        self.catch_up().await?;
        page
    }

    async fn total(&self, filter: &Filter) -> Result<Total> {
        let filter = filter.clone();
        let total = self.read(move |shared| listing::total(shared, &filter)).await;
        self.catch_up().await?;
        total
    }
}

impl Sled {
    /// Where many sessions have run out at once, somebody moves them to where they belong while nobody waits for it.
    async fn catch_up(&self) -> Result<()> {
        let handle = self.handle().await?;
        let clock = Arc::clone(&handle.shared.environment.clock);
        if handle.shared.index().falls_behind(clock.now()) {
            tokio::task::spawn_blocking(move || {
                while handle.shared.index().catch_up(clock.now(), MOVED_AT_ONCE) {
                    // Whoever waits for the lock gets it first.
                    thread::sleep(BREATH);
                }
            });
        }
        Ok(())
    }
}

fn create(step: &mut Step<'_>, session: &Session, replaces: Option<SessionId>) -> Result<Created> {
    let (user, shared) = (session.user_key(), step.shared);
    let present = shared.trees.user(user)?.map(|owner| Epochs { user: owner.epoch, server: shared.server_epoch() });
    if present != Some(session.epochs()) {
        return Ok(Created::Stale);
    }
    let limits = shared.environment.limits;
    // A repeated call must not write over what became of the session since.
    if let Some(there) = shared.standing(user, session.id())? {
        let live = there.verdict(step.now, &limits) == Verdict::Live;
        return Ok(if live { Created::Done { displaced: Vec::new() } } else { Created::Stale });
    }

    // Let the old session go before counting, so that signing in again never costs another one.
    let mut gone = Vec::new();
    if let Some(old) = replaces {
        let by = Actor::User(session.user().clone());
        let ending = Ending::new(by, Reason::Replaced, session.client().address);
        if matches!(end(step, user, old, &ending)?, End::Done(_)) {
            gone.push(old);
        }
    }
    let room = usize::try_from(limits.sessions_per_user).unwrap_or(usize::MAX).max(1) - 1;
    let above = shared.index().above(user, room, step.now);
    let too_many = above.len().saturating_sub(gone.len()).min(MOST_DISPLACED);
    let mut displaced = Vec::new();
    for id in above.into_iter().filter(|id| !gone.contains(id)).take(too_many) {
        let ending = Ending::new(Actor::System, Reason::Limit, session.client().address);
        if matches!(end(step, user, id, &ending)?, End::Done(_)) {
            displaced.push(id);
        }
    }

    add(step, session)?;
    Ok(Created::Done { displaced })
}

/// Writes a new session. What has ended in this step has ended for it.
pub(super) fn add(step: &mut Step<'_>, session: &Session) -> Result<()> {
    let (user, id) = (session.user_key(), session.id());
    step.put(Place::Sessions, &session_key(user, id), session)?;
    let event = step.event(Draft::signed_in(session))?;
    if step.has_ended() {
        step.created(user, id, codec::encode(&session_key(user, id), session)?, event);
    }
    let standing = Standing {
        seen: session.created(),
        user: None,
        server: session.epochs().server,
        replaced: None,
        session: session.clone(),
    };
    let particulars = Particulars::of(&standing, &step.shared.environment.limits, Class::Live);
    step.when_visible(move |shared| shared.index().insert_pending(&particulars));
    step.when_durable(move |shared| shared.index().promote(id));
    Ok(())
}

/// Stamps the session that survives the end of all others of its user, which the journal has told of in this step.
pub(super) fn restamp(step: &mut Step<'_>, user: UserKey, id: SessionId, old: Epoch, fresh: Epoch) -> Result<()> {
    let conflict = || StoreError::Conflict { what: "keep a session" };
    let Standing { mut session, .. } = step.shared.standing(user, id)?.ok_or_else(conflict)?;
    session.restamp(fresh).map_err(|AlreadyEnded| conflict())?;
    step.kept(user, id, old, fresh);
    step.put(Place::Sessions, &session_key(user, id), &session)
}

fn end(step: &mut Step<'_>, user: UserKey, id: SessionId, ending: &Ending) -> Result<End> {
    let Some(standing) = step.shared.standing(user, id)? else { return Ok(End::NotFound) };
    match standing.verdict(step.now, &step.shared.environment.limits) {
        Verdict::Live => {}
        Verdict::Expired(at) => {
            write_down_expiry(step, user, standing.session, at)?;
            return Ok(End::AlreadyEnded(Verdict::Expired(at)));
        }
        past @ Verdict::Ended(_) => return Ok(End::AlreadyEnded(past)),
    }
    let ended = step.ended(ending, Draft::ended_one(ending, standing.session.user(), id), |ended| Effect::Session {
        user,
        id,
        ended,
    })?;
    let mut session = standing.session;
    end_record(step, user, &mut session, ended.clone())?;
    step.when_visible(move |shared| shared.index().end(id));
    Ok(End::Done(ended))
}

/// A wrong password in a session: counted there, and once too often it ends.
pub fn note_wrong_proof(step: &mut Step<'_>, user: UserKey, id: SessionId, from: Option<IpAddr>) -> Result<()> {
    let Some(standing) = step.shared.standing(user, id)? else { return Ok(()) };
    if standing.verdict(step.now, &step.shared.environment.limits) != Verdict::Live {
        return Ok(());
    }
    let mut session = standing.session;
    match session.note_wrong_proof() {
        Ok(false) => step.put(Place::Sessions, &session_key(user, id), &session),
        Ok(true) => end(step, user, id, &Ending::new(Actor::System, Reason::WrongPasswords, from)).map(drop),
        Err(AlreadyEnded) => Ok(()),
    }
}

/// Whoever is told that a session ran out may rely on it: no longer limits of tomorrow, no clock set back revive it.
fn write_down_expiry(step: &mut Step<'_>, user: UserKey, mut session: Session, at: Timestamp) -> Result<()> {
    match session.expire(at) {
        Ok(()) => {
            step.expired(user, session.id(), at);
            step.put(Place::Sessions, &session_key(user, session.id()), &session)
        }
        Err(AlreadyEnded) => Ok(()),
    }
}

fn end_record(step: &mut Step<'_>, user: UserKey, session: &mut Session, ended: Ended) -> Result<()> {
    session.end(ended).map_err(|AlreadyEnded| StoreError::Conflict { what: "end a session" })?;
    step.put(Place::Sessions, &session_key(user, session.id()), session)
}

fn end_user(step: &mut Step<'_>, user: UserKey, keep: Option<SessionId>, ending: &Ending) -> Result<EndUser> {
    let (shared, now) = (step.shared, step.now);
    let Some(mut owner) = shared.trees.user(user)? else { return Ok(EndUser::NotFound) };
    let fresh = Epoch::draw(&*shared.environment.entropy);

    if let Some(id) = keep {
        let standing = shared.standing(user, id)?;
        #[cfg(feature = "seeded-bugs")]
        let standing = step.seen.take().or(standing);
        let live = standing.filter(|kept| kept.verdict(now, &shared.environment.limits) == Verdict::Live);
        let Some(Standing { mut session, .. }) = live else { return Ok(EndUser::KeeperEnded) };
        session.restamp(fresh).map_err(|AlreadyEnded| StoreError::Conflict { what: "keep a session" })?;
        step.put(Place::Sessions, &session_key(user, id), &session)?;
    }
    let live = shared.index().live_of(user, now);
    let count = live.saturating_sub(u64::from(keep.is_some()));
    let old = owner.epoch;
    let effect = |ended| Effect::User { user, old, fresh, keep, ended };
    let ended = step.ended(ending, Draft::ended_user(ending, &owner.id, count), effect)?;
    step.put(Place::Replaced, owner.epoch.bytes(), &ended)?;
    owner.epoch = fresh;
    step.put(Place::Users, user.bytes(), &owner)?;
    step.when_visible(move |shared| shared.index().end_user(user, keep, now));
    Ok(EndUser::Done { count, ended })
}

pub(super) fn end_everyone(step: &mut Step<'_>, ending: &Ending) -> Result<EndedEveryone> {
    let (shared, now) = (step.shared, step.now);
    let count = shared.index().live(now);
    let (old, fresh) = (shared.server_epoch(), Epoch::draw(&*shared.environment.entropy));
    let effect = |ended| Effect::Server { old, fresh, ended };
    let ended = step.ended(ending, Draft::ended_everyone(ending, count), effect)?;
    step.put(Place::Replaced, old.bytes(), &ended)?;
    step.put(Place::Meta, EPOCH, &fresh)?;
    step.when_visible(move |shared| {
        *shared.epoch.write().unwrap_or_else(std::sync::PoisonError::into_inner) = fresh;
        shared.index().end_everyone(now);
    });
    Ok(EndedEveryone { count, ended, epoch: fresh })
}

fn change_session(
    step: &mut Step<'_>,
    user: UserKey,
    id: SessionId,
    change: &SessionChange,
    from: Option<IpAddr>,
) -> Result<Change> {
    let Some(standing) = step.shared.standing(user, id)? else { return Ok(Change::NotFound) };
    match standing.verdict(step.now, &step.shared.environment.limits) {
        Verdict::Live => {}
        past => return Ok(Change::AlreadyEnded(past)),
    }
    let mut standing = standing;
    standing
        .session
        .change(change, step.now)
        .map_err(|AlreadyEnded| StoreError::Conflict { what: "change a session" })?;
    step.put(Place::Sessions, &session_key(user, id), &standing.session)?;
    step.event(Draft::session_changed(standing.session.user(), id, change.action(), from))?;
    if *change == SessionChange::Renewed {
        note_seen(step, user, standing)?;
    }
    Ok(Change::Done)
}

fn touch(step: &mut Step<'_>, user: UserKey, id: SessionId) -> Result<()> {
    let limits = step.shared.environment.limits;
    let Some(standing) = step.shared.standing(user, id)? else { return Ok(()) };
    let due = standing.seen + standing.session.lifetime(&limits).touch_step();
    if standing.verdict(step.now, &limits) != Verdict::Live || step.now < due {
        return Ok(());
    }
    note_seen(step, user, standing)
}

fn note_seen(step: &mut Step<'_>, user: UserKey, mut standing: Standing) -> Result<()> {
    let id = standing.session.id();
    standing.seen = step.now;
    let (seen, deadline) = (standing.seen, standing.deadline(&step.shared.environment.limits));
    step.put(Place::Seen, &session_key(user, id), &seen)?;
    step.when_visible(move |shared| shared.index().touch(id, seen, deadline));
    Ok(())
}

fn reap(step: &mut Step<'_>, most: usize) -> Result<usize> {
    let ToReap { sessions, moved } = step.shared.index().unreaped(most);
    for (user, id) in &sessions {
        let (user, id) = (*user, *id);
        if let Some(mut standing) = step.shared.standing(user, id)?
            && *standing.session.state() == State::Live
            && let Verdict::Ended(ended) = standing.verdict(step.now, &step.shared.environment.limits)
        {
            end_record(step, user, &mut standing.session, ended)?;
        }
        step.when_visible(move |shared| shared.index().reaped(id));
    }
    // Zero means that there is nothing left to do.
    Ok(if sessions.is_empty() && !step.shared.index().is_reaped() { moved } else { sessions.len() })
}
