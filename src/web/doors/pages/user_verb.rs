//! What an administrator may do to a user with one button, and what is said before.

use crate::domain::user::User;
use crate::web::text::sessions;

/// See the module.
#[derive(Clone, Copy)]
pub struct Verb(Means);

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    Block,
    Unblock,
    Unlock,
    Reset,
    NoSecondFactor,
    Delete,
}

impl Verb {
    /// By the last part of its address.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(match text {
            "block" => Means::Block,
            "unblock" => Means::Unblock,
            "unlock" => Means::Unlock,
            "password" => Means::Reset,
            "second-factor" => Means::NoSecondFactor,
            "delete" => Means::Delete,
            _ => return None,
        }))
    }

    /// What it does.
    pub const fn means(self) -> Means {
        self.0
    }

    /// The end of its address.
    pub const fn path(self) -> &'static str {
        match self.0 {
            Means::Block => "/block",
            Means::Unblock => "/unblock",
            Means::Unlock => "/unlock",
            Means::Reset => "/password",
            Means::NoSecondFactor => "/second-factor",
            Means::Delete => "/delete",
        }
    }

    /// The question.
    pub fn heading(self, user: &User) -> String {
        let name = &user.name;
        match self.0 {
            Means::Block => format!("Block {name}?"),
            Means::Unblock => format!("Let {name} sign in again?"),
            Means::Unlock => format!("Unlock {name}?"),
            Means::Reset => format!("Reset the password of {name}?"),
            Means::NoSecondFactor => format!("Remove the second factor of {name}?"),
            Means::Delete => format!("Delete {name}?"),
        }
    }

    /// The answer.
    pub const fn button(self) -> &'static str {
        match self.0 {
            Means::Block => "Block",
            Means::Unblock => "Unblock",
            Means::Unlock => "Unlock",
            Means::Reset => "Reset password",
            Means::NoSecondFactor => "Remove second factor",
            Means::Delete => "Delete user",
        }
    }

    /// Whether it takes something away from the user.
    pub const fn is_grave(self) -> bool {
        !matches!(self.0, Means::Unblock | Means::Unlock)
    }

    /// Whether it asks for the password: whoever does it could use the account afterwards, or nobody could, or there is an
    /// administrator more. What has to be quick in an emergency does not.
    pub fn asks_who_it_is(self, user: &User) -> bool {
        match self.0 {
            Means::Reset | Means::NoSecondFactor | Means::Delete => true,
            Means::Unblock => user.is_administrator(),
            Means::Block | Means::Unlock => false,
        }
    }

    /// Why an administrator does not do it to themselves, where they do not.
    pub const fn not_on_oneself(self) -> Option<&'static str> {
        match self.0 {
            Means::Block => {
                Some("You cannot block yourself. Another administrator can, or the operator of the server.")
            }
            Means::Delete => {
                Some("You cannot delete yourself. Another administrator can, or the operator of the server.")
            }
            Means::Reset => {
                Some("This is your own password: change it on your account’s page, with the one you have now.")
            }
            Means::NoSecondFactor => Some(
                "This is your own second factor: change it on your account’s page. If you have lost it, another administrator can remove it.",
            ),
            Means::Unblock | Means::Unlock => None,
        }
    }

    /// What follows from it.
    pub fn consequences(self, user: &User, live: u64) -> Vec<String> {
        let end = match live {
            0 => "No session of theirs is live; a sign-in that is under way is stopped.".to_owned(),
            1 => "Their one live session ends at once.".to_owned(),
            live => format!("Their {} that are live end at once.", sessions(live)),
        };
        let kept = "The audit log keeps who did it, when and why.".to_owned();
        match self.0 {
            Means::Block => vec![end, "They cannot sign in until somebody unblocks them.".to_owned(), kept],
            Means::Unblock => vec![
                "They can sign in with the password they had.".to_owned(),
                "No session that has ended comes back.".to_owned(),
                kept,
            ],
            Means::Unlock => vec![
                format!(
                    "{} wrong passwords or codes in a row are forgotten, so that they can be tried again.",
                    user.safeguards.tries.count()
                ),
                "Do it once you know who tried. If it was not them, reset the password instead.".to_owned(),
                kept,
            ],
            Means::Reset => vec![
                "Their present password stops working.".to_owned(),
                end,
                "You get a one-time password to hand on. It is shown once, is good for 24 hours, and has to be changed at the next sign-in.".to_owned(),
                kept,
            ],
            Means::NoSecondFactor => vec![
                "They sign in with the password alone until they set up another.".to_owned(),
                "Their recovery codes stop working.".to_owned(),
                end,
                kept,
            ],
            Means::Delete => vec![
                end,
                "Name, e-mail address, password and labels are gone and cannot be brought back.".to_owned(),
                "The audit log keeps what happened, with the user’s id and a fingerprint of the e-mail address, not the address itself. Ended sessions stay listed under the id until they are swept.".to_owned(),
                "The address can be given to a new user, who gets nothing of what the old one had.".to_owned(),
            ],
        }
    }
}
