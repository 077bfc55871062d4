//! The stores that the contract is tested on.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use sessiond::store::memory::Memory;
use sessiond::store::sled::Sled;
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
