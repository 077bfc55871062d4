//! Users and the audit log.

use std::collections::BTreeMap;
use std::net::IpAddr;

use async_trait::async_trait;
use tokio::sync::watch;

use super::committer::Proof;
use super::journal::Effect;
use super::step::Step;
use super::trees::Place;
use super::view::View;
use super::{Sled, listing, sessions, space};
use crate::domain::audit::{Draft, Event, search};
use crate::domain::change::{Asked, UserChange, takes_administrator};
use crate::domain::ending::{Actor, Ending};
use crate::domain::epoch::Epoch;
use crate::domain::id::{EventSeq, SessionId, UserKey};
use crate::domain::listing::{Total, UserFilter, UserPage, UserQuery};
use crate::domain::password::Recipe;
use crate::domain::safeguards::Admission;
use crate::domain::second_factor::Spent;
use crate::domain::session::{Session, Verdict};
use crate::domain::user::{Email, User};
use crate::store::{Admitted, Audit, Result, UserChanged, UserCreated, UserDeleted, Users, codec};

#[async_trait]
impl Users for Sled {
    async fn user(&self, key: UserKey) -> Result<Option<User>> {
        self.handle().await?.shared.trees.user(key)
    }

    async fn user_by_email(&self, email: &Email) -> Result<Option<User>> {
        self.handle().await?.shared.trees.user_by_email(email)
    }

    async fn has_users(&self) -> Result<bool> {
        Ok(!self.handle().await?.shared.trees.tree(Place::Users).is_empty())
    }

    async fn list_users(&self, query: &UserQuery) -> Result<UserPage> {
        let query = query.clone();
        self.read(move |shared| listing::people::page(shared, &query)).await
    }

    async fn count_users(&self, filter: &UserFilter) -> Result<Total> {
        let filter = filter.clone();
        self.read(move |shared| Ok(listing::people::total(shared, &filter))).await
    }

    async fn recipes(&self) -> Result<BTreeMap<Recipe, u64>> {
        self.read(|shared| {
            let mut recipes = BTreeMap::new();
            for user in shared.trees.scan::<User>(Place::Users) {
                *recipes.entry(user?.1.password.recipe()).or_default() += 1;
            }
            Ok(recipes)
        })
        .await
    }

    async fn create_user(&self, user: User, first: bool, by: Actor, from: Option<IpAddr>) -> Result<UserCreated> {
        space::check(&self.0.folder)?;
        self.commit(move |step| {
            let trees = &step.shared.trees;
            if first && !trees.tree(Place::Users).is_empty() {
                return Ok(UserCreated::NotFirst);
            }
            if trees.user(user.key())?.is_some() {
                return Ok(UserCreated::IdTaken);
            }
            if trees.user_by_email(&user.email)?.is_some() {
                return Ok(UserCreated::EmailTaken);
            }
            step.put(Place::Users, user.key().bytes(), &user)?;
            step.put(Place::Emails, user.email.as_str().as_bytes(), &user.key())?;
            step.event(Draft::user_created(&user, by, from))?;
            step.when_visible(move |shared| shared.note_user(&user));
            Ok(UserCreated::Done)
        })
        .await
    }

    async fn change_user(&self, key: UserKey, change: UserChange, ending: Ending) -> Result<UserChanged> {
        // Blocking ends sessions and nothing else.
        let proof = if change == UserChange::Block { Proof::Journal } else { Proof::Database };
        self.handle().await?.committer.commit(move |step| change_user(step, key, &change, &ending), proof).await
    }

    async fn delete_user(&self, key: UserKey, ending: Ending) -> Result<UserDeleted> {
        self.commit(move |step| delete_user(step, key, &ending)).await
    }

    async fn sign_in_failed(&self, key: UserKey, known: bool, draft: Draft) -> Result<()> {
        self.commit(move |step| sign_in_failed(step, key, known, draft)).await
    }

    async fn admit(&self, key: UserKey, admission: Admission, from: Option<IpAddr>) -> Result<Admitted> {
        // Nearly always there is nothing to write, and a read is as good as a step that reads.
        let Some(user) = self.user(key).await? else { return Ok(Admitted::NotFound) };
        match user.safeguards.admit(&admission) {
            Ok(after) if after == user.safeguards => Ok(Admitted::Yes(Box::new(user))),
            _ => self.commit(move |step| admit(step, key, &admission, from)).await,
        }
    }

    async fn has_other_administrator(&self, key: UserKey) -> Result<bool> {
        Ok(self.handle().await?.shared.has_other_administrator(key))
    }
}

fn change_user(step: &mut Step<'_>, key: UserKey, change: &UserChange, ending: &Ending) -> Result<UserChanged> {
    let shared = step.shared;
    let Some(before) = shared.trees.user(key)? else { return Ok(UserChanged::NotFound) };
    if !change.still_holds(&before) {
        return Ok(UserChanged::Stale);
    }
    if let Some(session) = change.session()
        && !is_live(step, key, session)?
    {
        return Ok(UserChanged::Stale);
    }
    let Some(mut after) = change.applied_at(&before, step.now) else { return Ok(UserChanged::Unchanged) };
    if takes_administrator(&before, &after) && !shared.has_other_administrator(key) {
        return Ok(UserChanged::LastAdministrator);
    }
    if after.email != before.email {
        if shared.trees.user_by_email(&after.email)?.is_some() {
            return Ok(UserChanged::EmailTaken);
        }
        step.remove(Place::Emails, before.email.as_str().as_bytes());
        step.put(Place::Emails, after.email.as_str().as_bytes(), &key)?;
    }
    let mut count = 0;
    if change.ends_sessions(&before, &after) {
        after.epoch = Epoch::draw(&*shared.environment.entropy);
        let successor = match change.asked() {
            None => None,
            Some(asked) => match successor(step, &before, after.epoch, asked)? {
                None => return Ok(UserChanged::Stale),
                session => session,
            },
        };
        let keep = change.asked().and_then(Asked::kept);
        count = shared.index().live_of(key, step.now).saturating_sub(u64::from(keep.is_some()));
        let (old, record) = (before.epoch, codec::encode(key.bytes(), &after)?);
        let draft = Draft::user_changed(ending, change, &before, count);
        let ended = step.ended(ending, draft, |ended| Effect::Changed { user: key, old, record, ended })?;
        step.is_whole();
        step.put(Place::Replaced, old.bytes(), &ended)?;
        let at = step.now;
        step.when_visible(move |shared| shared.index().end_user(key, keep, at));
        if let Some(id) = keep {
            sessions::restamp(step, key, id, old, after.epoch)?;
        } else if let Some(session) = successor {
            sessions::add(step, &session)?;
        }
    } else {
        step.event(Draft::user_changed(ending, change, &before, 0))?;
    }
    put_user(step, &after)?;
    Ok(UserChanged::Done { user: Box::new(after), ended: count })
}

fn put_user(step: &mut Step<'_>, user: &User) -> Result<()> {
    step.put(Place::Users, user.key().bytes(), user)?;
    let noted = user.clone();
    step.when_visible(move |shared| shared.note_user(&noted));
    Ok(())
}

fn delete_user(step: &mut Step<'_>, key: UserKey, ending: &Ending) -> Result<UserDeleted> {
    let shared = step.shared;
    let Some(user) = shared.trees.user(key)? else { return Ok(UserDeleted::NotFound) };
    if user.may_administrate() && !shared.has_other_administrator(key) {
        return Ok(UserDeleted::LastAdministrator);
    }
    let (count, old, at) = (shared.index().live_of(key, step.now), user.epoch, step.now);
    let draft = Draft::user_deleted(ending, &user, count);
    let ended = step.ended(ending, draft, |ended| Effect::Deleted { user: key, old, ended })?;
    step.is_whole();
    step.put(Place::Replaced, old.bytes(), &ended)?;
    step.remove(Place::Users, key.bytes());
    step.remove(Place::Emails, user.email.as_str().as_bytes());
    step.when_visible(move |shared| {
        shared.forget_user(key);
        shared.index().end_user(key, None, at);
    });
    Ok(UserDeleted::Done { ended: count })
}

fn sign_in_failed(step: &mut Step<'_>, key: UserKey, known: bool, draft: Draft) -> Result<()> {
    let (from, session) = (draft.from, draft.session);
    step.event(draft)?;
    if let Some(id) = session {
        sessions::note_wrong_proof(step, key, id, from)?;
    }
    // Deleted meanwhile: the event is all there is to say.
    let Some(mut user) = step.shared.trees.user(key)? else { return Ok(()) };
    let before = user.safeguards.tries;
    user.safeguards.tries = before.and_one(known);
    if user.safeguards.tries.is_locked(known) && !before.is_locked(known) {
        step.event(Draft::locked(&user.id, known, from))?;
    }
    put_user(step, &user)
}

fn admit(step: &mut Step<'_>, key: UserKey, admission: &Admission, from: Option<IpAddr>) -> Result<Admitted> {
    let Some(mut user) = step.shared.trees.user(key)? else { return Ok(Admitted::NotFound) };
    user.safeguards = match user.safeguards.admit(admission) {
        Ok(after) => after,
        Err(refusal) => return Ok(Admitted::No(refusal)),
    };
    if let (Some(Spent::Recovery(_)), Some(factor)) = (admission.spent, &user.safeguards.second_factor) {
        step.event(Draft::recovered(&user, factor.recovery_left(), from))?;
    }
    put_user(step, &user)?;
    Ok(Admitted::Yes(Box::new(user)))
}

fn is_live(step: &Step<'_>, key: UserKey, session: SessionId) -> Result<bool> {
    let standing = step.shared.standing(key, session)?;
    let verdict = standing.map(|standing| standing.verdict(step.now, &step.shared.environment.limits));
    Ok(verdict == Some(Verdict::Live))
}

/// The session that takes the place of the one in which the user asks; `None` if that is not to be.
fn successor(step: &Step<'_>, before: &User, fresh: Epoch, asked: &Asked) -> Result<Option<Session>> {
    let shared = step.shared;
    let fits = asked.kept().is_some() || shared.standing(before.key(), asked.successor.id())?.is_none();
    Ok(asked.succeeding(before, shared.server_epoch(), fresh).filter(|_| fits))
}

#[async_trait]
impl Audit for Sled {
    async fn record(&self, draft: Draft) -> Result<EventSeq> {
        self.commit(move |step| step.event(draft).map(|event| event.seq)).await
    }

    async fn events(&self, before: Option<EventSeq>, most: usize) -> Result<Vec<Event>> {
        self.read(move |shared| shared.trees.events(before).take(most).collect()).await
    }

    async fn find(&self, query: &search::Query) -> Result<search::Page> {
        let query = query.clone();
        self.read(move |shared| super::search::find(shared, &query)).await
    }

    fn watch_events(&self) -> watch::Receiver<EventSeq> {
        self.0.newest.subscribe()
    }

    async fn events_after(&self, after: EventSeq, most: usize) -> Result<Vec<Event>> {
        self.read(move |shared| super::search::after(shared, after, most)).await
    }
}
