//! How a session ends: who ended it, when and why.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::id::{EventSeq, KeyId, UserId};
use super::timestamp::Timestamp;

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    /// Somebody who is signed in, with the rights they had at that moment.
    User(UserId),
    /// Whoever may run commands on the machine.
    Operator,
    /// The server itself, by one of its rules.
    System,
    /// Nobody known: a failed sign-in, say.
    Anonymous,
    /// A program that showed this API key.
    Key(KeyId),
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "user:{id}"),
            Self::Operator => f.write_str("operator"),
            Self::System => f.write_str("system"),
            Self::Anonymous => f.write_str("anonymous"),
            Self::Key(id) => write!(f, "key:{id}"),
        }
    }
}

/// Why. The code travels in a cookie to the sign-in page; the text for people belongs to the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// The person signed out of this very session.
    SignedOut,
    /// The person ended it from another of their sessions.
    SignedOutElsewhere,
    /// An administrator or operator ended it.
    Revoked,
    /// An administrator ended everyone's sessions.
    EveryoneRevoked,
    /// The same browser signed in again.
    Replaced,
    /// The user had more sessions than allowed; this one was idle longest.
    Limit,
    /// The server can no longer vouch for it: data was lost or the clock went back.
    Safety,
    /// An administrator or operator blocked its user.
    Blocked,
    /// Its user became an administrator, or is none any more.
    RightsChanged,
    /// Its user, or the operator, changed the password.
    PasswordChanged,
    /// Its user was deleted.
    Deleted,
    /// The second factor of its user was set up, replaced or removed.
    SecondFactorChanged,
}

impl Reason {
    /// Every reason, for tests and tables.
    pub const ALL: [Self; 12] = [
        Self::SignedOut,
        Self::SignedOutElsewhere,
        Self::Revoked,
        Self::EveryoneRevoked,
        Self::Replaced,
        Self::Limit,
        Self::Safety,
        Self::Blocked,
        Self::RightsChanged,
        Self::PasswordChanged,
        Self::Deleted,
        Self::SecondFactorChanged,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SignedOut => "signed-out",
            Self::SignedOutElsewhere => "signed-out-elsewhere",
            Self::Revoked => "revoked",
            Self::EveryoneRevoked => "everyone-revoked",
            Self::Replaced => "replaced",
            Self::Limit => "limit",
            Self::Safety => "safety",
            Self::Blocked => "blocked",
            Self::RightsChanged => "rights-changed",
            Self::PasswordChanged => "password-changed",
            Self::Deleted => "deleted",
            Self::SecondFactorChanged => "second-factor-changed",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Not a reason's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a reason")]
pub struct ReasonError;

impl FromStr for Reason {
    type Err = ReasonError;
    fn from_str(code: &str) -> Result<Self, ReasonError> {
        Self::ALL.into_iter().find(|reason| reason.code() == code).ok_or(ReasonError)
    }
}

/// What an administrator writes down beside a revoke. Private: only administrators and the audit log see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note(String);

/// A note that cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reason has at most {} characters", Note::LONGEST)]
pub struct NoteError;

impl Note {
    /// The longest note, in characters.
    pub const LONGEST: usize = 200;

    /// Trims; an empty note is none.
    pub fn parse(text: &str) -> Result<Option<Self>, NoteError> {
        let text = text.trim();
        if text.chars().count() > Self::LONGEST {
            return Err(NoteError);
        }
        Ok((!text.is_empty()).then(|| Self(text.to_owned())))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An order to end sessions, before the store has stamped it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// Who asks.
    pub by: Actor,
    /// Why.
    pub reason: Reason,
    /// What the administrator wrote.
    pub note: Option<Note>,
    /// The address that the order came from.
    pub from: Option<IpAddr>,
}

impl Ending {
    /// An order without a note.
    pub const fn new(by: Actor, reason: Reason, from: Option<IpAddr>) -> Self {
        Self { by, reason, note: None, from }
    }

    /// What the session or the log of replaced epochs remembers of it.
    pub fn at(&self, at: Timestamp, event: EventSeq) -> Ended {
        Ended { at, by: self.by.clone(), reason: self.reason, note: self.note.clone(), event }
    }
}

/// How and when a session ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: Actor,
    /// Why.
    pub reason: Reason,
    /// What the administrator wrote; not for the person whose session it was.
    pub note: Option<Note>,
    /// The audit event that tells the same: one for all sessions that one step ended.
    pub event: EventSeq,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_parse_back() {
        for reason in Reason::ALL {
            assert_eq!(reason.code().parse(), Ok(reason));
        }
        assert_eq!("<script>".parse::<Reason>(), Err(ReasonError));
    }

    #[test]
    fn notes_are_trimmed_and_bounded_in_characters() {
        assert_eq!(Note::parse("  \n"), Ok(None));
        assert_eq!(Note::parse(" left ").map(|n| n.map(|n| n.0)), Ok(Some("left".to_owned())));
        assert!(Note::parse(&"é".repeat(Note::LONGEST)).is_ok());
        assert_eq!(Note::parse(&"é".repeat(Note::LONGEST + 1)), Err(NoteError));
    }
}
