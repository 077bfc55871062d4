//! How records look on disk: format version, checksum, payload.
//!
//! `version (1 byte) ‖ CRC-32 (4 bytes, little endian) ‖ postcard payload`. The checksum covers the version, the key and
//! the payload, so a record that turns up under another key is as damaged as one with a flipped bit.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::StoreError;

/// The format that this version writes.
pub const VERSION: u8 = 1;

const HEADER: usize = 1 + 4;

/// What is wrong with stored bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Damage {
    #[error("too short for a record")]
    Short,
    #[error("format version {0}, this program reads version {VERSION}")]
    Version(u8),
    #[error("the checksum does not match")]
    Checksum,
}

/// The bytes of `value` for the record at `key`.
pub fn encode<T: Serialize>(key: &[u8], value: &T) -> Result<Vec<u8>, StoreError> {
    let bytes = postcard::to_extend(value, vec![VERSION, 0, 0, 0, 0]);
    let mut bytes = bytes.map_err(|error| StoreError::corrupt("a record that cannot be written", error))?;
    let sum = checksum(key, bytes[0], &bytes[HEADER..]);
    bytes[1..HEADER].copy_from_slice(&sum.to_le_bytes());
    Ok(bytes)
}

/// The value of the record at `key`; `what` names it in an error.
pub fn decode<T: DeserializeOwned>(what: &str, key: &[u8], bytes: &[u8]) -> Result<T, StoreError> {
    let damaged = |damage: Damage| StoreError::corrupt(what, damage);
    let (&[version, ref sum @ ..], payload) = bytes.split_first_chunk::<HEADER>().ok_or(damaged(Damage::Short))?;
    if version != VERSION {
        return Err(damaged(Damage::Version(version)));
    }
    if u32::from_le_bytes(*sum) != checksum(key, version, payload) {
        return Err(damaged(Damage::Checksum));
    }
    postcard::from_bytes(payload).map_err(|error| StoreError::corrupt(what, error))
}

fn checksum(key: &[u8], version: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[version]);
    hasher.update(key);
    hasher.update(payload);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_flipped_bit_truncation_or_other_key_is_noticed() {
        let bytes = encode(b"key", &("text", 7_u64)).unwrap();
        assert_eq!(decode::<(String, u64)>("it", b"key", &bytes).unwrap(), ("text".to_owned(), 7));
        assert!(decode::<(String, u64)>("it", b"yek", &bytes).is_err());
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decode::<(String, u64)>("it", b"key", &damaged).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(decode::<(String, u64)>("it", b"key", &bytes[..length]).is_err(), "{length} bytes");
        }
    }
}
