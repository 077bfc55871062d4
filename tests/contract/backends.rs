//! The stores that the contract is tested on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sessiond::store::memory::Memory;
use sessiond::store::sled::Sled;
use sessiond::store::timed::{Observer, Operation, Revoked, Timed};
use sessiond::store::{Environment, Store};

use super::bench::Failure;

/// A kind of store under test.
#[async_trait]
pub trait Backend: Sync {
    /// Opens what is in `folder`, or a new one.
    async fn open(&self, folder: &Path, environment: Environment) -> Result<Arc<dyn Store>, Failure>;

    /// Whether what was written is there after closing and opening again.
    fn keeps(&self) -> bool;

    /// How many random histories to compare with the model.
    fn histories(&self) -> u64;
}

pub struct InMemory;

#[async_trait]
impl Backend for InMemory {
    async fn open(&self, _: &Path, environment: Environment) -> Result<Arc<dyn Store>, Failure> {
        Ok(Arc::new(Memory::new(environment)))
    }

    fn keeps(&self) -> bool {
        false
    }

    fn histories(&self) -> u64 {
        64
    }
}

/// A store in memory whose calls are timed.
pub struct OnTimed;

/// Somebody who is told and does not care.
struct Deaf;

impl Observer for Deaf {
    fn called(&self, _: Operation, _: Duration, _: bool) {}

    fn revoked(&self, _: Revoked) {}
}

#[async_trait]
impl Backend for OnTimed {
    async fn open(&self, _: &Path, environment: Environment) -> Result<Arc<dyn Store>, Failure> {
        let clock = Arc::clone(&environment.clock);
        Ok(Arc::new(Timed::new(Arc::new(Memory::new(environment)), clock, Arc::new(Deaf))))
    }

    fn keeps(&self) -> bool {
        false
    }

    fn histories(&self) -> u64 {
        16
    }
}

pub struct OnSled;

#[async_trait]
impl Backend for OnSled {
    async fn open(&self, folder: &Path, environment: Environment) -> Result<Arc<dyn Store>, Failure> {
        Ok(Arc::new(Sled::open(folder, environment).await?))
    }

    fn keeps(&self) -> bool {
        true
    }

    fn histories(&self) -> u64 {
        16
    }
}
