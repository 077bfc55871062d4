//! The form of a backup: one file, written and read in one pass.
//!
//! `magic (16) ‖ version (1) ‖ records ‖ 0xFF ‖ one count (8) for each tree ‖ SHA-256 (32)`, where a record is
//! `tree (1) ‖ length (4) ‖ key ‖ length (4) ‖ value`. Numbers are little endian. The digest covers all that stands before
//! it. Records stand in the order of trees and keys, so that none can be there twice.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::trees::{PLACES, Place};

const MAGIC: [u8; 16] = *b"sessiond-backup\n";
/// Raised with any change to the form. The first had no API keys, the second neither jobs nor how far webhooks had got.
const VERSION: u8 = 3;
/// Stands where a further record would name its tree.
const END: u8 = 0xFF;
/// The longest key or value that is read: a damaged length must not take all memory.
const LONGEST: usize = 1024 * 1024;

/// SHA-256 over everything.
pub type Seal = [u8; 32];

/// How many records each tree has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals([u64; PLACES.len()]);

impl Totals {
    /// Counts one more.
    pub(super) const fn count(&mut self, place: Place) {
        self.0[place as usize] += 1;
    }

    /// Each tree's name with the number of its records.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        PLACES.iter().zip(self.0).map(|(place, count)| (place.name(), count))
    }

    /// The number of records of the tree with this name; zero if there is no such tree.
    pub fn of(&self, name: &str) -> u64 {
        self.iter().find(|(tree, _)| *tree == name).map_or(0, |(_, count)| count)
    }

    fn bytes(&self, trees: usize) -> Vec<u8> {
        self.0.iter().take(trees).flat_map(|count| count.to_le_bytes()).collect()
    }
}

/// Writes a backup.
pub struct Writer<W> {
    to: W,
    digest: Sha256,
    totals: Totals,
}

impl<W: Write> Writer<W> {
    pub fn new(to: W) -> io::Result<Self> {
        let mut writer = Self { to, digest: Sha256::new(), totals: Totals::default() };
        writer.write(&MAGIC)?;
        writer.write(&[VERSION])?;
        Ok(writer)
    }

    pub fn put(&mut self, place: Place, key: &[u8], value: &[u8]) -> io::Result<()> {
        self.totals.count(place);
        self.write(&[place as u8])?;
        for part in [key, value] {
            if part.len() > LONGEST {
                return Err(io::Error::other("a record is too long for a backup"));
            }
            self.write(&u32::try_from(part.len()).map_err(io::Error::other)?.to_le_bytes())?;
            self.write(part)?;
        }
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<(W, Totals, Seal)> {
        self.write(&[END])?;
        self.write(&self.totals.bytes(PLACES.len()))?;
        let seal: Seal = self.digest.finalize().into();
        self.to.write_all(&seal)?;
        self.to.flush()?;
        Ok((self.to, self.totals, seal))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.digest.update(bytes);
        self.to.write_all(bytes)
    }
}

/// Why a file is not restored.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("it cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("it is no backup of sessiond")]
    Foreign,
    #[error("it has version {0}, and this version of sessiond reads versions 1 to {VERSION}")]
    Version(u8),
    #[error("it is damaged: {0}")]
    Damaged(String),
}

fn damaged(what: &str) -> Fault {
    Fault::Damaged(what.to_owned())
}

/// A record as it stands in a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    pub place: Place,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

/// Reads a backup.
pub struct Reader<R> {
    from: R,
    digest: Sha256,
    totals: Totals,
    last: Option<(Place, Vec<u8>)>,
    /// How many trees its version has.
    trees: usize,
}

impl<R: Read> Reader<R> {
    pub fn new(from: R) -> Result<Self, Fault> {
        let mut reader =
            Self { from, digest: Sha256::new(), totals: Totals::default(), last: None, trees: PLACES.len() };
        let mut magic = MAGIC;
        match reader.read(&mut magic) {
            Ok(()) if magic == MAGIC => {}
            Ok(()) | Err(Fault::Damaged(_)) => return Err(Fault::Foreign),
            Err(error) => return Err(error),
        }
        reader.trees = match reader.byte()? {
            1 => Place::Keys as usize,
            2 => Place::Delivered as usize,
            VERSION => PLACES.len(),
            other => return Err(Fault::Version(other)),
        };
        Ok(reader)
    }

    /// The next record; `None` after the last, once counts and digest have been found right.
    pub fn next(&mut self) -> Result<Option<Raw>, Fault> {
        let tree = self.byte()?;
        if tree == END {
            return self.end().map(|()| None);
        }
        let place = PLACES.get(..self.trees).and_then(|known| known.get(usize::from(tree)));
        let place = *place.ok_or_else(|| damaged("a record of an unknown kind"))?;
        let (key, value) = (self.part()?, self.part()?);
        let before = self.last.as_ref().map(|(place, key)| (*place as usize, key.as_slice()));
        if before.is_some_and(|before| before >= (place as usize, key.as_slice())) {
            return Err(damaged("its records are out of order"));
        }
        self.totals.count(place);
        self.last = Some((place, key.clone()));
        Ok(Some(Raw { place, key, value }))
    }

    pub const fn totals(&self) -> Totals {
        self.totals
    }

    fn end(&mut self) -> Result<(), Fault> {
        let mut counts = self.totals.bytes(self.trees);
        self.read(&mut counts)?;
        if counts != self.totals.bytes(self.trees) {
            return Err(damaged("its counts do not match"));
        }
        let seal: Seal = self.digest.clone().finalize().into();
        let mut found: Seal = [0; 32];
        self.read(&mut found)?;
        if found != seal {
            return Err(damaged("its checksum does not match"));
        }
        match self.from.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(damaged("something stands after its end")),
        }
    }

    fn byte(&mut self) -> Result<u8, Fault> {
        let mut byte = [0];
        self.read(&mut byte)?;
        Ok(byte[0])
    }

    fn part(&mut self) -> Result<Vec<u8>, Fault> {
        let mut length = [0; 4];
        self.read(&mut length)?;
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        if length > LONGEST {
            return Err(damaged("a record is longer than any can be"));
        }
        let mut bytes = vec![0; length];
        self.read(&mut bytes)?;
        Ok(bytes)
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), Fault> {
        match self.from.read_exact(bytes) {
            Ok(()) => {
                self.digest.update(&*bytes);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(damaged("it ends too soon")),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(version: u8, trees: usize, records: &[(Place, &[u8])]) -> Vec<u8> {
        let mut bytes = [&MAGIC[..], &[version]].concat();
        let mut totals = Totals::default();
        for (place, key) in records {
            totals.count(*place);
            bytes.push(*place as u8);
            for part in [key, &b"value"[..]] {
                bytes.extend(u32::try_from(part.len()).unwrap().to_le_bytes());
                bytes.extend(part);
            }
        }
        bytes.push(END);
        bytes.extend(totals.bytes(trees));
        let seal: Seal = Sha256::digest(&bytes).into();
        [bytes, seal.to_vec()].concat()
    }

    fn read(bytes: &[u8]) -> Result<Totals, Fault> {
        let mut reader = Reader::new(bytes)?;
        while reader.next()?.is_some() {}
        Ok(reader.totals())
    }

    #[test]
    fn backups_of_earlier_versions_are_read() {
        let totals = read(&written(1, 7, &[(Place::Users, b"a"), (Place::Meta, b"b")])).unwrap();
        assert_eq!((totals.of("users"), totals.of("meta"), totals.of("keys")), (1, 1, 0));
        let totals = read(&written(2, 9, &[(Place::Users, b"a"), (Place::KeyUses, b"b")])).unwrap();
        assert_eq!((totals.of("key-uses"), totals.of("delivered"), totals.of("jobs")), (1, 0, 0));
        let mut writer = Writer::new(Vec::new()).unwrap();
        writer.put(Place::Users, b"a", b"value").unwrap();
        writer.put(Place::Keys, b"b", b"value").unwrap();
        let (bytes, totals, _) = writer.finish().unwrap();
        assert_eq!(bytes, written(VERSION, PLACES.len(), &[(Place::Users, b"a"), (Place::Keys, b"b")]));
        assert_eq!(read(&bytes).unwrap(), totals);
        assert!(matches!(read(&written(1, 7, &[(Place::Keys, b"a")])), Err(Fault::Damaged(_))));
        assert!(matches!(read(&written(2, 9, &[(Place::Delivered, b"a")])), Err(Fault::Damaged(_))));
        assert!(matches!(read(&written(2, 9, &[(Place::Jobs, b"a")])), Err(Fault::Damaged(_))));
        assert!(matches!(read(&written(4, 11, &[])), Err(Fault::Version(4))));
    }
}
