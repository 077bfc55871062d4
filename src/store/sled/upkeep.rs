//! What backing up, restoring, compacting and checking share, with a database that nobody has open and with an open one.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::backup::{Fault, Seal, Totals, Writer};
use super::committer::Proof;
use super::open::{self, Carried, OpenError};
use super::snapshot::Snapshot;
use super::step::Shared;
use super::trees::{PLACES, Place};
use super::view::View;
use super::{Handle, Sled, record, swap, trusted};
use crate::store::{Environment, StoreError};

/// Why a verb was not done. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum UpkeepError {
    /// The database does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is none.
    #[error("there is no database in {}; choose another folder with --data", .0.display())]
    Missing(PathBuf),
    /// There is one where none may be.
    #[error("there is a database in {} already; restore into another folder with --data, or have it replaced with --replace", .0.display())]
    Occupied(PathBuf),
    /// The file is there already.
    #[error("{} exists already; choose another name, or write over it with --force", .0.display())]
    Exists(PathBuf),
    /// The file is not restored.
    #[error("{} is not restored, since {fault}; nothing was written", file.display())]
    Refused {
        /// Which file.
        file: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A backup that comes from elsewhere is not whole.
    #[error("the backup is not whole, since {0}; nothing was kept, and the log of the server tells more")]
    Broken(String),
    /// The disk.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// What was to be written.
        path: PathBuf,
        /// Why it was not.
        #[source]
        source: io::Error,
    },
    /// A record is not what it should be.
    #[error("the database is damaged ({0}); `sessiond check` tells more")]
    Damaged(String),
    /// Two such verbs at once, or one while the store is being mended.
    #[error("the database is being mended or written anew already; try again when that is done")]
    Busy,
    /// The copy is not the same as the original.
    #[error("the copy of the database is not the same as the original; the original stays as it is")]
    Differs,
}

impl UpkeepError {
    pub(super) fn write(path: &Path) -> impl Fn(io::Error) -> Self {
        |source| Self::Write { path: path.to_owned(), source }
    }

    pub(super) fn refused(file: &Path) -> impl Fn(Fault) -> Self {
        |fault| Self::Refused { file: file.to_owned(), fault: fault.to_string() }
    }

    /// A thread panicked: sled does that on damaged pages.
    pub(super) fn panicked(_: tokio::task::JoinError) -> Self {
        Self::Damaged("a file is cut short or overwritten".to_owned())
    }
}

impl From<StoreError> for UpkeepError {
    fn from(error: StoreError) -> Self {
        Self::Damaged(open::chain(&error))
    }
}

impl From<sled::Error> for UpkeepError {
    fn from(error: sled::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl Sled {
    /// Whether no process has the store in `folder` open.
    pub fn is_free(folder: &Path) -> bool {
        let file = File::options().write(true).open(folder.join("lock"));
        file.map_or(true, |file| file.try_lock().is_ok())
    }

    /// Reads the open database as it is at one moment, on a thread of its own, while requests go on.
    pub(super) async fn as_of_now<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Snapshot<'_>) -> Result<T, UpkeepError> + Send + 'static,
    ) -> Result<T, UpkeepError> {
        let reading = Arc::clone(&self.0.reading).read_owned().await;
        let handle = self.handle().await?;
        let before = handle.committer.commit(|step| Ok(step.shared.trees.snapshot()), Proof::Journal).await?;
        let done = tokio::task::spawn_blocking(move || {
            let done = read(&handle.shared.trees.as_of(before));
            drop((handle, reading));
            done
        });
        done.await.map_err(UpkeepError::panicked)?
    }
}

/// An open database that nothing is written to any more.
pub struct Quiet {
    pub shared: Arc<Shared>,
    pub lock: Arc<File>,
}

/// Opens the database as a server would, and lets nobody write to it.
pub async fn quiet(folder: &Path, environment: Environment) -> Result<Quiet, UpkeepError> {
    if !swap::occupied(folder) {
        return Err(UpkeepError::Missing(folder.to_owned()));
    }
    let path = folder.to_owned();
    let opened = tokio::task::spawn_blocking(move || open::open(&path, environment, Carried::default())).await;
    let Handle { shared, committer, lock } = trusted(opened.map_err(UpkeepError::panicked)??, folder).await?;
    committer.close().await;
    Ok(Quiet { shared, lock })
}

/// Hands every record to `take`, each checked.
pub fn every(
    trees: &impl View,
    mut take: impl FnMut(Place, &[u8], &[u8]) -> Result<(), UpkeepError>,
) -> Result<(), UpkeepError> {
    for place in PLACES {
        for entry in trees.iter(place) {
            let (key, value) = entry?;
            record::read(place, &key, &value)?;
            take(place, &key, &value)?;
        }
    }
    Ok(())
}

/// Writes every record to `to`.
pub fn export<W: io::Write>(trees: &impl View, to: W, path: &Path) -> Result<(W, Totals, Seal), UpkeepError> {
    let failed = UpkeepError::write(path);
    let mut writer = Writer::new(to).map_err(&failed)?;
    every(trees, |place, key, value| writer.put(place, key, value).map_err(&failed))?;
    writer.finish().map_err(&failed)
}
