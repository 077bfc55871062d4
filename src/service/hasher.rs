//! Argon2id, rationed: as many hashes at once as there are cores, a short queue, and then "busy".

mod memory;
mod workers;

use std::sync::Arc;

use argon2::Params;
use serde::Deserialize;
use tokio::sync::Semaphore;

use self::memory::Memory;
use self::workers::Workers;
use crate::domain::clock::{Entropy, random};
use crate::domain::password::{Password, PasswordHash};

/// Hashes that may wait for each one under way: about half a second's worth.
const QUEUE_PER_CORE: usize = 32;

/// What one hash costs. The default is OWASP's: 19 MiB, two passes, one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2, lanes: 1 }
    }
}

impl Cost {
    /// Whether Argon2 allows it.
    ///
    /// # Errors
    /// Says what it does not allow.
    pub fn check(self) -> Result<(), CostError> {
        self.params().map(drop)
    }

    fn params(self) -> Result<Params, CostError> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, None);
        params.map_err(|error| CostError(error.to_string()))
    }
}

/// A cost that Argon2 does not know.
#[derive(Debug, thiserror::Error)]
#[error("argon2 allows no such cost: {0}")]
pub struct CostError(String);

/// Too many people sign in at once; try again in a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins at once")]
pub struct Busy;

/// See the module.
pub struct Hasher {
    params: Params,
    entropy: Arc<dyn Entropy>,
    workers: Workers,
    /// One permit for each hash that waits or runs.
    waiting: Arc<Semaphore>,
    /// What an unknown user's password is compared with: costs the same and never matches.
    nobody: PasswordHash,
}

impl Hasher {
    /// A hasher for this machine's cores.
    pub fn new(cost: Cost, entropy: Arc<dyn Entropy>) -> Result<Self, CostError> {
        let error = |error: &dyn std::fmt::Display| CostError(error.to_string());
        let params = cost.params()?;
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (password, salt) = (random::<32>(&*entropy), random::<16>(&*entropy));
        let nobody = hash(&mut Memory::default(), &params, &password, &salt).map_err(|e| error(&e))?;
        let waiting = Arc::new(Semaphore::new(cores * (1 + QUEUE_PER_CORE)));
        let workers = Workers::start(cores).map_err(|e| error(&e))?;
        Ok(Self { params, entropy, workers, waiting, nobody })
    }

    /// Hashes a new password.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, Busy> {
        let salt = random::<16>(&*self.entropy);
        let params = self.params.clone();
        let hashed = self.run(move |memory| hash(memory, &params, password.expose(), &salt)).await?;
        hashed.map_err(|error| {
            tracing::error!(%error, "argon2 failed");
            Busy
        })
    }

    /// Whether `stored` was made at another cost than the one that is configured now.
    pub fn is_outdated(&self, stored: &PasswordHash) -> bool {
        // Algorithm, version and parameters; salt and hash come after them.
        let made_by = |hash: &'_ PasswordHash| hash.as_phc().split('$').take(4).map(str::to_owned).collect::<Vec<_>>();
        made_by(stored) != made_by(&self.nobody)
    }

    /// Whether `password` is the one that `stored` was made of; `None`, for an unknown user, takes as long and is never.
    pub async fn verify(&self, password: Password, stored: Option<PasswordHash>) -> Result<bool, Busy> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.nobody.clone());
        // Cut, so that a huge body costs no more than a password; no password that long can have been chosen.
        let matches = self
            .run(move |memory| {
                let bytes = password.expose();
                memory.verify(&bytes[..bytes.len().min(Password::LONGEST_BYTES + 1)], stored.as_phc())
            })
            .await?;
        Ok(matches && known)
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Memory) -> T + Send + 'static) -> Result<T, Busy> {
        // Held until the hash is done, whatever becomes of whoever asked.
        let permit = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| Busy)?;
        let done = self.workers.run(move |memory| {
            let done = work(memory);
            drop(permit);
            done
        });
        done.await.ok_or(Busy)
    }
}

fn hash(
    memory: &mut Memory,
    params: &Params,
    password: &[u8],
    salt: &[u8],
) -> argon2::password_hash::Result<PasswordHash> {
    Ok(PasswordHash::from_phc(memory.hash(params, password, salt)?.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::OsEntropy;

    #[tokio::test]
    async fn asvs_11_4_2_passwords_are_hashed_with_argon2id_at_the_default_cost() {
        let hasher = Hasher::new(Cost::default(), Arc::new(OsEntropy)).unwrap();
        let typed = || Password::typed("correct horse battery".to_owned());
        let stored = hasher.hash(typed()).await.unwrap();
        assert!(stored.as_phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!(hasher.verify(typed(), Some(stored.clone())).await, Ok(true));
        assert_eq!(hasher.verify(Password::typed("wrong".to_owned()), Some(stored)).await, Ok(false));
        assert_eq!(hasher.verify(typed(), None).await, Ok(false));
    }

    #[tokio::test]
    async fn asvs_15_2_2_beyond_the_queue_the_answer_is_busy() {
        let hasher = Hasher::new(Cost { memory_kib: 8, passes: 1, lanes: 1 }, Arc::new(OsEntropy)).unwrap();
        let all = u32::try_from(hasher.waiting.available_permits()).unwrap();
        let _taken = hasher.waiting.acquire_many(all).await.unwrap();
        assert_eq!(hasher.verify(Password::typed("any".to_owned()), None).await, Err(Busy));
    }
}
