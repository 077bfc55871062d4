//! What may be changed about a user, and what follows from it.

use std::collections::BTreeSet;

use super::audit::Action;
use super::ending::Reason;
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
}

impl UserChange {
    /// What the user becomes; `None` if they are so already.
    pub fn applied(&self, user: &User) -> Option<User> {
        let mut changed = user.clone();
        match self {
            Self::Block => changed.blocked = true,
            Self::Unblock => changed.blocked = false,
            Self::Labels(labels) => changed.labels.clone_from(labels),
        }
        (changed != *user).then_some(changed)
    }

    /// What the audit log calls it.
    pub const fn action(&self) -> Action {
        match self {
            Self::Block => Action::BlockUser,
            Self::Unblock => Action::UnblockUser,
            Self::Labels(_) => Action::LabelUser,
        }
    }

    /// Why sessions end by it, if they do.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Block | Self::Unblock => Reason::Blocked,
            Self::Labels(_) => Reason::RightsChanged,
        }
    }
}

/// Whether sessions that began before the change must not go on after it: their user may not sign in any more, or has other
/// rights.
pub fn ends_sessions(before: &User, after: &User) -> bool {
    (after.blocked && !before.blocked) || before.is_administrator() != after.is_administrator()
}

/// Whether the change takes an administrator away. Not the last one, whatever else happens at the same time.
pub fn takes_administrator(before: &User, after: &User) -> bool {
    before.may_administrate() && !after.may_administrate()
}
