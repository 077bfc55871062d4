//! What happened: who, what, whom, when, from where, how it went and why.

pub mod search;
mod typed;

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use self::typed::{Meant, SearchError, Typed, parse_actor};
use super::change::UserChange;
use super::ending::{Actor, Ending, Note, Reason};
use super::id::{EventSeq, KeyId, SessionId, UserId};
use super::job::{Job, JobState};
use super::key::ApiKey;
use super::session::Session;
use super::timestamp::Timestamp;
use super::user::{Label, User};

/// What somebody did or tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Action {
    /// Sign in.
    SignIn,
    /// End one session.
    EndSession,
    /// End all (or all other) sessions of one user.
    EndUserSessions,
    /// End everyone's sessions.
    EndEveryonesSessions,
    /// Create a user.
    CreateUser,
    /// Confirm who one is, in a session that exists.
    Reauthenticate,
    /// Start the server.
    Start,
    /// Forbid a user to sign in.
    BlockUser,
    /// Let a user sign in again.
    UnblockUser,
    /// Change what a user may do.
    LabelUser,
    /// Nobody knows: the number was given to a change that was never confirmed, or whose record was lost with the disk.
    Lost,
    /// Give a user a new password.
    ChangePassword,
    /// Hash a password that has been verified anew, at another cost.
    RehashPassword,
    /// Give a user a password for one use.
    ResetPassword,
    /// Give a user another e-mail address.
    ChangeEmail,
    /// Give a user another name.
    ChangeName,
    /// Set up a second factor, or replace it.
    SetSecondFactor,
    /// Remove a second factor.
    RemoveSecondFactor,
    /// Draw new recovery codes.
    RenewRecoveryCodes,
    /// Use a recovery code up.
    UseRecoveryCode,
    /// Take no more passwords of strangers for a user, or of those who are known.
    LockUser,
    /// Forget the wrong passwords in a row.
    UnlockUser,
    /// Delete a user.
    DeleteUser,
    /// Give the device of a session a name.
    NameDevice,
    /// Say that one has read of sign-ins in new browsers.
    Acknowledge,
    /// Ask for what one may not have, or as nobody who meant it would.
    Request,
    /// Hand out the audit log, or a part of it, as a file.
    ExportAudit,
    /// Create an API key.
    CreateKey,
    /// Revoke an API key.
    RevokeKey,
    /// Have a session go on.
    RenewSession,
    /// Change what applications keep for a user.
    ChangePrefs,
    /// Say whether an e-mail address is its user's.
    VerifyEmail,
    /// Draw a one-time token.
    CreateToken,
    /// Have a session begun for a user, on an application's word.
    VouchForUser,
    /// Tell another program by webhook, in vain.
    FailWebhook,
    /// Order the end of all sessions that a filter means.
    OrderJob,
    /// Be through with such an order, or give it up.
    FinishJob,
}

impl Action {
    /// Every action, for tests and tables.
    pub const ALL: [Self; 37] = [
        Self::SignIn,
        Self::EndSession,
        Self::EndUserSessions,
        Self::EndEveryonesSessions,
        Self::CreateUser,
        Self::Reauthenticate,
        Self::Start,
        Self::BlockUser,
        Self::UnblockUser,
        Self::LabelUser,
        Self::Lost,
        Self::ChangePassword,
        Self::RehashPassword,
        Self::ResetPassword,
        Self::ChangeEmail,
        Self::ChangeName,
        Self::SetSecondFactor,
        Self::RemoveSecondFactor,
        Self::RenewRecoveryCodes,
        Self::UseRecoveryCode,
        Self::LockUser,
        Self::UnlockUser,
        Self::DeleteUser,
        Self::NameDevice,
        Self::Acknowledge,
        Self::Request,
        Self::ExportAudit,
        Self::CreateKey,
        Self::RevokeKey,
        Self::RenewSession,
        Self::ChangePrefs,
        Self::VerifyEmail,
        Self::CreateToken,
        Self::VouchForUser,
        Self::FailWebhook,
        Self::OrderJob,
        Self::FinishJob,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SignIn => "session.create",
            Self::EndSession => "session.end",
            Self::EndUserSessions => "user.sessions.end",
            Self::EndEveryonesSessions => "everyone.sessions.end",
            Self::CreateUser => "user.create",
            Self::Reauthenticate => "session.reauthenticate",
            Self::Start => "server.start",
            Self::BlockUser => "user.block",
            Self::UnblockUser => "user.unblock",
            Self::LabelUser => "user.label",
            Self::Lost => "event.lost",
            Self::ChangePassword => "user.password.change",
            Self::RehashPassword => "user.password.rehash",
            Self::ResetPassword => "user.password.reset",
            Self::ChangeEmail => "user.email.change",
            Self::ChangeName => "user.name.change",
            Self::SetSecondFactor => "user.second-factor.set",
            Self::RemoveSecondFactor => "user.second-factor.remove",
            Self::RenewRecoveryCodes => "user.recovery-codes.renew",
            Self::UseRecoveryCode => "user.recovery-code.use",
            Self::LockUser => "user.lock",
            Self::UnlockUser => "user.unlock",
            Self::DeleteUser => "user.delete",
            Self::NameDevice => "session.name",
            Self::Acknowledge => "session.acknowledge",
            Self::Request => "request",
            Self::ExportAudit => "audit.export",
            Self::CreateKey => "key.create",
            Self::RevokeKey => "key.revoke",
            Self::RenewSession => "session.renew",
            Self::ChangePrefs => "user.prefs.change",
            Self::VerifyEmail => "user.email.verify",
            Self::CreateToken => "user.token.create",
            Self::VouchForUser => "user.vouch",
            Self::FailWebhook => "webhook.fail",
            Self::OrderJob => "job.order",
            Self::FinishJob => "job.finish",
        }
    }

    /// The action with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.code() == code)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// Done.
    Success,
    /// Tried in vain: a wrong password.
    Failure,
    /// Not even looked at: a limit or a right was in the way. One event may stand for many tries.
    Denied,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Success, Self::Failure, Self::Denied];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Denied => "denied",
        }
    }

    /// The outcome with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.code() == code)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An event before the store has stamped it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Who.
    pub actor: Actor,
    /// What.
    pub action: Action,
    /// To which user.
    pub user: Option<UserId>,
    /// To which session. Whoever it belongs to is the actor or the user of the event: searches rely on it.
    pub session: Option<SessionId>,
    /// From which address.
    pub from: Option<IpAddr>,
    /// How it went.
    pub outcome: Outcome,
    /// Why, where there is a why.
    pub reason: Option<Reason>,
    /// What the actor wrote.
    pub note: Option<Note>,
    /// How many sessions it ended.
    pub ended: u64,
    /// What changed, where the action alone does not say it.
    pub detail: Option<Detail>,
    /// To which API key.
    pub key: Option<KeyId>,
}

/// What changed, in the server's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail(String);

impl Detail {
    /// The longest one, in characters.
    pub const LONGEST: usize = 2_000;

    /// Cut if it is too long.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        match text.char_indices().nth(Self::LONGEST) {
            Some((end, _)) => Self(text[..end].to_owned()),
            None => Self(text),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Draft {
    /// An event about nobody yet; fill in what is known.
    pub const fn new(actor: Actor, action: Action, outcome: Outcome) -> Self {
        Self {
            actor,
            action,
            user: None,
            session: None,
            from: None,
            outcome,
            reason: None,
            note: None,
            ended: 0,
            detail: None,
            key: None,
        }
    }

    /// The users whom it concerns: who did it, and to whom it was done. The same one may come twice.
    pub fn concerned(&self) -> impl Iterator<Item = &UserId> {
        let actor = if let Actor::User(id) = &self.actor { Some(id) } else { None };
        actor.into_iter().chain(&self.user)
    }

    /// A session was created.
    pub fn signed_in(session: &Session) -> Self {
        Self {
            user: Some(session.user().clone()),
            session: Some(session.id()),
            from: session.client().address,
            ..Self::new(Actor::User(session.user().clone()), Action::SignIn, Outcome::Success)
        }
    }

    /// A user was created.
    pub fn user_created(user: &User, actor: Actor, from: Option<IpAddr>) -> Self {
        let labels: Vec<_> = user.labels.iter().map(Label::as_str).collect();
        let labels = if labels.is_empty() { String::new() } else { format!(", labels {}", labels.join(" ")) };
        let detail = Some(Detail::new(format!("e-mail {}{labels}", user.email.fingerprint())));
        Self { user: Some(user.id.clone()), from, detail, ..Self::new(actor, Action::CreateUser, Outcome::Success) }
    }

    /// One session was ended.
    pub fn ended_one(ending: &Ending, user: &UserId, session: SessionId) -> Self {
        Self { user: Some(user.clone()), session: Some(session), ended: 1, ..Self::ended(ending, Action::EndSession) }
    }

    /// A user's sessions were ended, `count` live ones.
    pub fn ended_user(ending: &Ending, user: &UserId, count: u64) -> Self {
        Self { user: Some(user.clone()), ended: count, ..Self::ended(ending, Action::EndUserSessions) }
    }

    /// A user was changed, and `count` live sessions ended by it.
    pub fn user_changed(ending: &Ending, change: &UserChange, before: &User, count: u64) -> Self {
        let detail = change.detail(before);
        let ended =
            Self { user: Some(before.id.clone()), ended: count, detail, ..Self::ended(ending, change.action()) };
        if count == 0 { Self { reason: None, ..ended } } else { ended }
    }

    /// A user was deleted, and `count` live sessions ended by it. What is left of the address tells it from others.
    pub fn user_deleted(ending: &Ending, user: &User, count: u64) -> Self {
        let detail = Some(Detail::new(format!("e-mail {}", user.email.fingerprint())));
        Self { user: Some(user.id.clone()), ended: count, detail, ..Self::ended(ending, Action::DeleteUser) }
    }

    /// A user takes no more passwords: of strangers, or of those who are known.
    pub fn locked(user: &UserId, known: bool, from: Option<IpAddr>) -> Self {
        let whom = if known { "browsers and sessions that are known" } else { "browsers that are not known" };
        let detail = Some(Detail::new(format!("to {whom}")));
        Self { user: Some(user.clone()), from, detail, ..Self::new(Actor::System, Action::LockUser, Outcome::Success) }
    }

    /// Somebody used a recovery code up.
    pub fn recovered(user: &User, left: usize, from: Option<IpAddr>) -> Self {
        let detail = Some(Detail::new(format!("{left} are left")));
        let actor = Actor::User(user.id.clone());
        Self {
            user: Some(user.id.clone()),
            from,
            detail,
            ..Self::new(actor, Action::UseRecoveryCode, Outcome::Success)
        }
    }

    /// A session was changed and goes on.
    pub fn session_changed(user: &UserId, session: SessionId, action: Action, from: Option<IpAddr>) -> Self {
        let of = Self::new(Actor::User(user.clone()), action, Outcome::Success);
        Self { user: Some(user.clone()), session: Some(session), from, ..of }
    }

    /// Everyone's sessions were ended, `count` live ones.
    pub fn ended_everyone(ending: &Ending, count: u64) -> Self {
        Self { ended: count, ..Self::ended(ending, Action::EndEveryonesSessions) }
    }

    /// An API key was created.
    pub fn key_created(key: &ApiKey, from: Option<IpAddr>) -> Self {
        let detail = Some(Detail::new(format!("key {}, {}: {}", key.id, key.name, key.scopes)));
        Self { key: Some(key.id), from, detail, ..Self::new(key.by.clone(), Action::CreateKey, Outcome::Success) }
    }

    /// An API key was revoked.
    pub fn key_revoked(ending: &Ending, id: KeyId) -> Self {
        let detail = Some(Detail::new(format!("key {id}")));
        Self { key: Some(id), detail, ..Self::ended(ending, Action::RevokeKey) }
    }

    /// The end of all sessions that a filter means was ordered.
    pub fn job_ordered(job: &Job) -> Self {
        let detail = format!("job {}: {}", job.id, job.assignment.asked.as_str());
        Self { note: Some(job.assignment.note.clone()), ..Self::of_job(job, Action::OrderJob, detail) }
    }

    /// A job is over: through, or given up. Each session that it ended has an event of its own.
    pub fn job_over(job: &Job) -> Self {
        let (id, ended) = (job.id, job.progress.ended);
        match &job.progress.state {
            JobState::Failed(_, why) => {
                let detail = format!("job {id}: given up, since {}; {ended} sessions had ended", why.as_str());
                Self { outcome: Outcome::Failure, ..Self::of_job(job, Action::FinishJob, detail) }
            }
            _ => Self::of_job(job, Action::FinishJob, format!("job {id}: {ended} sessions ended")),
        }
    }

    fn of_job(job: &Job, action: Action, detail: String) -> Self {
        let by = job.assignment.by.clone();
        Self { from: job.assignment.from, detail: Some(Detail::new(detail)), ..Self::new(by, action, Outcome::Success) }
    }

    fn ended(ending: &Ending, action: Action) -> Self {
        Self {
            from: ending.from,
            reason: Some(ending.reason),
            note: ending.note.clone(),
            ..Self::new(ending.by.clone(), action, Outcome::Success)
        }
    }
}

/// An event as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Where it stands.
    pub seq: EventSeq,
    /// When.
    pub at: Timestamp,
    /// What.
    pub draft: Draft,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_parse_back_and_every_action_is_among_all() {
        for (number, action) in Action::ALL.into_iter().enumerate() {
            assert_eq!(Action::from_code(action.code()), Some(action));
            assert_eq!(action as usize, number, "{action} is at its place");
        }
        for outcome in Outcome::ALL {
            assert_eq!(Outcome::from_code(outcome.code()), Some(outcome));
        }
        assert_eq!((Action::from_code(""), Outcome::from_code("Success")), (None, None));
    }
}
