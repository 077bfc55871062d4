//! The default backend: one sled database in one folder of one process.
//!
//! Reads go to the trees; every change goes through the [`committer`]. Orders and counts live in the [`index`], in memory.

mod committer;
mod index;
mod listing;
mod open;
mod sessions;
mod shelf;
mod step;
mod trees;
mod users;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use self::committer::Committer;
pub use self::open::OpenError;
use self::step::Shared;
use super::{Environment, Result, Store};
use crate::domain::ending::{Actor, Ending, Reason};

/// See the module.
pub struct Sled {
    shared: Arc<Shared>,
    committer: Committer,
}

impl Sled {
    /// Opens or creates the database in `folder`. Blocks: it reads every session once.
    ///
    /// If the wall clock lies behind the newest record, what the database says of time means nothing, and everyone's sessions
    /// end.
    ///
    /// # Errors
    /// Each [`OpenError`] names the folder and the remedy.
    pub async fn open(folder: &Path, environment: Environment) -> std::result::Result<Self, OpenError> {
        let path = folder.to_owned();
        let opened = tokio::task::spawn_blocking(move || open::open(&path, environment)).await;
        let damaged = |what: String| OpenError::Damaged { folder: folder.to_owned(), what };
        let opened = opened.map_err(|error| damaged(error.to_string()))??;
        let sled = Self { shared: opened.shared, committer: opened.committer };
        if let Some(by) = opened.behind {
            tracing::error!(
                seconds = by.as_secs(),
                "the clock is behind the newest record; everyone's sessions end, since nobody can say how old they are"
            );
            let ending = Ending::new(Actor::System, Reason::Safety, None);
            super::Sessions::end_everyone(&sled, ending).await.map_err(|error| damaged(error.to_string()))?;
        }
        Ok(sled)
    }

    /// Reads without holding up the runtime's threads for long.
    async fn read<T: Send + 'static>(&self, read: impl FnOnce(&Shared) -> Result<T> + Send + 'static) -> Result<T> {
        self.committer.healthy()?;
        let shared = Arc::clone(&self.shared);
        let answer = tokio::task::spawn_blocking(move || read(&shared)).await;
        answer.map_err(|error| super::StoreError::unavailable("read", error))?
    }
}

#[async_trait]
impl Store for Sled {
    fn name(&self) -> &'static str {
        "sled"
    }

    async fn ready(&self) -> Result<()> {
        self.committer.commit(|_| Ok(())).await
    }

    async fn close(&self) -> Result<()> {
        self.committer.close().await;
        Ok(())
    }
}
