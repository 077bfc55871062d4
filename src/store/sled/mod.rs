//! The default backend: one sled database in one folder of one process.
//!
//! Reads go to the trees; every change goes through the [`committer`]. Orders and counts live in the [`index`], in memory.

mod backup;
mod check;
mod committer;
mod compact;
mod confirmed;
mod doubt;
mod export;
mod import;
mod index;
mod journal;
mod listing;
mod open;
mod record;
mod replay;
#[cfg(feature = "seeded-bugs")]
mod seeded;
mod sessions;
mod shelf;
mod space;
mod step;
mod swap;
mod sweep;
mod trees;
mod upkeep;
mod users;

use std::fs::File;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;

pub use self::backup::Totals;
pub use self::check::Report;
use self::committer::{Committer, Proof};
pub use self::compact::Compacted;
pub use self::import::Restored;
pub use self::open::OpenError;
use self::open::Opened;
use self::step::{Shared, Step};
pub use self::upkeep::UpkeepError;
use super::{Environment, Result, Store, StoreError};
use crate::domain::ending::{Actor, Ending, Reason};
use crate::domain::steps::reached;
use crate::domain::timestamp::Timestamp;

/// How long to wait before opening a store that failed is tried once more; twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Never longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// See the module.
pub struct Sled(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    environment: Environment,
    state: RwLock<State>,
}

enum State {
    Open(Arc<Handle>),
    /// A write or sync failed; a thread is opening the store anew.
    Reopening,
    Closed,
}

/// An open database.
struct Handle {
    shared: Arc<Shared>,
    committer: Committer,
    /// Held as long as the database is open.
    lock: File,
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
        let given = environment.clone();
        let opened = tokio::task::spawn_blocking(move || open::open(&path, given)).await;
        let opened = opened.map_err(|error| open::damaged(folder, &error))??;
        let handle = trusted(opened, folder).await?;
        let state = RwLock::new(State::Open(Arc::new(handle)));
        Ok(Self(Arc::new(Inner { folder: folder.to_owned(), environment, state })))
    }

    /// The database, if it is open and trustworthy. The first to find it poisoned has it opened anew.
    fn handle(&self) -> Result<Arc<Handle>> {
        if let State::Open(handle) = &*self.0.state.read().unwrap_or_else(PoisonError::into_inner)
            && handle.committer.healthy().is_ok()
        {
            return Ok(Arc::clone(handle));
        }
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        let what = match &*state {
            State::Closed => "the store is closed",
            State::Reopening => "the store is being opened anew",
            State::Open(handle) => {
                if handle.committer.healthy().is_ok() {
                    return Ok(Arc::clone(handle));
                }
                *state = State::Reopening;
                let (inner, runtime) = (Arc::clone(&self.0), tokio::runtime::Handle::current());
                thread::spawn(move || inner.reopen(&runtime));
                "the store has failed and is being opened anew"
            }
        };
        Err(StoreError::Unavailable { what, source: None })
    }

    async fn commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Step<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.handle()?.committer.commit(work, Proof::Database).await
    }

    /// A change that is an ending and nothing else: the journal alone makes it good.
    async fn commit_ending<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Step<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.handle()?.committer.commit(work, Proof::Journal).await
    }

    /// Reads without holding up the runtime's threads for long.
    async fn read<T: Send + 'static>(&self, read: impl FnOnce(&Shared) -> Result<T> + Send + 'static) -> Result<T> {
        let handle = self.handle()?;
        let answer = tokio::task::spawn_blocking(move || read(&handle.shared)).await;
        answer.map_err(|error| StoreError::unavailable("read", error))?
    }
}

impl Inner {
    /// Opens the store anew, however often it takes, until it is closed. What failed holds the locks until its last reader
    /// has gone; opening waits for that.
    fn reopen(&self, runtime: &tokio::runtime::Handle) {
        let mut pause = FIRST_PAUSE;
        loop {
            // sled may panic on damaged pages; that is no reason to give up.
            let opened = catch_unwind(AssertUnwindSafe(|| {
                let opened = open::open(&self.folder, self.environment.clone())?;
                runtime.block_on(trusted(opened, &self.folder))
            }));
            let opened = opened.unwrap_or_else(|_| {
                let what = "the database panicked".to_owned();
                Err(OpenError::Damaged { folder: self.folder.clone(), what })
            });
            match opened {
                Ok(handle) => {
                    let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
                    if matches!(*state, State::Reopening) {
                        *state = State::Open(Arc::new(handle));
                        tracing::warn!("the store is open again");
                    }
                    return;
                }
                Err(error) => tracing::error!(%error, "the store does not open; trying again"),
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
            if matches!(*self.state.read().unwrap_or_else(PoisonError::into_inner), State::Closed) {
                return;
            }
        }
    }
}

/// Ends everyone's sessions if nobody can vouch for them, before anybody reads one.
async fn trusted(opened: Opened, folder: &Path) -> std::result::Result<Handle, OpenError> {
    let Opened { handle, suspicion, .. } = opened;
    if let Some(why) = suspicion {
        tracing::error!("everyone's sessions end, since nobody can vouch for them: {why}");
        let ending = Ending::new(Actor::System, Reason::Safety, None);
        let ended = handle.committer.commit(move |step| sessions::end_everyone(step, &ending), Proof::Database).await;
        ended.map_err(|error| open::damaged(folder, &error))?;
        reached!("everyone-ended");
        doubt::settle(folder).map_err(|source| OpenError::Folder { folder: folder.to_owned(), source })?;
    }
    Ok(handle)
}

#[async_trait]
impl Store for Sled {
    fn name(&self) -> &'static str {
        "sled"
    }

    async fn ready(&self) -> Result<()> {
        self.commit(|_| Ok(())).await
    }

    async fn sweep(&self, before: Timestamp, most: usize) -> Result<usize> {
        self.commit(move |step| sweep::sweep(step, before, most)).await
    }

    async fn close(&self) -> Result<()> {
        let state = mem::replace(&mut *self.0.state.write().unwrap_or_else(PoisonError::into_inner), State::Closed);
        if let State::Open(handle) = state {
            handle.committer.close().await;
        }
        Ok(())
    }
}
