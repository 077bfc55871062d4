//! What people read, in one place.

use serde::Serialize;

use super::flash::{Deed, Flash, Why};
use super::format::{Time, thousands};
use super::told_user::UserDone;
use crate::domain::ending::Reason;
use crate::domain::timestamp::Timestamp;
use crate::service::sessions::{LiveSession, Resolved};

/// A message at the top of a page.
#[derive(Serialize)]
pub struct Notice {
    kind: &'static str,
    text: String,
}

/// Why somebody was turned away.
#[derive(Serialize)]
pub struct Away {
    title: &'static str,
    text: &'static str,
    at: Option<Time>,
}

/// `3 sessions`, `1 session`.
pub fn sessions(count: u64) -> String {
    if count == 1 { "1 session".to_owned() } else { format!("{} sessions", thousands(count)) }
}

/// What is wrong with a proof: only who has a second factor is asked for a code.
pub fn wrong_proof(live: &LiveSession) -> &'static str {
    match live.user.safeguards.second_factor {
        _ if live.user.safeguards.tries.is_locked(true) => {
            "There were too many wrong passwords in a row: sign in in another browser, or ask an administrator to unlock \
             your account"
        }
        Some(_) => "The password or the code is not right",
        None => "That is not your password",
    }
}

/// An error's text as a sentence of a page.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// What a flash says on a page that is not the sign-in page's "turned away".
pub fn notice(flash: Flash) -> Option<Notice> {
    let (kind, text) = match flash {
        Flash::Away(..) | Flash::Onward => return None,
        Flash::Ended { ended: 0, already: 0, unknown: 0 } => {
            ("info", "Tick the sessions that are to end first.".to_owned())
        }
        Flash::Ended { ended, already, unknown } => {
            let mut parts = vec![if ended == 0 {
                "No session was ended.".to_owned()
            } else {
                format!("{} ended.", sessions(ended))
            }];
            if already > 0 {
                parts.push(format!("{already} had ended before."));
            }
            if unknown > 0 {
                parts.push(format!("{unknown} could not be found."));
            }
            let text = parts.join(" ");
            (if ended > 0 { "success" } else { "info" }, text)
        }
        Flash::Everyone(count) => {
            ("success", format!("Everyone else is signed out: {} ended. You have a new session.", sessions(count)))
        }
        Flash::SignedOut(0 | 1) => ("success", "You are signed out.".to_owned()),
        Flash::SignedOut(count) => ("success", format!("You are signed out: {} ended.", sessions(count))),
        Flash::OverAlready => (
            "warning",
            "This session was over already, and your other sessions were not touched. Sign in to end them.".to_owned(),
        ),
        Flash::Displaced(count) => {
            ("warning", format!("You had too many sessions, so {} that had been idle longest ended.", sessions(count)))
        }
        Flash::Password(0) => ("success", "Your password is changed. You have a new session here.".to_owned()),
        Flash::Password(count) => (
            "success",
            format!("Your password is changed. {} elsewhere ended; you have a new one here.", sessions(count)),
        ),
        Flash::PasswordKept => (
            "warning",
            "Your password was not changed: it or your sessions were changed from elsewhere at the same moment. Try again."
                .to_owned(),
        ),
        Flash::User(UserDone::Unchanged, _) => ("info", UserDone::Unchanged.text(0)),
        Flash::User(done, ended) => ("success", done.text(ended)),
        Flash::Deed(Deed::KeyRevoked) => ("success", "The API key is revoked.".to_owned()),
        Flash::Deed(Deed::DeviceNamed) => ("success", "The device has its name.".to_owned()),
        Flash::Deed(Deed::ProfileChanged) => ("success", "Your name and e-mail address are saved.".to_owned()),
        Flash::Deed(Deed::SecondFactorRemoved) => (
            "success",
            "Your second factor is removed, and your other sessions have ended. You have a new session here.".to_owned(),
        ),
        Flash::SetUp => ("success", "The first administrator is created. Sign in to go on.".to_owned()),
    };
    Some(Notice { kind, text })
}

/// What the sign-in page says to whoever was turned away, by the cookie of the redirect or the credential itself.
pub fn away(flash: Option<Flash>, resolved: &Resolved, now: Timestamp) -> Option<Away> {
    let (why, at) = match (flash, resolved) {
        (Some(Flash::Away(why, at)), _) => (why, at),
        (_, Resolved::Ended(ended)) if ended.reason != Reason::SignedOut => (Why::Ended(ended.reason), ended.at),
        (_, Resolved::Expired(at)) => (Why::Expired, *at),
        _ => return None,
    };
    let (title, text) = match why {
        Why::Ended(Reason::Revoked) => {
            (title(Reason::Revoked), "Sign in again to go on. If you did not expect this, ask them.")
        }
        Why::Ended(reason) => (title(reason), to_the_person(reason)),
        Why::Expired => (
            "Your session ran out",
            "You were signed out because your session was not used for a while or reached its longest time.",
        ),
    };
    Some(Away { title, text, at: Some(Time::new(at, now)) })
}

const fn title(reason: Reason) -> &'static str {
    match reason {
        Reason::SignedOut | Reason::SignedOutElsewhere => "You are signed out",
        Reason::Revoked | Reason::EveryoneRevoked => "An administrator ended your session",
        Reason::Replaced => "You signed in again",
        Reason::Limit | Reason::Safety | Reason::RightsChanged => "Your session was ended",
        Reason::Blocked => "An administrator blocked your account",
        Reason::PasswordChanged => "Your password was changed",
        Reason::Deleted => "Your account was deleted",
        Reason::SecondFactorChanged => "Your second factor was changed",
        Reason::WrongPasswords => "Too many wrong passwords",
    }
}

/// Why a session ended, to the person whose session it was.
pub const fn to_the_person(reason: Reason) -> &'static str {
    match reason {
        Reason::SignedOut => "You signed out.",
        Reason::SignedOutElsewhere => "You ended this session from another device or browser.",
        Reason::Revoked => "An administrator ended this session.",
        Reason::EveryoneRevoked => "An administrator signed everyone out.",
        Reason::Replaced => "This session ended because the same browser signed in again.",
        Reason::Limit => "You signed in on more devices than allowed, and this one had been idle longest.",
        Reason::Safety => "The server could no longer vouch for this session.",
        Reason::Blocked => "Your account was blocked. Ask an administrator.",
        Reason::RightsChanged => "What you may do has changed. Sign in again to go on.",
        Reason::PasswordChanged => {
            "This session ended because the password was changed. If that was not you, tell an administrator at once."
        }
        Reason::Deleted => "An administrator deleted the account. Ask them if you did not expect this.",
        Reason::SecondFactorChanged => {
            "This session ended because the codes that you sign in with were changed. If that was not you, tell an administrator at once."
        }
        Reason::WrongPasswords => "Too many wrong passwords in a row were typed in this session.",
    }
}

/// Why a session ended, to administrators.
pub const fn to_administrators(reason: Reason) -> &'static str {
    match reason {
        Reason::SignedOut => "Signed out.",
        Reason::SignedOutElsewhere => "Signed out from another session.",
        Reason::Revoked => "Ended by an administrator.",
        Reason::EveryoneRevoked => "Everyone was signed out.",
        Reason::Replaced => "The same browser signed in again.",
        Reason::Limit => "Made room for a newer session.",
        Reason::Safety => "The server could no longer vouch for it.",
        Reason::Blocked => "The user was blocked.",
        Reason::RightsChanged => "The user became an administrator, or is none any more.",
        Reason::PasswordChanged => "The password was changed.",
        Reason::Deleted => "The user was deleted.",
        Reason::SecondFactorChanged => "The second factor was changed.",
        Reason::WrongPasswords => "Too many wrong passwords were typed in it.",
    }
}
