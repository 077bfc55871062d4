//! Creating, changing and deleting users.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::Service;
use super::auth::SignInError;
use super::hasher::Busy;
use super::sessions::{LiveSession, Order};
use super::throttle::{Guesser, Later};
use crate::domain::audit::{Action, Draft, Outcome};
use crate::domain::change::UserChange;
use crate::domain::clock::random;
use crate::domain::ending::{Actor, Reason};
use crate::domain::epoch::Epoch;
use crate::domain::id::{UserId, hex};
use crate::domain::password::{Password, PasswordError};
use crate::domain::safeguards::Safeguards;
use crate::domain::user::{Email, Label, Name, Profile, User, UserError};
use crate::store::{StoreError, UserChanged, UserCreated, UserDeleted};

/// A user to be created, as typed.
pub struct NewUser {
    /// The e-mail address.
    pub email: String,
    /// What people call them; empty: the part of the address before the `@`.
    pub name: String,
    /// The password they chose.
    pub password: String,
    /// Their labels.
    pub labels: BTreeSet<Label>,
    /// Where the order comes from.
    pub from: Option<IpAddr>,
}

/// Why there is no such user.
#[derive(Debug, thiserror::Error)]
pub enum NewUserError {
    /// Address or name.
    #[error(transparent)]
    Particulars(#[from] UserError),
    /// The password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The address is taken.
    #[error("there is a user with this e-mail address")]
    EmailTaken,
    /// The id is taken, or was: what a deleted user has left behind is still known by it.
    #[error("there is a user with this id")]
    IdTaken,
    /// Too many were created from there.
    #[error(transparent)]
    Later(Later),
    /// It was to be the first.
    #[error("there are users already")]
    NotFirst,
    /// Try again.
    #[error(transparent)]
    Busy(#[from] Busy),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A user whom an application creates, or who creates themselves.
pub struct Account {
    /// The id that was chosen for them; `None` for a fresh one.
    pub id: Option<UserId>,
    /// What they sign in with.
    pub email: Email,
    /// What people call them.
    pub name: Name,
    /// Their password as typed; `None` for one that nobody knows.
    pub password: Option<String>,
    /// Where the order comes from.
    pub from: Option<IpAddr>,
}

/// A user to be created, understood.
pub(super) struct Particulars {
    /// `None` for a fresh one.
    pub id: Option<UserId>,
    pub email: Email,
    pub name: Name,
    pub password: Password,
    pub labels: BTreeSet<Label>,
    pub safeguards: Safeguards,
}

/// Address and name as somebody typed them; without a name, the address up to the `@`.
pub(super) fn particulars(email: &str, name: &str) -> Result<(Email, Name), UserError> {
    let email: Email = email.parse()?;
    let typed = if name.trim().is_empty() { email.as_str().split('@').next().unwrap_or("") } else { name };
    let name = typed.parse()?;
    Ok((email, name))
}

impl Service {
    /// Changes a user; their sessions end in the same step if they must.
    pub async fn change_user(
        &self,
        user: &UserId,
        change: UserChange,
        order: &Order,
    ) -> Result<UserChanged, StoreError> {
        let ending = order.ending(change.reason());
        let changed = self.store.change_user(user.key(), change, ending).await?;
        self.unreaped.notify_one();
        Ok(changed)
    }

    /// Gives somebody who asks for it themselves another address. That one is taken tells who has an account, so it is written
    /// down, and few such answers are given.
    pub async fn change_own_email(
        &self,
        live: &LiveSession,
        email: Email,
        from: Option<IpAddr>,
    ) -> Result<UserChanged, SignInError> {
        let user = &live.user.id;
        let draft = |outcome| {
            let draft = Draft::new(Actor::User(user.clone()), Action::ChangeEmail, outcome);
            Draft { user: Some(user.clone()), from, ..draft }
        };
        let permit = self.may_guess(Guesser::Naming(user), draft(Outcome::Denied)).await?;
        let order = Order { by: Actor::User(user.clone()), note: None, from };
        let changed = self.change_user(user, UserChange::Email(email), &order).await;
        if matches!(changed, Ok(UserChanged::EmailTaken)) {
            self.store.record(draft(Outcome::Failure)).await?;
        } else {
            self.throttle.give_back(permit);
        }
        Ok(changed?)
    }

    /// Creates a user.
    pub async fn create_user(&self, new: NewUser, by: Actor) -> Result<User, NewUserError> {
        self.add_user(new, false, by).await
    }

    /// Creates a user on the word of an application that has an API key.
    pub async fn create_account(&self, account: Account, by: Actor) -> Result<User, NewUserError> {
        let Account { id, email, name, password, from } = account;
        let password = match password {
            Some(password) => Password::chosen(password, &[email.as_str(), name.as_str()])?,
            // Nobody knows it; they sign in by other ways, or get one later.
            None => Password::typed(hex(&random::<32>(self.entropy()))),
        };
        let (labels, safeguards) = (BTreeSet::new(), Safeguards::default());
        self.register(Particulars { id, email, name, password, labels, safeguards }, false, by, from).await
    }

    /// Somebody creates their own account. Who has one shows by it, and each costs a hash: few are looked at from one place.
    pub async fn sign_up(&self, account: Account) -> Result<User, NewUserError> {
        let from = account.from;
        let denied = Draft { from, ..Draft::new(Actor::Anonymous, Action::CreateUser, Outcome::Denied) };
        match self.may_guess(Guesser::SigningUp(from), denied).await {
            // Used up either way.
            Ok(_permit) => self.create_account(account, Actor::Anonymous).await,
            Err(SignInError::Later(later)) => Err(NewUserError::Later(later)),
            Err(SignInError::Store(error)) => Err(error.into()),
            Err(_) => Err(NewUserError::Busy(Busy)),
        }
    }

    /// Deletes a user; their sessions end in the same step.
    pub async fn delete_user(&self, user: &UserId, order: &Order) -> Result<UserDeleted, StoreError> {
        let deleted = self.store.delete_user(user.key(), order.ending(Reason::Deleted)).await?;
        self.unreaped.notify_one();
        Ok(deleted)
    }

    pub(super) async fn add_user(&self, new: NewUser, first: bool, by: Actor) -> Result<User, NewUserError> {
        let (email, name) = particulars(&new.email, &new.name)?;
        let password = Password::chosen(new.password, &[email.as_str(), name.as_str()])?;
        let (labels, safeguards) = (new.labels, Safeguards::default());
        self.register(Particulars { id: None, email, name, password, labels, safeguards }, first, by, new.from).await
    }

    /// Writes down a user whose particulars are right.
    pub(super) async fn register(
        &self,
        new: Particulars,
        first: bool,
        by: Actor,
        from: Option<IpAddr>,
    ) -> Result<User, NewUserError> {
        let Particulars { id, email, name, password, labels, safeguards } = new;
        let chosen = id.is_some();
        let user = User {
            id: id.unwrap_or_else(|| UserId::new(self.entropy())),
            email,
            name,
            password: self.hasher.hash(password).await?,
            labels,
            epoch: Epoch::draw(self.entropy()),
            created: self.clock.now(),
            blocked: false,
            safeguards,
            profile: Profile::default(),
        };
        match self.store.create_user(user.clone(), first, by, from).await? {
            UserCreated::Done => Ok(user),
            UserCreated::EmailTaken => Err(NewUserError::EmailTaken),
            UserCreated::NotFirst => Err(NewUserError::NotFirst),
            UserCreated::IdTaken if chosen => Err(NewUserError::IdTaken),
            UserCreated::IdTaken => Err(StoreError::Conflict { what: "a fresh user id" }.into()),
        }
    }
}
