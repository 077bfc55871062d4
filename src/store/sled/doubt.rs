//! The note that nobody can vouch for what the database calls live. It is on disk before anything is mended, since mending
//! removes what gave rise to it, and goes only when everyone's sessions have ended.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::folder::sync_directory;
use crate::domain::steps::reached;

const FILE: &str = "doubt";

/// Notes it, unless it is noted.
pub fn note(folder: &Path, why: &str) -> io::Result<()> {
    let path = folder.join(FILE);
    if path.exists() {
        return Ok(());
    }
    let mut file = File::create(path)?;
    file.write_all(why.as_bytes())?;
    reached!("doubt-created");
    file.sync_all()?;
    sync_directory(folder)?;
    reached!("doubt-noted");
    Ok(())
}

/// What is noted.
pub fn noted(folder: &Path) -> io::Result<Option<String>> {
    match fs::read(folder.join(FILE)) {
        Ok(why) => Ok(Some(String::from_utf8_lossy(&why).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Everyone's sessions have ended, on disk.
pub fn settle(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(FILE)) {
        Ok(()) => {
            reached!("doubt-removed");
            sync_directory(folder)?;
            reached!("doubt-settled");
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}
