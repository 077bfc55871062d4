//! Epochs: what a session must still share with its user and the server to be live.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::clock::{Entropy, random};

/// 128 random bits, redrawn at each end-all. Random and not counted up, so that no restored backup, lost write or
/// second node can ever bring an old value back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Epoch([u8; 16]);

impl Epoch {
    /// A fresh epoch.
    pub fn draw(entropy: &dyn Entropy) -> Self {
        Self(random(entropy))
    }

    /// The bytes under which the log of replaced epochs keeps it.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epoch({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// The two epochs that a session is stamped with: read *before* the password is hashed, so that a sign-in that was
/// under way while everything was ended is stillborn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epochs {
    /// The user's epoch.
    pub user: Epoch,
    /// The server's epoch.
    pub server: Epoch,
}
