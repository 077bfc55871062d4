//! How far confirmed changes have got, in a file beside the journal: the number of the last event that was on disk, and the
//! generation that the journal had reached.
//!
//! sled takes whatever is damaged for the end of its file, and says nothing. A database that does not reach this number any
//! more has lost changes that were answered, and a journal that does not reach its generation has lost a file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::domain::id::EventSeq;

/// Two places in turn, a disk block apart: a write that is torn leaves the one before.
const PLACE: usize = 512;

/// What was noted last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reached {
    pub last: EventSeq,
    pub generation: u64,
}

/// See the module.
pub struct Confirmed {
    file: File,
    second: bool,
}

impl Confirmed {
    /// Opens or creates the file in `folder`, and answers what stands in it.
    pub fn open(folder: &Path) -> io::Result<(Self, Reached)> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(folder.join("confirmed"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let noted = bytes.chunks(PLACE).filter_map(|place| {
            let (note, rest) = place.split_first_chunk::<16>()?;
            let sum = rest.first_chunk::<4>()?;
            let (last, generation) = note.split_first_chunk::<8>()?;
            (crc32fast::hash(note) == u32::from_le_bytes(*sum)).then_some(Reached {
                last: EventSeq(u64::from_le_bytes(*last)),
                generation: u64::from_le_bytes(*generation.first_chunk()?),
            })
        });
        let reached = noted.max_by_key(|reached| (reached.generation, reached.last)).unwrap_or_default();
        Ok((Self { file, second: false }, reached))
    }

    /// Notes that everything up to `last` is on disk. Not synced itself: after a power cut the number may lag, which can
    /// hide a loss but never invents one.
    pub fn note(&mut self, last: EventSeq, generation: u64) -> io::Result<()> {
        let mut place = [0; PLACE];
        place[..8].copy_from_slice(&last.0.to_le_bytes());
        place[8..16].copy_from_slice(&generation.to_le_bytes());
        let sum = crc32fast::hash(&place[..16]);
        place[16..20].copy_from_slice(&sum.to_le_bytes());
        self.file.seek(SeekFrom::Start(if self.second { PLACE as u64 } else { 0 }))?;
        self.second = !self.second;
        self.file.write_all(&place)
    }
}
