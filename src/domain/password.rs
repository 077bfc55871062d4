//! Passwords as values. Hashing them is the service's work; see `service::hasher`.

mod guessable;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
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
    /// Everybody's.
    #[error(
        "this password is among those that leaked and are tried first; take one that nobody else has, such as a few unrelated words"
    )]
    Common,
    /// Made of what everybody knows who knows the user.
    #[error(
        "this password is little more than your name, your address or \"sessiond\", which are tried first; add a few other words"
    )]
    Own,
    /// One piece over and over.
    #[error("this password is one character or one short piece over and over; take a few different words")]
    Repeated,
    /// Neighbours on the keyboard or in the alphabet.
    #[error(
        "this password runs along the keyboard, the alphabet or the digits; take a few words that have nothing to do with each other"
    )]
    Row,
    /// The one that is to be changed.
    #[error("this is the password that you have now; take another one")]
    Same,
}

/// A password as somebody typed it: any characters, never shortened, wiped from memory when dropped.
#[derive(Clone)]
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

    /// A password that somebody chose. It must be long and not easy to guess for somebody who knows `own`, the user's name and
    /// address; nothing is asked about kinds of characters (NIST SP 800-63B-4, 3.1.1.2).
    pub fn chosen(text: String, own: &[&str]) -> Result<Self, PasswordError> {
        let password = Self::typed(text);
        if password.0.chars().count() < Self::SHORTEST {
            return Err(PasswordError::Short);
        }
        if password.is_too_long() {
            return Err(PasswordError::Long);
        }
        guessable::check(&password.0, own)?;
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

    /// Tells hashes apart without telling them.
    pub fn digest(&self) -> [u8; 16] {
        let mut digest = [0; 16];
        digest.copy_from_slice(&Sha256::digest(self.0.as_bytes())[..16]);
        digest
    }

    /// The PHC string.
    pub fn as_phc(&self) -> &str {
        &self.0
    }

    /// How it was made.
    pub fn recipe(&self) -> Recipe {
        let mut parts = self.0.split('$');
        let made_by: Vec<_> = parts.by_ref().take(3).collect();
        let (named, params): (Vec<_>, Vec<_>) =
            parts.next().unwrap_or_default().split(',').partition(|param| param.starts_with(Self::PEPPER));
        let pepper = named.first().map(|param| PepperId(param[Self::PEPPER.len()..].to_owned()));
        Recipe { cost: format!("{}${}", made_by.join("$"), params.join(",")), pepper }
    }

    /// Begins the parameter that names the pepper.
    const PEPPER: &str = "keyid=";
}

/// What a hash was made with, beside the password and the salt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipe {
    /// Algorithm, version and parameters, as they begin the PHC string.
    pub cost: String,
    /// The pepper, if there is one.
    pub pepper: Option<PepperId>,
}

/// Names a pepper in the hashes that were made with it: base64 of eight bytes of a digest, as the PHC format's `keyid` has it.
/// It tells nothing of the pepper, which nobody can guess.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PepperId(String);

impl PepperId {
    /// The id of the pepper of these bytes.
    pub fn of(secret: &[u8]) -> Self {
        let digest = Sha256::new().chain_update(b"sessiond pepper").chain_update(secret).finalize();
        Self(STANDARD_NO_PAD.encode(&digest[..8]))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PepperId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
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

    /// So many different characters.
    fn letters(count: u32) -> String {
        (0..count).filter_map(|n| char::from_u32('à' as u32 + n)).collect()
    }

    #[test]
    fn asvs_6_2_1_length_counts_characters_and_the_bound_counts_bytes() {
        let chosen = |text: String| Password::chosen(text, &[]).err();
        assert_eq!(chosen(letters(14)), Some(PasswordError::Short));
        assert_eq!(chosen(letters(15)), None);
        assert_eq!(chosen(letters(64)), None);
        assert_eq!(chosen(letters(512)[..1024].to_owned()), None, "asvs 6.2.9: as long as anybody can want");
        assert_eq!(chosen("x".repeat(1025)), Some(PasswordError::Long));
        assert_eq!(format!("{:?}", Password::typed("hunter2".to_owned())), "Password");
    }
}
