//! What the machine's operator does from a shell, in one form for both ways there: in the shell's own process on a database
//! that nobody has open, and inside the server that has it open.

mod audit;
mod people;
mod sessions;
mod upkeep;
mod users;

use std::future::Future;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::audit::{Events, ListEvents};
pub use self::people::{
    DeleteUser, InviteUser, ListUsers, ListedUsers, OneTimePassword, ResetPassword, ShowUser, UserRow,
};
pub use self::sessions::{Ended, ListSessions, Listed, RevokeSessions, Row};
pub use self::upkeep::{Check, Compact};
pub use self::users::{Change, ChangeUser, Changed, CreateUser, SetPassword};
use super::Service;
use crate::store::StoreError;
use crate::store::sled::{Sled, UpkeepError};

/// Whoever may do everything: has the service and the database under it.
#[derive(Clone)]
pub struct Operator {
    pub(crate) service: Arc<Service>,
    pub(crate) store: Arc<Sled>,
}

/// Something that the operator wants done.
pub trait Command: Serialize + DeserializeOwned + Send {
    /// What it is called.
    const NAME: &'static str;
    /// What is answered.
    type Answer: Serialize + DeserializeOwned + Send;

    /// Does it.
    fn run(self, operator: &Operator) -> impl Future<Output = Result<Self::Answer, Refused>> + Send;
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Whether it was asked for wrongly; otherwise it was refused or went wrong.
    pub usage: bool,
    /// What is wrong, and what to do.
    pub told: String,
}

impl Refused {
    /// It was refused or went wrong.
    pub fn failed(told: impl ToString) -> Self {
        Self { usage: false, told: told.to_string() }
    }

    /// It was asked for wrongly.
    pub fn usage(told: impl ToString) -> Self {
        Self { usage: true, told: told.to_string() }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::failed(error)
    }
}

impl From<UpkeepError> for Refused {
    fn from(error: UpkeepError) -> Self {
        Self::failed(error)
    }
}
