//! What is told to other programs by webhook: the name of one. Knows neither addresses nor HTTP.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a webhook is called in the configuration, and by which the store knows how far it has got.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WebhookName(String);

/// Text that is no name of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name of a webhook has 1 to {} of the characters a-z, 0-9, `-` and `_`", WebhookName::LONGEST)]
pub struct WebhookNameError;

impl WebhookName {
    /// The longest one, in characters.
    pub const LONGEST: usize = 40;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for WebhookName {
    type Err = WebhookNameError;

    fn from_str(text: &str) -> Result<Self, WebhookNameError> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        let is_name = (1..=Self::LONGEST).contains(&text.len()) && text.bytes().all(allowed);
        if is_name { Ok(Self(text.to_owned())) } else { Err(WebhookNameError) }
    }
}

impl TryFrom<String> for WebhookName {
    type Error = WebhookNameError;

    fn try_from(text: String) -> Result<Self, WebhookNameError> {
        text.parse()
    }
}

impl From<WebhookName> for String {
    fn from(name: WebhookName) -> Self {
        name.0
    }
}

impl fmt::Display for WebhookName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for good in ["a", "crm-2_b", &"x".repeat(40)] {
            assert_eq!(good.parse::<WebhookName>().unwrap().as_str(), good);
        }
        for bad in ["", "A", "a b", "a/b", "ä", "a\n", &"x".repeat(41)] {
            assert_eq!(bad.parse::<WebhookName>(), Err(WebhookNameError), "{bad:?}");
        }
    }
}
