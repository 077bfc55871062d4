//! What the page after a change to a user says of it: a code in the flash cookie, words on the page.

use std::str::FromStr;

use super::text::sessions;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserDone {
    /// They may not sign in any more.
    Blocked,
    /// They may sign in again.
    Unblocked,
    /// The wrong passwords are forgotten.
    Unlocked,
    /// They have another name.
    Name,
    /// They have another address.
    Email,
    /// They have other labels.
    Labels,
    /// They have no second factor any more.
    SecondFactor,
    /// They are gone.
    Deleted,
    /// They were so before.
    Unchanged,
}

impl UserDone {
    /// Everything.
    #[cfg(test)]
    pub const ALL: [Self; 9] = [
        Self::Blocked,
        Self::Unblocked,
        Self::Unlocked,
        Self::Name,
        Self::Email,
        Self::Labels,
        Self::SecondFactor,
        Self::Deleted,
        Self::Unchanged,
    ];

    /// What stands in the cookie.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Unblocked => "unblocked",
            Self::Unlocked => "unlocked",
            Self::Name => "name",
            Self::Email => "email",
            Self::Labels => "labels",
            Self::SecondFactor => "factor",
            Self::Deleted => "deleted",
            Self::Unchanged => "unchanged",
        }
    }

    /// What stands on the page, and so many sessions ended by it.
    pub fn text(self, ended: u64) -> String {
        let done = match self {
            Self::Blocked => "The user is blocked and cannot sign in.",
            Self::Unblocked => "The user may sign in again.",
            Self::Unlocked => "The wrong passwords are forgotten; the user may try again.",
            Self::Name => "The name is changed.",
            Self::Email => "The e-mail address is changed. The user signs in with the new one from now on.",
            Self::Labels => "The labels are changed.",
            Self::SecondFactor => "The second factor is removed. The user signs in with the password alone.",
            Self::Deleted => "The user is deleted.",
            Self::Unchanged => "Nothing was changed: it was so before.",
        };
        if ended == 0 { done.to_owned() } else { format!("{done} {} ended.", sessions(ended)) }
    }
}

impl FromStr for UserDone {
    type Err = ();

    fn from_str(code: &str) -> Result<Self, ()> {
        Ok(match code {
            "blocked" => Self::Blocked,
            "unblocked" => Self::Unblocked,
            "unlocked" => Self::Unlocked,
            "name" => Self::Name,
            "email" => Self::Email,
            "labels" => Self::Labels,
            "factor" => Self::SecondFactor,
            "deleted" => Self::Deleted,
            "unchanged" => Self::Unchanged,
            _ => return Err(()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_read_back() {
        for done in UserDone::ALL {
            assert_eq!(done.code().parse(), Ok(done));
            assert!(done.text(2).ends_with("2 sessions ended."));
        }
        assert_eq!("x".parse::<UserDone>(), Err(()));
    }
}
