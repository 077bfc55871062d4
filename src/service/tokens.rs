//! Coming in on the word of an application that has an API key: by a one-time token, or by a session that it is handed.

use std::time::Duration;

use super::Service;
use super::auth::{Entrance, Origin, SignInError, SignedIn};
use super::sessions::Order;
use super::throttle::Guesser;
use crate::domain::audit::{Action, Draft, Outcome};
use crate::domain::change::UserChange;
use crate::domain::client::Client;
use crate::domain::ending::Actor;
use crate::domain::epoch::Epochs;
use crate::domain::id::UserId;
use crate::domain::safeguards::Admission;
use crate::domain::session::Door;
use crate::domain::token::{Token, TokenDigest};
use crate::domain::user::User;
use crate::store::{StoreError, UserChanged};

/// Why there is no token, or no session.
#[derive(Debug, thiserror::Error)]
pub enum VouchError {
    /// There is no such user.
    #[error("there is no such user")]
    NoUser,
    /// They may not sign in.
    #[error("the account is blocked")]
    Blocked,
    /// They are an administrator, as whom this application lets nobody in.
    #[error("they are an administrator")]
    Administrator,
    /// All sessions were ended meanwhile.
    #[error("all sessions were ended at this very moment")]
    Stale,
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// For whom an application vouches. Whoever lets somebody in as an administrator can do all that administrators can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// For everybody.
    Everybody,
    /// For everybody but administrators.
    NoAdministrators,
}

impl Service {
    /// Draws a token by which a user signs in, once. Answers the only copy of its secret.
    pub async fn create_token(
        &self,
        user: &UserId,
        length: usize,
        lifetime: Duration,
        (order, reach): (&Order, Reach),
    ) -> Result<(Token, String), VouchError> {
        let (user, epochs) = self.vouched_for(user, reach, order, Action::CreateToken).await?;
        let (token, secret) = Token::draw(&user.id, epochs, length, self.clock.now(), lifetime, self.entropy());
        let change = UserChange::Token(Box::new(token.clone()));
        match self.change_user(&user.id, change, order).await? {
            UserChanged::Done { .. } => Ok((token, secret)),
            UserChanged::NotFound => Err(VouchError::NoUser),
            _ => Err(StoreError::Conflict { what: "draw a token" }.into()),
        }
    }

    /// Signs somebody in who has a token. Who does not know it learns nothing, not even whether there is such a user.
    pub async fn sign_in_with_token(
        &self,
        typed: &str,
        secret: &str,
        entrance: Entrance,
    ) -> Result<SignedIn, SignInError> {
        let door = entrance.door;
        let signed_in = self.try_token(typed, secret, entrance).await;
        signed_in.inspect_err(|error| self.metrics.turned_away(door, error))
    }

    async fn try_token(&self, typed: &str, secret: &str, entrance: Entrance) -> Result<SignedIn, SignInError> {
        let from = entrance.client.address;
        let server = self.store.server_epoch().await?;
        let user = match typed.parse::<UserId>() {
            Ok(id) => self.store.user(id.key()).await?,
            Err(_) => None,
        };
        let named = user.as_ref().map(|user| user.id.clone());
        let failure = |outcome| {
            let draft = Draft::new(Actor::Anonymous, Action::SignIn, outcome);
            Draft { user: named.clone(), from, ..draft }
        };
        let guesser = Guesser::Stranger { from, account: typed };
        let permit = self.may_guess(guesser, failure(Outcome::Denied)).await?;
        let now = self.clock.now();
        let found = user.and_then(|user| {
            let (digest, epochs) = (TokenDigest::of(&user.id, secret), Epochs { user: user.epoch, server });
            let known = |token: &&Token| token.digest() == digest && token.is_good(epochs, now);
            let token = user.safeguards.tokens.iter().find(known).map(Token::digest);
            let locked = user.safeguards.tries.is_locked(false);
            token.filter(|_| !locked).map(|token| (user, epochs, token))
        });
        let Some((user, epochs, token)) = found else {
            self.failed(named.as_ref(), false, failure(Outcome::Failure)).await?;
            return Err(SignInError::Wrong);
        };
        self.throttle.give_back(permit);
        if user.blocked {
            return Err(SignInError::Blocked);
        }
        self.enter(user, epochs, entrance, Admission { token: Some(token), ..Admission::default() }).await
    }

    /// Begins a session for a user whom an application vouches for.
    pub async fn vouch(
        &self,
        user: &UserId,
        client: Client,
        order: &Order,
        reach: Reach,
    ) -> Result<SignedIn, VouchError> {
        let vouched = self.try_to_vouch(user, client, order, reach).await;
        self.metrics.vouched(&vouched);
        vouched
    }

    async fn try_to_vouch(
        &self,
        user: &UserId,
        client: Client,
        order: &Order,
        reach: Reach,
    ) -> Result<SignedIn, VouchError> {
        let (user, epochs) = self.vouched_for(user, reach, order, Action::VouchForUser).await?;
        let draft = Draft::new(order.by.clone(), Action::VouchForUser, Outcome::Success);
        self.store.record(Draft { user: Some(user.id.clone()), from: order.from, ..draft }).await?;
        let origin = Origin { door: Door::Server, client, device: None, name: None, longest: None };
        let (session, credential) = self.fresh_session(&user, epochs, false, origin);
        match self.begin(user, session, credential, None).await {
            Ok(signed_in) => Ok(signed_in),
            Err(SignInError::Store(error)) => Err(error.into()),
            Err(_) => Err(VouchError::Stale),
        }
    }

    /// The user, if they may sign in, and the epochs that a session of theirs would have.
    ///
    /// Who becomes an administrator later gets another epoch by it: what was begun or drawn before is good for nothing.
    async fn vouched_for(
        &self,
        user: &UserId,
        reach: Reach,
        order: &Order,
        action: Action,
    ) -> Result<(User, Epochs), VouchError> {
        let server = self.store.server_epoch().await?;
        let user = self.store.user(user.key()).await?.ok_or(VouchError::NoUser)?;
        if user.blocked {
            return Err(VouchError::Blocked);
        }
        if user.is_administrator() && reach == Reach::NoAdministrators {
            let draft = Draft::new(order.by.clone(), action, Outcome::Denied);
            self.store.record(Draft { user: Some(user.id), from: order.from, ..draft }).await?;
            return Err(VouchError::Administrator);
        }
        let epochs = Epochs { user: user.epoch, server };
        Ok((user, epochs))
    }
}
