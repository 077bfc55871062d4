//! A key's text: the one time that it is shown, and each time that it is sent.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroize;

use crate::domain::clock::Entropy;
use crate::domain::credential::{Secret, SecretDigest};
use crate::domain::id::KeyId;

/// What every key begins with, so that people and programs that look for leaked secrets know one when they see it.
const PREFIX: &str = "sessiond_";

/// Text that is no key. Says nothing more: the text may be one with a letter missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an API key; one looks like {PREFIX}, 16 hexadecimal digits, an underscore and 43 letters")]
pub struct KeyCredentialError;

/// What a program holds: `sessiond_`, the id, `_`, and base64url of a 256-bit secret; 69 characters.
#[derive(Clone)]
pub struct KeyCredential {
    id: KeyId,
    secret: Secret,
}

impl KeyCredential {
    /// A fresh id with a fresh secret.
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self { id: KeyId::new(entropy), secret: Secret::new(entropy) }
    }

    /// Which key it claims to be.
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// What the store keeps of the secret.
    pub fn digest(&self) -> SecretDigest {
        self.secret.digest()
    }

    /// The text. The only way to get at the secret.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}_{}", self.id, URL_SAFE_NO_PAD.encode(self.secret.bytes()))
    }
}

impl FromStr for KeyCredential {
    type Err = KeyCredentialError;

    fn from_str(text: &str) -> Result<Self, KeyCredentialError> {
        let (id, secret) = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_')).ok_or(KeyCredentialError)?;
        let id = id.parse().map_err(|_| KeyCredentialError)?;
        let mut bytes = [0; 32];
        // One spelling only: the decoder refuses padding, other alphabets and loose trailing bits.
        let length = URL_SAFE_NO_PAD.decode_slice(secret, &mut bytes).map_err(|_| KeyCredentialError)?;
        let parsed = Self { id, secret: Secret::from_bytes(bytes) };
        bytes.zeroize();
        if length == 32 { Ok(parsed) } else { Err(KeyCredentialError) }
    }
}

impl fmt::Debug for KeyCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyCredential")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::OsEntropy;

    #[test]
    fn asvs_11_5_1_a_key_holds_256_random_bits_and_has_one_spelling() {
        let credential = KeyCredential::new(&OsEntropy);
        let text = credential.expose();
        assert_eq!((text.len(), &text[..9], &text[25..26]), (69, "sessiond_", "_"));
        let parsed: KeyCredential = text.parse().unwrap();
        assert_eq!((parsed.expose(), parsed.id()), (text.clone(), credential.id()));
        assert_ne!(KeyCredential::new(&OsEntropy).expose()[26..], text[26..]);
        let mut last_bits = text.clone();
        let last = last_bits.pop();
        last_bits.push(if last == Some('B') { 'C' } else { 'B' });
        let shouted = text.replacen(&text[9..25], &text[9..25].to_uppercase(), 1).replacen("sessiond_", "Sessiond_", 1);
        for bad in
            ["", "sessiond_", &text[1..], &text[..68], &format!("{text}A"), &format!(" {text}"), &last_bits, &shouted]
        {
            assert!(bad.parse::<KeyCredential>().is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_prints_it() {
        let credential = KeyCredential::new(&OsEntropy);
        assert_eq!(format!("{credential:?} {:?}", credential.digest()), "KeyCredential SecretDigest");
    }
}
