//! What may be changed about a user, and what follows from it.

use std::collections::BTreeSet;

use super::audit::{Action, Detail};
use super::ending::Reason;
use super::epoch::{Epoch, Epochs};
use super::id::SessionId;
use super::password::PasswordHash;
use super::prefs::Prefs;
use super::safeguards::Tries;
use super::second_factor::{RecoveryDigest, SecondFactor};
use super::session::Session;
use super::timestamp::Timestamp;
use super::token::Token;
use super::user::{Email, Label, Name, User};

/// A change to a user's record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserChange {
    /// They may not sign in any more.
    Block,
    /// They may sign in again.
    Unblock,
    /// They have these labels from now on.
    Labels(BTreeSet<Label>),
    /// They have the one kind of labels besides, and not the other: whatever else has become of their labels meanwhile stays.
    Relabel {
        /// To get.
        add: BTreeSet<Label>,
        /// To lose, also if they are to get it.
        remove: BTreeSet<Label>,
    },
    /// They have a new password.
    Password(Box<NewPassword>),
    /// The same password, hashed anew at another cost.
    Rehash {
        /// What it was compared with; by now it may be another one.
        verified: PasswordHash,
        /// What it hashes to now.
        fresh: PasswordHash,
    },
    /// They have a password for one use, good until then.
    OneTime {
        /// What it hashes to.
        hash: PasswordHash,
        /// Until when.
        until: Timestamp,
    },
    /// They have chosen a password in the place of the one for one use.
    Chosen {
        /// What the one for one use was compared with.
        verified: PasswordHash,
        /// What the new one hashes to.
        fresh: PasswordHash,
    },
    /// They sign in with this address.
    Email(Email),
    /// People call them so.
    Name(Name),
    /// Somebody says that their e-mail address is theirs, or that nobody knows.
    Verified(bool),
    /// Applications keep this for them.
    Prefs(Prefs),
    /// Whoever shows this token signs in as them, once.
    Token(Box<Token>),
    /// The wrong passwords in a row are forgotten.
    Unlock,
    /// They have another second factor, or none.
    SecondFactor(Box<NewSecondFactor>),
    /// They have other recovery codes, which they asked for in this session: good as long as it is live.
    RecoveryCodes {
        /// The session.
        session: SessionId,
        /// What is kept of the codes.
        codes: BTreeSet<RecoveryDigest>,
    },
}

/// Another second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSecondFactor {
    /// `None` for none.
    pub factor: Option<SecondFactor>,
    /// If the user asks for it themselves: what that rests on.
    pub asked: Option<Asked>,
}

/// A new password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPassword {
    /// What it hashes to.
    pub hash: PasswordHash,
    /// If the user asks for it themselves: what that rests on.
    pub asked: Option<Asked>,
}

/// A user's own wish for a new password or second factor: good as long as the password that they gave is the present one and the session in
/// which they ask is live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What the password that they gave was compared with.
    pub verified: PasswordHash,
    /// The session in which they ask.
    pub session: SessionId,
    /// The session that takes its place, stamped with the epochs from before the password was compared; or the same one, which
    /// goes on then, where a new credential would not reach its user.
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
            Self::Relabel { add, remove } => {
                changed.labels.extend(add.iter().cloned());
                changed.labels.retain(|label| !remove.contains(label));
            }
            Self::Password(new) => changed = changed.with_password(&new.hash, None),
            Self::Chosen { fresh, .. } => changed = changed.with_password(fresh, None),
            Self::OneTime { hash, until } => changed = changed.with_password(hash, Some(*until)),
            Self::Rehash { fresh, .. } => changed.password = fresh.clone(),
            Self::Email(email) => {
                changed.email.clone_from(email);
                if *email != user.email {
                    // Of the new one nobody knows; and what was sent to the old one is not theirs alone any more.
                    changed.profile.email_verified = false;
                    changed.safeguards.tokens.clear();
                }
            }
            Self::Name(name) => changed.name.clone_from(name),
            Self::Verified(verified) => changed.profile.email_verified = *verified,
            Self::Prefs(prefs) => changed.profile.prefs.clone_from(prefs),
            Self::Token(token) => changed.safeguards = changed.safeguards.with_token(token.as_ref().clone()),
            Self::Unlock => changed.safeguards.tries = Tries::default(),
            Self::SecondFactor(new) => changed.safeguards.second_factor.clone_from(&new.factor),
            Self::RecoveryCodes { codes, .. } => {
                let had = user.safeguards.second_factor.as_ref();
                changed.safeguards.second_factor = had.map(|had| had.with_recovery(codes.clone()));
            }
        }
        (changed != *user).then_some(changed)
    }

    /// The same, made at this moment.
    pub fn applied_at(&self, user: &User, now: Timestamp) -> Option<User> {
        let mut changed = self.applied(user)?;
        match self {
            Self::Password(_) | Self::Chosen { .. } | Self::OneTime { .. } => {
                changed.profile.updated = now;
                changed.profile.password_changed = now;
            }
            // Nobody has changed them.
            Self::Rehash { .. } | Self::Token(_) | Self::Unlock => {}
            _ => changed.profile.updated = now,
        }
        Some(changed)
    }

    /// What the audit log calls it.
    pub const fn action(&self) -> Action {
        match self {
            Self::Block => Action::BlockUser,
            Self::Unblock => Action::UnblockUser,
            Self::Labels(_) | Self::Relabel { .. } => Action::LabelUser,
            Self::Password(_) | Self::Chosen { .. } => Action::ChangePassword,
            Self::Rehash { .. } => Action::RehashPassword,
            Self::OneTime { .. } => Action::ResetPassword,
            Self::Email(_) => Action::ChangeEmail,
            Self::Name(_) => Action::ChangeName,
            Self::Verified(_) => Action::VerifyEmail,
            Self::Prefs(_) => Action::ChangePrefs,
            Self::Token(_) => Action::CreateToken,
            Self::Unlock => Action::UnlockUser,
            Self::SecondFactor(new) if new.factor.is_some() => Action::SetSecondFactor,
            Self::SecondFactor(_) => Action::RemoveSecondFactor,
            Self::RecoveryCodes { .. } => Action::RenewRecoveryCodes,
        }
    }

    /// What the audit log says besides, where the action does not say it all.
    pub fn detail(&self, before: &User) -> Option<Detail> {
        match self {
            Self::Labels(_) | Self::Relabel { .. } => {
                let labels = self.applied(before).map(|after| after.labels).unwrap_or_default();
                let given = labels.difference(&before.labels).map(|label| format!("+{}", label.as_str()));
                let taken = before.labels.difference(&labels).map(|label| format!("-{}", label.as_str()));
                Some(Detail::new(given.chain(taken).collect::<Vec<_>>().join(" ")))
            }
            // The log is kept longer than some users are: it tells addresses apart and does not tell them.
            Self::Email(email) => {
                Some(Detail::new(format!("e-mail {} to {}", before.email.fingerprint(), email.fingerprint())))
            }
            Self::OneTime { until, .. } => Some(Detail::new(format!("good until {until}"))),
            Self::Token(token) => Some(Detail::new(format!("token {}, good until {}", token.id(), token.expires()))),
            Self::Verified(verified) => Some(Detail::new(if *verified { "verified" } else { "not verified" })),
            Self::Unlock => Some(Detail::new(format!("{} wrong passwords", before.safeguards.tries.count()))),
            _ => None,
        }
    }

    /// Why sessions end by it, if they do.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Labels(_) | Self::Relabel { .. } => Reason::RightsChanged,
            Self::Password(_) | Self::Rehash { .. } | Self::OneTime { .. } | Self::Chosen { .. } => {
                Reason::PasswordChanged
            }
            Self::SecondFactor(_) | Self::RecoveryCodes { .. } => Reason::SecondFactorChanged,
            Self::Block
            | Self::Unblock
            | Self::Email(_)
            | Self::Name(_)
            | Self::Unlock
            | Self::Verified(_)
            | Self::Prefs(_)
            | Self::Token(_) => Reason::Blocked,
        }
    }

    /// Whether the password that it rests on is still the user's.
    pub fn still_holds(&self, user: &User) -> bool {
        match self {
            Self::Rehash { verified, .. } => *verified == user.password,
            Self::Chosen { verified, .. } => {
                *verified == user.password && user.safeguards.one_time_until.is_some() && !user.blocked
            }
            _ => self.asked().is_none_or(|asked| asked.verified == user.password),
        }
    }

    /// Who asks for it, if the user does.
    pub fn asked(&self) -> Option<&Asked> {
        match self {
            Self::Password(new) => new.asked.as_ref(),
            Self::SecondFactor(new) => new.asked.as_ref(),
            _ => None,
        }
    }

    /// The session that must be live for it, where it rests on one.
    pub fn session(&self) -> Option<SessionId> {
        match self {
            Self::RecoveryCodes { session, .. } => Some(*session),
            _ => self.asked().map(|asked| asked.session),
        }
    }

    /// Whether sessions that began before it must not go on after it: their user may not sign in any more, has other rights,
    /// another password or another second factor.
    pub fn ends_sessions(&self, before: &User, after: &User) -> bool {
        matches!(self, Self::Password(_) | Self::OneTime { .. } | Self::Chosen { .. } | Self::SecondFactor(_))
            || (after.blocked && !before.blocked)
            || before.is_administrator() != after.is_administrator()
    }
}

impl Asked {
    /// The session in which it was asked for, if that goes on.
    pub fn kept(&self) -> Option<SessionId> {
        (self.successor.id() == self.session).then_some(self.session)
    }

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
