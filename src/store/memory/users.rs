//! Users and the audit log.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use super::super::{Admitted, Audit, Result, UserChanged, UserCreated, UserDeleted, Users};
use super::partition::Partition;
use super::{Memory, lock, people};
use crate::domain::audit::{Draft, Event, search};
use crate::domain::change::{UserChange, takes_administrator};
use crate::domain::ending::{Actor, Ending};
use crate::domain::id::{EventSeq, UserKey};
use crate::domain::listing::{Total, UserFilter, UserPage, UserQuery};
use crate::domain::password::Recipe;
use crate::domain::safeguards::Admission;
use crate::domain::user::{Email, User};

/// What no two users may share. Outside the partitions, as it would be on a cluster.
#[derive(Default)]
pub(super) struct Claims {
    emails: BTreeMap<Email, UserKey>,
    administrators: BTreeSet<UserKey>,
}

impl Claims {
    fn nobody(&self) -> bool {
        self.emails.is_empty()
    }

    fn note(&mut self, user: &User) {
        if user.is_settled_administrator() {
            self.administrators.insert(user.key());
        } else {
            self.administrators.remove(&user.key());
        }
    }

    fn forget(&mut self, user: &User) {
        self.emails.remove(&user.email);
        self.administrators.remove(&user.key());
    }
}

#[async_trait]
impl Users for Memory {
    async fn user(&self, key: UserKey) -> Result<Option<User>> {
        self.read("read a user", || self.find_user(key)).await
    }

    async fn user_by_email(&self, email: &Email) -> Result<Option<User>> {
        self.read("find a user by address", || {
            let key = lock(&self.claims).emails.get(email).copied();
            key.and_then(|key| self.find_user(key))
        })
        .await
    }

    async fn has_users(&self) -> Result<bool> {
        self.read("look for any user", || !lock(&self.claims).nobody()).await
    }

    async fn list_users(&self, query: &UserQuery) -> Result<UserPage> {
        self.read("list users", || people::page(self.people(), query)).await
    }

    async fn count_users(&self, filter: &UserFilter) -> Result<Total> {
        self.read("count users", || people::total(&self.people(), filter)).await
    }

    async fn recipes(&self) -> Result<BTreeMap<Recipe, u64>> {
        self.read("count recipes", || {
            let mut recipes = BTreeMap::new();
            for partition in self.partitions() {
                *recipes.entry(lock(&partition).user().password.recipe()).or_default() += 1;
            }
            recipes
        })
        .await
    }

    async fn create_user(&self, user: User, first: bool, by: Actor, from: Option<IpAddr>) -> Result<UserCreated> {
        self.write("create a user", || self.add_user(user, first, by, from)).await
    }

    async fn change_user(&self, key: UserKey, change: UserChange, ending: Ending) -> Result<UserChanged> {
        self.write("change a user", || {
            let mut claims = lock(&self.claims);
            let changed = self.step(key, |step| {
                let Some(before) = step.partition.present().cloned() else { return UserChanged::NotFound };
                if !change.still_holds(&before) {
                    return UserChanged::Stale;
                }
                if change.session().is_some_and(|session| !step.is_live(session)) {
                    return UserChanged::Stale;
                }
                let Some(after) = change.applied_at(&before, step.now) else { return UserChanged::Unchanged };
                if takes_administrator(&before, &after) && claims.administrators.iter().all(|other| *other == key) {
                    return UserChanged::LastAdministrator;
                }
                if after.email != before.email {
                    if claims.emails.contains_key(&after.email) {
                        return UserChanged::EmailTaken;
                    }
                    claims.emails.remove(&before.email);
                    claims.emails.insert(after.email.clone(), key);
                }
                step.change_user(after, &change, &ending)
            });
            if let Some(UserChanged::Done { user, .. }) = &changed {
                claims.note(user);
            }
            changed.unwrap_or(UserChanged::NotFound)
        })
        .await
    }

    async fn delete_user(&self, key: UserKey, ending: Ending) -> Result<UserDeleted> {
        self.write("delete a user", || {
            let mut claims = lock(&self.claims);
            let deleted = self.step(key, |step| {
                let Some(user) = step.partition.present().cloned() else { return UserDeleted::NotFound };
                if user.may_administrate() && claims.administrators.iter().all(|other| *other == key) {
                    return UserDeleted::LastAdministrator;
                }
                claims.forget(&user);
                step.delete_user(&ending)
            });
            deleted.unwrap_or(UserDeleted::NotFound)
        })
        .await
    }

    async fn sign_in_failed(&self, key: UserKey, known: bool, draft: Draft) -> Result<()> {
        self.write("count a failed sign-in", || {
            let (from, session) = (draft.from, draft.session);
            let counted = self.step(key, |step| {
                step.log.append(step.now, draft.clone());
                if let Some(id) = session {
                    step.note_wrong_proof(id, from);
                }
                if step.partition.present().is_some() {
                    step.count_failure(known, from);
                }
            });
            if counted.is_none() {
                lock(&self.log).append(self.environment.clock.now(), draft);
            }
        })
        .await
    }

    async fn admit(&self, key: UserKey, admission: Admission, from: Option<IpAddr>) -> Result<Admitted> {
        let nothing_to_write = |user: &User| user.safeguards.admit(&admission).as_ref() == Ok(&user.safeguards);
        if let Some(user) = self.read("admit a user", || self.find_user(key).filter(nothing_to_write)).await? {
            return Ok(Admitted::Yes(Box::new(user)));
        }
        self.write("admit a user", || {
            let admitted =
                self.step(key, |step| step.partition.present().is_some().then(|| step.admit(&admission, from)));
            admitted.flatten().unwrap_or(Admitted::NotFound)
        })
        .await
    }

    async fn has_other_administrator(&self, key: UserKey) -> Result<bool> {
        self.read("look for another administrator", || {
            lock(&self.claims).administrators.iter().any(|other| *other != key)
        })
        .await
    }
}

#[async_trait]
impl Audit for Memory {
    async fn record(&self, draft: Draft) -> Result<EventSeq> {
        self.write("write an event", || {
            let mut log = lock(&self.log);
            log.append(self.environment.clock.now(), draft)
        })
        .await
    }

    async fn events(&self, before: Option<EventSeq>, most: usize) -> Result<Vec<Event>> {
        self.read("read the audit log", || lock(&self.log).newest(before, most)).await
    }

    async fn find(&self, query: &search::Query) -> Result<search::Page> {
        self.read("search the audit log", || lock(&self.log).find(query)).await
    }

    fn watch_events(&self) -> watch::Receiver<EventSeq> {
        lock(&self.log).watch()
    }

    async fn events_after(&self, after: EventSeq, most: usize) -> Result<Vec<Event>> {
        self.read("follow the audit log", || lock(&self.log).after(after, most)).await
    }
}

impl Memory {
    /// Everybody, in the order of their addresses.
    fn people(&self) -> Vec<User> {
        let keys: Vec<_> = lock(&self.claims).emails.values().copied().collect();
        let mut people: Vec<_> = keys.into_iter().filter_map(|key| self.find_user(key)).collect();
        people.sort_by(|one, other| one.email.cmp(&other.email));
        people
    }

    fn find_user(&self, key: UserKey) -> Option<User> {
        self.partition(key).and_then(|partition| lock(&partition).present().cloned())
    }

    fn add_user(&self, user: User, first: bool, by: Actor, from: Option<IpAddr>) -> UserCreated {
        let mut claims = lock(&self.claims);
        if first && !claims.nobody() {
            return UserCreated::NotFirst;
        }
        let mut partitions = self.partitions.write().unwrap_or_else(PoisonError::into_inner);
        let former = partitions.get(&user.key()).cloned();
        if former.as_ref().is_some_and(|former| lock(former).present().is_some()) {
            return UserCreated::IdTaken;
        }
        if claims.emails.contains_key(&user.email) {
            return UserCreated::EmailTaken;
        }
        // Of a user who was deleted; their sessions are still known. Before the log, as in every step.
        let former = former.as_ref().map(|former| lock(former));
        let mut log = lock(&self.log);
        log.append(self.environment.clock.now(), Draft::user_created(&user, by, from));
        claims.emails.insert(user.email.clone(), user.key());
        claims.note(&user);
        match former {
            Some(mut former) => former.replace_user(user),
            None => drop(partitions.insert(user.key(), Arc::new(Mutex::new(Partition::new(user))))),
        }
        UserCreated::Done
    }
}
