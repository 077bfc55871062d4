//! API keys, each change one step of the committer.

use std::net::IpAddr;

use async_trait::async_trait;

use super::journal::Effect;
use super::step::Step;
use super::trees::Place;
use super::view::View;
use super::{Sled, space};
use crate::domain::audit::Draft;
use crate::domain::ending::Ending;
use crate::domain::id::KeyId;
use crate::domain::key::{ApiKey, KeyVerdict, StoredKey};
use crate::domain::timestamp::Timestamp;
use crate::store::{KeyCreated, KeyRevoked, Keys, Result, StoreError};

#[async_trait]
impl Keys for Sled {
    async fn create_key(&self, key: ApiKey, from: Option<IpAddr>) -> Result<KeyCreated> {
        space::check(&self.0.folder)?;
        self.commit(move |step| create(step, &key, from)).await
    }

    /// Two point reads: not worth another thread.
    async fn key(&self, id: KeyId) -> Result<Option<StoredKey>> {
        stored(&self.handle().await?.shared.trees, id)
    }

    async fn keys(&self) -> Result<Vec<StoredKey>> {
        self.read(|shared| {
            let mut keys = Vec::new();
            for record in shared.trees.scan::<ApiKey>(Place::Keys) {
                let (id, key) = record?;
                keys.push(StoredKey { key, last_used: shared.trees.get::<Timestamp>(Place::KeyUses, &id)? });
            }
            keys.sort_by_key(|stored| (stored.key.created, stored.key.id));
            Ok(keys)
        })
        .await
    }

    async fn revoke_key(&self, id: KeyId, ending: Ending) -> Result<KeyRevoked> {
        self.commit_ending(move |step| revoke(step, id, &ending)).await
    }

    async fn note_key_use(&self, id: KeyId) -> Result<()> {
        self.handle().await?.committer.submit(move |step| note_use(step, id));
        Ok(())
    }
}

fn stored(records: &impl View, id: KeyId) -> Result<Option<StoredKey>> {
    let Some(key) = records.get::<ApiKey>(Place::Keys, id.bytes())? else { return Ok(None) };
    Ok(Some(StoredKey { key, last_used: records.get(Place::KeyUses, id.bytes())? }))
}

fn create(step: &mut Step<'_>, key: &ApiKey, from: Option<IpAddr>) -> Result<KeyCreated> {
    if let Some(there) = step.shared.trees.get::<ApiKey>(Place::Keys, key.id.bytes())? {
        return Ok(KeyCreated::again(&there, key));
    }
    step.put(Place::Keys, key.id.bytes(), key)?;
    step.event(Draft::key_created(key, from))?;
    Ok(KeyCreated::Done)
}

fn revoke(step: &mut Step<'_>, id: KeyId, ending: &Ending) -> Result<KeyRevoked> {
    let Some(mut key) = step.shared.trees.get::<ApiKey>(Place::Keys, id.bytes())? else {
        return Ok(KeyRevoked::NotFound);
    };
    if let Some(ended) = key.revoked() {
        return Ok(KeyRevoked::AlreadyRevoked(ended.clone()));
    }
    let ended = step.ended(ending, Draft::key_revoked(ending, id), |ended| Effect::Key { id, ended })?;
    key.revoke(ended.clone());
    step.put(Place::Keys, id.bytes(), &key)?;
    Ok(KeyRevoked::Done(ended))
}

/// Revokes every key that nobody can vouch for any more and that is not revoked. Answers how many.
pub fn revoke_all(step: &mut Step<'_>, ending: &Ending, doubtful: impl Fn(&ApiKey) -> bool) -> Result<u64> {
    let mut count = 0;
    let keys: Vec<ApiKey> = readable(step).collect::<Result<_>>()?;
    for key in keys.into_iter().filter(doubtful) {
        count += u64::from(matches!(revoke(step, key.id, ending)?, KeyRevoked::Done(_)));
    }
    Ok(count)
}

/// All keys but those that cannot be read, which open nothing.
fn readable(step: &Step<'_>) -> impl Iterator<Item = Result<ApiKey>> {
    let all = step.shared.trees.scan::<ApiKey>(Place::Keys).map(|record| record.map(|(_, key)| key));
    all.filter(|record| !matches!(record, Err(StoreError::Corrupt { .. })))
}

/// In a record of its own, which can bring nothing back.
fn note_use(step: &mut Step<'_>, id: KeyId) -> Result<()> {
    match stored(&step.shared.trees, id)? {
        Some(stored) if stored.key.verdict(step.now) == KeyVerdict::Live && stored.is_use_due(step.now) => {
            let now = step.now;
            step.put(Place::KeyUses, id.bytes(), &now)
        }
        _ => Ok(()),
    }
}

/// Removes up to `most` keys that were past before `before`. Answers how many. One that cannot be read stays, for `check` to
/// tell of, and does not stand in the way of the others, nor of what is swept after them.
pub fn sweep(step: &mut Step<'_>, before: Timestamp, most: usize) -> Result<usize> {
    let now = step.now;
    let mut old = Vec::new();
    for record in readable(step) {
        let key = record?;
        if old.len() < most && key.verdict(now).since().is_some_and(|since| since < before) {
            old.push(key.id);
        }
    }
    for id in &old {
        step.remove(Place::Keys, id.bytes());
        step.remove(Place::KeyUses, id.bytes());
    }
    Ok(old.len())
}
