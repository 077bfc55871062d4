//! Passwords for one use: for users whom somebody else creates, and for those who have forgotten theirs. Whoever hands one on
//! knows it, so it is good for a day and for nothing but choosing another.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Service;
use super::hasher::Busy;
use super::sessions::Order;
use super::users::{NewUserError, Particulars, particulars};
use crate::domain::change::UserChange;
use crate::domain::ending::Actor;
use crate::domain::id::UserId;
use crate::domain::one_time::OneTime;
use crate::domain::safeguards::Safeguards;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Label, User};
use crate::store::{StoreError, UserChanged};

/// A user to be created with a password for one use.
pub struct Invited {
    /// The e-mail address.
    pub email: String,
    /// What people call them; empty: the part of the address before the `@`.
    pub name: String,
    /// Their labels.
    pub labels: BTreeSet<Label>,
    /// Where the order comes from.
    pub from: Option<IpAddr>,
}

/// A password for one use, and whose it is.
pub struct HandedOut {
    /// The user as they are now.
    pub user: User,
    /// The only copy of it.
    pub secret: OneTime,
    /// How long it is good.
    pub until: Timestamp,
    /// How many sessions ended.
    pub ended: u64,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// There is no such user.
    #[error("there is no such user")]
    NoUser,
    /// Try again.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Service {
    /// Creates a user who chooses a password of their own when they first sign in.
    pub async fn invite(&self, new: Invited, by: Actor) -> Result<HandedOut, NewUserError> {
        let Invited { email, name, labels, from } = new;
        let (email, name) = particulars(&email, &name)?;
        let (secret, until) = self.one_time();
        let password = secret.password();
        let safeguards = Safeguards { one_time_until: Some(until), ..Safeguards::default() };
        let user = self.register(Particulars { email, name, password, labels, safeguards }, false, by, from).await?;
        Ok(HandedOut { user, secret, until, ended: 0 })
    }

    /// Takes a user's password away and gives them one for one use. All of their sessions end in the same step.
    pub async fn reset_password(&self, user: &UserId, order: &Order) -> Result<HandedOut, ResetError> {
        let (secret, until) = self.one_time();
        let hash = self.hasher.hash(secret.password()).await?;
        match self.change_user(user, UserChange::OneTime { hash, until }, order).await? {
            UserChanged::Done { user, ended } => Ok(HandedOut { user: *user, secret, until, ended }),
            UserChanged::NotFound => Err(ResetError::NoUser),
            _ => Err(StoreError::Conflict { what: "reset a password" }.into()),
        }
    }

    fn one_time(&self) -> (OneTime, Timestamp) {
        (OneTime::draw(self.entropy()), self.clock.now() + OneTime::LIFETIME)
    }
}
