//! The secret that opens a session: what is handed out, and what the store keeps of it.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::clock::{Entropy, random};
use super::id::{SessionId, UserKey};

const BYTES: usize = 16 + 16 + 32;

/// Text that is no credential. Says nothing more: the text may be one with a bit flipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a credential")]
pub struct CredentialError;

/// What the browser holds: base64url of user key, session id and a 256-bit secret; 86 characters.
#[derive(Clone)]
pub struct Credential {
    user: UserKey,
    session: SessionId,
    secret: Secret,
}

/// 256 random bits.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub(super) struct Secret([u8; 32]);

impl Secret {
    pub(super) fn new(entropy: &dyn Entropy) -> Self {
        Self(random(entropy))
    }

    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(super) fn digest(&self) -> SecretDigest {
        SecretDigest(Sha256::digest(self.0).into())
    }
}

impl Credential {
    /// A credential with a fresh secret.
    pub fn new(user: UserKey, session: SessionId, entropy: &dyn Entropy) -> Self {
        Self { user, session, secret: Secret::new(entropy) }
    }

    /// Whose session it claims to open.
    pub const fn user(&self) -> UserKey {
        self.user
    }

    /// Which session it claims to open.
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// What the store keeps.
    pub fn digest(&self) -> SecretDigest {
        self.secret.digest()
    }

    /// The text for the cookie. The only way to get at the secret.
    pub fn expose(&self) -> String {
        let mut bytes = [0; BYTES];
        bytes[..16].copy_from_slice(self.user.bytes());
        bytes[16..32].copy_from_slice(self.session.bytes());
        bytes[32..].copy_from_slice(&self.secret.0);
        let text = URL_SAFE_NO_PAD.encode(bytes);
        bytes.zeroize();
        text
    }
}

impl FromStr for Credential {
    type Err = CredentialError;

    fn from_str(text: &str) -> Result<Self, CredentialError> {
        let mut bytes = [0; BYTES];
        // One spelling only: the decoder refuses padding, other alphabets and loose trailing bits.
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| CredentialError)?;
        let (user, rest) = bytes.split_first_chunk::<16>().ok_or(CredentialError)?;
        let (session, rest) = rest.split_first_chunk::<16>().ok_or(CredentialError)?;
        let secret = rest.first_chunk::<32>().ok_or(CredentialError)?;
        let parsed = Self {
            user: UserKey::from_bytes(*user),
            session: SessionId::from_bytes(*session).ok_or(CredentialError)?,
            secret: Secret(*secret),
        };
        bytes.zeroize();
        if length == BYTES { Ok(parsed) } else { Err(CredentialError) }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential")
    }
}

/// SHA-256 of a credential's secret. Enough for a secret of 256 random bits, which nobody can guess.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretDigest([u8; 32]);

impl SecretDigest {
    /// Whether `credential` holds the secret, in time that does not depend on where they differ.
    pub fn opens(&self, credential: &Credential) -> bool {
        self.is(&credential.digest())
    }

    /// Whether it is that of the same secret, in time that does not depend on where they differ.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretDigest")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::clock::OsEntropy;
    use super::super::timestamp::Timestamp;
    use super::*;

    fn fresh() -> Credential {
        let session = SessionId::new(Timestamp::from_millis(1_767_323_045_678), &OsEntropy);
        Credential::new(UserKey::from_bytes([7; 16]), session, &OsEntropy)
    }

    #[test]
    fn asvs_7_2_3_tokens_are_unique_and_hold_256_random_bits() {
        let mut seen = HashSet::new();
        for _ in 0..1_000_000 {
            let bytes: [u8; 32] = random(&OsEntropy);
            assert!(seen.insert(bytes), "a secret came twice");
        }
        let text = fresh().expose();
        assert_eq!(text.len(), 86);
        assert_ne!(fresh().expose()[43..], fresh().expose()[43..]);
    }

    #[test]
    fn any_other_spelling_or_length_is_refused() {
        let text = fresh().expose();
        assert_eq!(text.parse::<Credential>().map(|c| c.expose()), Ok(text.clone()));
        let mut last_bits = text.clone();
        let last = last_bits.pop();
        last_bits.push(if last == Some('B') { 'C' } else { 'B' });
        for bad in ["", &text[1..], &text[..85], &format!("{text}A"), &format!("{text}=="), &last_bits] {
            assert!(bad.parse::<Credential>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_digest_opens_to_its_own_secret_alone_and_nothing_prints_it() {
        let (one, other) = (fresh(), fresh());
        assert!(one.digest().opens(&one));
        assert!(!one.digest().opens(&other));
        assert_eq!(format!("{one:?} {:?}", one.digest()), "Credential SecretDigest");
    }
}
