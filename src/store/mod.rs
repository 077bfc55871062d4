//! The store's contract, in prose and as traits. Knows the domain and nothing above it.
//!
//! # What every backend guarantees
//!
//! * **One step.** Each method that writes is atomic: its conditions are checked and its record, indexes, counts and
//!   audit event (with the next [`EventSeq`]) are written together or not at all, whatever else runs at the same time and
//!   wherever the process is killed.
//! * **Done is on disk.** A write has answered only when it survives a power cut. An ending is visible to reads before
//!   that moment; a new session is in no listing and no count before it, and nobody holds its credential.
//! * **Barrier.** [`End::AlreadyEnded`] is answered only once the ending that it speaks of is durable too.
//! * **Fresh reads.** No read returns a value older than a write that was answered before the read began, on any node.
//! * **Absence is an answer** ([`Option`]); a [`StoreError`] is not an absence, and after a failed write the write may or
//!   may not have happened.
//! * **Indexes are hints.** What a page or a count returns is what [`Standing::verdict`] says of the records.
//! * **Writes may be repeated.** A repeated ending is [`End::AlreadyEnded`]; a repeated [`Sessions::create`] writes nothing
//!   and answers by what became of the session.
//! * **One user, one partition.** No method needs a step across two users, keys in a global order or a single process.
//!   The server's epoch is one record of its own: a change to one session that is made while it is being redrawn may be
//!   answered as done although the session ends by it in the same moment.
//! * **Ties.** Of two endings within one millisecond the one with the smaller event number came first.
//!
//! One contract suite (`tests/contract`) runs on every backend.

mod codec;
pub mod error;

pub mod memory;
pub mod sled;
pub mod timed;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::domain::audit::{Draft, Event, search};
use crate::domain::change::UserChange;
use crate::domain::clock::{Clock, Entropy};
use crate::domain::ending::{Actor, Ended, Ending};
use crate::domain::epoch::Epoch;
use crate::domain::id::{EventSeq, KeyId, SessionId, UserKey};
use crate::domain::job::{Job, JobId, Progress};
use crate::domain::key::{ApiKey, StoredKey};
use crate::domain::lifetime::Limits;
use crate::domain::listing::{Filter, Page, Query, Total, UserFilter, UserPage, UserQuery};
use crate::domain::password::Recipe;
use crate::domain::safeguards::{Admission, Refusal};
use crate::domain::session::{Session, SessionChange, Standing, Verdict};
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Email, User};
use crate::domain::webhook::WebhookName;
pub use error::StoreError;

/// What a store answers, or why it could not.
pub type Result<T> = std::result::Result<T, StoreError>;

/// What a store is given: it stamps what it writes itself, so that times and sequence numbers rise together.
#[derive(Clone)]
pub struct Environment {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, for epochs.
    pub entropy: Arc<dyn Entropy>,
    /// The lifetimes in force.
    pub limits: Limits,
}

/// What became of a new session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It is live and durable.
    Done {
        /// The user's sessions that had to make room ([`Limits::sessions_per_user`]), ended in the same step.
        displaced: Vec<SessionId>,
    },
    /// Not created: an epoch that it is stamped with has been replaced since, or its user is gone.
    Stale,
}

/// What became of an ending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// This call ended it.
    Done(Ended),
    /// It was past before: ended or expired. Durably so.
    AlreadyEnded(Verdict),
    /// There is no such session of this user.
    NotFound,
}

/// What became of ending all of a user's sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndUser {
    /// Done, in one step, whatever their number.
    Done {
        /// How many live ones it ended.
        count: u64,
        /// How.
        ended: Ended,
    },
    /// Nothing was done: the session that was to be kept is not live.
    KeeperEnded,
    /// There is no such user.
    NotFound,
}

/// What became of ending everyone's sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedEveryone {
    /// How many live ones it ended.
    pub count: u64,
    /// How.
    pub ended: Ended,
    /// The epoch that this call drew. A session that is to follow it is stamped with this one and no later one, lest it
    /// survive somebody else's end-all.
    pub epoch: Epoch,
}

/// What became of a change to a live session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Made.
    Done,
    /// Refused: it is past.
    AlreadyEnded(Verdict),
    /// There is no such session of this user.
    NotFound,
}

/// What became of a new user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserCreated {
    /// Created.
    Done,
    /// The id is taken.
    IdTaken,
    /// The e-mail address is taken.
    EmailTaken,
    /// It was to be the first user and is not.
    NotFirst,
}

/// What became of a change to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserChanged {
    /// Made, in one step with the end of the sessions that may not survive it.
    Done {
        /// The user as they are now.
        user: Box<User>,
        /// How many live sessions it ended.
        ended: u64,
    },
    /// Nothing was to be changed.
    Unchanged,
    /// Refused: nobody would be left who may administrate.
    LastAdministrator,
    /// Refused: somebody else has this address.
    EmailTaken,
    /// Refused: the password that was given is not the user's any more, or the session in which it was asked for is past.
    Stale,
    /// There is no such user.
    NotFound,
}

/// What became of deleting a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserDeleted {
    /// Gone, and so many live sessions ended in the same step.
    Done {
        /// How many.
        ended: u64,
    },
    /// Refused: nobody would be left who may administrate.
    LastAdministrator,
    /// There is no such user.
    NotFound,
}

/// What became of somebody who has the right password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// They may come in. The user as they are now.
    Yes(Box<User>),
    /// They may not.
    No(Refusal),
    /// There is no such user any more.
    NotFound,
}

/// What became of a new API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyCreated {
    /// It is there and durable.
    Done,
    /// Another key has this id.
    IdTaken,
}

impl KeyCreated {
    /// The answer where a key with the id of `fresh` is there already: the same one, after an answer that did not arrive.
    fn again(there: &ApiKey, fresh: &ApiKey) -> Self {
        if there == fresh { Self::Done } else { Self::IdTaken }
    }
}

/// What became of revoking an API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRevoked {
    /// This call revoked it.
    Done(Ended),
    /// It was revoked before. Durably so.
    AlreadyRevoked(Ended),
    /// There is no such key.
    NotFound,
}

/// What became of a new job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobCreated {
    /// It is there and durable, with the event of its acceptance.
    Done,
    /// Refused: so many are running already.
    TooMany,
    /// Another job has this id.
    IdTaken,
}

impl JobCreated {
    /// The answer where a job with the id of `fresh` is there already: the same one, after an answer that did not arrive.
    fn again(there: &Job, fresh: &Job) -> Self {
        if there.assignment == fresh.assignment { Self::Done } else { Self::IdTaken }
    }
}

/// Sessions.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// The server's present epoch.
    async fn server_epoch(&self) -> Result<Epoch>;

    /// One session of one user with all that decides whether it is live, read as of one moment after the call began.
    async fn session(&self, user: UserKey, id: SessionId) -> Result<Option<Standing>>;

    /// Whose session this is.
    async fn owner(&self, id: SessionId) -> Result<Option<UserKey>>;

    /// Adds a live session if its epochs are still the present ones. In the same step `replaces`, a session of the same
    /// user, ends as [`Reason::Replaced`], and those above the limit end as [`Reason::Limit`], idle longest first.
    ///
    /// [`Reason::Replaced`]: crate::domain::ending::Reason::Replaced
    /// [`Reason::Limit`]: crate::domain::ending::Reason::Limit
    async fn create(&self, session: Session, replaces: Option<SessionId>) -> Result<Created>;

    /// Ends one session if it is live.
    async fn end(&self, user: UserKey, id: SessionId, ending: Ending) -> Result<End>;

    /// Ends all of a user's sessions by replacing the user's epoch; `keep`, which must be live, is stamped with the new one.
    /// Costs the same for one session and 100,000.
    async fn end_user(&self, user: UserKey, keep: Option<SessionId>, ending: Ending) -> Result<EndUser>;

    /// Ends every session there is by replacing the server's epoch.
    async fn end_everyone(&self, ending: Ending) -> Result<EndedEveryone>;

    /// Changes a live session that goes on.
    async fn change_session(
        &self,
        user: UserKey,
        id: SessionId,
        change: SessionChange,
        from: Option<IpAddr>,
    ) -> Result<Change>;

    /// Notes that the session has been seen now, if it is live and the last note is a touch step old. A record of its own:
    /// it can bring nothing back. May be answered before it is written, and may be lost: in a crash, or when there is much
    /// to do.
    async fn touch(&self, user: UserKey, id: SessionId) -> Result<()>;

    /// Writes the ending of at most `most` sessions with a replaced epoch into their records, so that the log of replaced
    /// epochs need not be asked. Changes no verdict. Returns how many it dealt with; zero when there are no more. May be
    /// killed anywhere.
    async fn reap(&self, most: usize) -> Result<usize>;

    /// One page of a listing, reading no more than [`Query::MOST_EXAMINED`] records. A cursor brings its order and
    /// direction along; whatever did not move, come or go between two pages is on one of them, and on one alone.
    async fn page(&self, query: &Query) -> Result<Page>;

    /// How many sessions the filter takes in: exactly for everybody's and for one user's, of any status
    /// ([`Filter::is_plain`]); otherwise up to [`Total::COUNTED`], or as far as can be counted quickly.
    async fn total(&self, filter: &Filter) -> Result<Total>;
}

/// Users.
#[async_trait]
pub trait Users: Send + Sync {
    /// The user with this key.
    async fn user(&self, key: UserKey) -> Result<Option<User>>;

    /// The user with this e-mail address.
    async fn user_by_email(&self, email: &Email) -> Result<Option<User>>;

    /// Whether there is any user.
    async fn has_users(&self) -> Result<bool>;

    /// One page of users in the order of their addresses, reading no more than [`Query::MOST_EXAMINED`] records. Who did not
    /// get another address, come or go between two pages is on one of them, and on one alone.
    async fn list_users(&self, query: &UserQuery) -> Result<UserPage>;

    /// How many users the filter takes in: exactly for everybody and for any state ([`UserFilter::is_plain`]); where a text is
    /// looked for, up to [`Total::COUNTED`], or as far as can be counted quickly.
    async fn count_users(&self, filter: &UserFilter) -> Result<Total>;

    /// How users' passwords were hashed, and how many each way. Reads all users: for the start, not for a page.
    async fn recipes(&self) -> Result<BTreeMap<Recipe, u64>>;

    /// Adds a user with an unused id and address; with `first`, only if there is no user at all.
    async fn create_user(&self, user: User, first: bool, by: Actor, from: Option<IpAddr>) -> Result<UserCreated>;

    /// Changes a user. In the same step all of their sessions end if the change asks for it ([`ends_sessions`]), as `ending`
    /// tells, and it is refused if it would take the last administrator who can sign in away, also where two such changes
    /// meet. Who may administrate is a record of its own beside the users, like the addresses that are taken.
    ///
    /// A new password that the user asks for themselves ([`Asked`]) is refused as [`UserChanged::Stale`] unless the password that
    /// they gave is still theirs and their session live. That session ends with all the others, and its successor is
    /// created, in the same step: nobody is left with the new password and an old credential, and nobody with the successor
    /// and the old password. The successor is in no listing before it is durable, as after [`Sessions::create`].
    ///
    /// Recovery codes are drawn anew in a session that is live, or not at all ([`UserChanged::Stale`]).
    ///
    /// [`ends_sessions`]: UserChange::ends_sessions
    /// [`Asked`]: crate::domain::change::Asked
    async fn change_user(&self, key: UserKey, change: UserChange, ending: Ending) -> Result<UserChanged>;

    /// Deletes a user. In the same step all of their sessions end, as `ending` tells; their records stay until they are swept,
    /// and so do the audit events, which know the user's id. The last administrator is not deleted.
    async fn delete_user(&self, key: UserKey, ending: Ending) -> Result<UserDeleted>;

    /// Writes down that somebody gave a wrong password or code, as `draft` tells, and counts it for its user in the same
    /// step ([`Tries`]); the one that uses up the tries of strangers, or of those who are known, is followed by an event that
    /// says so. Where the draft names a live session, it is counted there as well, and the one that is once too often
    /// ([`MOST_WRONG_PROOFS`]) ends that session as [`Reason::WrongPasswords`].
    ///
    /// [`MOST_WRONG_PROOFS`]: crate::domain::session::MOST_WRONG_PROOFS
    /// [`Reason::WrongPasswords`]: crate::domain::ending::Reason::WrongPasswords
    ///
    /// [`Tries`]: crate::domain::safeguards::Tries
    async fn sign_in_failed(&self, key: UserKey, known: bool, draft: Draft) -> Result<()>;

    /// Asks whether somebody with the right password, and the right code if one is asked for, may come in: not if there were
    /// too many wrong ones before, and not with a code that was used in the meantime. If they may, the wrong ones are
    /// forgotten and the code is used up, in one step: of two who come with the same code one comes in.
    async fn admit(&self, key: UserKey, admission: Admission, from: Option<IpAddr>) -> Result<Admitted>;

    /// Whether anybody but this user may administrate. For telling what would happen: a change decides by itself.
    async fn has_other_administrator(&self, key: UserKey) -> Result<bool>;
}

/// API keys.
///
/// Revoking is an ending like that of a session: visible before it is durable, answered when it survives a power cut, and
/// undone by nothing.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Adds a key with an unused id.
    async fn create_key(&self, key: ApiKey, from: Option<IpAddr>) -> Result<KeyCreated>;

    /// The key with this id.
    async fn key(&self, id: KeyId) -> Result<Option<StoredKey>>;

    /// All keys, revoked and expired ones among them, the oldest first.
    async fn keys(&self) -> Result<Vec<StoredKey>>;

    /// Revokes a key, also one that has expired.
    async fn revoke_key(&self, id: KeyId, ending: Ending) -> Result<KeyRevoked>;

    /// Notes that the key has been used now, if it is live and the last note is [`ApiKey::USE_STEP`] old. A record of its
    /// own: it can bring nothing back. May be answered before it is written, and may be lost.
    async fn note_key_use(&self, id: KeyId) -> Result<()>;
}

/// Jobs that end sessions by a filter. The store keeps them; it does not do them.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Adds a job with an unused id, unless `most` of them are running. It is accepted once this has answered: it can then be
    /// found after any crash. Repeated, it is there already.
    async fn create_job(&self, job: Job, most: usize) -> Result<JobCreated>;

    /// The job with this id.
    async fn job(&self, id: JobId) -> Result<Option<Job>>;

    /// All jobs, those that are over among them, the oldest first.
    async fn jobs(&self) -> Result<Vec<Job>>;

    /// Notes how far a job has got; the note that it is over comes with an event, and nothing is noted after it.
    async fn note_job(&self, id: JobId, progress: Progress) -> Result<()>;
}

/// The audit log.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Writes an event that belongs to no other change.
    async fn record(&self, draft: Draft) -> Result<EventSeq>;

    /// Up to `most` events, newest first, from `before` on (exclusive) or from the newest.
    async fn events(&self, before: Option<EventSeq>, most: usize) -> Result<Vec<Event>>;

    /// One page of those events that a filter means, reading no more than [`MOST_EXAMINED`] records: a page with fewer rows
    /// than were asked for and a place to go on from has seen only part of the log. Order is by number; times rise with the
    /// numbers unless somebody sets the clock, and a period loses nothing for that. A cursor brings its direction along;
    /// whatever is not swept between two pages is on one of them, and on one alone. What concerns one user is found
    /// without reading what does not.
    ///
    /// [`MOST_EXAMINED`]: search::Query::MOST_EXAMINED
    async fn find(&self, query: &search::Query) -> Result<search::Page>;

    /// The number of the newest event that no crash takes back: raised by the time the change that it belongs to is
    /// answered, and readable from then on. The same channel for as long as the store is open, also while it is opened anew.
    /// The number falls where a restore puts another log in place of this one.
    fn watch_events(&self) -> watch::Receiver<EventSeq>;

    /// The events after this one, oldest first and up to `most`, none of them newer than [`Audit::watch_events`] says. No
    /// number is left out: of one that nobody knows, or not yet for good, [`Action::Lost`] is told. Only what was swept
    /// is missing, at the beginning.
    ///
    /// [`Action::Lost`]: crate::domain::audit::Action::Lost
    async fn events_after(&self, after: EventSeq, most: usize) -> Result<Vec<Event>>;
}

/// How far webhooks have got. The audit log is what they deliver: an event stands in it by the same step as its change, so
/// that nothing else has to be kept for them than a number.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// The last event that this webhook has dealt with; none if it has never been there.
    async fn delivered(&self, webhook: &WebhookName) -> Result<Option<EventSeq>>;

    /// Notes that this webhook has dealt with all events up to this one. What was noted last counts.
    async fn note_delivered(&self, webhook: &WebhookName, upto: EventSeq) -> Result<()>;
}

/// All of it.
#[async_trait]
pub trait Store: Sessions + Users + Keys + Jobs + Audit + Outbox {
    /// The backend's name, for logs.
    fn name(&self) -> &'static str;

    /// Whether a write would be accepted now.
    async fn ready(&self) -> Result<()>;

    /// Removes sessions, API keys and jobs that were past before `before`, older audit events, and what the log of replaced
    /// epochs no longer needs. Looks at no more than about `most` of them; returns how many it looked at, zero once it is through. Touches
    /// nothing that is live, and may be killed anywhere.
    async fn sweep(&self, before: Timestamp, most: usize) -> Result<usize>;

    /// Writes out what is pending and lets go of the files. Afterwards every call is [`StoreError::Unavailable`].
    async fn close(&self) -> Result<()>;
}
