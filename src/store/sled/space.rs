//! Room on the disk. A database that meets a full disk has to be opened anew, so it is not let get there: sign-ins and new
//! users are refused while there is still room for what ends sessions.

use std::path::Path;

use crate::store::{Result, StoreError};

/// Kept free, in bytes: some hundred thousand endings.
const RESERVE: u64 = 32 * 1024 * 1024;

/// Refuses what only makes the database larger once little room is left.
pub fn check(folder: &Path) -> Result<()> {
    match rustix::fs::statvfs(folder) {
        Ok(disk) if disk.f_bavail.saturating_mul(disk.f_frsize) < RESERVE => Err(StoreError::Unavailable {
            what: "the disk is almost full; nobody can sign in until there is room, and sessions can still be ended",
            source: None,
        }),
        // A file system that cannot tell is no reason to refuse.
        _ => Ok(()),
    }
}
