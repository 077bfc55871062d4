//! Peppers: secrets that go into every password hash and are never in the database, so that whoever takes the database alone
//! cannot even begin to guess passwords.
//!
//! A pepper is Argon2's own secret input (RFC 9106, 3.1). Each hash names the one that it was made with, so that one can follow
//! another: new hashes are made with the present one, and the earlier ones are kept for as long as a hash names them.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::domain::password::PepperId;

/// What is no pepper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PepperError {
    /// Too few bytes.
    #[error("holds {bytes} bytes and must hold at least {} random ones", Pepper::SHORTEST)]
    Short {
        /// So many.
        bytes: usize,
    },
    /// Bytes that nobody drew.
    #[error("holds the same few bytes over and over; it must hold random ones")]
    NotRandom,
}

/// A secret for hashing passwords, and the id by which hashes name it.
pub struct Pepper {
    id: PepperId,
    secret: Zeroizing<Vec<u8>>,
}

impl Pepper {
    /// The fewest bytes: as many as Argon2's own keys and digests have.
    pub const SHORTEST: usize = 32;
    /// Fewer different bytes among 32 random ones come once in 10^30 times.
    const FEWEST_DIFFERENT: usize = 9;

    /// A pepper of these bytes, taken as they are.
    ///
    /// # Errors
    /// If nobody can have drawn them at random.
    pub fn new(secret: Zeroizing<Vec<u8>>) -> Result<Self, PepperError> {
        if secret.len() < Self::SHORTEST {
            return Err(PepperError::Short { bytes: secret.len() });
        }
        let mut different = secret.to_vec();
        different.sort_unstable();
        different.dedup();
        let few = Zeroizing::new(different).len() < Self::FEWEST_DIFFERENT;
        if few { Err(PepperError::NotRandom) } else { Ok(Self { id: PepperId::of(&secret), secret }) }
    }

    /// By what hashes name it.
    pub const fn id(&self) -> &PepperId {
        &self.id
    }

    /// The bytes.
    pub(super) fn expose(&self) -> &[u8] {
        &self.secret
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper")
    }
}

/// The pepper of new hashes, if there is one, and those of earlier ones.
#[derive(Debug, Clone, Default)]
pub struct Peppers {
    present: Option<Arc<Pepper>>,
    previous: Vec<Arc<Pepper>>,
}

impl Peppers {
    /// Without `present` new hashes are made without one.
    pub fn new(present: Option<Pepper>, previous: Vec<Pepper>) -> Self {
        Self { present: present.map(Arc::new), previous: previous.into_iter().map(Arc::new).collect() }
    }

    /// What new hashes are made with.
    pub const fn present(&self) -> Option<&Arc<Pepper>> {
        self.present.as_ref()
    }

    /// The one with this id.
    pub fn find(&self, id: &PepperId) -> Option<&Arc<Pepper>> {
        self.present.iter().chain(&self.previous).find(|pepper| pepper.id == *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_can_have_drawn_is_no_pepper() {
        let made = |bytes: Vec<u8>| Pepper::new(Zeroizing::new(bytes)).map(|pepper| pepper.id.to_string());
        assert_eq!(made((0..31).collect()), Err(PepperError::Short { bytes: 31 }));
        assert_eq!(made(vec![0; 64]), Err(PepperError::NotRandom));
        assert_eq!(made(b"pepper".repeat(8)), Err(PepperError::NotRandom));
        let (one, other) = (made((0..32).collect()).unwrap(), made((1..33).collect()).unwrap());
        assert_eq!((one.len(), other.len()), (11, 11), "eight bytes of a digest");
        assert_ne!(one, other);
    }

    #[test]
    fn nothing_prints_a_pepper() {
        let peppers = Peppers::new(Some(Pepper::new(Zeroizing::new((0..32).collect())).unwrap()), Vec::new());
        assert_eq!(format!("{peppers:?}"), "Peppers { present: Some(Pepper), previous: [] }");
    }
}
