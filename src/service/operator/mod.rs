//! What is ordered from a command line, in one form for all ways there: in the shell's own process on a database that nobody
//! has open, inside the server that has it open, and from afar by whoever has an API key.

mod as_text;
mod audit;
mod commands;
mod keys;
mod people;
mod sessions;
mod upkeep;
mod users;

use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use self::audit::{Events, ListEvents};
pub use self::commands::{How, carry_out, needs};
pub use self::keys::{CreateKey, KeyMade, KeyRow, ListKeys, ListedKeys, RevokeKey};
pub use self::people::{
    DeleteUser, InviteUser, ListUsers, ListedUsers, OneTimePassword, ResetPassword, ShowUser, UserRow,
};
pub use self::sessions::{Ended, ListSessions, Listed, RevokeSessions, Row};
pub use self::upkeep::{Check, Compact, Upkeep};
pub use self::users::{Change, ChangeUser, Changed, CreateUser, SetPassword};
use super::Service;
use super::sessions::Order;
use crate::domain::ending::{Actor, Note};
use crate::domain::id::KeyId;
use crate::domain::key::Scope;
use crate::store::StoreError;
use crate::store::sled::UpkeepError;

/// Whoever gives commands, and what they are carried out with.
#[derive(Clone)]
pub struct Operator {
    service: Arc<Service>,
    by: Actor,
    from: Option<IpAddr>,
}

impl Operator {
    /// Whoever has a shell on the machine.
    pub const fn on_the_machine(service: Arc<Service>) -> Self {
        Self { service, by: Actor::Operator, from: None }
    }

    /// Whoever showed this API key, from that address.
    pub const fn afar(service: Arc<Service>, key: KeyId, from: Option<IpAddr>) -> Self {
        Self { service, by: Actor::Key(key), from }
    }

    /// An order of theirs, with what they wrote for the audit log.
    fn order(&self, reason: &str) -> Result<Order, Refused> {
        let note = Note::parse(reason).map_err(Refused::usage)?;
        Ok(Order { by: self.by.clone(), note, from: self.from })
    }
}

/// What it takes to have a command carried out from afar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// A key with this scope.
    Scope(Scope),
    /// It concerns the whole machine and is not to be had from afar.
    Machine,
}

/// Something that the operator wants done.
pub trait Command: Serialize + DeserializeOwned + Send {
    /// What it is called.
    const NAME: &'static str;
    /// What it takes from afar.
    const NEEDS: Needs;
    /// What is answered.
    type Answer: Serialize + DeserializeOwned + Send;

    /// Does it.
    fn run(self, operator: &Operator) -> impl Future<Output = Result<Self::Answer, Refused>> + Send;

    /// Answers what [`Command::run`] would, and changes nothing. A command that does not say how is refused.
    fn foresee(self, _: &Operator) -> impl Future<Output = Result<Self::Answer, Refused>> + Send {
        async { Err(Refused::usage(format!("{} cannot tell beforehand what it would do", Self::NAME))) }
    }
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
