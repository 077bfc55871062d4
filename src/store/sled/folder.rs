//! The data folder: whose it is, and what in it is durable.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

use super::open::OpenError;

/// A process that was killed may hold the lock for a moment longer.
pub const LOCK_TRIES: u32 = 50;
pub const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Creates the folder, for this user alone.
pub fn make_private(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
    }
    #[cfg(not(unix))]
    fs::create_dir_all(folder)
}

/// This process's claim on the folder; the system takes it back when the process ends, however it ends.
pub fn lock(folder: &Path) -> Result<File, OpenError> {
    let in_folder = |source| OpenError::Folder { folder: folder.to_owned(), source };
    let path = folder.join("lock");
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path).map_err(in_folder)?;
    for _ in 1..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(source)) => return Err(in_folder(source)),
        }
    }
    Err(OpenError::Locked(folder.to_owned()))
}

/// The same where nothing may be written: a folder without a lock has never been open.
pub fn lock_existing(folder: &Path) -> Result<Option<File>, OpenError> {
    folder.join("lock").exists().then(|| lock(folder)).transpose()
}

/// Makes the names in it durable.
pub fn sync_directory(directory: &Path) -> io::Result<()> {
    #[cfg(feature = "seeded-bugs")]
    if crate::domain::seeded::has("directory-not-synced") {
        return Ok(());
    }
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    File::open(directory)?.sync_all()
}
