//! The default backend: one sled database in one folder of one process.
//!
//! Reads go to the trees; every change goes through the [`committer`]. Orders and counts live in the [`index`], in memory.

mod backup;
mod check;
mod committer;
mod compact;
mod confirmed;
mod database;
mod doubt;
mod durable;
mod export;
mod folder;
mod import;
mod index;
mod jobs;
mod journal;
mod keys;
mod listing;
mod mend;
mod mode;
mod open;
mod outbox;
mod overrides;
mod people;
mod record;
mod replay;
mod search;
#[cfg(feature = "seeded-bugs")]
mod seeded;
mod sessions;
mod shelf;
mod snapshot;
mod space;
mod step;
mod swap;
mod sweep;
mod trail;
mod trees;
mod upkeep;
mod users;
mod view;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{RwLock, watch};

pub use self::backup::Totals;
pub use self::check::Report;
use self::committer::{Committer, Proof, unavailable};
pub use self::compact::Compacted;
pub use self::import::Restored;
use self::mode::Mode;
pub use self::open::OpenError;
use self::open::{Carried, Opened, Suspicion};
use self::step::{Shared, Step};
pub use self::upkeep::UpkeepError;
use super::{Environment, Result, Store, StoreError};
use crate::domain::ending::{Actor, Ending, Reason};
use crate::domain::id::EventSeq;
use crate::domain::steps::reached;
use crate::domain::timestamp::Timestamp;

/// How long a request waits for a store that is being opened anew.
const PATIENCE: Duration = Duration::from_millis(500);

/// See the module.
pub struct Sled(Arc<Inner>);

struct Inner {
    folder: PathBuf,
    environment: Environment,
    state: watch::Sender<State>,
    /// Somebody is opening the store anew, or has it to themselves.
    claimed: AtomicBool,
    /// Held by whoever reads a snapshot: sled gives its lock back only when nobody reads any more.
    reading: Arc<RwLock<()>>,
    /// When the store was last opened anew after a failure, and after which pause.
    mended: Mutex<(Timestamp, Duration)>,
    /// The newest event that is durable; outlives every reopening.
    newest: watch::Sender<EventSeq>,
}

#[derive(Clone)]
enum State {
    Open(Arc<Handle>),
    /// It is being opened anew.
    Reopening,
    Closed,
}

impl State {
    /// Whether waiting any longer changes nothing.
    fn is_settled(&self) -> bool {
        match self {
            Self::Open(handle) => handle.committer.mode() != Mode::Stopped,
            Self::Reopening => false,
            Self::Closed => true,
        }
    }
}

/// An open database.
struct Handle {
    shared: Arc<Shared>,
    committer: Committer,
    /// Held as long as the database is open, and while it is being opened anew.
    lock: Arc<File>,
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
        let carried = Carried::default();
        let newest = carried.newest.clone();
        let opened = tokio::task::spawn_blocking(move || open::open(&path, given, carried)).await;
        let opened = opened.map_err(|error| open::damaged(folder, &error))??;
        let handle = trusted(opened, folder).await?;
        let (state, _) = watch::channel(State::Open(Arc::new(handle)));
        let (claimed, reading) = (AtomicBool::new(false), Arc::default());
        let mended = Mutex::new((Timestamp::MIN, Duration::ZERO));
        Ok(Self(Arc::new(Inner { folder: folder.to_owned(), environment, state, claimed, reading, mended, newest })))
    }

    /// The database, if it can be read. Whoever finds that it has failed has it mended.
    async fn handle(&self) -> Result<Arc<Handle>> {
        let mut state = self.0.state.borrow().clone();
        if !state.is_settled() {
            self.mend();
            // Whoever opens the store anew waits until nobody holds the old one.
            state = State::Reopening;
            let mut states = self.0.state.subscribe();
            if let Ok(Ok(settled)) = tokio::time::timeout(PATIENCE, states.wait_for(State::is_settled)).await {
                state = settled.clone();
            }
        }
        match state {
            State::Open(handle) => match handle.committer.mode() {
                Mode::Open => Ok(handle),
                Mode::NearlyFull | Mode::Failed | Mode::Upkeep => {
                    self.mend();
                    Ok(handle)
                }
                Mode::Stopped => Err(unavailable(Mode::Stopped)),
            },
            State::Reopening => Err(StoreError::Unavailable { what: "the store is being opened anew", source: None }),
            State::Closed => Err(StoreError::Unavailable { what: "the store is closed", source: None }),
        }
    }

    async fn commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Step<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.handle().await?.committer.commit(work, Proof::Database).await
    }

    /// A change that is an ending and nothing else: the journal alone makes it good.
    async fn commit_ending<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Step<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.handle().await?.committer.commit(work, Proof::Journal).await
    }

    /// Reads without holding up the runtime's threads for long.
    async fn read<T: Send + 'static>(&self, read: impl FnOnce(&Shared) -> Result<T> + Send + 'static) -> Result<T> {
        let handle = self.handle().await?;
        let answer = tokio::task::spawn_blocking(move || read(&handle.shared)).await;
        answer.map_err(|error| StoreError::unavailable("read", error))?
    }
}

/// Ends everyone's sessions and revokes API keys if nobody can vouch for them, before anybody reads one.
async fn trusted(opened: Opened, folder: &Path) -> std::result::Result<Handle, OpenError> {
    let Opened { handle, suspicion, .. } = opened;
    if let Some(Suspicion { why, of_records }) = suspicion {
        tracing::error!("everyone's sessions end, since nobody can vouch for them: {why}");
        let ending = Ending::new(Actor::System, Reason::Safety, None);
        // In one step: a kill in between must leave the doubt.
        let end = move |step: &mut Step<'_>| {
            sessions::end_everyone(step, &ending)?;
            // A key that never runs out does not care what time it is.
            keys::revoke_all(step, &ending, |key| of_records || key.expires.is_some())
        };
        let revoked = handle.committer.commit(end, Proof::Database).await;
        let revoked = revoked.map_err(|error| open::damaged(folder, &error))?;
        if revoked > 0 {
            tracing::error!(keys = revoked, "API keys are revoked for the same reason; create new ones");
        }
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
        if let State::Open(handle) = self.0.state.send_replace(State::Closed) {
            handle.committer.close().await;
        }
        Ok(())
    }
}
