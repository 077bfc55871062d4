//! API keys: made and shown once, looked at with each request, revoked.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Service;
use super::sessions::Order;
use crate::domain::ending::{Actor, Reason};
use crate::domain::id::KeyId;
use crate::domain::key::{ApiKey, KeyCredential, KeyParticulars, KeyVerdict, ScopeError, Scopes, StoredKey};
use crate::domain::user::{Name, UserError};
use crate::store::{KeyCreated, KeyRevoked, Result, StoreError};

/// How long a key may be good, unless it is for ever.
const KEY_LIFETIMES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24 * 3_653);

/// A key to be created, as typed.
pub struct NewKey {
    /// What people call it.
    pub name: String,
    /// `all`, or scopes with commas between them.
    pub scopes: String,
    /// How long it is good.
    pub lifetime: Option<Duration>,
    /// Where the order comes from.
    pub from: Option<IpAddr>,
}

/// Why there is no such key.
#[derive(Debug, thiserror::Error)]
pub enum NewKeyError {
    /// Its name.
    #[error(transparent)]
    Name(#[from] UserError),
    /// Its scopes.
    #[error(transparent)]
    Scopes(#[from] ScopeError),
    /// Its lifetime.
    #[error("a key is good for at least a second, and at most ten years unless it is for ever")]
    Lifetime,
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a key that was sent along is worth. That it has ended learns only who has its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolvedKey {
    /// It opens what its scopes say.
    Live(Box<ApiKey>),
    /// Somebody revoked it.
    Revoked(KeyId),
    /// It ran out.
    Expired(KeyId),
    /// There is no such key, or it has another secret.
    Unknown,
}

impl Service {
    /// Creates a key. The credential is the only copy of its secret.
    pub async fn create_key(
        &self,
        new: NewKey,
        by: Actor,
    ) -> std::result::Result<(ApiKey, KeyCredential), NewKeyError> {
        let name: Name = new.name.parse()?;
        let scopes: Scopes = new.scopes.parse()?;
        if new.lifetime.is_some_and(|lifetime| !KEY_LIFETIMES.contains(&lifetime)) {
            return Err(NewKeyError::Lifetime);
        }
        let created = self.clock.now();
        let expires = new.lifetime.map(|lifetime| created + lifetime);
        let credential = KeyCredential::new(self.entropy());
        let key = ApiKey::new(&credential, KeyParticulars { name, scopes, created, expires, by });
        match self.store.create_key(key.clone(), new.from).await? {
            KeyCreated::Done => Ok((key, credential)),
            KeyCreated::IdTaken => Err(StoreError::Conflict { what: "a fresh key id" }.into()),
        }
    }

    /// What `credential` is worth now. The secret is compared before anything else is looked at, and hashed whether or not
    /// there is such a key.
    pub async fn resolve_key(&self, credential: &KeyCredential) -> Result<ResolvedKey> {
        let resolved = self.look_up_key(credential).await;
        self.metrics.resolved_key(&resolved);
        resolved
    }

    async fn look_up_key(&self, credential: &KeyCredential) -> Result<ResolvedKey> {
        let digest = credential.digest();
        let Some(stored) = self.store.key(credential.id()).await? else { return Ok(ResolvedKey::Unknown) };
        if !stored.key.opens_with(&digest) {
            return Ok(ResolvedKey::Unknown);
        }
        let now = self.clock.now();
        match stored.key.verdict(now) {
            KeyVerdict::Live => {}
            KeyVerdict::Revoked(_) => return Ok(ResolvedKey::Revoked(stored.key.id)),
            KeyVerdict::Expired(_) => return Ok(ResolvedKey::Expired(stored.key.id)),
        }
        if stored.is_use_due(now) {
            // When it was used matters less than what it is used for: to end sessions on a full disk, say.
            if let Err(error) = self.store.note_key_use(stored.key.id).await {
                tracing::debug!(%error, "the use of an API key could not be noted");
            }
        }
        Ok(ResolvedKey::Live(Box::new(stored.key)))
    }

    /// All keys, the oldest first.
    pub async fn keys(&self) -> Result<Vec<StoredKey>> {
        self.store.keys().await
    }

    /// Revokes a key: from the answer on it opens nothing.
    pub async fn revoke_key(&self, id: KeyId, order: &Order) -> Result<KeyRevoked> {
        self.store.revoke_key(id, order.ending(Reason::Revoked)).await
    }
}
