//! Changing passwords, and hashing them anew when hashing is to cost something else.

use std::net::IpAddr;

use super::Service;
use super::auth::{SignInError, SignedIn};
use super::hasher::Busy;
use super::sessions::{LiveSession, Order};
use super::throttle::{Guesser, Later};
use crate::domain::audit::{Action, Draft, Outcome};
use crate::domain::change::{Asked, NewPassword, UserChange};
use crate::domain::client::Client;
use crate::domain::ending::{Actor, Ending, Reason};
use crate::domain::lifetime::Kind;
use crate::domain::password::{Password, PasswordError, PasswordHash};
use crate::domain::user::User;
use crate::store::{StoreError, UserChanged};

/// A user's wish for a new password, as typed.
pub struct PasswordForm {
    /// The password that they have.
    pub present: Password,
    /// The one that they want.
    pub chosen: String,
    /// With what they ask.
    pub client: Client,
}

/// Somebody has a new password, and a new session in the place of the one in which they asked.
pub struct PasswordChanged {
    /// The new session.
    pub signed_in: SignedIn,
    /// How many of their other sessions ended.
    pub others: u64,
}

/// Why the password is what it was.
#[derive(Debug, thiserror::Error)]
pub enum PasswordChangeError {
    /// The new one will not do.
    #[error(transparent)]
    Refused(#[from] PasswordError),
    /// The one that they gave is not theirs.
    #[error("that is not the password that you have now")]
    Wrong,
    /// Their session ended or their password was changed meanwhile.
    #[error("your session ended or your password was changed while this was being done")]
    Stale,
    /// Nobody has looked at the present one: there were too many wrong ones.
    #[error(transparent)]
    Later(Later),
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

impl From<SignInError> for PasswordChangeError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Wrong => Self::Wrong,
            SignInError::Later(later) => Self::Later(later),
            SignInError::Blocked | SignInError::Stale => Self::Stale,
            SignInError::Busy(busy) => Self::Busy(busy),
            SignInError::Store(error) => Self::Store(error),
        }
    }
}

impl Service {
    /// Gives somebody who is signed in, and who gives their present password once more, a new one. All of their sessions end
    /// in the same step, and a new one takes the place of the one in which they ask.
    pub async fn change_own_password(
        &self,
        live: &LiveSession,
        form: PasswordForm,
    ) -> Result<PasswordChanged, PasswordChangeError> {
        let PasswordForm { present, chosen, client } = form;
        let (user, from) = (&live.user, client.address);
        let new = Password::chosen(chosen, &user.own_words())?;
        let verified = user.password.clone();
        if !self.knows_password(live, present.clone(), Some(verified.clone()), from).await? {
            return Err(PasswordChangeError::Wrong);
        }
        if present.expose() == new.expose() {
            return Err(PasswordError::Same.into());
        }
        let hash = self.hasher.hash(new).await?;
        // Live as of this request, so its epochs were the present ones before the password was compared.
        let (epochs, door) = (live.session.epochs(), live.session.door());
        let keep = live.session.kind() == Kind::Persistent;
        let (session, credential) = self.fresh_session(user, epochs, keep, door, client);
        let asked = Some(Asked { verified, session: live.session.id(), successor: session.clone() });
        let ending = Ending::new(Actor::User(user.id.clone()), Reason::PasswordChanged, from);
        let change = UserChange::Password(Box::new(NewPassword { hash, asked }));
        let changed = self.store.change_user(user.key(), change, ending).await?;
        self.unreaped.notify_one();
        match changed {
            UserChanged::Done { user, ended } => {
                let signed_in = SignedIn { session, user: *user, credential, displaced: Vec::new() };
                Ok(PasswordChanged { signed_in, others: ended.saturating_sub(1) })
            }
            _ => Err(PasswordChangeError::Stale),
        }
    }

    /// Gives a user a new password, on the word of the machine's operator. Answers how many of their sessions ended: all.
    pub async fn set_password(&self, user: &User, chosen: String, order: &Order) -> Result<u64, PasswordChangeError> {
        let hash = self.hasher.hash(Password::chosen(chosen, &user.own_words())?).await?;
        let change = UserChange::Password(Box::new(NewPassword { hash, asked: None }));
        match self.change_user(&user.id, change, order).await? {
            UserChanged::Done { ended, .. } => Ok(ended),
            UserChanged::NotFound => Err(PasswordChangeError::NoUser),
            _ => Err(StoreError::Conflict { what: "set a password" }.into()),
        }
    }

    /// Hashes a password that has just been found right anew, if the configured cost is another one by now. Whoever signs in
    /// is signed in, whatever becomes of it: the next time will do as well.
    pub(super) async fn rehash(&self, user: &User, password: Password) {
        if !self.hasher.is_outdated(&user.password) {
            return;
        }
        let hashed = match self.hasher.hash(password).await {
            Ok(fresh) => fresh,
            Err(error) => return tracing::info!(%error, "a password is hashed anew another time"),
        };
        let change = UserChange::Rehash { verified: user.password.clone(), fresh: hashed };
        let ending = Ending::new(Actor::System, change.reason(), None);
        if let Err(error) = self.store.change_user(user.key(), change, ending).await {
            tracing::warn!(%error, "a password that was hashed anew could not be stored; it will be another time");
        }
    }

    /// Whether somebody who is signed in knows the password that `stored` was made of. That they do not, or have tried too
    /// often, is written down.
    pub(super) async fn knows_password(
        &self,
        live: &LiveSession,
        password: Password,
        stored: Option<PasswordHash>,
        from: Option<IpAddr>,
    ) -> Result<bool, SignInError> {
        let (user, id) = (&live.user.id, live.session.id());
        let draft = |outcome| {
            let draft = Draft::new(Actor::User(user.clone()), Action::Reauthenticate, outcome);
            Draft { user: Some(user.clone()), session: Some(id), from, ..draft }
        };
        let permit = self.may_guess(Guesser::Session(id), draft(Outcome::Denied)).await?;
        let right = self.look(permit, password, stored).await?;
        if !right {
            self.store.record(draft(Outcome::Failure)).await?;
        }
        Ok(right)
    }
}
