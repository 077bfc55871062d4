//! Where a page ended.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::{Direction, ListingError, Order};
use crate::domain::id::SessionId;
use crate::domain::timestamp::Timestamp;

/// A place between two rows of a listing. It names times and ids, no row numbers, so it keeps its place when rows come,
/// go and move. It brings order and direction of its listing along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Which way to read on.
    pub towards: Towards,
    /// The order that it belongs to.
    pub order: Order,
    /// The direction of that order.
    pub direction: Direction,
    /// The key of the row beside it.
    pub at: Timestamp,
    /// The id of the row beside it.
    pub id: SessionId,
}

/// Which way a cursor reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Towards {
    /// The rows after it.
    Next,
    /// The rows before it.
    Previous,
}

impl Towards {
    /// The other one.
    #[must_use]
    pub const fn opposite(self) -> Self {
        match self {
            Self::Next => Self::Previous,
            Self::Previous => Self::Next,
        }
    }
}

impl Cursor {
    /// Whether what it reads gets older from row to row.
    pub const fn reads_backwards(&self) -> bool {
        matches!(
            (self.towards, self.direction),
            (Towards::Next, Direction::Descending) | (Towards::Previous, Direction::Ascending)
        )
    }

    /// Whether a row at this place is still to come.
    pub fn is_before(&self, place: (Timestamp, SessionId)) -> bool {
        if self.reads_backwards() { place < (self.at, self.id) } else { place > (self.at, self.id) }
    }

    /// The way back, over the very row that this cursor names: what an empty page offers.
    #[must_use]
    pub fn reversed(self) -> Self {
        const MILLISECOND: Duration = Duration::from_millis(1);
        let at = if self.reads_backwards() { self.at - MILLISECOND } else { self.at + MILLISECOND };
        Self { towards: self.towards.opposite(), at, ..self }
    }
}

const BYTES: usize = 1 + 8 + 16;
const PREVIOUS: u8 = 1;
const SIGNED_IN: u8 = 2;
const ASCENDING: u8 = 4;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = |set, bit| if set { bit } else { 0 };
        let mut bytes = [0; BYTES];
        bytes[0] = flag(self.towards == Towards::Previous, PREVIOUS)
            | flag(self.order == Order::SignedIn, SIGNED_IN)
            | flag(self.direction == Direction::Ascending, ASCENDING);
        bytes[1..9].copy_from_slice(&self.at.millis().to_be_bytes());
        bytes[9..].copy_from_slice(self.id.bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = ListingError;

    fn from_str(text: &str) -> Result<Self, ListingError> {
        let mut bytes = [0; BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| ListingError::Cursor)?;
        let ([flags], rest) = bytes.split_first_chunk::<1>().ok_or(ListingError::Cursor)?;
        let (at, rest) = rest.split_first_chunk::<8>().ok_or(ListingError::Cursor)?;
        let id = rest.first_chunk::<16>().ok_or(ListingError::Cursor)?;
        if length != BYTES || *flags > PREVIOUS | SIGNED_IN | ASCENDING {
            return Err(ListingError::Cursor);
        }
        Ok(Self {
            towards: if flags & PREVIOUS == 0 { Towards::Next } else { Towards::Previous },
            order: if flags & SIGNED_IN == 0 { Order::LastActive } else { Order::SignedIn },
            direction: if flags & ASCENDING == 0 { Direction::Descending } else { Direction::Ascending },
            at: Timestamp::from_millis(i64::from_be_bytes(*at)),
            id: SessionId::from_bytes(*id).ok_or(ListingError::Cursor)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::clock::OsEntropy;
    use super::*;

    #[test]
    fn cursors_parse_back_and_nothing_else_does() {
        let at = Timestamp::from_millis(1_767_323_045_678);
        for towards in [Towards::Next, Towards::Previous] {
            for order in Order::ALL {
                for direction in Direction::ALL {
                    let cursor = Cursor { towards, order, direction, at, id: SessionId::new(at, &OsEntropy) };
                    assert_eq!(cursor.to_string().parse(), Ok(cursor));
                    assert_eq!(cursor.to_string()[1..].parse::<Cursor>(), Err(ListingError::Cursor));
                }
            }
        }
        for bad in ["", "x", &"A".repeat(34), &"_".repeat(34)] {
            assert_eq!(bad.parse::<Cursor>(), Err(ListingError::Cursor), "{bad}");
        }
    }
}
