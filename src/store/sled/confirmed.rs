//! How far confirmed changes have got: the number of the last event that was on disk, in a file beside the journal.
//!
//! sled takes whatever is damaged for the end of its file, and says nothing. A database that does not reach this number any
//! more has lost changes that were answered.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::domain::id::EventSeq;

/// Two places in turn, a disk block apart: a write that is torn leaves the one before.
const PLACE: usize = 512;

/// See the module.
pub struct Confirmed {
    file: File,
    second: bool,
}

impl Confirmed {
    /// Opens or creates the file in `folder`, and answers the number that stands in it.
    pub fn open(folder: &Path) -> io::Result<(Self, EventSeq)> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(folder.join("confirmed"))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let numbers = bytes.chunks(PLACE).filter_map(|place| {
            let (number, rest) = place.split_first_chunk::<8>()?;
            let sum = rest.first_chunk::<4>()?;
            (crc32fast::hash(number) == u32::from_le_bytes(*sum)).then(|| u64::from_le_bytes(*number))
        });
        let last = numbers.max().unwrap_or(0);
        Ok((Self { file, second: false }, EventSeq(last)))
    }

    /// Notes that everything up to `last` is on disk. Not synced itself: after a power cut the number may lag, which can
    /// hide a loss but never invents one.
    pub fn note(&mut self, last: EventSeq) -> io::Result<()> {
        let number = last.0.to_le_bytes();
        let mut place = [0; PLACE];
        place[..8].copy_from_slice(&number);
        place[8..12].copy_from_slice(&crc32fast::hash(&number).to_le_bytes());
        self.file.seek(SeekFrom::Start(if self.second { PLACE as u64 } else { 0 }))?;
        self.second = !self.second;
        self.file.write_all(&place)
    }
}
