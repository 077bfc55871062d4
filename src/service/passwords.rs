//! Changing passwords, and hashing them anew when hashing is to cost something else.

use std::net::IpAddr;
use std::time::Duration;

use super::Service;
use super::auth::{Entrance, Origin, SignInError, SignedIn, Ticket};
use super::hasher::Busy;
use super::proofs::Proof;
use super::sessions::{LiveSession, Order};
use super::throttle::Later;
use crate::domain::change::{Asked, NewPassword, UserChange};
use crate::domain::client::Client;
use crate::domain::clock::{Entropy, random};
use crate::domain::credential::Credential;
use crate::domain::ending::{Actor, Ending, Reason};
use crate::domain::epoch::Epochs;
use crate::domain::lifetime::Kind;
use crate::domain::password::{Password, PasswordError, PasswordHash};
use crate::domain::safeguards::Admission;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;
use crate::store::{StoreError, UserChanged};

/// A user's wish for a new password, as typed.
pub struct PasswordForm {
    /// The password that they have, and a code if one is asked for.
    pub proof: Proof,
    /// The one that they want.
    pub chosen: String,
    /// With what they ask.
    pub client: Client,
}

/// A password for one use.
pub struct OneTime {
    /// The only copy.
    pub secret: String,
    /// How long it is good for.
    pub until: Timestamp,
}

impl OneTime {
    /// How long one is good for.
    pub const LIFETIME: Duration = Duration::from_hours(24);
    /// Letters that are not taken for others, five bits each.
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

    /// A fresh one: 120 bits, grouped to be read out and typed.
    pub(super) fn draw(entropy: &dyn Entropy, now: Timestamp) -> Self {
        let letters = random::<24>(entropy).map(|byte| char::from(Self::ALPHABET[usize::from(byte % 32)]));
        let groups: Vec<String> = letters.chunks(6).map(|group| group.iter().collect()).collect();
        Self { secret: groups.join("-"), until: now + Self::LIFETIME }
    }
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
    /// The one that they gave, or the code, is not theirs.
    #[error("that is not the password that you have now, or not the code")]
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
            SignInError::Blocked | SignInError::OneTimeOver | SignInError::Stale => Self::Stale,
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
        let client = form.client.clone();
        let verified = live.user.password.clone();
        let hash = self.newly_hashed(live, form).await?;
        let from = client.address;
        let (asked, credential) = self.succeeding(live, verified, client);
        let session = asked.successor.clone();
        let (user, ended) = self.replace_password(live, NewPassword { hash, asked: Some(asked) }, from).await?;
        let signed_in = SignedIn { session, user, credential, displaced: Vec::new() };
        Ok(PasswordChanged { signed_in, others: ended.saturating_sub(1) })
    }

    /// The same for whoever has no place for a new credential: the session in which they ask goes on, all others end.
    pub async fn change_own_password_here(
        &self,
        live: &LiveSession,
        form: PasswordForm,
    ) -> Result<User, PasswordChangeError> {
        let from = form.client.address;
        let verified = live.user.password.clone();
        let hash = self.newly_hashed(live, form).await?;
        let asked = Asked { verified, session: live.session.id(), successor: live.session.clone() };
        let (user, _) = self.replace_password(live, NewPassword { hash, asked: Some(asked) }, from).await?;
        Ok(user)
    }

    /// What a new password hashes to, if it will do and whoever asks has proved who they are.
    async fn newly_hashed(&self, live: &LiveSession, form: PasswordForm) -> Result<PasswordHash, PasswordChangeError> {
        let PasswordForm { proof, chosen, client } = form;
        let new = Password::chosen(chosen, &live.user.own_words())?;
        let present = proof.password.clone();
        self.prove(live, proof, client.address).await?;
        if present.expose() == new.expose() {
            return Err(PasswordError::Same.into());
        }
        Ok(self.hasher.hash(new).await?)
    }

    async fn replace_password(
        &self,
        live: &LiveSession,
        new: NewPassword,
        from: Option<IpAddr>,
    ) -> Result<(User, u64), PasswordChangeError> {
        let user = &live.user;
        let ending = Ending::new(Actor::User(user.id.clone()), Reason::PasswordChanged, from);
        let change = UserChange::Password(Box::new(new));
        let changed = self.store.change_user(user.key(), change, ending).await?;
        self.unreaped.notify_one();
        match changed {
            UserChanged::Done { user, ended } => Ok((*user, ended)),
            _ => Err(PasswordChangeError::Stale),
        }
    }

    /// What the wish of somebody who has just proved who they are rests on; a new session takes the place of the one in which
    /// they ask.
    pub(super) fn succeeding(&self, live: &LiveSession, verified: PasswordHash, client: Client) -> (Asked, Credential) {
        let keep = live.session.kind() == Kind::Persistent;
        // Live as of this request, so its epochs were the present ones before the password was compared.
        let epochs = live.session.epochs();
        let (successor, credential) = self.fresh_session(&live.user, epochs, keep, Origin::of(live, client));
        (Asked { verified, session: live.session.id(), successor }, credential)
    }

    /// Signs somebody in who has chosen a password in the place of the one for one use.
    pub async fn choose_password(
        &self,
        ticket: &Ticket,
        chosen: String,
        entrance: Entrance,
    ) -> Result<SignedIn, PasswordChangeError> {
        let server = self.store.server_epoch().await?;
        let user = self.store.user(ticket.user.key()).await?.filter(|user| user.password.digest() == ticket.used);
        let now = self.clock.now();
        let user = user.filter(|user| user.safeguards.one_time_until.is_some_and(|until| now < until));
        let Some(user) = user else { return Err(PasswordChangeError::Stale) };
        let new = Password::chosen(chosen, &user.own_words())?;
        if self.hasher.verify(new.clone(), Some(user.password.clone()), true).await? {
            return Err(PasswordError::Same.into());
        }
        let (verified, fresh) = (user.password.clone(), self.hasher.hash(new).await?);
        let from = entrance.client.address;
        let ending = Ending::new(Actor::User(user.id.clone()), Reason::PasswordChanged, from);
        let change = UserChange::Chosen { verified, fresh };
        match self.store.change_user(user.key(), change, ending).await? {
            UserChanged::Done { user, .. } => {
                let epochs = Epochs { user: user.epoch, server };
                Ok(self.enter(*user, epochs, entrance, Admission::default()).await?)
            }
            _ => Err(PasswordChangeError::Stale),
        }
    }

    /// Gives a user a random password for one use: good for a while, and for nothing but choosing another. All of their
    /// sessions end. Answers the only copy of it, and how many sessions ended.
    pub async fn reset_password(&self, user: &User, order: &Order) -> Result<(OneTime, u64), PasswordChangeError> {
        let one_time = OneTime::draw(&*self.entropy, self.clock.now());
        let hash = self.hasher.hash(Password::typed(one_time.secret.clone())).await?;
        let change = UserChange::OneTime { hash, until: one_time.until };
        match self.change_user(&user.id, change, order).await? {
            UserChanged::Done { ended, .. } => Ok((one_time, ended)),
            UserChanged::NotFound => Err(PasswordChangeError::NoUser),
            _ => Err(StoreError::Conflict { what: "set a password for one use" }.into()),
        }
    }

    /// Gives a user a new password, on the word of the machine's operator or of an API key. Answers how many of their sessions ended: all.
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
}
