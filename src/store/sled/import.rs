//! Restoring: a new database from a backup, with everyone signed out.

use std::fs::{self, File};
use std::io::{BufReader, Seek};
use std::path::Path;

use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;

use super::Sled;
use super::backup::{Fault, Raw, Reader, Totals};
use super::database::open_fresh;
use super::folder::{lock, lock_existing, make_private, sync_directory};
use super::journal::Journal;
use super::open;
use super::trees::{EPOCH, Place, Trees, Write};
use super::upkeep::{UpkeepError, quiet};
use super::view::View;
use super::{record, swap};
use crate::domain::audit::{Draft, Event};
use crate::domain::ending::{Actor, Ending, Reason};
use crate::domain::epoch::Epoch;
use crate::domain::id::EventSeq;
use crate::domain::key::ApiKey;
use crate::domain::session::{Session, Verdict};
use crate::domain::steps::reached;
use crate::domain::timestamp::Timestamp;
use crate::store::{Environment, Store, StoreError, codec};

/// Records that are handed to sled at once.
const BATCH: usize = 1_000;

/// What a restore brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The records of the backup.
    pub totals: Totals,
    /// How many sessions were live in it, and have ended.
    pub ended: u64,
    /// How many API keys in it were not revoked, and are now.
    pub keys: u64,
}

impl Sled {
    /// Makes a database in `folder` of the backup in `file`; in the place of one that is there only with `replace`. Everyone's sessions end by it: some
    /// may have been ended after the backup was made.
    ///
    /// # Errors
    /// Each [`UpkeepError`] says what to do. A backup that is damaged in any way leaves the folder as it was.
    pub async fn restore(
        folder: &Path,
        environment: Environment,
        file: &Path,
        replace: bool,
    ) -> Result<Restored, UpkeepError> {
        let (path, from, given) = (folder.to_owned(), file.to_owned(), environment.clone());
        let done = tokio::task::spawn_blocking(move || restore(&path, &given, &from, replace)).await;
        let restored = done.map_err(UpkeepError::panicked)??;
        // A restore is done when a server could go on with it.
        drop(quiet(folder, environment).await?);
        Ok(restored)
    }

    /// Puts a database made of the backup in `file` in the place of the open one, while requests go on; at the end they wait
    /// for as long as it takes to open it. Everyone's sessions end by it. What was in the database before is gone.
    ///
    /// # Errors
    /// Each [`UpkeepError`] says what to do. A backup that is damaged in any way leaves the database as it was.
    pub async fn restore_open(&self, file: &Path) -> Result<Restored, UpkeepError> {
        let claim = self.claim().ok_or(UpkeepError::Busy)?;
        self.ready().await?;
        let (folder, file, environment) = (self.0.folder.clone(), file.to_owned(), self.0.environment.clone());
        let runtime = Handle::current();
        let done = tokio::task::spawn_blocking(move || {
            let from = sound(&file)?;
            let restored = prepare(&folder, &environment, &file, &from)?;
            claim.exchange(&runtime, |folder, carried| {
                put_in_place(folder)?;
                // What ended meanwhile belongs to the database that is gone.
                (carried.unconfirmed, carried.touches) = (Vec::new(), Vec::new());
                Ok(())
            })?;
            Ok(restored)
        });
        done.await.map_err(UpkeepError::panicked)?
    }
}

fn restore(folder: &Path, environment: &Environment, file: &Path, replace: bool) -> Result<Restored, UpkeepError> {
    let occupied = || swap::occupied(folder) && !replace;
    if occupied() {
        let _free = lock_existing(folder)?;
        return Err(UpkeepError::Occupied(folder.to_owned()));
    }
    let from = sound(file)?;
    make_private(folder).map_err(UpkeepError::write(folder))?;
    let _lock = lock(folder)?;
    if occupied() {
        return Err(UpkeepError::Occupied(folder.to_owned()));
    }
    let restored = prepare(folder, environment, file, &from)?;
    put_in_place(folder)?;
    Ok(restored)
}

/// The backup in `file`, read to its end and found whole.
fn sound(file: &Path) -> Result<File, UpkeepError> {
    let refused = UpkeepError::refused(file);
    let mut from = File::open(file).map_err(Fault::from).map_err(&refused)?;
    read(&from, |_| Ok(())).map_err(|error| error.told(&refused))?;
    from.rewind().map_err(Fault::from).map_err(&refused)?;
    Ok(from)
}

/// Makes a database of the backup beside the one in place.
fn prepare(folder: &Path, environment: &Environment, file: &Path, from: &File) -> Result<Restored, UpkeepError> {
    let fresh = swap::fresh(folder);
    swap::remove(&fresh).map_err(UpkeepError::write(&fresh))?;
    let refused = UpkeepError::refused(file);
    // Read again rather than trusted: the file may have changed, and is checked to its end once more.
    let filled = fill(&fresh, |batch| read(from, batch).map_err(|error| error.told(&refused)));
    let restored = filled.and_then(|(trees, totals)| {
        // In the new database and not later: it must never open with sessions that may have been ended since.
        reached!("copy-filled");
        let (ended, keys) = redraw(&trees, environment)?;
        trees.db.flush()?;
        reached!("copy-redrawn");
        Ok(Restored { totals, ended, keys })
    });
    restored.inspect_err(|_| drop(swap::remove(&fresh)))
}

fn put_in_place(folder: &Path) -> Result<(), UpkeepError> {
    let failed = UpkeepError::write(folder);
    swap::replace(folder).map_err(&failed)?;
    new_journal(folder).map_err(&failed)
}

/// A journal that is left belongs to a database that is gone; this one begins with its own.
fn new_journal(folder: &Path) -> std::io::Result<()> {
    let (ends, aside) = (folder.join("ends"), folder.join("ends.old"));
    if ends.exists() {
        swap::remove(&aside)?;
        fs::rename(&ends, aside)?;
        reached!("journal-aside");
    }
    drop(Journal::open(&ends)?);
    reached!("journal-anew");
    sync_directory(folder)
}

enum ReadError {
    Fault(Fault),
    Other(UpkeepError),
}

impl ReadError {
    fn told(self, refused: impl Fn(Fault) -> UpkeepError) -> UpkeepError {
        match self {
            Self::Fault(fault) => refused(fault),
            Self::Other(error) => error,
        }
    }
}

/// Hands every record of the backup to `take`, each checked.
fn read(file: &File, mut take: impl FnMut(Raw) -> Result<(), UpkeepError>) -> Result<Totals, ReadError> {
    let mut reader = Reader::new(BufReader::new(file)).map_err(ReadError::Fault)?;
    let mut epoch = false;
    while let Some(raw) = reader.next().map_err(ReadError::Fault)? {
        let sound = record::read(raw.place, &raw.key, &raw.value);
        sound.map_err(|error| ReadError::Fault(Fault::Damaged(open::chain(&error))))?;
        epoch |= raw.place == Place::Meta && raw.key == EPOCH;
        take(raw).map_err(ReadError::Other)?;
    }
    if !epoch {
        return Err(ReadError::Fault(Fault::Damaged("the server's epoch is missing".to_owned())));
    }
    Ok(reader.totals())
}

/// Makes a new database in `folder` of the records that `source` hands over.
pub fn fill<T>(
    folder: &Path,
    source: impl FnOnce(&mut dyn FnMut(Raw) -> Result<(), UpkeepError>) -> Result<T, UpkeepError>,
) -> Result<(Trees, T), UpkeepError> {
    let trees = open_fresh(folder).map_err(UpkeepError::Open)?;
    let (mut batch, mut place, mut waiting) = (sled::Batch::default(), Place::Sessions, 0);
    let answer = source(&mut |raw| {
        if waiting == BATCH || raw.place != place {
            trees.tree(place).apply_batch(std::mem::take(&mut batch))?;
            (place, waiting) = (raw.place, 0);
        }
        batch.insert(raw.key, raw.value);
        waiting += 1;
        Ok(())
    })?;
    trees.tree(place).apply_batch(batch)?;
    trees.db.flush()?;
    Ok((trees, answer))
}

/// Ends everyone's sessions and revokes every API key in a database that is not yet in its place: which of them somebody has
/// ended since the backup nobody knows. Answers how many sessions were live, and how many keys not revoked.
fn redraw(trees: &Trees, environment: &Environment) -> Result<(u64, u64), StoreError> {
    let now = environment.clock.now();
    let old: Epoch = trees.get(Place::Meta, EPOCH)?.ok_or_else(|| StoreError::corrupt("meta", "no epoch"))?;
    let mut live = 0;
    for record in trees.scan::<Session>(Place::Sessions) {
        let (_, session) = record?;
        let standing = trees.standing(session.user_key(), session.id(), || old)?;
        live += u64::from(standing.is_some_and(|it| it.verdict(now, &environment.limits) == Verdict::Live));
    }
    let seq = EventSeq(open::last_event(trees)?.0 + 1);
    let ending = Ending::new(Actor::Operator, Reason::Safety, None);
    let event = Event { seq, at: now, draft: Draft::ended_everyone(&ending, live) };
    let (fresh, seq) = (Epoch::draw(&*environment.entropy), seq.0.to_be_bytes());
    let writes = [
        (Place::Replaced, &old.bytes()[..], codec::encode(old.bytes(), &ending.at(now, event.seq))?),
        (Place::Meta, EPOCH, codec::encode(EPOCH, &fresh)?),
        (Place::Audit, &seq[..], codec::encode(&seq, &event)?),
    ]
    .map(|(place, key, value)| Write { place, key: key.to_vec(), value: Some(value) });
    trees.write(&writes)?;
    Ok((live, revoke_keys(trees, now, &ending)?))
}

/// Revokes every API key in a database that is not yet in its place. Answers how many there were to revoke.
fn revoke_keys(trees: &Trees, now: Timestamp, ending: &Ending) -> Result<u64, StoreError> {
    let mut revoked = 0;
    let keys = trees.scan::<ApiKey>(Place::Keys).collect::<Result<Vec<_>, _>>()?;
    for (id, mut key) in keys.into_iter().filter(|(_, key)| key.revoked().is_none()) {
        let seq = EventSeq(open::last_event(trees)?.0 + 1);
        let event = Event { seq, at: now, draft: Draft::key_revoked(ending, key.id) };
        key.revoke(ending.at(now, seq));
        let seq = seq.0.to_be_bytes();
        let writes =
            [(Place::Keys, &id[..], codec::encode(&id, &key)?), (Place::Audit, &seq[..], codec::encode(&seq, &event)?)]
                .map(|(place, key, value)| Write { place, key: key.to_vec(), value: Some(value) });
        trees.write(&writes)?;
        revoked += 1;
    }
    Ok(revoked)
}
