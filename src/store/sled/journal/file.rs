//! One file of the ring: its header, its entries, and what of it can be read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Entry;
use crate::domain::id::EventSeq;

/// Files of the ring: the one being written and the three before it.
pub(super) const FILES: u64 = 4;
/// The size of one, in bytes: room for some five thousand endings.
pub(super) const SIZE: usize = 1024 * 1024;
/// Entries begin at multiples of this, so that a damaged one does not hide those after it.
pub(super) const BLOCK: usize = 64;
/// Length and checksum.
pub(super) const FRAME: usize = 8;
/// How many fields events have been given since the first version.
const ADDED: usize = 2;
pub(super) const MAGIC: [u8; 8] = *b"sd-ends\x01";

#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    /// Every event up to this one was on disk in the database when the entry was written.
    pub(super) confirmed: EventSeq,
    /// Where the call that wrote it began in this file. Up to there everything was on disk before; from there on a power
    /// cut may have left any part.
    pub(super) from: u32,
    pub(super) entry: Entry,
}

pub(super) fn path(folder: &Path, number: u64) -> std::path::PathBuf {
    folder.join(format!("ends.{number}"))
}

/// A file of full size: its blocks are written once, so that later syncs have no metadata to write and need no space.
pub(super) fn open_file(folder: &Path, number: u64) -> io::Result<File> {
    let path = path(folder, number);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path)?;
    let length = file.metadata()?.len();
    let missing = (SIZE as u64).saturating_sub(length);
    if missing > 0 {
        file.seek(SeekFrom::Start(length))?;
        file.write_all(&vec![0; usize::try_from(missing).map_err(io::Error::other)?])?;
        file.sync_all()?;
    }
    Ok(file)
}

/// The first block of a file.
#[derive(Debug, Clone)]
pub(super) struct Header {
    pub(super) generation: u64,
    /// The first generation that counts.
    pub(super) first: u64,
    /// Where the entries of the generation before ended, to tell a file that was cut short.
    pub(super) previous_end: usize,
}

impl Header {
    pub(super) fn bytes(&self) -> [u8; BLOCK] {
        let mut bytes = [0; BLOCK];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.generation.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.to_le_bytes());
        bytes[24..32].copy_from_slice(&(self.previous_end as u64).to_le_bytes());
        let sum = checksum(self.generation, 0, &bytes[..32]);
        bytes[32..36].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let generation = number(8)?;
        let sum = u32::from_le_bytes(bytes.get(32..36)?.try_into().ok()?);
        let sound = bytes.starts_with(&MAGIC) && sum == checksum(generation, 0, bytes.get(..32)?);
        let previous_end = usize::try_from(number(24)?).ok()?;
        sound.then_some(Self { generation, first: number(16)?, previous_end })
    }
}

/// Whether a file whose header cannot be read holds entries of this generation.
pub(super) fn has_entries(file: &mut File, generation: u64) -> io::Result<bool> {
    let bytes = contents(file)?;
    Ok((BLOCK..SIZE).step_by(BLOCK).any(|offset| entry(&bytes, generation, offset).is_some()))
}

pub(super) fn contents(file: &mut File) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; SIZE];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// One file, read.
pub(super) struct Round {
    pub(super) header: Option<Header>,
    pub(super) entries: Vec<Stored>,
    /// Where the next entry goes.
    pub(super) end: usize,
    /// Something that was on disk is no entry any more.
    pub(super) gap: bool,
}

impl Round {
    pub(super) fn read(file: &mut File, number: u64) -> io::Result<Self> {
        let bytes = contents(file)?;
        let header = Header::read(&bytes).filter(|header| header.generation % FILES == number);
        let mut round = Self { header, entries: Vec::new(), end: BLOCK, gap: false };
        let Some(Header { generation, .. }) = round.header else { return Ok(round) };
        let mut offset = BLOCK;
        while offset + BLOCK <= SIZE {
            match entry(&bytes, generation, offset) {
                Some((stored, length)) => {
                    let torn = offset > round.end;
                    // What a call that never answered left behind its hole is written over; it may count or not.
                    round.gap |= torn && usize::try_from(stored.from).is_ok_and(|from| from > round.end);
                    round.entries.push(stored);
                    offset += length;
                    if !torn {
                        round.end = offset;
                    }
                }
                None => offset += BLOCK,
            }
        }
        Ok(round)
    }
}

pub(super) fn entry(bytes: &[u8], generation: u64, offset: usize) -> Option<(Stored, usize)> {
    let frame = bytes.get(offset..offset + FRAME)?;
    let size = usize::try_from(u32::from_le_bytes(frame[..4].try_into().ok()?)).ok()?;
    let sum = u32::from_le_bytes(frame[4..].try_into().ok()?);
    let payload = bytes.get(offset + FRAME..(offset + FRAME).checked_add(size)?)?;
    if size == 0 || sum != checksum(generation, offset, payload) {
        return None;
    }
    Some((stored(payload)?, (FRAME + size).next_multiple_of(BLOCK)))
}

/// An entry of this version or of an earlier one: what has been added to an event since stands at its end, and so at the
/// entry's, and was absent then, which is a zero.
fn stored(payload: &[u8]) -> Option<Stored> {
    let earlier = || postcard::from_bytes(&[payload, &[0; ADDED]].concat()).ok();
    postcard::from_bytes(payload).ok().or_else(earlier)
}

pub(super) fn checksum(generation: u64, offset: usize, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&generation.to_le_bytes());
    hasher.update(&(offset as u64).to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::super::Effect;
    use super::*;
    use crate::domain::audit::{Draft, Event};
    use crate::domain::clock::OsEntropy;
    use crate::domain::ending::{Actor, Ending, Reason};
    use crate::domain::id::{KeyId, SessionId, UserKey};
    use crate::domain::timestamp::Timestamp;

    /// An upgrade must not take the endings of the version before for damage.
    #[test]
    fn entries_of_an_earlier_version_are_read() {
        let at = Timestamp::from_millis(1_767_323_045_678);
        let (user, id) = (UserKey::from_bytes([7; 16]), SessionId::new(at, &OsEntropy));
        let ending = Ending::new(Actor::Operator, Reason::Revoked, None);
        let seq = EventSeq(9);
        let event = Event { seq, at, draft: Draft::ended_one(&ending, &"ada".parse().unwrap(), id) };
        let ended = ending.at(at, seq);
        let entry = Entry { effect: Effect::Session { user, id, ended: ended.clone() }, event: Some(event) };
        let now = postcard::to_allocvec(&Stored { confirmed: seq, from: 0, entry: entry.clone() }).unwrap();
        let (earlier, added) = now.split_at(now.len() - ADDED);
        assert_eq!(added, [0; ADDED], "what was added is absent");
        for payload in [&now[..], earlier] {
            assert_eq!(stored(payload).unwrap().entry, entry);
        }
        assert!(stored(&earlier[..earlier.len() - 1]).is_none());

        let key = KeyId::new(&OsEntropy);
        let event = Event { seq, at, draft: Draft::key_revoked(&ending, key) };
        let entry = Entry { effect: Effect::Key { id: key, ended }, event: Some(event) };
        let now = postcard::to_allocvec(&Stored { confirmed: seq, from: 0, entry: entry.clone() }).unwrap();
        assert_eq!(stored(&now).unwrap().entry, entry);
    }
}
