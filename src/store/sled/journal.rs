//! The second record of every ending, beside the database: what was answered as ended stays ended even if the database
//! forgets it.
//!
//! Four files of fixed size, made when the store is first opened and written round-robin, so that an ending needs no free
//! space. An entry is `length (4) ‖ CRC-32 (4) ‖ payload`, padded to whole blocks; the checksum covers the file's generation
//! and the entry's place, so what an earlier round left behind is no entry. `append` returns when the entries are on disk.

mod file;

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use self::file::{BLOCK, FILES, FRAME, Header, Round, SIZE, Stored, checksum, has_entries, open_file, path};

use super::folder::sync_directory;
use crate::domain::audit::Event;
use crate::domain::ending::Ended;
use crate::domain::epoch::Epoch;
use crate::domain::id::{EventSeq, KeyId, SessionId, UserKey};
use crate::domain::steps::reached;
use crate::domain::timestamp::Timestamp;

/// What ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// One session, by name.
    Session { user: UserKey, id: SessionId, ended: Ended },
    /// One session that ran out, and somebody was told so.
    Expired { user: UserKey, id: SessionId, at: Timestamp },
    /// All of a user's sessions but `keep`: `old` was replaced by `fresh`.
    User { user: UserKey, old: Epoch, fresh: Epoch, keep: Option<SessionId>, ended: Ended },
    /// Everyone's sessions: `old` was replaced by `fresh`.
    Server { old: Epoch, fresh: Epoch, ended: Ended },
    /// All of a user's sessions, by a change of what the user is: `old` was replaced, and `record` is the user since, in the
    /// store's own form.
    Changed { user: UserKey, old: Epoch, record: Vec<u8>, ended: Ended },
    /// None, but what others ended for: this session, in the store's own form, took their place.
    Created { user: UserKey, id: SessionId, record: Vec<u8> },
    /// All of a user's sessions, since the user was deleted; `old` was their last epoch.
    Deleted { user: UserKey, old: Epoch, ended: Ended },
    /// An API key, which is revoked.
    Key { id: KeyId, ended: Ended },
    /// None: this session survived what ended all others of its user, whose epoch `fresh` took the place of `old`.
    Kept { user: UserKey, id: SessionId, old: Epoch, fresh: Epoch },
}

/// One ending with its audit event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub effect: Effect,
    /// An expiry leaves none.
    pub event: Option<Event>,
}

/// What opening found.
pub struct Found {
    pub journal: Journal,
    /// All entries that are left, oldest first.
    pub entries: Vec<Entry>,
    /// Events up to this one were on disk in the database. If it does not know them any more, it has lost something.
    pub confirmed: EventSeq,
    /// Set if something is missing or wrong that no crash explains.
    pub damage: Option<String>,
}

/// See the module.
pub struct Journal {
    files: Vec<File>,
    /// The file being written is `generation % FILES`.
    generation: u64,
    offset: usize,
    /// The first generation that counts: what lies before it was dealt with.
    first: u64,
    /// Older generations than this are in the database whole, so that their files may be written over.
    applied: u64,
}

impl Journal {
    /// Opens the journal in `folder`, or makes it.
    pub fn open(folder: &Path) -> io::Result<Found> {
        fs::create_dir_all(folder)?;
        let missing = Self::missing(folder);
        let mut files = Vec::new();
        for number in 0..FILES {
            files.push(open_file(folder, number)?);
        }
        sync_directory(folder)?;
        let mut rounds = Vec::new();
        for (number, file) in files.iter_mut().enumerate() {
            rounds.push(Round::read(file, number as u64)?);
        }

        let mut damage =
            (missing > 0 && missing < FILES).then(|| format!("{missing} of its {FILES} files are missing"));
        let generation = rounds.iter().filter_map(|round| round.header.as_ref()).map(|header| header.generation).max();
        let Some(generation) = generation else {
            if missing == 0 {
                damage = Some("no file of it can be read".to_owned());
            }
            let mut journal = Self { files, generation: 0, offset: SIZE, first: FILES, applied: 0 };
            journal.begin(FILES)?;
            return Ok(Found { journal, entries: Vec::new(), confirmed: EventSeq(0), damage });
        };
        let slot = |generation: u64| usize::try_from(generation % FILES).unwrap_or(0);
        let first = rounds[slot(generation)].header.as_ref().map_or(FILES, |header| header.first);

        let (mut entries, mut confirmed, mut offset) = (Vec::new(), EventSeq(0), BLOCK);
        for wanted in generation.saturating_sub(FILES - 1).max(first)..=generation {
            let next = rounds[slot(wanted + 1)].header.clone().filter(|header| header.generation == wanted + 1);
            let round = &mut rounds[slot(wanted)];
            let Some(header) = round.header.as_ref().filter(|header| header.generation == wanted) else {
                // The oldest file is the one that is written over next: a power cut may have torn its new header. Entries
                // are written only after a header that is on disk.
                let torn = round.header.is_none() && wanted + FILES == generation + 1;
                if !torn || has_entries(&mut files[slot(wanted)], generation + 1)? {
                    damage
                        .get_or_insert_with(|| format!("file {} is damaged or older than it should be", slot(wanted)));
                }
                continue;
            };
            let cut = next.is_some_and(|next| next.previous_end > round.end);
            if round.gap || cut || header.first > wanted {
                damage.get_or_insert_with(|| format!("an entry of file {} is damaged", slot(wanted)));
            }
            for stored in round.entries.drain(..) {
                confirmed = confirmed.max(stored.confirmed);
                entries.push(stored.entry);
            }
            offset = round.end;
        }
        let journal = Self { files, generation, offset, first, applied: 0 };
        Ok(Found { journal, entries, confirmed, damage })
    }

    /// How many of its files are missing.
    pub fn missing(folder: &Path) -> u64 {
        (0..FILES).filter(|number| !path(folder, *number).exists()).count() as u64
    }

    /// How far it has got; rises with each file begun.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Begins anew: what lies before, damaged or not, is in the database and counts no longer.
    pub fn start_afresh(&mut self) -> io::Result<()> {
        self.first = self.generation + 1;
        self.applied = self.first;
        self.begin(self.first)
    }

    /// Puts the entries on disk. The database knows every event up to `confirmed`.
    ///
    /// # Errors
    /// If the disk does, or if all files hold entries that the database does not have yet.
    pub fn append(&mut self, entries: &[Entry], confirmed: EventSeq) -> io::Result<()> {
        let mut from = self.offset;
        for entry in entries {
            let start = u32::try_from(from).map_err(io::Error::other)?;
            let stored = Stored { confirmed, from: start, entry: entry.clone() };
            let payload = postcard::to_allocvec(&stored).map_err(io::Error::other)?;
            let length = (FRAME + payload.len()).next_multiple_of(BLOCK);
            if self.offset + length > SIZE {
                self.current()?.sync_data()?;
                reached!("rotation-due");
                self.begin(self.generation + 1)?;
                from = self.offset;
            }
            let mut bytes = vec![0; length];
            let size = u32::try_from(payload.len()).map_err(io::Error::other)?;
            bytes[..4].copy_from_slice(&size.to_le_bytes());
            bytes[4..FRAME].copy_from_slice(&checksum(self.generation, self.offset, &payload).to_le_bytes());
            bytes[FRAME..FRAME + payload.len()].copy_from_slice(&payload);
            let offset = self.offset as u64;
            let file = self.current()?;
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(&bytes)?;
            self.offset += length;
            reached!("journal-written");
        }
        self.current()?.sync_data()
    }

    /// The bytes that can be written before it is full, unless the database takes what is there.
    pub fn room(&self) -> usize {
        let begun = self.generation.saturating_sub(self.applied);
        let left = usize::try_from((FILES - 1).saturating_sub(begun)).unwrap_or(0);
        left * (SIZE - BLOCK) + SIZE.saturating_sub(self.offset)
    }

    /// Notes that everything written so far is in the database as well.
    pub fn applied(&mut self) {
        self.applied = self.generation;
    }

    fn current(&mut self) -> io::Result<&mut File> {
        let number = usize::try_from(self.generation % FILES).map_err(io::Error::other)?;
        self.files.get_mut(number).ok_or_else(|| io::Error::other("the journal has lost a file"))
    }

    /// Begins the next file, over the oldest one.
    fn begin(&mut self, generation: u64) -> io::Result<()> {
        if generation >= 2 * FILES && generation - FILES >= self.applied {
            return Err(io::Error::other(
                "every file of the journal holds endings that the database does not have yet",
            ));
        }
        let header = Header { generation, first: self.first, previous_end: self.offset }.bytes();
        self.generation = generation;
        self.offset = BLOCK;
        let file = self.current()?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&header)?;
        reached!("rotation-written");
        file.sync_data()?;
        reached!("rotation-synced");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::{OsEntropy, random};
    use crate::domain::ending::{Actor, Ending, Reason};

    fn ending(number: u64) -> Entry {
        let at = Timestamp::from_millis(1_767_323_045_678);
        let ended = Ending::new(Actor::System, Reason::Revoked, None).at(at, EventSeq(number));
        let effect = Effect::Session {
            user: UserKey::from_bytes(random(&OsEntropy)),
            id: SessionId::new(at, &OsEntropy),
            ended,
        };
        Entry { effect, event: None }
    }

    fn endings(numbers: std::ops::Range<u64>) -> Vec<Entry> {
        numbers.map(ending).collect()
    }

    #[test]
    fn what_was_written_is_read_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (endings(1..4), endings(4..6));
        let mut found = Journal::open(folder.path()).unwrap();
        assert!(found.damage.is_none() && found.entries.is_empty());
        found.journal.append(&first, EventSeq(0)).unwrap();
        let mut found = Journal::open(folder.path()).unwrap();
        assert_eq!(found.entries, first);
        found.journal.append(&second, EventSeq(3)).unwrap();
        let found = Journal::open(folder.path()).unwrap();
        assert_eq!(found.entries, [first, second].concat());
        assert_eq!(found.confirmed, EventSeq(3));
        assert!(found.damage.is_none());
    }

    #[test]
    fn the_ring_keeps_at_least_three_files_of_entries_and_never_grows() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path()).unwrap().journal;
        let mut written = Vec::new();
        for chunk in 0..60 {
            let more = endings(chunk * 1_000..(chunk + 1) * 1_000);
            journal.append(&more, EventSeq(chunk)).unwrap();
            journal.applied();
            written.extend(more);
        }
        let found = Journal::open(folder.path()).unwrap();
        assert!(found.damage.is_none(), "{:?}", found.damage);
        assert!(found.entries.len() >= 3 * (SIZE / BLOCK / 3), "{}", found.entries.len());
        assert_eq!(found.entries, written[written.len() - found.entries.len()..]);
        let bytes: u64 = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
        assert_eq!(bytes, FILES * SIZE as u64);
    }

    #[test]
    fn what_the_database_does_not_have_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path()).unwrap().journal;
        let first = ending(0);
        journal.append(std::slice::from_ref(&first), EventSeq(0)).unwrap();
        let full = (0..100).find(|_| journal.append(&endings(0..1_000), EventSeq(0)).is_err());
        assert!(full.is_some(), "it is full at some time");
        assert_eq!(Journal::open(folder.path()).unwrap().entries.first(), Some(&first));
    }

    #[test]
    fn a_torn_end_is_no_damage_and_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let entries = endings(0..3);
        let mut journal = Journal::open(folder.path()).unwrap().journal;
        journal.append(&entries, EventSeq(0)).unwrap();
        flip(folder.path(), journal.generation, journal.offset - BLOCK);
        let mut found = Journal::open(folder.path()).unwrap();
        assert_eq!(found.entries, entries[..2]);
        assert!(found.damage.is_none());
        let more = endings(3..4);
        found.journal.append(&more, EventSeq(0)).unwrap();
        assert_eq!(Journal::open(folder.path()).unwrap().entries, [&entries[..2], &more[..]].concat());
    }

    #[test]
    fn a_hole_in_what_was_never_answered_is_no_damage_then_or_later() {
        let folder = tempfile::tempdir().unwrap();
        let (first, torn) = (endings(0..2), endings(2..8));
        let mut journal = Journal::open(folder.path()).unwrap().journal;
        journal.append(&first, EventSeq(0)).unwrap();
        let hole = journal.offset;
        journal.append(&torn, EventSeq(0)).unwrap();
        flip(folder.path(), journal.generation, hole);
        let mut found = Journal::open(folder.path()).unwrap();
        assert!(found.damage.is_none(), "{:?}", found.damage);
        assert_eq!(found.entries[..2], first);
        let more = endings(8..9);
        found.journal.append(&more, EventSeq(0)).unwrap();
        let found = Journal::open(folder.path()).unwrap();
        assert!(found.damage.is_none(), "{:?}", found.damage);
        assert_eq!(found.entries[2..3], more);
    }

    #[test]
    fn damage_in_the_middle_to_a_header_or_a_lost_file_is_noticed() {
        let broken = |damage: &dyn Fn(&Path, u64)| {
            let folder = tempfile::tempdir().unwrap();
            let mut journal = Journal::open(folder.path()).unwrap().journal;
            for entry in endings(0..3) {
                journal.append(&[entry], EventSeq(0)).unwrap();
            }
            damage(folder.path(), journal.generation);
            Journal::open(folder.path()).unwrap().damage
        };
        assert!(broken(&|_, _| ()).is_none());
        assert!(broken(&|folder, generation| flip(folder, generation, BLOCK + 2 * FRAME)).is_some());
        assert!(broken(&|folder, generation| flip(folder, generation, 9)).is_some());
        assert!(broken(&|folder, _| fs::remove_file(path(folder, 2)).unwrap()).is_some());
        assert!(
            broken(&|folder, _| (0..FILES).for_each(|number| fs::write(path(folder, number), b"").unwrap())).is_some()
        );
    }

    #[test]
    fn a_newest_file_that_lost_its_header_and_an_older_one_cut_short_are_noticed() {
        for (which, from) in [(0, 0), (1, SIZE / 2)] {
            let folder = tempfile::tempdir().unwrap();
            let mut journal = Journal::open(folder.path()).unwrap().journal;
            while journal.generation < 2 * FILES + 1 {
                journal.append(&endings(0..500), EventSeq(0)).unwrap();
                journal.applied();
            }
            journal.append(&endings(0..1), EventSeq(0)).unwrap();
            let path = path(folder.path(), (journal.generation - which) % FILES);
            let mut bytes = fs::read(&path).unwrap();
            let end = if which == 0 { BLOCK } else { SIZE };
            bytes[from..end].fill(0);
            fs::write(&path, bytes).unwrap();
            assert!(Journal::open(folder.path()).unwrap().damage.is_some(), "{which} files before the newest");
        }
    }

    #[test]
    fn what_was_dealt_with_is_no_damage_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path()).unwrap().journal;
        for entry in endings(0..3) {
            journal.append(&[entry], EventSeq(0)).unwrap();
        }
        flip(folder.path(), journal.generation, BLOCK + 2 * FRAME);
        fs::remove_file(path(folder.path(), 2)).unwrap();
        let mut found = Journal::open(folder.path()).unwrap();
        assert!(found.damage.is_some());
        found.journal.start_afresh().unwrap();
        let more = endings(3..5);
        found.journal.append(&more, EventSeq(0)).unwrap();
        let found = Journal::open(folder.path()).unwrap();
        assert_eq!((found.entries, found.damage), (more, None));
    }

    #[test]
    fn opening_at_the_end_of_a_file_leaves_room_for_the_next_ending() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..40 {
            let mut journal = Journal::open(folder.path()).unwrap().journal;
            journal.applied();
            journal.append(&endings(0..1_500), EventSeq(0)).unwrap();
        }
    }

    fn flip(folder: &Path, generation: u64, offset: usize) {
        let path = path(folder, generation % FILES);
        let mut bytes = fs::read(&path).unwrap();
        bytes[offset] ^= 1;
        fs::write(&path, bytes).unwrap();
    }
}
