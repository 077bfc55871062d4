//! Passwords as values. Hashing them is the service's work; see `service::hasher`.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// What is wrong with a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short.
    #[error("a password has at least {} characters; a few words in a row are easy to remember", Password::SHORTEST)]
    Short,
    /// Too long to be hashed in bounded time.
    #[error("a password has at most {} bytes", Password::LONGEST_BYTES)]
    Long,
}

/// A password as somebody typed it: any characters, never shortened, wiped from memory when dropped.
pub struct Password(Zeroizing<String>);

impl Password {
    /// The fewest characters of a new password (NIST SP 800-63B-4, 3.1.1.2, as the only factor).
    pub const SHORTEST: usize = 15;
    /// The most bytes of any password: some limit there must be, since hashing costs time.
    pub const LONGEST_BYTES: usize = 1024;

    /// What somebody typed to sign in; it may be anything.
    pub fn typed(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// A password that somebody chose.
    pub fn chosen(text: String) -> Result<Self, PasswordError> {
        let password = Self::typed(text);
        if password.0.chars().count() < Self::SHORTEST {
            return Err(PasswordError::Short);
        }
        if password.is_too_long() {
            return Err(PasswordError::Long);
        }
        Ok(password)
    }

    /// Whether it is longer than any password that can have been chosen.
    pub fn is_too_long(&self) -> bool {
        self.0.len() > Self::LONGEST_BYTES
    }

    /// The bytes to hash.
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

/// A hash in PHC string format, parameters included.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// From the text that a hasher wrote.
    pub const fn from_phc(text: String) -> Self {
        Self(text)
    }

    /// The PHC string.
    pub fn as_phc(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_characters_and_the_bound_counts_bytes() {
        assert_eq!(Password::chosen("é".repeat(14)).err(), Some(PasswordError::Short));
        assert!(Password::chosen("é".repeat(15)).is_ok());
        assert!(Password::chosen("a".repeat(64)).is_ok());
        assert_eq!(Password::chosen("a".repeat(1025)).err(), Some(PasswordError::Long));
        assert_eq!(format!("{:?}", Password::typed("hunter2".to_owned())), "Password");
    }
}
