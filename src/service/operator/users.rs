//! The operator and users.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Command, Needs, Operator, Refused};
use crate::domain::change::{NewPassword, NewSecondFactor, UserChange};
use crate::domain::ending::Note;
use crate::domain::key::Scope;
use crate::domain::password::{Password, PasswordHash};
use crate::domain::user::{Email, Label, Name, User};
use crate::service::Service;
use crate::service::passwords::PasswordChangeError;
use crate::service::users::{NewUser, NewUserError};
use crate::store::UserChanged;

/// Creates a user.
#[derive(Serialize, Deserialize)]
pub struct CreateUser {
    /// The e-mail address.
    pub email: String,
    /// What people call them; empty: the part of the address before the `@`.
    pub name: String,
    /// The password they chose.
    pub password: String,
    /// Their labels.
    pub labels: Vec<String>,
}

/// The user that was created.
#[derive(Serialize, Deserialize)]
pub struct Created {
    /// Their id.
    pub id: String,
}

impl Command for CreateUser {
    const NAME: &'static str = "user-create";
    const NEEDS: Needs = Needs::Scope(Scope::UsersWrite);
    type Answer = Created;

    async fn run(self, operator: &Operator) -> Result<Created, Refused> {
        let labels = labels(&self.labels)?;
        let new = NewUser { email: self.email, name: self.name, password: self.password, labels, from: operator.from };
        let user = operator.service.create_user(new, operator.by.clone()).await.map_err(|error| match error {
            NewUserError::Particulars(_) | NewUserError::Password(_) => Refused::usage(error),
            _ => Refused::failed(error),
        })?;
        Ok(Created { id: user.id.to_string() })
    }
}

/// Changes a user.
#[derive(Serialize, Deserialize)]
pub struct ChangeUser {
    /// An e-mail address or an id.
    pub user: String,
    /// What is to be changed.
    pub change: Change,
    /// For the audit log.
    pub reason: String,
}

/// What may be changed.
#[derive(Serialize, Deserialize)]
pub enum Change {
    /// They may not sign in any more.
    Block,
    /// They may sign in again.
    Unblock,
    /// They get the one kind of labels and lose the other.
    Labels {
        /// To get.
        add: Vec<String>,
        /// To lose.
        remove: Vec<String>,
    },
    /// The wrong passwords in a row are forgotten.
    Unlock,
    /// They sign in with this address.
    Email(String),
    /// People call them so.
    Name(String),
    /// They sign in with the password alone.
    NoSecondFactor,
}

/// What became of it.
#[derive(Serialize, Deserialize)]
pub enum Changed {
    /// Done, and so many live sessions ended by it.
    Done(u64),
    /// They were so before.
    Unchanged,
}

impl ChangeUser {
    /// Whether it can be asked at all.
    pub fn check(&self) -> Result<(), Refused> {
        match &self.change {
            Change::Labels { add, remove } => drop(labels(add).and(labels(remove))?),
            Change::Email(email) => drop(email.parse::<Email>().map_err(Refused::usage)?),
            Change::Name(name) => drop(name.parse::<Name>().map_err(Refused::usage)?),
            Change::Block | Change::Unblock | Change::Unlock | Change::NoSecondFactor => {}
        }
        Note::parse(&self.reason).map(drop).map_err(Refused::usage)
    }
}

pub(super) async fn find(service: &Service, typed: &str) -> Result<User, Refused> {
    let unknown = || Refused::failed(format!("there is no user with the e-mail address or id {typed}"));
    service.named(typed).await?.ok_or_else(unknown)
}

pub(super) fn labels(texts: &[String]) -> Result<BTreeSet<Label>, Refused> {
    texts.iter().map(|label| label.parse::<Label>()).collect::<Result<_, _>>().map_err(Refused::usage)
}

impl Command for ChangeUser {
    const NAME: &'static str = "user-change";
    const NEEDS: Needs = Needs::Scope(Scope::UsersWrite);
    type Answer = Changed;

    async fn run(self, operator: &Operator) -> Result<Changed, Refused> {
        let user = find(&operator.service, &self.user).await?;
        let (change, order) = (self.change.understood()?, operator.order(&self.reason)?);
        changed(&self.user, operator.service.change_user(&user.id, change, &order).await?)
    }

    async fn foresee(self, operator: &Operator) -> Result<Changed, Refused> {
        let user = find(&operator.service, &self.user).await?;
        let change = self.change.understood()?;
        operator.order(&self.reason)?;
        changed(&self.user, operator.service.foresee_change(&user.id, &change).await?)
    }
}

impl Change {
    /// What it means.
    fn understood(&self) -> Result<UserChange, Refused> {
        Ok(match self {
            Self::Block => UserChange::Block,
            Self::Unblock => UserChange::Unblock,
            Self::Unlock => UserChange::Unlock,
            Self::Email(email) => UserChange::Email(email.parse().map_err(Refused::usage)?),
            Self::Name(name) => UserChange::Name(name.parse().map_err(Refused::usage)?),
            Self::NoSecondFactor => UserChange::SecondFactor(Box::new(NewSecondFactor { factor: None, asked: None })),
            Self::Labels { add, remove } => UserChange::Relabel { add: labels(add)?, remove: labels(remove)? },
        })
    }
}

fn changed(typed: &str, changed: UserChanged) -> Result<Changed, Refused> {
    match changed {
        UserChanged::Done { ended, .. } => Ok(Changed::Done(ended)),
        UserChanged::Unchanged => Ok(Changed::Unchanged),
        UserChanged::LastAdministrator => Err(Refused::failed(format!(
            "{typed} is the last administrator who can sign in; make somebody else one first"
        ))),
        UserChanged::EmailTaken => Err(Refused::failed("somebody else has this e-mail address")),
        UserChanged::Stale | UserChanged::NotFound => Err(Refused::failed("the user is gone")),
    }
}

/// Gives a user a new password.
#[derive(Serialize, Deserialize)]
pub struct SetPassword {
    /// An e-mail address or an id.
    pub user: String,
    /// The new password.
    pub password: String,
    /// For the audit log.
    pub reason: String,
}

/// What became of it.
#[derive(Serialize, Deserialize)]
pub struct PasswordSet {
    /// How many live sessions ended.
    pub ended: u64,
}

impl Command for SetPassword {
    const NAME: &'static str = "user-passwd";
    const NEEDS: Needs = Needs::Scope(Scope::UsersWrite);
    type Answer = PasswordSet;

    async fn run(self, operator: &Operator) -> Result<PasswordSet, Refused> {
        let order = operator.order(&self.reason)?;
        let user = find(&operator.service, &self.user).await?;
        let set = operator.service.set_password(&user, self.password, &order).await;
        let ended = set.map_err(|error| match error {
            PasswordChangeError::Refused(_) => Refused::usage(error),
            _ => Refused::failed(error),
        })?;
        Ok(PasswordSet { ended })
    }

    async fn foresee(self, operator: &Operator) -> Result<PasswordSet, Refused> {
        operator.order(&self.reason)?;
        let user = find(&operator.service, &self.user).await?;
        Password::chosen(self.password, &user.own_words()).map_err(Refused::usage)?;
        // No password hashes to nothing, so it is another one, as a new one always is.
        let hash = PasswordHash::from_phc(String::new());
        let change = UserChange::Password(Box::new(NewPassword { hash, asked: None }));
        match operator.service.foresee_change(&user.id, &change).await? {
            UserChanged::Done { ended, .. } => Ok(PasswordSet { ended }),
            _ => Err(Refused::failed("the user is gone")),
        }
    }
}
