//! Room on the disk. A database that meets a full disk has to be opened anew, so it is not let get there: sign-ins and new
//! users are refused while there is still room for what ends sessions.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::store::{Result, StoreError};

/// Kept free by those who sign in, in bytes: some hundred thousand endings.
const RESERVE: u64 = 32 * 1024 * 1024;
/// A few of sled's segments.
const PROBE: usize = 2 * 1024 * 1024;
/// With less than this the database is left alone, and endings go to the journal, whose room is its own.
const LAST: u64 = 8 * 1024 * 1024;

/// Refuses what only makes the database larger once little room is left.
pub fn check(folder: &Path) -> Result<()> {
    if is_left(folder, RESERVE) {
        return Ok(());
    }
    Err(StoreError::Unavailable {
        what: "the disk is almost full; nobody can sign in until there is room, and sessions can still be ended",
        source: None,
    })
}

/// Whether nothing may be written to the database any more.
pub fn exhausted(folder: &Path) -> bool {
    !is_left(folder, LAST)
}

/// Whether the disk takes what a database needs to be opened: there is room, and a file can be written and synced.
pub fn probe(folder: &Path) -> io::Result<()> {
    if !is_left(folder, RESERVE) {
        return Err(io::Error::other("there is hardly any room on the disk"));
    }
    // A descriptor of its own: one whose sync failed is never synced again.
    File::open(folder.join("db/db"))?.sync_data()?;
    let path = folder.join("db/probe");
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0; PROBE])?;
        file.sync_all()
    });
    let removed = fs::remove_file(&path);
    written.and(removed)
}

/// Has the system forget what it keeps in memory of the files. After a sync that failed it shows what never reached the disk
/// as if it had.
pub fn forget_cached(folder: &Path) {
    for part in ["db", "ends"] {
        for entry in fs::read_dir(folder.join(part)).into_iter().flatten().flatten() {
            let Ok(file) = File::open(entry.path()) else { continue };
            #[cfg(target_os = "linux")]
            if let Err(error) = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed) {
                tracing::warn!(%error, "what the system keeps of the database could not be dropped");
            }
            drop(file);
        }
    }
}

fn is_left(folder: &Path, bytes: u64) -> bool {
    // A file system that cannot tell is no reason to refuse.
    rustix::fs::statvfs(folder).map_or(true, |disk| disk.f_bavail.saturating_mul(disk.f_frsize) >= bytes)
}
