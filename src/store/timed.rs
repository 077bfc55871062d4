//! A store around another one that tells an observer how long each call took and what it ended. Answers what the other
//! answers, and does nothing of its own.

mod operation;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

pub use self::operation::Operation;
use super::{
    Admitted, Audit, Change, Created, End, EndUser, EndedEveryone, JobCreated, Jobs, KeyCreated, KeyRevoked, Keys,
    Outbox, Result, Sessions, Store, UserChanged, UserCreated, UserDeleted, Users,
};
use crate::domain::audit::{Draft, Event, search};
use crate::domain::change::UserChange;
use crate::domain::clock::Clock;
use crate::domain::ending::{Actor, Ending, Reason};
use crate::domain::epoch::Epoch;
use crate::domain::id::{EventSeq, KeyId, SessionId, UserKey};
use crate::domain::job::{Job, JobId, Progress};
use crate::domain::key::{ApiKey, StoredKey};
use crate::domain::listing::{Filter, Page, Query, Total, UserFilter, UserPage, UserQuery};
use crate::domain::password::Recipe;
use crate::domain::safeguards::Admission;
use crate::domain::session::{Session, SessionChange, Standing};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Email, User};
use crate::domain::webhook::WebhookName;

/// What one step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// One session.
    Session,
    /// All of a user's, or all but one.
    User,
    /// Everyone's.
    Everyone,
    /// Those that did not survive a change to their user.
    Change,
    /// An API key.
    Key,
}

impl Reach {
    /// Each of them.
    pub const ALL: [Self; 5] = [Self::Session, Self::User, Self::Everyone, Self::Change, Self::Key];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::User => "user",
            Self::Everyone => "everyone",
            Self::Change => "change",
            Self::Key => "key",
        }
    }
}

/// An order that was carried out, from when the store got it to when it was on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revoked {
    /// How far it reached.
    pub reach: Reach,
    /// Why.
    pub reason: Reason,
    /// How many live sessions it ended.
    pub sessions: u64,
    /// How long it took.
    pub took: Duration,
}

/// Who is told. Is called with every call to the store, so it must be quick and wait for nothing.
pub trait Observer: Send + Sync {
    /// A call was answered, or failed.
    fn called(&self, operation: Operation, took: Duration, failed: bool);

    /// Sessions or a key have ended by an order, durably so. Whatever ends because it makes room is not told.
    fn revoked(&self, revoked: Revoked);
}

/// See the module.
pub struct Timed {
    inner: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    observer: Arc<dyn Observer>,
}

impl Timed {
    /// Around `inner`; how long something takes is told by `clock`.
    pub fn new(inner: Arc<dyn Store>, clock: Arc<dyn Clock>, observer: Arc<dyn Observer>) -> Self {
        Self { inner, clock, observer }
    }

    async fn time<T>(&self, operation: Operation, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.take(operation, call).await.0
    }

    /// The answer, and how long it took.
    async fn take<T>(&self, operation: Operation, call: impl Future<Output = Result<T>>) -> (Result<T>, Duration) {
        let began = self.clock.elapsed();
        let answer = call.await;
        let took = self.clock.elapsed().saturating_sub(began);
        self.observer.called(operation, took, answer.is_err());
        (answer, took)
    }

    /// The same of a call that may end something; `ended` says how many sessions its answer speaks of, if it ended anything.
    async fn revoke<T>(
        &self,
        (operation, reach, reason): (Operation, Reach, Reason),
        call: impl Future<Output = Result<T>>,
        ended: impl FnOnce(&T) -> Option<u64>,
    ) -> Result<T> {
        let (answer, took) = self.take(operation, call).await;
        if let Some(sessions) = answer.as_ref().ok().and_then(ended) {
            self.observer.revoked(Revoked { reach, reason, sessions, took });
        }
        answer
    }
}

#[async_trait]
impl Sessions for Timed {
    async fn server_epoch(&self) -> Result<Epoch> {
        self.time(Operation::ServerEpoch, self.inner.server_epoch()).await
    }

    async fn session(&self, user: UserKey, id: SessionId) -> Result<Option<Standing>> {
        self.time(Operation::Session, self.inner.session(user, id)).await
    }

    async fn owner(&self, id: SessionId) -> Result<Option<UserKey>> {
        self.time(Operation::Owner, self.inner.owner(id)).await
    }

    async fn create(&self, session: Session, replaces: Option<SessionId>) -> Result<Created> {
        self.time(Operation::Create, self.inner.create(session, replaces)).await
    }

    async fn end(&self, user: UserKey, id: SessionId, ending: Ending) -> Result<End> {
        let what = (Operation::End, Reach::Session, ending.reason);
        self.revoke(what, self.inner.end(user, id, ending), |end| matches!(end, End::Done(_)).then_some(1)).await
    }

    async fn end_user(&self, user: UserKey, keep: Option<SessionId>, ending: Ending) -> Result<EndUser> {
        let what = (Operation::EndUser, Reach::User, ending.reason);
        let ended = |end: &EndUser| if let EndUser::Done { count, .. } = end { Some(*count) } else { None };
        self.revoke(what, self.inner.end_user(user, keep, ending), ended).await
    }

    async fn end_everyone(&self, ending: Ending) -> Result<EndedEveryone> {
        let what = (Operation::EndEveryone, Reach::Everyone, ending.reason);
        self.revoke(what, self.inner.end_everyone(ending), |ended| Some(ended.count)).await
    }

    async fn change_session(
        &self,
        user: UserKey,
        id: SessionId,
        change: SessionChange,
        from: Option<IpAddr>,
    ) -> Result<Change> {
        self.time(Operation::ChangeSession, self.inner.change_session(user, id, change, from)).await
    }

    async fn touch(&self, user: UserKey, id: SessionId) -> Result<()> {
        self.time(Operation::Touch, self.inner.touch(user, id)).await
    }

    async fn reap(&self, most: usize) -> Result<usize> {
        self.time(Operation::Reap, self.inner.reap(most)).await
    }

    async fn page(&self, query: &Query) -> Result<Page> {
        self.time(Operation::Page, self.inner.page(query)).await
    }

    async fn total(&self, filter: &Filter) -> Result<Total> {
        self.time(Operation::Total, self.inner.total(filter)).await
    }
}

#[async_trait]
impl Users for Timed {
    async fn user(&self, key: UserKey) -> Result<Option<User>> {
        self.time(Operation::User, self.inner.user(key)).await
    }

    async fn user_by_email(&self, email: &Email) -> Result<Option<User>> {
        self.time(Operation::UserByEmail, self.inner.user_by_email(email)).await
    }

    async fn has_users(&self) -> Result<bool> {
        self.time(Operation::HasUsers, self.inner.has_users()).await
    }

    async fn list_users(&self, query: &UserQuery) -> Result<UserPage> {
        self.time(Operation::ListUsers, self.inner.list_users(query)).await
    }

    async fn count_users(&self, filter: &UserFilter) -> Result<Total> {
        self.time(Operation::CountUsers, self.inner.count_users(filter)).await
    }

    async fn recipes(&self) -> Result<BTreeMap<Recipe, u64>> {
        self.time(Operation::Recipes, self.inner.recipes()).await
    }

    async fn create_user(&self, user: User, first: bool, by: Actor, from: Option<IpAddr>) -> Result<UserCreated> {
        self.time(Operation::CreateUser, self.inner.create_user(user, first, by, from)).await
    }

    async fn change_user(&self, key: UserKey, change: UserChange, ending: Ending) -> Result<UserChanged> {
        let what = (Operation::ChangeUser, Reach::Change, ending.reason);
        let ended = |changed: &UserChanged| match changed {
            UserChanged::Done { ended: ended @ 1.., .. } => Some(*ended),
            _ => None,
        };
        self.revoke(what, self.inner.change_user(key, change, ending), ended).await
    }

    async fn delete_user(&self, key: UserKey, ending: Ending) -> Result<UserDeleted> {
        let what = (Operation::DeleteUser, Reach::Change, ending.reason);
        let ended = |deleted: &UserDeleted| match deleted {
            UserDeleted::Done { ended: ended @ 1.. } => Some(*ended),
            _ => None,
        };
        self.revoke(what, self.inner.delete_user(key, ending), ended).await
    }

    async fn sign_in_failed(&self, key: UserKey, known: bool, draft: Draft) -> Result<()> {
        self.time(Operation::SignInFailed, self.inner.sign_in_failed(key, known, draft)).await
    }

    async fn admit(&self, key: UserKey, admission: Admission, from: Option<IpAddr>) -> Result<Admitted> {
        self.time(Operation::Admit, self.inner.admit(key, admission, from)).await
    }

    async fn has_other_administrator(&self, key: UserKey) -> Result<bool> {
        self.time(Operation::HasOtherAdministrator, self.inner.has_other_administrator(key)).await
    }
}

#[async_trait]
impl Keys for Timed {
    async fn create_key(&self, key: ApiKey, from: Option<IpAddr>) -> Result<KeyCreated> {
        self.time(Operation::CreateKey, self.inner.create_key(key, from)).await
    }

    async fn key(&self, id: KeyId) -> Result<Option<StoredKey>> {
        self.time(Operation::Key, self.inner.key(id)).await
    }

    async fn keys(&self) -> Result<Vec<StoredKey>> {
        self.time(Operation::Keys, self.inner.keys()).await
    }

    async fn revoke_key(&self, id: KeyId, ending: Ending) -> Result<KeyRevoked> {
        let what = (Operation::RevokeKey, Reach::Key, ending.reason);
        let ended = |revoked: &KeyRevoked| matches!(revoked, KeyRevoked::Done(_)).then_some(0);
        self.revoke(what, self.inner.revoke_key(id, ending), ended).await
    }

    async fn note_key_use(&self, id: KeyId) -> Result<()> {
        self.time(Operation::NoteKeyUse, self.inner.note_key_use(id)).await
    }
}

#[async_trait]
impl Jobs for Timed {
    async fn create_job(&self, job: Job, most: usize) -> Result<JobCreated> {
        self.time(Operation::CreateJob, self.inner.create_job(job, most)).await
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>> {
        self.time(Operation::Job, self.inner.job(id)).await
    }

    async fn jobs(&self) -> Result<Vec<Job>> {
        self.time(Operation::Jobs, self.inner.jobs()).await
    }

    async fn note_job(&self, id: JobId, progress: Progress) -> Result<()> {
        self.time(Operation::NoteJob, self.inner.note_job(id, progress)).await
    }
}

#[async_trait]
impl Audit for Timed {
    async fn record(&self, draft: Draft) -> Result<EventSeq> {
        self.time(Operation::Record, self.inner.record(draft)).await
    }

    async fn events(&self, before: Option<EventSeq>, most: usize) -> Result<Vec<Event>> {
        self.time(Operation::Events, self.inner.events(before, most)).await
    }

    async fn find(&self, query: &search::Query) -> Result<search::Page> {
        self.time(Operation::Find, self.inner.find(query)).await
    }

    fn watch_events(&self) -> watch::Receiver<EventSeq> {
        self.inner.watch_events()
    }

    async fn events_after(&self, after: EventSeq, most: usize) -> Result<Vec<Event>> {
        self.time(Operation::EventsAfter, self.inner.events_after(after, most)).await
    }
}

#[async_trait]
impl Outbox for Timed {
    async fn delivered(&self, webhook: &WebhookName) -> Result<Option<EventSeq>> {
        self.time(Operation::Delivered, self.inner.delivered(webhook)).await
    }

    async fn note_delivered(&self, webhook: &WebhookName, upto: EventSeq) -> Result<()> {
        self.time(Operation::NoteDelivered, self.inner.note_delivered(webhook, upto)).await
    }
}

#[async_trait]
impl Store for Timed {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    async fn ready(&self) -> Result<()> {
        self.time(Operation::Ready, self.inner.ready()).await
    }

    async fn sweep(&self, before: Timestamp, most: usize) -> Result<usize> {
        self.time(Operation::Sweep, self.inner.sweep(before, most)).await
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}
