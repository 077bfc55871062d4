//! What a webhook signs with, as Standard Webhooks has it: `whsec_` and 24 to 64 bytes in base64.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// What every secret begins with.
const PREFIX: &str = "whsec_";
/// The fewest bytes, and the most.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// A key that both sides know.
#[derive(Clone)]
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

/// Text that is no secret. Does not repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It is not written as one.
    #[error("a secret is {PREFIX} and base64, as `echo whsec_$(head -c 32 /dev/urandom | base64)` makes one")]
    Form,
    /// It has too few bytes, or too many.
    #[error("a secret has {least} to {most} bytes, and this one has {0}", least = LENGTHS.start(), most = LENGTHS.end())]
    Length(usize),
}

impl FromStr for WebhookSecret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let text = text.trim().strip_prefix(PREFIX).ok_or(SecretError::Form)?;
        let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| SecretError::Form)?);
        if LENGTHS.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(SecretError::Length(bytes.len())) }
    }
}

impl WebhookSecret {
    /// The signature of a message, by version 1.
    pub fn sign(&self, id: &str, seconds: i64, body: &str) -> String {
        // A key of any length is one.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return String::new() };
        mac.update(format!("{id}.{seconds}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_as_the_standard_says() {
        // The example of the specification's own libraries.
        let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signed = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, "{\"test\": 2432232314}");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_secret_has_a_form_and_a_length_and_is_never_repeated() {
        let of = |length| format!("whsec_{}", STANDARD.encode(vec![7; length]));
        for length in [24, 32, 64] {
            assert_eq!(format!("{:?}", of(length).parse::<WebhookSecret>().unwrap()), "WebhookSecret");
        }
        for length in [0, 23, 65] {
            assert_eq!(of(length).parse::<WebhookSecret>().err(), Some(SecretError::Length(length)));
        }
        for bad in ["", "x", "whsec_!", &of(32)[6..], "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS"] {
            let error = bad.parse::<WebhookSecret>().unwrap_err();
            assert_eq!(error, SecretError::Form);
            assert!(bad.is_empty() || bad == "x" || !error.to_string().contains(bad));
        }
    }
}
