//! Public names of things. They may stand in URLs and logs; none of them opens anything.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::clock::{Entropy, random};
use super::timestamp::Timestamp;

/// A name that does not have the form of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not a UUID of version 7 in lower-case hyphenated form.
    #[error("a session id is a UUID of version 7, like 0199f2a4-7d3c-7000-8000-00805f9b34fb")]
    Session,
    /// Outside the grammar of user ids.
    #[error("a user id has 1 to 36 of a-z A-Z 0-9 . _ - and does not start with . _ or -")]
    User,
    /// Not the hexadecimal digits of a key's id.
    #[error("a key's id has 16 hexadecimal digits, like 0199f2a47d3c7000")]
    Key,
}

/// A session's public id: a UUID v7 from the injected clock and entropy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// A new id for a session created at `at`.
    pub fn new(at: Timestamp, entropy: &dyn Entropy) -> Self {
        let millis = u64::try_from(at.millis()).unwrap_or(0);
        Self(Builder::from_unix_timestamp_millis(millis, &random(entropy)).into_uuid().into_bytes())
    }

    /// The 16 bytes that order it in an index.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From the bytes of an index or a credential; `None` if they are no UUID v7.
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        (Uuid::from_bytes(bytes).get_version_num() == 7).then_some(Self(bytes))
    }
}

impl FromStr for SessionId {
    type Err = IdError;

    /// One spelling only, so that an id compares equal as text wherever it stands.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let uuid = Uuid::try_parse(text).map_err(|_| IdError::Session)?;
        let id = Self::from_bytes(uuid.into_bytes()).ok_or(IdError::Session)?;
        if id.to_string() == text { Ok(id) } else { Err(IdError::Session) }
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Uuid::from_bytes(self.0).hyphenated(), f)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A user's public id, in the grammar that Appwrite's clients use.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

impl UserId {
    const LONGEST: usize = 36;

    /// A fresh id of 20 hexadecimal characters.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self(hex(&random::<10>(entropy)))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The prefix under which everything of this user is stored.
    pub fn key(&self) -> UserKey {
        let digest = Sha256::digest(self.0.as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        UserKey(key)
    }
}

impl FromStr for UserId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let starts_well = text.bytes().next().is_some_and(|b| b.is_ascii_alphanumeric());
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if starts_well && text.len() <= Self::LONGEST && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::User)
        }
    }
}

impl TryFrom<String> for UserId {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> Self {
        id.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An API key's public id: 64 random bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// A fresh id.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self(random(entropy))
    }

    /// The bytes under which it is stored.
    pub const fn bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = |text: &str| text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let number = Some(text).filter(|text| digits(text)).and_then(|text| u64::from_str_radix(text, 16).ok());
        number.map(|number| Self(number.to_be_bytes())).ok_or(IdError::Key)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The first 16 bytes of SHA-256 of a user id: one prefix for all that concerns one user.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UserKey([u8; 16]);

impl UserKey {
    /// The bytes.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From the bytes of an index or a credential. Any 16 bytes are a key; most belong to nobody.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Uuid::from_bytes(self.0).simple(), f)
    }
}

/// Where an audit event stands: unique, and rising from step to step, given by the store in the step that it belongs to.
/// A store of one process leaves no gaps; where several share one, a gap means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct EventSeq(pub u64);

#[cfg(test)]
mod tests {
    use super::super::clock::OsEntropy;
    use super::*;

    #[test]
    fn a_session_id_has_one_spelling() {
        let id = SessionId::new(Timestamp::from_millis(1_767_323_045_678), &OsEntropy);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse::<SessionId>(), Err(IdError::Session));
        assert_eq!(id.to_string().replace('-', "").parse::<SessionId>(), Err(IdError::Session));
        assert_eq!("6f9619ff-8b86-4d01-b42d-00cf4fc964ff".parse::<SessionId>(), Err(IdError::Session), "version 4");
    }

    #[test]
    fn user_ids_follow_the_grammar() {
        for good in ["a", "A.b_c-9", &"x".repeat(36)] {
            assert!(good.parse::<UserId>().is_ok(), "{good}");
        }
        for bad in ["", ".a", "_a", "-a", "a b", "a/b", "é", &"x".repeat(37)] {
            assert_eq!(bad.parse::<UserId>(), Err(IdError::User), "{bad}");
        }
        assert!(UserId::new(&OsEntropy).as_str().parse::<UserId>().is_ok());
    }

    #[test]
    fn a_keys_id_has_one_spelling() {
        let id = KeyId::new(&OsEntropy);
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in ["", "0199f2a47d3c700", "0199f2a47d3c70000", "+199f2a47d3c7000", "0199F2A47D3C7000"] {
            assert_eq!(bad.parse::<KeyId>(), Err(IdError::Key), "{bad}");
        }
    }
}
