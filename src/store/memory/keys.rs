//! API keys.

use std::collections::BTreeMap;
use std::net::IpAddr;

use async_trait::async_trait;

use super::super::{KeyCreated, KeyRevoked, Keys, Result};
use super::{Memory, lock};
use crate::domain::audit::Draft;
use crate::domain::ending::Ending;
use crate::domain::id::KeyId;
use crate::domain::key::{ApiKey, KeyVerdict, StoredKey};
use crate::domain::timestamp::Timestamp;

/// Every key, by its id.
pub(super) type Ring = BTreeMap<KeyId, StoredKey>;

#[async_trait]
impl Keys for Memory {
    async fn create_key(&self, key: ApiKey, from: Option<IpAddr>) -> Result<KeyCreated> {
        self.write("create a key", || {
            let mut ring = lock(&self.ring);
            if let Some(there) = ring.get(&key.id) {
                return KeyCreated::again(&there.key, &key);
            }
            lock(&self.log).append(self.environment.clock.now(), Draft::key_created(&key, from));
            ring.insert(key.id, StoredKey { key, last_used: None });
            KeyCreated::Done
        })
        .await
    }

    async fn key(&self, id: KeyId) -> Result<Option<StoredKey>> {
        self.read("read a key", || lock(&self.ring).get(&id).cloned()).await
    }

    async fn keys(&self) -> Result<Vec<StoredKey>> {
        self.read("list keys", || {
            let mut keys: Vec<_> = lock(&self.ring).values().cloned().collect();
            keys.sort_by_key(|stored| (stored.key.created, stored.key.id));
            keys
        })
        .await
    }

    async fn revoke_key(&self, id: KeyId, ending: Ending) -> Result<KeyRevoked> {
        self.write("revoke a key", || {
            let mut ring = lock(&self.ring);
            let Some(stored) = ring.get_mut(&id) else { return KeyRevoked::NotFound };
            if let Some(ended) = stored.key.revoked() {
                return KeyRevoked::AlreadyRevoked(ended.clone());
            }
            let now = self.environment.clock.now();
            let event = lock(&self.log).append(now, Draft::key_revoked(&ending, id));
            let ended = ending.at(now, event);
            stored.key.revoke(ended.clone());
            KeyRevoked::Done(ended)
        })
        .await
    }

    async fn note_key_use(&self, id: KeyId) -> Result<()> {
        self.write("note the use of a key", || {
            let now = self.environment.clock.now();
            if let Some(stored) = lock(&self.ring).get_mut(&id)
                && stored.key.verdict(now) == KeyVerdict::Live
                && stored.is_use_due(now)
            {
                stored.last_used = Some(now);
            }
        })
        .await
    }
}

impl Memory {
    /// Forgets up to `most` keys that were past before `before`.
    pub(super) fn sweep_keys(&self, before: Timestamp, most: usize) -> usize {
        let now = self.environment.clock.now();
        let mut ring = lock(&self.ring);
        let old = |stored: &&StoredKey| stored.key.verdict(now).since().is_some_and(|since| since < before);
        let gone: Vec<_> = ring.values().filter(old).take(most).map(|stored| stored.key.id).collect();
        for id in &gone {
            ring.remove(id);
        }
        gone.len()
    }
}
