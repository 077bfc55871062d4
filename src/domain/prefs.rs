//! What applications keep for a user: a JSON object of theirs, which the server stores and never reads.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Preferences that cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("preferences are a JSON object of at most {} bytes", Prefs::LONGEST)]
pub struct PrefsError;

/// An object as JSON text; empty for an empty one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Prefs(String);

impl Prefs {
    /// The longest text, in bytes. They stand in the user's record, which each request reads.
    pub const LONGEST: usize = 16 * 1024;

    /// Of this object.
    pub fn new(object: &Map<String, Value>) -> Result<Self, PrefsError> {
        if object.is_empty() {
            return Ok(Self::default());
        }
        let text = serde_json::to_string(object).map_err(|_| PrefsError)?;
        if text.len() > Self::LONGEST { Err(PrefsError) } else { Ok(Self(text)) }
    }

    /// The object.
    pub fn object(&self) -> Map<String, Value> {
        serde_json::from_str(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_comes_back_and_a_large_one_is_refused() {
        for object in [json!({}), json!({ "theme": "dark", "deep": { "a": [1, null, "é"] } })] {
            let Value::Object(object) = object else { unreachable!() };
            assert_eq!(Prefs::new(&object).map(|prefs| prefs.object()), Ok(object));
        }
        let Value::Object(large) = json!({ "a": "x".repeat(Prefs::LONGEST) }) else { unreachable!() };
        assert_eq!(Prefs::new(&large), Err(PrefsError));
    }
}
