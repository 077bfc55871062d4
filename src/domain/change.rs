//! What may be changed about a user, and what follows from it.

use std::collections::BTreeSet;

use super::audit::Action;
use super::ending::Reason;
use super::epoch::{Epoch, Epochs};
use super::id::SessionId;
use super::password::PasswordHash;
use super::session::Session;
use super::user::{Label, User};

/// A change to a user's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserChange {
    /// They may not sign in any more.
    Block,
    /// They may sign in again.
    Unblock,
    /// They have these labels from now on.
    Labels(BTreeSet<Label>),
    /// They have a new password.
    Password(Box<NewPassword>),
    /// The same password, hashed anew at another cost.
    Rehash {
        /// What it was compared with; by now it may be another one.
        verified: PasswordHash,
        /// What it hashes to now.
        fresh: PasswordHash,
    },
}

/// A new password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPassword {
    /// What it hashes to.
    pub hash: PasswordHash,
    /// If the user asks for it themselves: what that rests on.
    pub asked: Option<Asked>,
}

/// A user's own wish for a new password: good as long as the password that they gave is the present one and the session in
/// which they ask is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What the password that they gave was compared with.
    pub verified: PasswordHash,
    /// The session in which they ask.
    pub session: SessionId,
    /// The session that takes its place, stamped with the epochs from before the password was compared.
    pub successor: Session,
}

impl UserChange {
    /// What the user becomes; `None` if they are so already.
    pub fn applied(&self, user: &User) -> Option<User> {
        let mut changed = user.clone();
        match self {
            Self::Block => changed.blocked = true,
            Self::Unblock => changed.blocked = false,
            Self::Labels(labels) => changed.labels.clone_from(labels),
            Self::Password(new) => changed.password = new.hash.clone(),
            Self::Rehash { fresh, .. } => changed.password = fresh.clone(),
        }
        (changed != *user).then_some(changed)
    }

    /// What the audit log calls it.
    pub const fn action(&self) -> Action {
        match self {
            Self::Block => Action::BlockUser,
            Self::Unblock => Action::UnblockUser,
            Self::Labels(_) => Action::LabelUser,
            Self::Password(_) => Action::ChangePassword,
            Self::Rehash { .. } => Action::RehashPassword,
        }
    }

    /// Why sessions end by it, if they do.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Block | Self::Unblock => Reason::Blocked,
            Self::Labels(_) => Reason::RightsChanged,
            Self::Password(_) | Self::Rehash { .. } => Reason::PasswordChanged,
        }
    }

    /// Whether the password that it rests on is still the user's.
    pub fn still_holds(&self, user: &User) -> bool {
        match self {
            Self::Block | Self::Unblock | Self::Labels(_) => true,
            Self::Password(new) => new.asked.as_ref().is_none_or(|asked| asked.verified == user.password),
            Self::Rehash { verified, .. } => *verified == user.password,
        }
    }

    /// Who asks for a new password, if the user does.
    pub fn asked(&self) -> Option<&Asked> {
        if let Self::Password(new) = self { new.asked.as_ref() } else { None }
    }

    /// Whether sessions that began before it must not go on after it: their user may not sign in any more, has other rights,
    /// or another password.
    pub fn ends_sessions(&self, before: &User, after: &User) -> bool {
        matches!(self, Self::Password(_))
            || (after.blocked && !before.blocked)
            || before.is_administrator() != after.is_administrator()
    }
}

impl Asked {
    /// The session that takes the place of the one in which `user` asks, once their epoch is `fresh`; `None` if all of their
    /// sessions have been ended since its epochs were read.
    pub fn succeeding(&self, user: &User, server: Epoch, fresh: Epoch) -> Option<Session> {
        let mut session = self.successor.clone();
        let present = *session.user() == user.id && session.epochs() == Epochs { user: user.epoch, server };
        (present && session.restamp(fresh).is_ok()).then_some(session)
    }
}

/// Whether the change takes an administrator away. Not the last one, whatever else happens at the same time.
pub fn takes_administrator(before: &User, after: &User) -> bool {
    before.may_administrate() && !after.may_administrate()
}
