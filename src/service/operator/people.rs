//! The operator looks at users, hands out one-time passwords, and deletes.

use serde::{Deserialize, Serialize};

use super::users::{find, labels};
use super::{Command, Needs, Operator, Refused};
use crate::domain::key::Scope;
use crate::domain::listing::{Query, UserFilter, UserMarks, UserQuery, UserState};
use crate::domain::user::{Label, User};
use crate::service::Service;
use crate::service::invite::Invited;
use crate::service::passwords::OneTime;
use crate::service::users::NewUserError;
use crate::store::{StoreError, UserDeleted};

/// One page of users.
#[derive(Serialize, Deserialize, Clone)]
pub struct ListUsers {
    /// Part of an id, an e-mail address or a name.
    pub text: String,
    /// The code of a state.
    pub state: String,
    /// Where to go on.
    pub cursor: String,
}

impl ListUsers {
    /// The question, or what is wrong with it.
    pub fn query(&self) -> Result<UserQuery, Refused> {
        let filter = UserFilter::parse(&self.text, &self.state).map_err(Refused::usage)?;
        let cursor = Some(&self.cursor).filter(|cursor| !cursor.is_empty());
        let cursor = cursor.map(|cursor| cursor.parse()).transpose().map_err(Refused::usage)?;
        Ok(UserQuery { filter, cursor, rows: Query::MOST_ROWS })
    }
}

/// The page.
#[derive(Serialize, Deserialize)]
pub struct ListedUsers {
    /// Its rows.
    pub rows: Vec<UserRow>,
    /// Where the next one starts.
    pub next: Option<String>,
}

/// One user, in words. Times are RFC 3339 in UTC.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserRow {
    /// Their id.
    pub id: String,
    /// Their address.
    pub email: String,
    /// What people call them.
    pub name: String,
    /// What they may do.
    pub labels: Vec<String>,
    /// When they were created.
    pub created: String,
    /// Whether they may not sign in.
    pub blocked: bool,
    /// Whether there were too many wrong passwords, of strangers or of those who are known.
    pub locked: bool,
    /// Wrong passwords and codes in a row.
    pub wrong_tries: u32,
    /// Until when their password for one use is good, if they have one.
    pub one_time_password_until: Option<String>,
    /// Whether they have a second factor.
    pub second_factor: bool,
    /// Their live sessions.
    pub live_sessions: u64,
}

impl UserRow {
    async fn of(user: &User, service: &Service) -> Result<Self, StoreError> {
        let safeguards = &user.safeguards;
        Ok(Self {
            id: user.id.to_string(),
            email: user.email.to_string(),
            name: user.name.to_string(),
            labels: user.labels.iter().map(Label::as_str).map(str::to_owned).collect(),
            created: user.created.to_string(),
            blocked: user.blocked,
            locked: UserState::Locked.admits(UserMarks::of(user)),
            wrong_tries: safeguards.tries.count(),
            one_time_password_until: safeguards.one_time_until.map(|until| until.to_string()),
            second_factor: safeguards.second_factor.is_some(),
            live_sessions: service.count_live(&user.id).await?,
        })
    }
}

impl Command for ListUsers {
    const NAME: &'static str = "user-list";
    const NEEDS: Needs = Needs::Scope(Scope::UsersRead);
    type Answer = ListedUsers;

    async fn run(self, operator: &Operator) -> Result<ListedUsers, Refused> {
        let service = &operator.service;
        let page = service.store().list_users(&self.query()?).await?;
        let mut rows = Vec::new();
        for user in &page.rows {
            rows.push(UserRow::of(user, service).await?);
        }
        Ok(ListedUsers { rows, next: page.next.map(|cursor| cursor.to_string()) })
    }
}

/// One user.
#[derive(Serialize, Deserialize)]
pub struct ShowUser {
    /// An e-mail address or an id.
    pub user: String,
}

impl Command for ShowUser {
    const NAME: &'static str = "user-show";
    const NEEDS: Needs = Needs::Scope(Scope::UsersRead);
    type Answer = UserRow;

    async fn run(self, operator: &Operator) -> Result<UserRow, Refused> {
        let user = find(&operator.service, &self.user).await?;
        Ok(UserRow::of(&user, &operator.service).await?)
    }
}

/// A password for one use, to be handed on.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OneTimePassword {
    /// Whose it is, by id.
    pub id: String,
    /// The password.
    pub password: String,
    /// Until when it is good.
    pub until: String,
    /// How many live sessions ended.
    pub ended: u64,
}

impl OneTimePassword {
    fn of(user: &User, one_time: OneTime, ended: u64) -> Self {
        Self { id: user.id.to_string(), password: one_time.secret, until: one_time.until.to_string(), ended }
    }
}

/// Creates a user with a password for one use.
#[derive(Serialize, Deserialize)]
pub struct InviteUser {
    /// The e-mail address.
    pub email: String,
    /// What people call them; empty: the part of the address before the `@`.
    pub name: String,
    /// Their labels.
    pub labels: Vec<String>,
}

impl Command for InviteUser {
    const NAME: &'static str = "user-invite";
    const NEEDS: Needs = Needs::Scope(Scope::UsersWrite);
    type Answer = OneTimePassword;

    async fn run(self, operator: &Operator) -> Result<OneTimePassword, Refused> {
        let new = Invited { email: self.email, name: self.name, labels: labels(&self.labels)?, from: operator.from };
        let (user, one_time) =
            operator.service.invite(new, operator.by.clone()).await.map_err(|error| match error {
                NewUserError::Particulars(_) => Refused::usage(error),
                _ => Refused::failed(error),
            })?;
        Ok(OneTimePassword::of(&user, one_time, 0))
    }
}

/// Takes a user's password away and gives them one for one use.
#[derive(Serialize, Deserialize)]
pub struct ResetPassword {
    /// An e-mail address or an id.
    pub user: String,
    /// For the audit log.
    pub reason: String,
}

impl Command for ResetPassword {
    const NAME: &'static str = "user-reset";
    const NEEDS: Needs = Needs::Scope(Scope::UsersWrite);
    type Answer = OneTimePassword;

    async fn run(self, operator: &Operator) -> Result<OneTimePassword, Refused> {
        let order = operator.order(&self.reason)?;
        let user = find(&operator.service, &self.user).await?;
        let reset = operator.service.reset_password(&user, &order).await;
        let (one_time, ended) = reset.map_err(Refused::failed)?;
        Ok(OneTimePassword::of(&user, one_time, ended))
    }

    /// Without a password, since none is drawn.
    async fn foresee(self, operator: &Operator) -> Result<OneTimePassword, Refused> {
        operator.order(&self.reason)?;
        let user = find(&operator.service, &self.user).await?;
        let (one_time, ended) = operator.service.foresee_reset(&user).await?;
        Ok(OneTimePassword::of(&user, one_time, ended))
    }
}

/// Deletes a user.
#[derive(Serialize, Deserialize)]
pub struct DeleteUser {
    /// An e-mail address or an id.
    pub user: String,
    /// For the audit log.
    pub reason: String,
}

/// What became of it.
#[derive(Serialize, Deserialize)]
pub struct Deleted {
    /// How many live sessions ended.
    pub ended: u64,
}

impl Command for DeleteUser {
    const NAME: &'static str = "user-delete";
    const NEEDS: Needs = Needs::Scope(Scope::UsersWrite);
    type Answer = Deleted;

    async fn run(self, operator: &Operator) -> Result<Deleted, Refused> {
        let order = operator.order(&self.reason)?;
        let user = find(&operator.service, &self.user).await?;
        deleted(&self.user, operator.service.delete_user(&user.id, &order).await?)
    }

    async fn foresee(self, operator: &Operator) -> Result<Deleted, Refused> {
        operator.order(&self.reason)?;
        let user = find(&operator.service, &self.user).await?;
        deleted(&self.user, operator.service.foresee_delete(&user.id).await?)
    }
}

fn deleted(typed: &str, deleted: UserDeleted) -> Result<Deleted, Refused> {
    match deleted {
        UserDeleted::Done { ended } => Ok(Deleted { ended }),
        UserDeleted::LastAdministrator => Err(Refused::failed(format!(
            "{typed} is the last administrator who can sign in; make somebody else one first"
        ))),
        UserDeleted::NotFound => Err(Refused::failed("the user is gone")),
    }
}
