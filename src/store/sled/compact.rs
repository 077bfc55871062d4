//! Compacting: sled's file never shrinks, so its records move to a new one.

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use super::backup::{Raw, Totals};
use super::database::open_fresh;
use super::import::fill;
use super::step::Shared;
use super::upkeep::{Quiet, UpkeepError, every, export, quiet};
use super::view::View;
use super::{Sled, swap};
use crate::domain::steps::reached;
use crate::store::Environment;

/// What a compaction did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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

    /// The same of the open database. Meanwhile sessions are resolved and ended as ever, and nobody can sign in; at the end
    /// requests wait for as long as it takes to open the new one.
    ///
    /// # Errors
    /// Each [`UpkeepError`] says what to do; the database is then as it was.
    pub async fn compact_open(&self) -> Result<Compacted, UpkeepError> {
        let claim = self.claim().ok_or(UpkeepError::Busy)?;
        if !self.handle().await?.committer.hold().await {
            return Err(UpkeepError::Busy);
        }
        let beside = self.0.folder.clone();
        let copied = self.as_of_now(move |records| copy(&beside, records)).await;
        let runtime = Handle::current();
        let done = tokio::task::spawn_blocking(move || {
            // Copied or not, the database is open for endings only and has to be opened anew.
            claim.exchange(&runtime, |folder, _| {
                let failed = UpkeepError::write(folder);
                let before = swap::bytes(folder).map_err(&failed)?;
                let totals = copied.inspect_err(|_| drop(swap::remove(&swap::fresh(folder))))?;
                swap::replace(folder).map_err(&failed)?;
                let after = swap::bytes(folder).map_err(&failed)?;
                Ok(Compacted { before, after, totals })
            })
        });
        done.await.map_err(UpkeepError::panicked)?
    }
}

fn compact(folder: &Path, shared: Arc<Shared>) -> Result<Compacted, UpkeepError> {
    let failed = UpkeepError::write(folder);
    let before = swap::bytes(folder).map_err(&failed)?;
    let totals = copy(folder, &shared.trees)?;
    drop(shared);
    swap::replace(folder).map_err(&failed)?;
    let after = swap::bytes(folder).map_err(&failed)?;
    Ok(Compacted { before, after, totals })
}

/// Writes the records to a new database beside the one in place, and reads them there again.
fn copy(folder: &Path, records: &impl View) -> Result<Totals, UpkeepError> {
    let fresh = swap::fresh(folder);
    let (copy, ()) = fill(&fresh, |take| {
        every(records, |place, key, value| take(Raw { place, key: key.to_vec(), value: value.to_vec() }))
    })?;
    reached!("copy-filled");
    drop(copy);
    // Read from the disk again, not from what has just been written.
    let copy = open_fresh(&fresh).map_err(UpkeepError::Open)?;
    let (_, totals, wanted) = export(records, io::sink(), folder)?;
    let (_, _, found) = export(&copy, io::sink(), &fresh)?;
    drop(copy);
    reached!("copy-read");
    if wanted == found { Ok(totals) } else { Err(UpkeepError::Differs) }
}
