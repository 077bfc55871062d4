//! Opening a database that may be new, in use, damaged, read-only or from a later version.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use tokio::sync::watch;

use super::Handle;
use super::committer::{Committer, Disk};
use super::confirmed::{Confirmed, Reached};
use super::database::open_trees;
use super::doubt;
use super::durable::Durable;
use super::folder::{lock, make_private, sync_directory};
use super::index::{Index, Particulars};
use super::journal::{Entry as Ended, Found, Journal};
use super::replay::{fill_gaps, replay};
use super::shelf::Class;
use super::step::Shared;
use super::swap;
use super::trail::{Filling, Trail};
use super::trees::{EPOCH, FORMAT, Place, Trees, Write, session_key};
use super::view::View;
use crate::domain::audit::Event;
use crate::domain::epoch::Epoch;
use crate::domain::id::{EventSeq, UserKey};
use crate::domain::session::{Session, State, Verdict};
use crate::domain::steps::reached;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::User;
use crate::store::{Environment, StoreError, codec};

/// How many sessions or audit events are read before the log says how far opening has got.
const TOLD_EVERY: u64 = 100_000;
/// How far the wall clock may lie behind the newest record before nothing that the database holds is trusted.
const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

/// Why a database did not open. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Somebody else has it.
    #[error("another process has the database in {} open; stop that process, or choose another folder with --data", .0.display())]
    Locked(PathBuf),
    /// The folder cannot be used.
    #[error("the database folder {} cannot be used: {source}; check that it exists on a writable disk and belongs to this user", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It was written by a later version.
    #[error("the database in {} has format {found}, and this version of sessiond reads format {}; use the newer version", folder.display(), codec::FORMAT)]
    Newer {
        /// Where.
        folder: PathBuf,
        /// Which format it has.
        found: u8,
    },
    /// It cannot be read.
    #[error("the database in {} is damaged ({what}); restore a backup, or move the folder away to start anew", folder.display())]
    Damaged {
        /// Where.
        folder: PathBuf,
        /// What was found.
        what: String,
    },
}

/// What opening found, beside the database itself.
pub struct Opened {
    pub handle: Handle,
    /// Why nobody can vouch for what the database says is live, if so.
    pub suspicion: Option<Suspicion>,
    /// How many endings of the journal the database did not know.
    pub put_back: usize,
}

/// Why nobody can vouch for what the database says is live.
pub struct Suspicion {
    pub why: String,
    /// Whether something may be missing; otherwise it is only the time that cannot be trusted.
    pub of_records: bool,
}

/// What a store that was open in this process hands to the one that is opened in its place.
#[derive(Clone, Default)]
pub struct Carried {
    /// The claim on the folder, so that no other process gets hold of it in between.
    pub lock: Option<Arc<File>>,
    /// Endings that could not be confirmed. Somebody may have been turned away by them, so they are made good now.
    pub unconfirmed: Vec<Ended>,
    /// When sessions were seen meanwhile.
    pub touches: Vec<Write>,
    /// Whoever follows the audit log.
    pub newest: watch::Sender<EventSeq>,
}

/// Opens or creates the store in `folder`: the database in `db/`, the journal of endings in `ends/`.
pub fn open(folder: &Path, environment: Environment, carried: Carried) -> Result<Opened, OpenError> {
    let in_folder = |source| OpenError::Folder { folder: folder.to_owned(), source };
    let damaged = |error: &dyn std::error::Error| damaged(folder, error);
    make_private(folder).map_err(in_folder)?;
    // Before anything is touched: whoever opens the store at the same time must not have its files moved away.
    let lock = match carried.lock {
        Some(lock) => lock,
        None => Arc::new(lock(folder)?),
    };
    reached!("locked");
    swap::settle(folder).map_err(in_folder)?;
    reached!("swap-settled");
    let (trees, file) = open_trees(&folder.join("db")).map_err(|failure| failure.told(&folder.join("db")))?;
    check_format(&trees, folder)?;
    reached!("database-opened");
    let ends = folder.join("ends");
    let known = last_event(&trees).map_err(|error| damaged(&error))?;
    // Before the files are made anew: that they were missing must not be forgotten by then.
    if known > EventSeq(0) && Journal::missing(&ends) > 0 {
        doubt::note(folder, "files of the journal of endings are missing").map_err(in_folder)?;
    }
    if known > EventSeq(0) && trees.bytes(Place::Meta, EPOCH).map_err(|error| damaged(&error))?.is_none() {
        doubt::note(folder, "the server's epoch is missing").map_err(in_folder)?;
    }
    let mut found = Journal::open(&ends).map_err(in_folder)?;
    let (confirmed, reached) = Confirmed::open(&ends).map_err(in_folder)?;
    reached!("journal-opened");
    for directory in [Some(ends.as_path()), Some(folder), folder.parent()].into_iter().flatten() {
        sync_directory(directory).map_err(in_folder)?;
    }
    reached!("directories-synced");
    if let Some(why) = suspect(&found, reached, known) {
        doubt::note(folder, &why).map_err(in_folder)?;
    }
    let doubt = doubt::noted(folder).map_err(in_folder)?;
    if let Some(what) = doubt.as_ref().filter(|_| trees.tree(Place::Users).is_empty()) {
        // Setting up anew over what is left would hide the loss.
        return Err(OpenError::Damaged { folder: folder.to_owned(), what: format!("there are no users, and {what}") });
    }
    found.entries.extend(carried.unconfirmed);
    let missing = replay(&trees, &found.entries).map_err(|error| damaged(&error))?;
    if missing > 0 {
        tracing::warn!(endings = missing, "the database had forgotten endings; the journal has put them back");
    }
    let last = last_event(&trees).map_err(|error| damaged(&error))?.max(found.confirmed).max(reached.last);
    fill_gaps(&trees, known, last).map_err(|error| damaged(&error))?;
    trees.write(&carried.touches).map_err(|error| damaged(&error))?;
    reached!("replayed");
    trees.db.flush().map_err(|error| damaged(&error))?;
    reached!("replay-flushed");
    file.sync_all().map_err(in_folder)?;
    reached!("replay-synced");
    found.journal.applied();
    if doubt.is_some() {
        found.journal.start_afresh().map_err(in_folder)?;
        reached!("begun-afresh");
    }

    let epoch = server_epoch(&trees, &environment).map_err(|error| damaged(&error))?;
    let (index, people, administrators) = (Mutex::default(), RwLock::default(), RwLock::default());
    let trail = RwLock::new(follow(&trees).map_err(|error| damaged(&error))?);
    let shared = Shared {
        trees,
        index,
        people,
        trail,
        administrators,
        epoch: RwLock::new(epoch),
        environment,
        unconfirmed: Mutex::default(),
        durable: Durable::new(carried.newest, last),
    };
    let newest = load(&shared).map_err(|error| damaged(&error))?;
    reached!("index-loaded");
    let behind = newest.since(shared.environment.clock.now());
    let late = || {
        let why = format!("the clock is {} s behind the newest record", behind.as_secs());
        (behind > CLOCK_TOLERANCE).then_some(Suspicion { why, of_records: false })
    };
    let suspicion = doubt.map(|why| Suspicion { why, of_records: true }).or_else(late);
    let shared = Arc::new(shared);
    let next = EventSeq(last.0 + 1);
    let disk = Disk { file, journal: found.journal, confirmed, folder: folder.to_owned() };
    let committer = Committer::start(Arc::clone(&shared), disk, next).map_err(in_folder)?;
    swap::tidy(folder).map_err(in_folder)?;
    Ok(Opened { handle: Handle { shared, committer, lock }, suspicion, put_back: missing })
}

/// What is missing that no crash explains. `known` is the last event that the database knows.
fn suspect(found: &Found, reached: Reached, known: EventSeq) -> Option<String> {
    let confirmed = found.confirmed.max(reached.last);
    if known == EventSeq(0) && confirmed == EventSeq(0) {
        // A first start that was cut short.
        return None;
    }
    if let Some(damage) = &found.damage {
        return Some(format!("the journal of endings is damaged: {damage}"));
    }
    if found.journal.generation() < reached.generation {
        return Some("the journal of endings has lost its newest file".to_owned());
    }
    // What the journal puts back is not lost; sled leaves no gaps between the others.
    let kept: BTreeSet<u64> = found.entries.iter().filter_map(|entry| Some(entry.event.as_ref()?.seq.0)).collect();
    let lost = (known.0 + 1..=confirmed.0).filter(|seq| !kept.contains(seq)).count();
    (lost > 0).then(|| format!("the database has forgotten {lost} changes that were on disk"))
}

/// The number of the last audit event; zero if there is none.
pub fn last_event(trees: &Trees) -> Result<EventSeq, StoreError> {
    let last = trees.tree(Place::Audit).last().map_err(|error| StoreError::unavailable("read", error))?;
    last.map_or(Ok(EventSeq(0)), |(key, _)| seq_of(&key))
}

/// The newest audit event up to this number that can be read: a damaged one keeps nobody out.
pub fn newest_readable(trees: &Trees, last: EventSeq) -> Result<Option<Event>, StoreError> {
    let upto = trees.tree(Place::Audit).range(..=last.0.to_be_bytes()).rev();
    for entry in upto {
        let (key, bytes) = entry.map_err(|error| StoreError::unavailable("read", error))?;
        if let Ok(event) = codec::decode::<Event>(&key, &bytes) {
            return Ok(Some(event));
        }
    }
    Ok(None)
}

/// The number in a key of the audit log.
pub fn seq_of(key: &[u8]) -> Result<EventSeq, StoreError> {
    let seq = key.try_into().map(u64::from_be_bytes);
    Ok(EventSeq(seq.map_err(|error| StoreError::corrupt("audit", error))?))
}

/// Refuses what a later version wrote; notes the format of a new database.
fn check_format(trees: &Trees, folder: &Path) -> Result<(), OpenError> {
    let damaged = |error: sled::Error| OpenError::Damaged { folder: folder.to_owned(), what: error.to_string() };
    let meta = trees.tree(Place::Meta);
    match meta.get(FORMAT).map_err(damaged)?.as_deref() {
        Some([found]) if *found > codec::FORMAT => Err(OpenError::Newer { folder: folder.to_owned(), found: *found }),
        Some([found]) if *found == codec::FORMAT => Ok(()),
        // New, or of an earlier version: from here on that one would not understand what is written.
        _ => meta.insert(FORMAT, &[codec::FORMAT]).map(drop).map_err(damaged),
    }
}

/// The stored epoch, or a first one. A database that holds sessions without an epoch has lost it: a fresh one ends them all.
fn server_epoch(trees: &Trees, environment: &Environment) -> Result<Epoch, StoreError> {
    if let Some(epoch) = trees.get(Place::Meta, EPOCH)? {
        return Ok(epoch);
    }
    let epoch = Epoch::draw(&*environment.entropy);
    let bytes = codec::encode(EPOCH, &epoch)?;
    let written = trees.tree(Place::Meta).insert(EPOCH, bytes);
    written.map_err(|error| StoreError::unavailable("write the first epoch", error))?;
    Ok(epoch)
}

/// Notes where in the audit log what stands.
fn follow(trees: &Trees) -> Result<Trail, StoreError> {
    let mut filling = Filling::default();
    let mut damaged = Vec::new();
    for (number, entry) in (1_u64..).zip(trees.iter(Place::Audit)) {
        if number.is_multiple_of(TOLD_EVERY) {
            tracing::info!("opening: {number} audit events read");
        }
        let (key, bytes) = entry?;
        let seq = seq_of(&key)?;
        if let Ok(event) = codec::decode::<Event>(&key, &bytes) {
            filling.note(&event);
        } else {
            // People go on signing in and out; it stands in what is found there as one that cannot be read.
            filling.note_damaged(seq);
            damaged.push(seq.0);
        }
    }
    if let Some(first) = damaged.first() {
        let count = damaged.len();
        tracing::error!(count, first, "audit events are damaged and cannot be read; `sessiond check` names them all");
    }
    Ok(filling.done())
}

/// Fills the index. Answers the newest time that counts: of the last event, and of any session that shares the present
/// epochs.
fn load(shared: &Shared) -> Result<Timestamp, StoreError> {
    let (trees, environment) = (&shared.trees, &shared.environment);
    let mut index = Index::default();
    for user in trees.scan::<User>(Place::Users) {
        shared.note_user(&user?.1);
    }
    let mut newest = Timestamp::MIN;
    let now = environment.clock.now();
    let server = shared.server_epoch();
    let mut owner: Option<(UserKey, Option<User>)> = None;
    for (number, record) in (1_u64..).zip(trees.scan::<Session>(Place::Sessions)) {
        if number.is_multiple_of(TOLD_EVERY) {
            tracing::info!("opening: {number} sessions read");
        }
        let (key, session) = record?;
        let user = session.user_key();
        if *key != session_key(user, session.id()) {
            return Err(StoreError::corrupt("sessions", "a session stands under another one's key"));
        }
        // One user's sessions stand together.
        if owner.as_ref().is_none_or(|(known, _)| *known != user) {
            owner = Some((user, trees.user(user)?));
        }
        let present = owner.as_ref().and_then(|(_, user)| user.clone());
        let unreaped = *session.state() == State::Live;
        let standing = trees.standing_of(&key, session, present, server)?;
        let class = match standing.verdict(now, &environment.limits) {
            Verdict::Live => Class::Live,
            Verdict::Ended(_) => Class::Ended,
            Verdict::Expired(_) => Class::Expired,
        };
        // One that ran out may bear a time that a clock set forth has made: once everyone was signed out for it, it counts no
        // longer, or every start would do so again.
        if class != Class::Ended && !standing.is_withdrawn() {
            newest = newest.max(standing.seen);
        }
        let unreaped = class == Class::Ended && unreaped;
        index.load(&Particulars::of(&standing, &environment.limits, class), unreaped);
    }
    index.loaded();
    *shared.index() = index;
    let last = newest_readable(trees, last_event(trees)?)?;
    Ok(last.map_or(newest, |event| newest.max(event.at)))
}

/// It cannot be used as it is, for this reason.
pub fn damaged(folder: &Path, error: &dyn std::error::Error) -> OpenError {
    OpenError::Damaged { folder: folder.to_owned(), what: chain(error) }
}

pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text = format!("{text}: {source}");
        next = source.source();
    }
    text
}
