//! Audit events as people read them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::format::Time;
use super::text;
use crate::domain::audit::{Action, Detail, Event, Outcome};
use crate::domain::ending::{Actor, Note};
use crate::domain::id::UserId;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;

/// What somebody did or tried.
pub const fn action(action: Action) -> &'static str {
    match action {
        Action::SignIn => "Sign in",
        Action::EndSession => "End one session",
        Action::EndUserSessions => "End a user’s sessions",
        Action::EndEveryonesSessions => "End everyone’s sessions",
        Action::CreateUser => "Create a user",
        Action::Reauthenticate => "Confirm the password",
        Action::Start => "Start the server",
        Action::BlockUser => "Block a user",
        Action::UnblockUser => "Unblock a user",
        Action::LabelUser => "Change a user’s labels",
        Action::Lost => "Not known: the record was lost",
        Action::ChangePassword => "Change a password",
        Action::RehashPassword => "Store a password at another cost",
        Action::ResetPassword => "Give out a password for one use",
        Action::ChangeEmail => "Change an e-mail address",
        Action::ChangeName => "Change a name",
        Action::SetSecondFactor => "Set up a second factor",
        Action::RemoveSecondFactor => "Remove a second factor",
        Action::RenewRecoveryCodes => "Draw new recovery codes",
        Action::UseRecoveryCode => "Use a recovery code",
        Action::LockUser => "Lock a user after wrong tries",
        Action::UnlockUser => "Unlock a user",
        Action::DeleteUser => "Delete a user",
        Action::NameDevice => "Name a device",
        Action::Acknowledge => "Read the notice of a new device",
        Action::Request => "Ask for what is not allowed",
        Action::ExportAudit => "Export the audit log",
        Action::CreateKey => "Create an API key",
        Action::RevokeKey => "Revoke an API key",
        Action::RenewSession => "Renew a session",
        Action::ChangePrefs => "Change what applications keep",
        Action::VerifyEmail => "Say whether an address is verified",
        Action::VouchForUser => "Vouch for a user",
        Action::FailWebhook => "Tell another program in vain",
        Action::OrderJob => "End all sessions that match",
        Action::FinishJob => "Be through with ending what matches",
        Action::CreateToken => "Draw a one-time token",
    }
}

/// How it went.
pub const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Success => "Done",
        Outcome::Failure => "Failed",
        Outcome::Denied => "Refused",
    }
}

/// For whom events are shown: what the users in them are called, as far as they are still there.
pub struct Reader<'a> {
    /// The time.
    pub now: Timestamp,
    /// Those whom the events concern.
    pub users: &'a BTreeMap<UserId, User>,
}

impl Reader<'_> {
    /// One event.
    pub fn row(&self, event: &Event) -> Value {
        let draft = &event.draft;
        let actor = match &draft.actor {
            Actor::User(id) => self.user(id),
            Actor::Operator => json!({ "text": "The operator", "code": "operator" }),
            Actor::System => json!({ "text": "The server", "code": "system" }),
            Actor::Anonymous => json!({ "text": "Nobody known", "code": "anonymous" }),
            Actor::Key(id) => json!({ "text": format!("API key {id}"), "code": format!("key:{id}") }),
        };
        let own = draft.user.as_ref().is_some_and(|id| draft.actor == Actor::User(id.clone()));
        json!({
            "number": event.seq.0,
            "at": Time::new(event.at, self.now),
            "actor": actor,
            "action": { "text": action(draft.action), "code": draft.action.code() },
            "user": draft.user.as_ref().map(|id| self.user(id)),
            "own": own,
            "key": draft.key.map(|id| id.to_string()),
            "session": draft.session.map(|id| id.to_string()),
            "address": draft.from.map(|ip| ip.to_string()),
            "outcome": { "text": outcome(draft.outcome), "code": draft.outcome.code() },
            "reason": draft.reason.map(|reason| json!({
                "text": text::to_administrators(reason), "code": reason.code()
            })),
            "note": draft.note.as_ref().map(Note::as_str),
            "detail": draft.detail.as_ref().map(Detail::as_str),
            "ended": ended(event),
        })
    }

    fn user(&self, id: &UserId) -> Value {
        let (text, known) = match self.users.get(id) {
            Some(user) if user.name.as_str().is_empty() => (user.email.to_string(), true),
            Some(user) => (user.name.to_string(), true),
            None => (id.to_string(), false),
        };
        json!({ "text": text, "code": id.as_str(), "id": id.as_str(), "known": known })
    }
}

/// How many sessions it ended, and where those are to be seen that are still known.
fn ended(event: &Event) -> Value {
    let draft = &event.draft;
    let href = match (&draft.user, draft.action) {
        _ if draft.ended == 0 || draft.session.is_some() => return Value::Null,
        (Some(user), _) => format!("/admin/sessions?status=ended&user={user}"),
        (None, Action::EndEveryonesSessions) => "/admin/sessions?status=ended".to_owned(),
        (None, _) => return Value::Null,
    };
    json!({ "text": text::sessions(draft.ended), "href": href })
}
