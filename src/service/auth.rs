//! Signing in.

use super::Service;
use super::hasher::Busy;
use super::sessions::LiveSession;
use super::throttle::{Device, Guesser, Later};
use crate::domain::audit::{Action, Draft, Outcome};
use crate::domain::client::Client;
use crate::domain::credential::Credential;
use crate::domain::ending::{Actor, Ending, Reason};
use crate::domain::epoch::Epochs;
use crate::domain::id::SessionId;
use crate::domain::lifetime::Kind;
use crate::domain::password::Password;
use crate::domain::session::{Door, Session, Start};
use crate::domain::user::{Email, User};
use crate::store::{Created, StoreError};

/// What somebody typed, and with what.
pub struct Attempt {
    /// The address as typed; anything.
    pub email: String,
    /// The password as typed.
    pub password: Password,
    /// "Keep me signed in".
    pub keep: bool,
    /// Where they come in.
    pub door: Door,
    /// With what.
    pub client: Client,
    /// The live session that the same browser holds already.
    pub present: Option<LiveSession>,
    /// The users who have signed in before in that browser, as far as it can prove it.
    pub device: Option<Device>,
}

/// Somebody is signed in.
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// Whose.
    pub user: User,
    /// The only copy of its secret.
    pub credential: Credential,
    /// Sessions that had to make room.
    pub displaced: Vec<SessionId>,
}

/// Why nobody is.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Unknown address or wrong password: nobody learns which.
    #[error("the e-mail address or the password is wrong")]
    Wrong,
    /// The password is right, and they may not sign in. Nobody who does not know the password learns it.
    #[error("the account is blocked")]
    Blocked,
    /// All sessions were ended while the password was checked.
    #[error("all sessions were ended at this very moment")]
    Stale,
    /// Nobody has looked at the password: there were too many wrong ones. Whether there is such a user makes no difference.
    #[error(transparent)]
    Later(Later),
    /// Try again.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Service {
    /// Checks the password and creates a session. A session that the same browser holds already ends: in the same step if it
    /// is the same user's, else right after.
    pub async fn sign_in(&self, attempt: Attempt) -> Result<SignedIn, SignInError> {
        let Attempt { email, password, keep, door, client, present, device } = attempt;
        let user = match email.parse::<Email>() {
            Ok(email) => self.store.user_by_email(&email).await?,
            Err(_) => None,
        };
        // Epochs first, the password after: an end-all in between makes this sign-in stillborn.
        let server = self.store.server_epoch().await?;
        let stored = user.as_ref().map(|user| user.password.clone());
        let known = user.as_ref().map(|user| user.id.clone());
        let guesser = match (&device, &known) {
            (Some(device), Some(user)) if device.users.contains(user) => Guesser::Device { id: &device.id, user },
            _ => Guesser::Stranger { from: client.address, account: &email },
        };
        let denied = Draft::new(Actor::Anonymous, Action::SignIn, Outcome::Denied);
        let denied = Draft { user: known.clone(), from: client.address, ..denied };
        let permit = self.may_guess(guesser, denied).await?;
        let right = self.look(permit, password.clone(), stored).await?;
        let Some(user) = user.filter(|_| right) else {
            let draft = Draft::new(Actor::Anonymous, Action::SignIn, Outcome::Failure);
            self.store.record(Draft { user: known, from: client.address, ..draft }).await?;
            return Err(SignInError::Wrong);
        };
        if user.blocked {
            let draft = Draft::new(Actor::User(user.id.clone()), Action::SignIn, Outcome::Failure);
            let reason = Some(Reason::Blocked);
            self.store.record(Draft { user: Some(user.id), from: client.address, reason, ..draft }).await?;
            return Err(SignInError::Blocked);
        }

        let replaces = present.as_ref().filter(|live| live.user.id == user.id).map(|live| live.session.id());
        #[cfg(feature = "seeded-bugs")]
        let (user, server) = if crate::domain::seeded::has("late-epochs") {
            (self.store.user(user.key()).await?.unwrap_or(user), self.store.server_epoch().await?)
        } else {
            (user, server)
        };
        let epochs = Epochs { user: user.epoch, server };
        let signed_in = self.begin(user, epochs, keep, door, client, replaces).await?;
        self.rehash(&signed_in.user, password).await;
        if let Some(other) = present.filter(|live| live.user.id != signed_in.user.id) {
            // If this fails the new credential is not handed out: two people's sessions never share a browser.
            let ending =
                Ending::new(Actor::User(other.user.id.clone()), Reason::Replaced, signed_in.session.client().address);
            self.store.end(other.user.key(), other.session.id(), ending).await?;
        }
        Ok(signed_in)
    }

    /// Creates a session for somebody who has just proved who they are.
    pub(super) async fn begin(
        &self,
        user: User,
        epochs: Epochs,
        keep: bool,
        door: Door,
        client: Client,
        replaces: Option<SessionId>,
    ) -> Result<SignedIn, SignInError> {
        let (session, credential) = self.fresh_session(&user, epochs, keep, door, client);
        match self.store.create(session.clone(), replaces).await? {
            Created::Done { displaced } => Ok(SignedIn { session, user, credential, displaced }),
            Created::Stale => Err(SignInError::Stale),
        }
    }

    /// A session that is in no store yet.
    pub(super) fn fresh_session(
        &self,
        user: &User,
        epochs: Epochs,
        keep: bool,
        door: Door,
        client: Client,
    ) -> (Session, Credential) {
        let kind = match (user.is_administrator(), keep) {
            (true, _) => Kind::Administrator,
            (false, true) => Kind::Persistent,
            (false, false) => Kind::Standard,
        };
        let at = self.clock.now();
        let lifetime = self.limits.of(kind);
        Session::start(
            Start { user: user.id.clone(), epochs, at, kind, lifetime, door, client, device: None, name: None },
            &*self.entropy,
        )
    }
}
