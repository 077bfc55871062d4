//! Browsers that can prove to be the same ones again, and what people call them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Which browser. Opens nothing, and does not tell what the browser itself holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DeviceId([u8; 16]);

impl DeviceId {
    /// Of the number that was drawn for the browser at its first sign-in.
    pub fn of(drawn: &[u8; 16]) -> Self {
        let digest = Sha256::digest(drawn);
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self(id)
    }
}

/// What the person calls a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceName(String);

/// A name that cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a device's name has 1 to {} characters and no control characters", DeviceName::LONGEST)]
pub struct DeviceNameError;

impl DeviceName {
    /// The longest name, in characters.
    pub const LONGEST: usize = 60;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeviceName {
    type Err = DeviceNameError;

    fn from_str(text: &str) -> Result<Self, DeviceNameError> {
        let text = text.trim();
        if text.is_empty() || text.chars().count() > Self::LONGEST || text.contains(char::is_control) {
            return Err(DeviceNameError);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for DeviceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_trimmed_and_hold_no_control_characters() {
        assert_eq!(
            " Ada\u{2019}s laptop ".parse::<DeviceName>().map(|name| name.0),
            Ok("Ada\u{2019}s laptop".to_owned())
        );
        for bad in ["", "  ", "a\r\nb", "\u{1b}[31m", &"x".repeat(61)] {
            assert_eq!(bad.parse::<DeviceName>(), Err(DeviceNameError), "{bad:?}");
        }
    }
}
