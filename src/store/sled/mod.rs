//! The default backend: one sled database in one folder of one process.
//!
//! Reads go to the trees; every change goes through the [`committer`]. Orders and counts live in the [`index`], in memory.

mod committer;
mod confirmed;
mod index;
mod journal;
mod listing;
mod open;
mod replay;
mod sessions;
mod shelf;
mod step;
mod trees;
mod users;

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;

use self::committer::Committer;
pub use self::open::OpenError;
use self::step::{Shared, Step};
use super::{Environment, Result, Store, StoreError};
use crate::domain::ending::{Actor, Ending, Reason};

/// See the module.
pub struct Sled {
    /// `None` once closed.
    handle: RwLock<Option<Arc<Handle>>>,
}

/// An open database.
struct Handle {
    shared: Arc<Shared>,
    committer: Committer,
    /// Held as long as the database is open.
    _lock: File,
}

impl Sled {
    /// Opens or creates the store in `folder`: the database in `db/`, the journal of endings in `ends/`. Reads every session
    /// once.
    ///
    /// Where nobody can vouch for what it holds (damage that no crash explains, or a clock behind the newest record),
    /// everyone's sessions end, and the log says so.
    ///
    /// # Errors
    /// Each [`OpenError`] names the folder and the remedy.
    pub async fn open(folder: &Path, environment: Environment) -> std::result::Result<Self, OpenError> {
        let path = folder.to_owned();
        let opened = tokio::task::spawn_blocking(move || open::open(&path, environment)).await;
        let damaged = |what: String| OpenError::Damaged { folder: folder.to_owned(), what };
        let opened = opened.map_err(|error| damaged(error.to_string()))??;
        let sled = Self { handle: RwLock::new(Some(Arc::new(opened.handle))) };
        if let Some(why) = opened.suspicion {
            tracing::error!("everyone's sessions end, since nobody can vouch for them: {why}");
            let ending = Ending::new(Actor::System, Reason::Safety, None);
            super::Sessions::end_everyone(&sled, ending).await.map_err(|error| damaged(error.to_string()))?;
        }
        Ok(sled)
    }

    /// The database, if it is open and trustworthy.
    fn handle(&self) -> Result<Arc<Handle>> {
        let handle = self.handle.read().unwrap_or_else(PoisonError::into_inner);
        let handle = handle.as_ref().ok_or(StoreError::Unavailable { what: "the database is closed", source: None })?;
        handle.committer.healthy()?;
        Ok(Arc::clone(handle))
    }

    async fn commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Step<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.handle()?.committer.commit(work).await
    }

    /// Reads without holding up the runtime's threads for long.
    async fn read<T: Send + 'static>(&self, read: impl FnOnce(&Shared) -> Result<T> + Send + 'static) -> Result<T> {
        let handle = self.handle()?;
        let answer = tokio::task::spawn_blocking(move || read(&handle.shared)).await;
        answer.map_err(|error| StoreError::unavailable("read", error))?
    }
}

#[async_trait]
impl Store for Sled {
    fn name(&self) -> &'static str {
        "sled"
    }

    async fn ready(&self) -> Result<()> {
        self.commit(|_| Ok(())).await
    }

    async fn close(&self) -> Result<()> {
        let handle = self.handle.write().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(handle) = handle {
            handle.committer.close().await;
        }
        Ok(())
    }
}
