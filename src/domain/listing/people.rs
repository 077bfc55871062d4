//! Which users somebody wants to see. They stand in the order of their e-mail addresses.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{ListingError, Query, Towards};
use crate::domain::user::{Email, User};

/// What a user must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UserState {
    /// Anything.
    #[default]
    Any,
    /// Neither blocked nor locked.
    Active,
    /// May not sign in.
    Blocked,
    /// Takes no more passwords, of strangers or of those who are known.
    Locked,
    /// Has the label `admin`.
    Administrators,
}

impl UserState {
    /// Every state.
    pub const ALL: [Self; 5] = [Self::Any, Self::Active, Self::Blocked, Self::Locked, Self::Administrators];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Active => "active",
            Self::Blocked => "blocked",
            Self::Locked => "locked",
            Self::Administrators => "administrators",
        }
    }

    /// Whether a user with these marks is meant.
    pub const fn admits(self, marks: UserMarks) -> bool {
        match self {
            Self::Any => true,
            Self::Active => !marks.blocked && !marks.locked,
            Self::Blocked => marks.blocked,
            Self::Locked => marks.locked,
            Self::Administrators => marks.administrator,
        }
    }
}

impl FromStr for UserState {
    type Err = ListingError;
    fn from_str(code: &str) -> Result<Self, ListingError> {
        Self::ALL.into_iter().find(|state| state.code() == code).ok_or(ListingError::UserState)
    }
}

/// As much of a user as a [`UserState`] asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserMarks {
    blocked: bool,
    locked: bool,
    administrator: bool,
}

impl UserMarks {
    /// Those of `user`.
    pub fn of(user: &User) -> Self {
        Self {
            blocked: user.blocked,
            locked: user.safeguards.tries.is_locked_to_anybody(),
            administrator: user.is_administrator(),
        }
    }
}

/// Which users.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct UserFilter {
    /// What occurs in their id, e-mail address or name, in lower case; empty for everybody.
    pub text: String,
    /// What they are.
    pub state: UserState,
}

impl UserFilter {
    /// From what somebody typed; what is empty was not asked for.
    pub fn parse(text: &str, state: &str) -> Result<Self, ListingError> {
        let state = if state.trim().is_empty() { UserState::Any } else { state.trim().parse()? };
        Ok(Self { text: text.trim().to_lowercase(), state })
    }

    /// Whether it looks for no text: so many are counted exactly, however many they are.
    pub const fn is_plain(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether somebody is meant with this [`User::searched`] text and these marks.
    pub fn admits(&self, searched: &str, marks: UserMarks) -> bool {
        self.state.admits(marks) && searched.contains(&self.text)
    }
}

/// A question for one page of users.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct UserQuery {
    /// Which users.
    pub filter: UserFilter,
    /// From where on; `None` is the start.
    pub cursor: Option<UserCursor>,
    /// At most so many rows; zero for [`Query::ROWS`].
    pub rows: usize,
}

impl UserQuery {
    /// How many rows a page may have.
    pub const fn most(&self) -> usize {
        match self.rows {
            0 => Query::ROWS,
            rows if rows > Query::MOST_ROWS => Query::MOST_ROWS,
            rows => rows,
        }
    }
}

/// One page of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPage {
    /// The rows, in the order of their addresses.
    pub rows: Vec<User>,
    /// Where those after them start, if there may be any.
    pub next: Option<UserCursor>,
    /// Where those before them start, if there may be any.
    pub previous: Option<UserCursor>,
}

/// A place beside a row. It names the row's address and no number, so it keeps its place when users come and go.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserCursor {
    /// Which way to read on.
    pub towards: Towards,
    /// The address of the row beside it.
    pub email: Email,
    /// Whether that row is read, too.
    pub including: bool,
}

impl UserCursor {
    /// Whether a row with this address is still to come.
    pub fn is_before(&self, email: &Email) -> bool {
        let ahead = match self.towards {
            Towards::Next => *email > self.email,
            Towards::Previous => *email < self.email,
        };
        ahead || (self.including && *email == self.email)
    }

    /// The way back, over the very row that this cursor names: what an empty page offers.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self { towards: self.towards.opposite(), including: !self.including, ..self }
    }
}

const PREVIOUS: u8 = 1;
const INCLUDING: u8 = 2;

impl fmt::Display for UserCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = |set, bit| if set { bit } else { 0 };
        let flags = flag(self.towards == Towards::Previous, PREVIOUS) | flag(self.including, INCLUDING);
        let mut bytes = vec![flags];
        bytes.extend(self.email.as_str().as_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for UserCursor {
    type Err = ListingError;

    fn from_str(text: &str) -> Result<Self, ListingError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| ListingError::Cursor)?;
        let (flags, rest) = bytes.split_first().ok_or(ListingError::Cursor)?;
        let typed = std::str::from_utf8(rest).map_err(|_| ListingError::Cursor)?;
        let email: Email = typed.parse().map_err(|_| ListingError::Cursor)?;
        if email.as_str() != typed || *flags > PREVIOUS | INCLUDING {
            return Err(ListingError::Cursor);
        }
        let towards = if flags & PREVIOUS == 0 { Towards::Next } else { Towards::Previous };
        Ok(Self { towards, email, including: flags & INCLUDING != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_parse_back_and_nothing_else_does() {
        for towards in [Towards::Next, Towards::Previous] {
            for including in [false, true] {
                let email = "ada.łuczak@example.com".parse().expect("an address");
                let cursor = UserCursor { towards, email, including };
                assert_eq!(cursor.to_string().parse(), Ok(cursor.clone()));
                assert_eq!(cursor.clone().reversed().reversed(), cursor);
            }
        }
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        for bad in ["", "x", "!", &encode(b"\0"), &encode(b"\0ada"), &encode(b"\x04a@b"), &encode(b"\0A@b")] {
            assert_eq!(bad.parse::<UserCursor>(), Err(ListingError::Cursor), "{bad}");
        }
    }

    #[test]
    fn states_are_known_by_their_codes() {
        for state in UserState::ALL {
            assert_eq!(state.code().parse(), Ok(state));
        }
        assert_eq!("live".parse::<UserState>(), Err(ListingError::UserState));
        assert_eq!(UserFilter::parse(" Ada ", ""), Ok(UserFilter { text: "ada".to_owned(), state: UserState::Any }));
    }
}
