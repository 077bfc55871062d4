//! The operator and users.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Command, Operator, Refused};
use crate::domain::ending::Actor;
use crate::domain::user::Label;
use crate::service::users::{NewUser, NewUserError};

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
    type Answer = Created;

    async fn run(self, operator: &Operator) -> Result<Created, Refused> {
        let labels = self.labels.iter().map(|label| label.parse::<Label>());
        let labels = labels.collect::<Result<BTreeSet<_>, _>>().map_err(Refused::usage)?;
        let new = NewUser { email: self.email, name: self.name, password: self.password, labels, from: None };
        let user = operator.service.create_user(new, Actor::Operator).await.map_err(|error| match error {
            NewUserError::Particulars(_) | NewUserError::Password(_) => Refused::usage(error),
            _ => Refused::failed(error),
        })?;
        Ok(Created { id: user.id.to_string() })
    }
}
