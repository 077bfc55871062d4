//! Which sessions somebody wants to see, in which order, and where the page before ended.

mod cursor;
mod filter;
mod people;
mod typed;
pub mod wanted;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::session::{Door, Standing, Verdict};
use super::timestamp::Timestamp;

pub use self::cursor::{Cursor, Towards};
pub use self::filter::{Filter, Period, Whose};
pub use self::people::{UserCursor, UserFilter, UserMarks, UserPage, UserQuery, UserState};
pub use self::typed::{Typed, parse_network, parse_time};
pub(crate) use self::typed::{filled, parse_rows, period};

/// Which verdict a session must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Status {
    /// Would be accepted right now.
    #[default]
    Live,
    /// Somebody or something ended it.
    Ended,
    /// Ran out.
    Expired,
    /// Any of them.
    Any,
}

impl Status {
    /// Every status with its code.
    pub const ALL: [Self; 4] = [Self::Live, Self::Ended, Self::Expired, Self::Any];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ended => "ended",
            Self::Expired => "expired",
            Self::Any => "any",
        }
    }

    /// Whether a session with this verdict is meant.
    pub const fn admits(self, verdict: &Verdict) -> bool {
        matches!(
            (self, verdict),
            (Self::Any, _)
                | (Self::Live, Verdict::Live)
                | (Self::Ended, Verdict::Ended(_))
                | (Self::Expired, Verdict::Expired(_))
        )
    }
}

impl FromStr for Status {
    type Err = ListingError;
    fn from_str(code: &str) -> Result<Self, ListingError> {
        Self::ALL.into_iter().find(|status| status.code() == code).ok_or(ListingError::Status)
    }
}

/// What the rows are ordered by; equal ones by their id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Order {
    /// By the last request written down.
    #[default]
    LastActive,
    /// By the time of sign-in.
    SignedIn,
}

impl Order {
    /// Both, the one that is meant without a word first.
    pub const ALL: [Self; 2] = [Self::LastActive, Self::SignedIn];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::LastActive => "last-active",
            Self::SignedIn => "signed-in",
        }
    }

    /// The time by which `standing` is ordered.
    pub const fn key(self, standing: &Standing) -> Timestamp {
        match self {
            Self::LastActive => standing.seen,
            Self::SignedIn => standing.session.created(),
        }
    }
}

impl FromStr for Order {
    type Err = ListingError;
    fn from_str(code: &str) -> Result<Self, ListingError> {
        Self::ALL.into_iter().find(|order| order.code() == code).ok_or(ListingError::Order)
    }
}

/// Which end of the order comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// The newest.
    #[default]
    Descending,
    /// The oldest.
    Ascending,
}

impl Direction {
    /// Both, the one that is meant without a word first.
    pub const ALL: [Self; 2] = [Self::Descending, Self::Ascending];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Descending => "desc",
            Self::Ascending => "asc",
        }
    }
}

impl FromStr for Direction {
    type Err = ListingError;
    fn from_str(code: &str) -> Result<Self, ListingError> {
        Self::ALL.into_iter().find(|direction| direction.code() == code).ok_or(ListingError::Direction)
    }
}

/// A question for one page.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    /// Which sessions.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// From which end.
    pub direction: Direction,
    /// From where on; `None` is the start. A cursor's own order and direction count, whatever stands beside it.
    pub cursor: Option<Cursor>,
    /// At most so many rows.
    pub rows: usize,
}

impl Query {
    /// The most rows of one page.
    pub const MOST_ROWS: usize = 100;
    /// The rows of a page unless told otherwise.
    pub const ROWS: usize = 25;
    /// The most records that one page may read before it returns what it has, and a cursor.
    pub const MOST_EXAMINED: usize = 2_000;

    /// The first page of `filter` in the default order.
    pub const fn first(filter: Filter) -> Self {
        let (order, direction) = (Order::LastActive, Direction::Descending);
        Self { filter, order, direction, cursor: None, rows: Self::ROWS }
    }
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The rows, each with the verdict it had when it was read.
    pub rows: Vec<(Standing, Verdict)>,
    /// Where those after them start, if there may be any.
    pub next: Option<Cursor>,
    /// Where those before them start, if there may be any.
    pub previous: Option<Cursor>,
}

/// How many sessions there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// So many.
    Exactly(u64),
    /// So many were counted, and there may be more: [`Total::COUNTED`] of them, or fewer where they are so rare that
    /// counting them would take long.
    MoreThan(u64),
}

impl Total {
    /// Filtered listings are counted up to here.
    pub const COUNTED: u64 = 5_000;
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(count) => write!(f, "{count}"),
            Self::MoreThan(count) => write!(f, "{count}+"),
        }
    }
}

/// Part of a listing's question that does not parse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// The status.
    #[error("status: one of live, ended, expired, any")]
    Status,
    /// The state of users.
    #[error("state: one of any, active, blocked, locked, administrators")]
    UserState,
    /// The order.
    #[error("order: one of last-active, signed-in")]
    Order,
    /// The direction.
    #[error("direction: one of desc (newest first), asc (oldest first)")]
    Direction,
    /// The door.
    #[error("door: one of {}", Door::ALL.map(Door::code).join(", "))]
    Door,
    /// One of the times.
    #[error("{0}: a date like 2026-11-20 or a time like 2026-11-20T09:30Z, in UTC")]
    Time(&'static str),
    /// The end of a period.
    #[error("{0}: a time after the one that the period starts at")]
    Period(&'static str),
    /// The cursor.
    #[error("cursor: not a cursor of this listing; start again without it")]
    Cursor,
    /// The address.
    #[error("address: an IP address like 192.0.2.7 or a network like 192.0.2.0/24")]
    Network,
    /// The number of rows.
    #[error("rows: a number from 1 to {}", Query::MOST_ROWS)]
    Rows,
}
