//! What parameters may be. Each checks the text as it was sent, by the rule that the API's description tells.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::error::{Answer, ApiError};
use crate::domain::ending::Note;
use crate::domain::id::{SessionId, UserId};
use crate::domain::password::Password;
use crate::domain::token::Token;
use crate::domain::user::{Email, Label, Name};

/// An id for a new user: `unique()` for a fresh one.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = String, pattern = r"^(unique\(\)|[a-zA-Z0-9][a-zA-Z0-9._-]{0,35})$", example = "unique()")]
pub struct NewUserId(pub Option<UserId>);

impl<'de> Deserialize<'de> for NewUserId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match text(deserializer)?.as_str() {
            "unique()" => Ok(Self(None)),
            id => id.parse().map(|id| Self(Some(id))).map_err(serde::de::Error::custom),
        }
    }
}

/// An e-mail address: printable ASCII, with one `@`.
#[derive(Debug, Clone, ToSchema)]
#[schema(
    value_type = String,
    max_length = 254,
    pattern = r"^[!#-+\-./0-;=?A-~]+@[!#-+\-./0-;=?A-~]+$",
    example = "ada@example.com"
)]
pub struct EmailText(pub Email);

impl<'de> Deserialize<'de> for EmailText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = text(deserializer)?;
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(serde::de::Error::custom("an e-mail address here is of printable ASCII characters"));
        }
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// What people call somebody; may be empty.
#[derive(Debug, Clone, ToSchema)]
#[schema(
    value_type = String,
    max_length = 128,
    pattern = r"^[^\x00-\x1f\x7f-\x9f]*$",
    example = "Ada Lovelace"
)]
pub struct NameText(pub Name);

impl<'de> Deserialize<'de> for NameText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = text(deserializer)?;
        if text.chars().count() <= Name::LONGEST && text.trim().is_empty() && !text.contains(char::is_control) {
            return Ok(Self(Name::unknown()));
        }
        // As it is sent: what is trimmed away counts.
        let long = text.chars().count() > Name::LONGEST || text.contains(char::is_control);
        let name = if long { Name::from_str("") } else { text.parse() };
        name.map(Self).map_err(serde::de::Error::custom)
    }
}

/// A password that somebody chooses, or has.
#[derive(Clone, ToSchema)]
#[schema(
    value_type = String,
    min_length = 15,
    max_length = 256,
    format = Password,
    example = "a few words in a row"
)]
pub struct PasswordText(pub String);

impl<'de> Deserialize<'de> for PasswordText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = text(deserializer)?;
        if (Password::SHORTEST..=256).contains(&text.chars().count()) {
            Ok(Self(text))
        } else {
            Err(serde::de::Error::custom(
                "a password has 15 to 256 characters; a few words in a row are easy to remember",
            ))
        }
    }
}

/// How long a session lasts at most, in seconds.
#[derive(Debug, Clone, Copy, ToSchema)]
#[schema(value_type = u32, minimum = 60, maximum = 34_560_000, example = 3600)]
pub struct SessionSeconds(pub Duration);

impl<'de> Deserialize<'de> for SessionSeconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = whole(deserializer)?.filter(|seconds| (60..=34_560_000).contains(seconds));
        let time = seconds.map(Duration::from_secs).map(Self);
        time.ok_or_else(|| serde::de::Error::custom("a whole number of seconds from 60 to 34560000"))
    }
}

/// Why sessions are to end: not blank, and of one line.
#[derive(Debug, Clone, ToSchema)]
#[schema(
    value_type = String,
    min_length = 1,
    max_length = 200,
    pattern = r"^[^\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff][^\x00-\x1f\x7f-\x9f]*$",
    example = "laptop lost"
)]
pub struct ReasonText(Note);

impl<'de> Deserialize<'de> for ReasonText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = text(deserializer)?;
        let blank = text.starts_with(|first: char| first.is_whitespace() || first == '\u{feff}');
        let note = if blank || text.contains(char::is_control) || text.chars().count() > Note::LONGEST {
            None
        } else {
            Note::parse(&text).ok().flatten()
        };
        let told = "a reason has 1 to 200 characters in one line, and does not begin with a space";
        note.map(Self).ok_or_else(|| serde::de::Error::custom(told))
    }
}

impl From<ReasonText> for Note {
    fn from(reason: ReasonText) -> Self {
        reason.0
    }
}

/// No telephone number: none is kept.
#[derive(Debug, Clone, Copy, ToSchema)]
#[schema(value_type = String, max_length = 0)]
pub struct NoPhone(());

impl<'de> Deserialize<'de> for NoPhone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if text(deserializer)?.is_empty() {
            Ok(Self(()))
        } else {
            Err(serde::de::Error::custom("telephone numbers are not kept here; leave it out"))
        }
    }
}

/// Which session a path names. What might be the id of something is that of no session.
pub fn session_id(text: &str) -> Answer<SessionId> {
    text.parse().map_err(|error| match text.parse::<UserId>() {
        Ok(_) => ApiError::no_session(),
        Err(_) => ApiError::argument("sessionId", error),
    })
}

/// A word that gives rights.
#[derive(Debug, Clone, ToSchema)]
#[schema(value_type = String, pattern = r"^[a-zA-Z0-9]{1,36}$", example = "editor")]
pub struct LabelText(pub Label);

impl<'de> Deserialize<'de> for LabelText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer)?.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// As many labels as may be sent at a time.
pub fn few_labels<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<LabelText>, D::Error> {
    let labels = Vec::<LabelText>::deserialize(deserializer)?;
    if labels.len() <= 100 { Ok(labels) } else { Err(serde::de::Error::custom("there are at most 100 labels")) }
}

/// How many characters the secret of a token has.
#[derive(Debug, Clone, Copy, ToSchema)]
#[schema(value_type = i64, minimum = 4, maximum = 128)]
pub struct TokenLength(pub usize);

impl<'de> Deserialize<'de> for TokenLength {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let length = whole(deserializer)?.and_then(|number| usize::try_from(number).ok());
        length.filter(|length| Token::LENGTHS.contains(length)).map(Self).ok_or_else(|| {
            let (shortest, longest) = (Token::LENGTHS.start(), Token::LENGTHS.end());
            serde::de::Error::custom(format!("a whole number from {shortest} to {longest}"))
        })
    }
}

/// For how many seconds a token is good.
#[derive(Debug, Clone, Copy, ToSchema)]
#[schema(value_type = i64, minimum = 60, maximum = 2_592_000)]
pub struct TokenLifetime(pub u64);

impl<'de> Deserialize<'de> for TokenLifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = whole(deserializer)?;
        seconds.filter(|seconds| Token::LIFETIMES.contains(seconds)).map(Self).ok_or_else(|| {
            let (shortest, longest) = (Token::LIFETIMES.start(), Token::LIFETIMES.end());
            serde::de::Error::custom(format!("a whole number of seconds from {shortest} to {longest}"))
        })
    }
}

/// A whole number from nought on; some programs write 900 as `900.0`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range and without a fraction")]
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let float = || number.as_f64().filter(|float| float.fract() == 0.0 && (0.0..1e15).contains(float));
    Ok(number.as_u64().or_else(|| float().map(|float| float as u64)))
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer)
}
