//! Compacting: sled's file never shrinks, so its records move to a new one.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::backup::{Raw, Totals};
use super::import::fill;
use super::step::Shared;
use super::upkeep::{Quiet, UpkeepError, every, export, quiet};
use super::{Sled, open, swap};
use crate::domain::steps::reached;
use crate::store::Environment;

/// What a compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// The bytes of the database before.
    pub before: u64,
    /// The bytes of the database after.
    pub after: u64,
    /// The records that it holds.
    pub totals: Totals,
}

impl Sled {
    /// Writes the database in `folder` anew without the room that it no longer needs. Changes nothing of what it holds: live
    /// sessions stay live.
    ///
    /// # Errors
    /// Each [`UpkeepError`] says what to do; the database is then as it was.
    pub async fn compact(folder: &Path, environment: Environment) -> Result<Compacted, UpkeepError> {
        let Quiet { shared, lock } = quiet(folder, environment).await?;
        let folder = folder.to_owned();
        let done = tokio::task::spawn_blocking(move || {
            let done = compact(&folder, shared);
            if done.is_err() {
                let _ = swap::remove(&swap::fresh(&folder));
            }
            // Only now may others open what is in place.
            drop(lock);
            done
        });
        done.await.map_err(UpkeepError::panicked)?
    }
}

fn compact(folder: &Path, shared: Arc<Shared>) -> Result<Compacted, UpkeepError> {
    let failed = UpkeepError::write(folder);
    let before = swap::bytes(folder).map_err(&failed)?;
    let fresh = swap::fresh(folder);
    let (copy, ()) = fill(&fresh, |take| {
        every(&shared.trees, |place, key, value| take(Raw { place, key: key.to_vec(), value: value.to_vec() }))
    })?;
    reached!("copy-filled");
    drop(copy);
    // Read from the disk again, not from what has just been written.
    let copy = open::open_fresh(&fresh).map_err(UpkeepError::Open)?;
    let (_, totals, wanted) = export(&shared.trees, io::sink(), folder)?;
    let (_, _, found) = export(&copy, io::sink(), &fresh)?;
    drop((copy, shared));
    reached!("copy-read");
    if wanted != found {
        return Err(UpkeepError::Differs);
    }
    swap::replace(folder).map_err(&failed)?;
    let after = swap::bytes(folder).map_err(&failed)?;
    Ok(Compacted { before, after, totals })
}
