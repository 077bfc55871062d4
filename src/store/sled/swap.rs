//! Putting one database in the place of another, so that a kill at any point leaves one that opens.
//!
//! | in the folder | what was interrupted | what opening does |
//! |---|---|---|
//! | `db`, `db.new` | the copy was being written | removes the copy |
//! | `db.old`, `db.new` | between the two renames | puts the old one back, removes the copy |
//! | `db`, `db.old` | the old one was being removed | removes it, once the new one has opened |
//! | `db.new` alone | a restore that had not finished | removes it |
//!
//! Nothing is written to the old one once the copy has begun, so it does not matter which of the two goes on.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::folder::sync_directory;
use crate::domain::steps::reached;

/// The database that is being written.
pub fn fresh(folder: &Path) -> PathBuf {
    folder.join("db.new")
}

fn current(folder: &Path) -> PathBuf {
    folder.join("db")
}

fn old(folder: &Path) -> PathBuf {
    folder.join("db.old")
}

/// Whether there is a database in the folder.
pub fn occupied(folder: &Path) -> bool {
    current(folder).exists() || old(folder).exists()
}

/// Leaves `db` alone as what is to be opened. The folder must be locked.
pub fn settle(folder: &Path) -> io::Result<()> {
    if !current(folder).exists() && old(folder).exists() {
        tracing::warn!("a compaction was interrupted; the database is as it was before");
        fs::rename(old(folder), current(folder))?;
        sync_directory(folder)?;
    }
    remove(&fresh(folder))
}

/// Removes what a compaction left behind; call it once `db` has opened.
pub fn tidy(folder: &Path) -> io::Result<()> {
    remove(&old(folder))
}

/// Puts `db.new`, which is complete and closed, in the place of `db`.
pub fn replace(folder: &Path) -> io::Result<()> {
    sync_files(&fresh(folder))?;
    sync_directory(folder)?;
    reached!("copy-synced");
    if current(folder).exists() {
        fs::rename(current(folder), old(folder))?;
        reached!("old-aside");
        sync_directory(folder)?;
        reached!("old-aside-synced");
    }
    fs::rename(fresh(folder), current(folder))?;
    reached!("copy-in-place");
    sync_directory(folder)?;
    reached!("copy-in-place-synced");
    tidy(folder)?;
    reached!("old-removed");
    Ok(())
}

/// Removes the folder, if it is there.
pub fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn sync_files(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_files(&entry.path())?;
        } else {
            File::open(entry.path())?.sync_all()?;
        }
    }
    sync_directory(folder)
}

/// The bytes of all files of `db`.
pub fn bytes(folder: &Path) -> io::Result<u64> {
    fn of(folder: &Path) -> io::Result<u64> {
        fs::read_dir(folder)?.try_fold(0, |sum, entry| {
            let entry = entry?;
            let more = if entry.file_type()?.is_dir() { of(&entry.path())? } else { entry.metadata()?.len() };
            Ok(sum + more)
        })
    }
    of(&current(folder))
}
