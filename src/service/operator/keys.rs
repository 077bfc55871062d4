//! The operator and API keys.

use serde::{Deserialize, Serialize};

use super::sessions::Story;
use super::{Command, Needs, Operator, Refused};
use crate::domain::id::KeyId;
use crate::domain::key::{KeyVerdict, Scope, Scopes, StoredKey};
use crate::domain::timestamp::Timestamp;
use crate::service::keys::{NewKey, NewKeyError};
use crate::store::KeyRevoked;

/// Creates a key. Not from afar: a key must not make another one that outlives it.
#[derive(Serialize, Deserialize)]
pub struct CreateKey {
    /// What people call it.
    pub name: String,
    /// `all`, or scopes with commas between them.
    pub scopes: String,
    /// How long it is good, in seconds.
    pub lifetime: Option<u64>,
}

/// The key that was created. Its text is nowhere else.
#[derive(Serialize, Deserialize)]
pub struct KeyMade {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it opens.
    pub scopes: Vec<String>,
    /// Until when.
    pub expires: Option<String>,
    /// What to send.
    pub key: String,
}

fn codes(scopes: &Scopes) -> Vec<String> {
    scopes.iter().map(|scope| scope.code().to_owned()).collect()
}

impl Command for CreateKey {
    const NAME: &'static str = "key-create";
    const NEEDS: Needs = Needs::Machine;
    type Answer = KeyMade;

    async fn run(self, operator: &Operator) -> Result<KeyMade, Refused> {
        let Self { name, scopes, lifetime } = self;
        let new = NewKey { name, scopes, lifetime: lifetime.map(std::time::Duration::from_secs), from: operator.from };
        let (key, credential) =
            operator.service.create_key(new, operator.by.clone()).await.map_err(|error| match error {
                NewKeyError::Store(_) => Refused::failed(error),
                NewKeyError::Name(_) | NewKeyError::Scopes(_) | NewKeyError::Lifetime => Refused::usage(error),
            })?;
        Ok(KeyMade {
            id: key.id.to_string(),
            name: key.name.to_string(),
            scopes: codes(&key.scopes),
            expires: key.expires.map(|at| at.to_string()),
            key: credential.expose(),
        })
    }
}

/// All keys.
#[derive(Serialize, Deserialize)]
pub struct ListKeys;

/// They.
#[derive(Serialize, Deserialize)]
pub struct ListedKeys {
    /// The oldest first.
    pub rows: Vec<KeyRow>,
}

/// One key, in words. Times are RFC 3339 in UTC.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyRow {
    /// Its id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// `live`, `revoked` or `expired`.
    pub status: String,
    /// What it opens.
    pub scopes: Vec<String>,
    /// Since when.
    pub created: String,
    /// Who created it.
    pub by: String,
    /// Until when.
    pub expires: Option<String>,
    /// The last use that was written down.
    pub last_used: Option<String>,
    /// How it was revoked.
    pub revoked: Option<Story>,
}

impl KeyRow {
    fn new(StoredKey { key, last_used }: &StoredKey, now: Timestamp) -> Self {
        let (status, revoked) = match key.verdict(now) {
            KeyVerdict::Live => ("live", None),
            KeyVerdict::Expired(_) => ("expired", None),
            KeyVerdict::Revoked(ended) => ("revoked", Some(Story::of(&ended))),
        };
        Self {
            id: key.id.to_string(),
            name: key.name.to_string(),
            status: status.to_owned(),
            scopes: codes(&key.scopes),
            created: key.created.to_string(),
            by: key.by.to_string(),
            expires: key.expires.map(|at| at.to_string()),
            last_used: last_used.map(|at| at.to_string()),
            revoked,
        }
    }
}

impl Command for ListKeys {
    const NAME: &'static str = "key-list";
    const NEEDS: Needs = Needs::Scope(Scope::UsersRead);
    type Answer = ListedKeys;

    async fn run(self, operator: &Operator) -> Result<ListedKeys, Refused> {
        let now = operator.service.clock().now();
        let keys = operator.service.keys().await?;
        Ok(ListedKeys { rows: keys.iter().map(|stored| KeyRow::new(stored, now)).collect() })
    }
}

/// Revokes a key.
#[derive(Serialize, Deserialize)]
pub struct RevokeKey {
    /// Its id.
    pub id: String,
    /// For the audit log.
    pub reason: String,
}

/// What became of it.
#[derive(Serialize, Deserialize)]
pub struct KeyGone {
    /// Whether this command revoked it; otherwise it was revoked before.
    pub now: bool,
}

impl RevokeKey {
    /// Whether it can be asked at all.
    pub fn check(&self) -> Result<KeyId, Refused> {
        self.id.parse().map_err(Refused::usage)
    }
}

impl Command for RevokeKey {
    const NAME: &'static str = "key-revoke";
    const NEEDS: Needs = Needs::Scope(Scope::UsersWrite);
    type Answer = KeyGone;

    async fn run(self, operator: &Operator) -> Result<KeyGone, Refused> {
        let id = self.check()?;
        match operator.service.revoke_key(id, &operator.order(&self.reason)?).await? {
            KeyRevoked::Done(_) => Ok(KeyGone { now: true }),
            KeyRevoked::AlreadyRevoked(_) => Ok(KeyGone { now: false }),
            KeyRevoked::NotFound => Err(Refused::failed(format!("there is no key {id}"))),
        }
    }
}
