//! One-time tokens: an application that has made sure who somebody is in its own way (a link in a mail, say) has the server
//! draw one, and whoever shows it signs in, once.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::clock::{Entropy, random};
use super::epoch::Epochs;
use super::id::UserId;
use super::timestamp::Timestamp;

/// SHA-256 over the user's id and the secret.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// Of what somebody shows.
    pub fn of(user: &UserId, secret: &str) -> Self {
        // No user id holds a zero byte.
        Self(Sha256::new().chain_update(user.as_str()).chain_update([0]).chain_update(secret).finalize().into())
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest")
    }
}

/// What is kept of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    id: [u8; 10],
    digest: TokenDigest,
    epochs: Epochs,
    created: Timestamp,
    expires: Timestamp,
}

impl Token {
    /// How long a secret may be, in characters of five bits.
    pub const LENGTHS: std::ops::RangeInclusive<usize> = 4..=128;
    /// How long one is unless told otherwise: it is typed from a mail, say, and guesses are counted.
    pub const LENGTH: usize = 6;
    /// How long one may be good for, in seconds.
    pub const LIFETIMES: std::ops::RangeInclusive<u64> = 60..=30 * 86_400;
    /// How long it is good for unless told otherwise.
    pub const LIFETIME: Duration = Duration::from_mins(15);
    /// Letters and digits that are not taken for others.
    const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

    /// A token for `user`, and the only copy of its secret. Ending all of the user's sessions, or everyone's, ends it, too.
    pub fn draw(
        user: &UserId,
        epochs: Epochs,
        length: usize,
        created: Timestamp,
        lifetime: Duration,
        entropy: &dyn Entropy,
    ) -> (Self, String) {
        let letter = |_| char::from(Self::ALPHABET[usize::from(random::<1>(entropy)[0] % 32)]);
        let secret: String = (0..length).map(letter).collect();
        let digest = TokenDigest::of(user, &secret);
        (Self { id: random(entropy), digest, epochs, created, expires: created + lifetime }, secret)
    }

    /// Its public id.
    pub fn id(&self) -> String {
        super::id::hex(&self.id)
    }

    /// What is kept of its secret.
    pub const fn digest(&self) -> TokenDigest {
        self.digest
    }

    /// When it was drawn.
    pub const fn created(&self) -> Timestamp {
        self.created
    }

    /// Until when it is good.
    pub const fn expires(&self) -> Timestamp {
        self.expires
    }

    /// Whether it opens a session for whoever knows its secret.
    pub fn is_good(&self, present: Epochs, now: Timestamp) -> bool {
        self.epochs == present && now < self.expires
    }
}
