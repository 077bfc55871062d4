//! Which sessions somebody wants to see, in which order, and where the page before ended.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ipnet::IpNet;

use super::id::{SessionId, UserKey};
use super::session::{Standing, Verdict};
use super::timestamp::Timestamp;

/// Which verdict a session must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
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

/// Whose sessions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum Whose {
    /// Everybody's.
    #[default]
    Everyones,
    /// One user's.
    User(UserKey),
    /// Those of users whose id, e-mail address or name contains this, in lower case.
    Matching(String),
}

/// What a listing or a count takes in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Filter {
    /// Whose sessions.
    pub whose: Whose,
    /// In which state.
    pub status: Status,
    /// Signed in from this address or network.
    pub network: Option<IpNet>,
}

impl Filter {
    /// Whether `standing`, with the verdict it has at this moment, is meant.
    pub fn admits(&self, standing: &Standing, verdict: &Verdict) -> bool {
        self.status.admits(verdict) && self.admits_owner(standing) && self.admits_address(standing)
    }

    fn admits_owner(&self, standing: &Standing) -> bool {
        match &self.whose {
            Whose::Everyones => true,
            Whose::User(key) => standing.session.user_key() == *key,
            Whose::Matching(part) => {
                standing.session.user().as_str().to_lowercase().contains(part)
                    || standing.user.as_ref().is_some_and(|user| {
                        user.email.as_str().contains(part) || user.name.as_str().to_lowercase().contains(part)
                    })
            }
        }
    }

    fn admits_address(&self, standing: &Standing) -> bool {
        self.network.is_none_or(|net| standing.session.client().address.is_some_and(|ip| net.contains(&ip)))
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
        [Self::LastActive, Self::SignedIn].into_iter().find(|order| order.code() == code).ok_or(ListingError::Order)
    }
}

/// A place between two rows of a listing, newest first. It names times and ids, no row numbers, so it keeps its place
/// when rows come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Which way to read on.
    pub towards: Towards,
    /// The order that it belongs to.
    pub order: Order,
    /// The key of the row beside it.
    pub at: Timestamp,
    /// The id of the row beside it.
    pub id: SessionId,
}

impl Cursor {
    /// The way back, over the very row that this cursor names: what an empty page offers.
    #[must_use]
    pub fn reversed(self) -> Self {
        const MILLISECOND: Duration = Duration::from_millis(1);
        match self.towards {
            Towards::Older => Self { towards: Towards::Newer, at: self.at - MILLISECOND, ..self },
            Towards::Newer => Self { towards: Towards::Older, at: self.at + MILLISECOND, ..self },
        }
    }
}

/// Which way a cursor reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Towards {
    /// The rows after it: older ones.
    Older,
    /// The rows before it: newer ones.
    Newer,
}

const CURSOR_BYTES: usize = 1 + 8 + 16;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; CURSOR_BYTES];
        bytes[0] = u8::from(self.towards == Towards::Newer) | (u8::from(self.order == Order::SignedIn) << 1);
        bytes[1..9].copy_from_slice(&self.at.millis().to_be_bytes());
        bytes[9..].copy_from_slice(self.id.bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = ListingError;

    fn from_str(text: &str) -> Result<Self, ListingError> {
        let mut bytes = [0; CURSOR_BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| ListingError::Cursor)?;
        let ([tag], rest) = bytes.split_first_chunk::<1>().ok_or(ListingError::Cursor)?;
        let (at, rest) = rest.split_first_chunk::<8>().ok_or(ListingError::Cursor)?;
        let id = rest.first_chunk::<16>().ok_or(ListingError::Cursor)?;
        if length != CURSOR_BYTES || *tag > 3 {
            return Err(ListingError::Cursor);
        }
        Ok(Self {
            towards: if tag & 1 == 1 { Towards::Newer } else { Towards::Older },
            order: if tag & 2 == 2 { Order::SignedIn } else { Order::LastActive },
            at: Timestamp::from_millis(i64::from_be_bytes(*at)),
            id: SessionId::from_bytes(*id).ok_or(ListingError::Cursor)?,
        })
    }
}

/// A question for one page, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    /// Which sessions.
    pub filter: Filter,
    /// In which order.
    pub order: Order,
    /// From where on; `None` is the newest end.
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
        Self { filter, order: Order::LastActive, cursor: None, rows: Self::ROWS }
    }
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The rows, newest first, each with the verdict it had when it was read.
    pub rows: Vec<(Standing, Verdict)>,
    /// Where the older ones start, if there may be any.
    pub older: Option<Cursor>,
    /// Where the newer ones start, if there may be any.
    pub newer: Option<Cursor>,
}

/// How many sessions there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// So many.
    Exactly(u64),
    /// More than can be counted quickly.
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
    /// The order.
    #[error("order: one of last-active, signed-in")]
    Order,
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

/// Reads an address as the network of that one address.
pub fn parse_network(text: &str) -> Result<IpNet, ListingError> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map_err(|_| ListingError::Network)
}

#[cfg(test)]
mod tests {
    use super::super::clock::OsEntropy;
    use super::*;

    #[test]
    fn cursors_parse_back_and_nothing_else_does() {
        for towards in [Towards::Older, Towards::Newer] {
            for order in [Order::LastActive, Order::SignedIn] {
                let at = Timestamp::from_millis(1_767_323_045_678);
                let cursor = Cursor { towards, order, at, id: SessionId::new(at, &OsEntropy) };
                assert_eq!(cursor.to_string().parse(), Ok(cursor));
                assert_eq!(cursor.to_string()[1..].parse::<Cursor>(), Err(ListingError::Cursor));
            }
        }
        for bad in ["", "x", &"A".repeat(34), &"_".repeat(34)] {
            assert_eq!(bad.parse::<Cursor>(), Err(ListingError::Cursor), "{bad}");
        }
    }

    #[test]
    fn a_network_may_be_one_address() {
        assert!(parse_network("192.0.2.7").is_ok_and(|net| net.prefix_len() == 32));
        assert!(parse_network(" 2001:db8::/32 ").is_ok_and(|net| net.prefix_len() == 32));
        assert_eq!(parse_network("192.0.2"), Err(ListingError::Network));
    }
}
