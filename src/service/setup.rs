//! The first administrator: whoever reads the server's output may create them, once.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use subtle::ConstantTimeEq;

use super::Service;
use super::users::{NewUser, NewUserError};
use crate::domain::clock::random;
use crate::domain::ending::Actor;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{Label, User};
use crate::store::Result;

/// How long a code is good. Sixty bits in half an hour: wrong tries need no counting, and cannot void it.
const LIFETIME: Duration = Duration::from_mins(30);
/// No 0, 1, I, O: the code is read off one screen and typed on another.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// The code that is waiting to be typed, if any.
#[derive(Default)]
pub struct Setup(Mutex<Option<Code>>);

struct Code {
    letters: String,
    until: Timestamp,
}

/// What the set-up page has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupState {
    /// There are users: there is nothing to set up.
    Closed,
    /// A code is waiting.
    Open,
    /// The code has run out; a restart gives a new one.
    Expired,
}

/// Why there is no first administrator yet.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// Somebody was faster, or it is long done.
    #[error("the server is set up")]
    Closed,
    /// Not the code.
    #[error("that is not the code; it stands in the server's output")]
    WrongCode,
    /// It is over.
    #[error("the code has run out; restart the server to get a new one")]
    Expired,
    /// The particulars.
    #[error(transparent)]
    User(#[from] NewUserError),
}

impl Service {
    /// Draws a code if there are no users. Whoever runs the server shows it.
    pub async fn offer_setup(&self) -> Result<Option<String>> {
        if self.store.has_users().await? {
            return Ok(None);
        }
        let letters: String =
            random::<12>(self.entropy()).iter().map(|b| char::from(ALPHABET[usize::from(b % 32)])).collect();
        let shown = format!("{}-{}-{}", &letters[..4], &letters[4..8], &letters[8..]);
        let code = Code { letters, until: self.clock.now() + LIFETIME };
        *self.setup.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(code);
        Ok(Some(shown))
    }

    /// Where the set-up stands.
    pub async fn setup_state(&self) -> Result<SetupState> {
        if self.store.has_users().await? {
            return Ok(SetupState::Closed);
        }
        let now = self.clock.now();
        let code = self.setup.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(if code.as_ref().is_some_and(|code| now < code.until) { SetupState::Open } else { SetupState::Expired })
    }

    /// Creates the first administrator if `typed` is the code. Two at once: one is created.
    pub async fn set_up(&self, typed: &str, mut new: NewUser) -> std::result::Result<User, SetupError> {
        match self.setup_state().await.map_err(NewUserError::from)? {
            SetupState::Closed => return Err(SetupError::Closed),
            SetupState::Expired => return Err(SetupError::Expired),
            SetupState::Open => {}
        }
        self.check_code(typed)?;
        new.labels.insert(Label::admin());
        let created = self.add_user(new, true, Actor::Anonymous).await;
        match created {
            Ok(user) => {
                *self.setup.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
                Ok(user)
            }
            Err(NewUserError::NotFirst) => Err(SetupError::Closed),
            Err(error) => Err(error.into()),
        }
    }

    fn check_code(&self, typed: &str) -> std::result::Result<(), SetupError> {
        let typed: String = typed.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_uppercase();
        let waiting = self.setup.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(code) = waiting.as_ref() else { return Err(SetupError::Expired) };
        if bool::from(code.letters.as_bytes().ct_eq(typed.as_bytes())) {
            return Ok(());
        }
        Err(SetupError::WrongCode)
    }
}
