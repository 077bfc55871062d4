//! Opening sled's database, whatever a crash has left of it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;

use super::folder::{LOCK_PAUSE, LOCK_TRIES, make_private, sync_directory};
use super::open::OpenError;
use super::trees::Trees;

/// Bounds memory: sled's own default is 1 GiB.
const CACHE_BYTES: u64 = 128 * 1024 * 1024;

/// Opens or creates a database of its own, apart from the one in place.
pub fn open_fresh(folder: &Path) -> Result<Trees, OpenError> {
    open_trees(folder).map(|(trees, _)| trees).map_err(|failure| failure.told(folder))
}

/// Opens sled's database and its file once more, for syncs of our own.
pub fn open_trees(folder: &Path) -> Result<(Trees, File), Failure> {
    make_private(folder).map_err(Failure::Io)?;
    quarantine(folder, |name| name.ends_with(".generating")).map_err(Failure::Io)?;
    let db = match open_locked(folder) {
        Err(Failure::Corrupt(what)) => {
            tracing::error!(%what, "the database did not open; trying once more without its newest snapshot");
            quarantine_newest_snapshot(folder).map_err(Failure::Io)?;
            open_locked(folder)?
        }
        other => other?,
    };
    let trees = Trees::open(db).map_err(|error| Failure::Corrupt(error.to_string()))?;
    // sled syncs no directory: without this a power cut can take a new database away. Whether it is new nobody knows after
    // a kill, so it is done every time.
    let file = OpenOptions::new().write(true).open(folder.join("db")).map_err(Failure::Io)?;
    file.sync_all().map_err(Failure::Io)?;
    // sled writes its settings once and never syncs them: torn by a power cut, they keep the database from opening.
    File::open(folder.join("conf")).and_then(|conf| conf.sync_all()).map_err(Failure::Io)?;
    sync_directory(folder).map_err(Failure::Io)?;
    Ok((trees, file))
}

/// Puts files that sled would choke on aside, never away.
fn quarantine(folder: &Path, unwanted: impl Fn(&str) -> bool) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if unwanted(&name) {
            let aside = folder.join("quarantine");
            make_private(&aside)?;
            tracing::warn!(file = %name, "an unfinished snapshot was put into quarantine");
            fs::rename(entry.path(), aside.join(name))?;
        }
    }
    Ok(())
}

fn quarantine_newest_snapshot(folder: &Path) -> io::Result<()> {
    let mut snapshots: Vec<_> = fs::read_dir(folder)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("snap."))
        .collect();
    snapshots.sort();
    match snapshots.pop() {
        Some(newest) => quarantine(folder, |name| name == newest),
        None => Ok(()),
    }
}

/// Why it did not open.
pub enum Failure {
    Locked,
    Io(io::Error),
    Corrupt(String),
}

impl Failure {
    pub fn told(self, folder: &Path) -> OpenError {
        let folder = folder.to_owned();
        match self {
            Self::Locked => OpenError::Locked(folder),
            Self::Io(source) => OpenError::Folder { folder, source },
            Self::Corrupt(what) => OpenError::Damaged { folder, what },
        }
    }
}

fn open_locked(folder: &Path) -> Result<sled::Db, Failure> {
    for _ in 1..LOCK_TRIES {
        match open_once(folder) {
            Err(Failure::Locked) => thread::sleep(LOCK_PAUSE),
            other => return other,
        }
    }
    open_once(folder)
}

fn open_once(folder: &Path) -> Result<sled::Db, Failure> {
    let config = sled::Config::new().path(folder).cache_capacity(CACHE_BYTES).flush_every_ms(Some(500));
    // A truncated file makes sled panic.
    match catch_unwind(AssertUnwindSafe(|| config.open())) {
        Ok(Ok(db)) => Ok(db),
        Ok(Err(sled::Error::Io(error))) if error.to_string().contains("could not acquire lock") => Err(Failure::Locked),
        Ok(Err(sled::Error::Io(error))) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(Failure::Corrupt(error.to_string()))
        }
        Ok(Err(sled::Error::Io(error))) => Err(Failure::Io(error)),
        Ok(Err(error)) => Err(Failure::Corrupt(error.to_string())),
        Err(_) => Err(Failure::Corrupt("a file is cut short or overwritten".to_owned())),
    }
}
