//! Backing up: the whole database as one file.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use super::Sled;
use super::backup::{Fault, Reader, Totals};
use super::folder::sync_directory;
use super::upkeep::{Quiet, UpkeepError, export, quiet};
use super::view::View;
use crate::private;
use crate::store::Environment;

impl Sled {
    /// Writes a backup of the database in `folder` to `file`, whole or not at all; readable by this user alone. With
    /// `replace`, over one that is there.
    ///
    /// # Errors
    /// Each [`UpkeepError`] says what to do.
    pub async fn back_up(
        folder: &Path,
        environment: Environment,
        file: &Path,
        replace: bool,
    ) -> Result<Totals, UpkeepError> {
        if !replace && file.exists() {
            return Err(UpkeepError::Exists(file.to_owned()));
        }
        let Quiet { shared, lock } = quiet(folder, environment).await?;
        let file = file.to_owned();
        let done = tokio::task::spawn_blocking(move || {
            let done = write(&shared.trees, &file);
            drop((shared, lock));
            done
        });
        done.await.map_err(UpkeepError::panicked)?
    }

    /// Writes a backup of the open database to `to`, as it is at one moment, while requests go on. Whoever reads it finds the
    /// end only if it is whole.
    ///
    /// # Errors
    /// Each [`UpkeepError`] says what to do.
    pub async fn back_up_open(&self, to: impl Write + Send + 'static) -> Result<Totals, UpkeepError> {
        self.as_of_now(|records| export(records, to, Path::new("the backup")).map(|(_, totals, _)| totals)).await
    }

    /// Puts a backup that comes from elsewhere into `file`, whole or not at all.
    ///
    /// # Errors
    /// If it ends too soon or is damaged, or if the file cannot be written.
    pub fn keep_backup(from: impl Read, file: &Path, replace: bool) -> Result<Totals, UpkeepError> {
        if !replace && file.exists() {
            return Err(UpkeepError::Exists(file.to_owned()));
        }
        keep(from, file)
    }
}

fn write(trees: &impl View, file: &Path) -> Result<Totals, UpkeepError> {
    whole_or_not(file, |fresh, to| export(trees, to, fresh).map(|(_, totals, _)| totals))
}

/// Puts what `from` holds, which must be a backup, into `file`.
fn keep(from: impl Read, file: &Path) -> Result<Totals, UpkeepError> {
    let refused = |fault: Fault| UpkeepError::Broken(fault.to_string());
    whole_or_not(file, |_, to| {
        let mut reader = Reader::new(Tee { from, to }).map_err(&refused)?;
        while reader.next().map_err(&refused)?.is_some() {}
        Ok(reader.totals())
    })
}

/// Hands on what it reads.
struct Tee<R, W> {
    from: R,
    to: W,
}

impl<R: Read, W: Write> Read for Tee<R, W> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(bytes)?;
        self.to.write_all(bytes.get(..read).unwrap_or_default())?;
        Ok(read)
    }
}

/// Has `file` written beside its place, and puts it there once it is on disk.
fn whole_or_not(
    file: &Path,
    write: impl FnOnce(&Path, &mut BufWriter<File>) -> Result<Totals, UpkeepError>,
) -> Result<Totals, UpkeepError> {
    let mut fresh = file.as_os_str().to_owned();
    fresh.push(".new");
    let fresh = PathBuf::from(fresh);
    let failed = UpkeepError::write(&fresh);
    let written = private::create(&fresh).map_err(&failed).and_then(|to| {
        let mut to = BufWriter::new(to);
        let totals = write(&fresh, &mut to)?;
        to.into_inner().map_err(io::IntoInnerError::into_error).and_then(|to| to.sync_all()).map_err(&failed)?;
        fs::rename(&fresh, file).map_err(UpkeepError::write(file))?;
        Ok(totals)
    });
    if written.is_err() {
        // Half a backup is of no use; the failure is told anyway.
        let _ = fs::remove_file(&fresh);
    }
    let totals = written?;
    sync_directory(file.parent().unwrap_or(Path::new(""))).map_err(UpkeepError::write(file))?;
    Ok(totals)
}
