//! Which audit events somebody wants to see, from which end, and where the page before ended.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ipnet::IpNet;

use super::{Action, Draft, Event, Outcome};
use crate::domain::ending::Actor;
use crate::domain::id::{EventSeq, SessionId, UserId};
use crate::domain::listing::{self, Direction, ListingError, Period, Towards};

/// What a search takes in: what passes every part of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// This one did it.
    pub actor: Option<Actor>,
    /// It was done to this user.
    pub target: Option<UserId>,
    /// This user did it, or it was done to them.
    pub user: Option<UserId>,
    /// It is one of these; none: anything.
    pub actions: Vec<Action>,
    /// It went like this.
    pub outcome: Option<Outcome>,
    /// It happened at such a time.
    pub period: Period,
    /// It came from this address or network.
    pub network: Option<IpNet>,
    /// It was done to this session.
    pub session: Option<SessionId>,
}

impl Filter {
    /// Whether `event` is meant.
    pub fn admits(&self, event: &Event) -> bool {
        let draft = &event.draft;
        self.concerns(draft)
            && self.actor.as_ref().is_none_or(|actor| draft.actor == *actor)
            && (self.actions.is_empty() || self.actions.contains(&draft.action))
            && self.outcome.is_none_or(|outcome| draft.outcome == outcome)
            && self.period.contains(event.at)
            && self.network.as_ref().is_none_or(|net| draft.from.is_some_and(|ip| net.contains(&ip)))
            && self.session.is_none_or(|id| draft.session == Some(id))
    }

    /// Whether `draft` concerns the users that are named. What does not is not even looked at.
    pub fn concerns(&self, draft: &Draft) -> bool {
        let by = if let Some(Actor::User(id)) = &self.actor { Some(id) } else { None };
        by.is_none_or(|id| draft.actor == Actor::User(id.clone()))
            && self.target.as_ref().is_none_or(|id| draft.user.as_ref() == Some(id))
            && self.user.as_ref().is_none_or(|id| draft.concerned().any(|one| one == id))
    }
}

/// A question for one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Which events.
    pub filter: Filter,
    /// From which end.
    pub direction: Direction,
    /// From where on; `None` is the start. A cursor's own direction counts, whatever stands beside it.
    pub cursor: Option<Cursor>,
    /// At most so many rows.
    pub rows: usize,
}

impl Query {
    /// The rows of a page unless told otherwise.
    pub const ROWS: usize = 50;
    /// The most records that one page may read before it returns what it has, and a cursor. No page has more rows.
    pub const MOST_EXAMINED: usize = listing::Query::MOST_EXAMINED;

    /// The newest page of `filter`.
    pub const fn first(filter: Filter) -> Self {
        Self { filter, direction: Direction::Descending, cursor: None, rows: Self::ROWS }
    }

    /// The same from the other end.
    #[must_use]
    pub fn oldest_first(self) -> Self {
        Self { direction: Direction::Ascending, ..self }
    }
}

/// One page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The events, in the order that was asked for.
    pub rows: Vec<Event>,
    /// Where those after them start, if there may be any.
    pub next: Option<Cursor>,
    /// Where those before them start, if there may be any.
    pub previous: Option<Cursor>,
}

/// A place between two events. It names a number, so it keeps its place whatever comes and goes, and brings the direction of
/// its listing along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Which way to read on.
    pub towards: Towards,
    /// The direction that it belongs to.
    pub direction: Direction,
    /// The event beside it.
    pub at: EventSeq,
}

impl Cursor {
    /// Whether what it reads gets older from row to row.
    pub const fn reads_backwards(&self) -> bool {
        matches!(
            (self.towards, self.direction),
            (Towards::Next, Direction::Descending) | (Towards::Previous, Direction::Ascending)
        )
    }

    /// Whether an event with this number is still to come.
    pub const fn is_before(&self, seq: EventSeq) -> bool {
        if self.reads_backwards() { seq.0 < self.at.0 } else { seq.0 > self.at.0 }
    }

    /// The way back, over the very event that this cursor names: what an empty page offers.
    #[must_use]
    pub const fn reversed(self) -> Self {
        let at = if self.reads_backwards() { self.at.0.saturating_sub(1) } else { self.at.0.saturating_add(1) };
        Self { towards: self.towards.opposite(), at: EventSeq(at), ..self }
    }
}

/// What a backend has found, made a page. `more`: the search ended before the log did, and goes on after `reached`.
pub fn page(query: &Query, mut rows: Vec<Event>, reached: Option<EventSeq>, more: bool) -> Page {
    let direction = query.cursor.map_or(query.direction, |cursor| cursor.direction);
    let towards = query.cursor.map_or(Towards::Next, |cursor| cursor.towards);
    let cursor = |at: Option<EventSeq>, towards| at.map(|at| Cursor { towards, direction, at });
    let first = rows.first().map(|event| event.seq);
    let back = cursor(first, towards.opposite()).or(query.cursor.map(Cursor::reversed));
    let back = back.filter(|_| query.cursor.is_some());
    let on = cursor(reached.filter(|_| more), towards);
    let (next, previous) = match towards {
        Towards::Next => (on, back),
        Towards::Previous => (back, on),
    };
    if towards == Towards::Previous {
        rows.reverse();
    }
    Page { rows, next, previous }
}

const BYTES: usize = 1 + 8;
const PREVIOUS: u8 = 1;
const ASCENDING: u8 = 2;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = |set, bit| if set { bit } else { 0 };
        let mut bytes = [0; BYTES];
        bytes[0] =
            flag(self.towards == Towards::Previous, PREVIOUS) | flag(self.direction == Direction::Ascending, ASCENDING);
        bytes[1..].copy_from_slice(&self.at.0.to_be_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = ListingError;

    fn from_str(text: &str) -> Result<Self, ListingError> {
        let mut bytes = [0; BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).map_err(|_| ListingError::Cursor)?;
        let ([flags], at) = bytes.split_first_chunk::<1>().ok_or(ListingError::Cursor)?;
        let at = at.first_chunk::<8>().ok_or(ListingError::Cursor)?;
        if length != BYTES || *flags > PREVIOUS | ASCENDING {
            return Err(ListingError::Cursor);
        }
        Ok(Self {
            towards: if flags & PREVIOUS == 0 { Towards::Next } else { Towards::Previous },
            direction: if flags & ASCENDING == 0 { Direction::Descending } else { Direction::Ascending },
            at: EventSeq(u64::from_be_bytes(*at)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_parse_back_and_nothing_else_does() {
        for towards in [Towards::Next, Towards::Previous] {
            for direction in Direction::ALL {
                for at in [0, 7, u64::MAX].map(EventSeq) {
                    let cursor = Cursor { towards, direction, at };
                    assert_eq!(cursor.to_string().parse(), Ok(cursor));
                    assert_eq!(cursor.to_string()[1..].parse::<Cursor>(), Err(ListingError::Cursor));
                }
            }
        }
        for bad in ["", "x", &"_".repeat(12), &"A".repeat(13)] {
            assert_eq!(bad.parse::<Cursor>(), Err(ListingError::Cursor), "{bad}");
        }
    }

    #[test]
    fn the_way_back_from_an_empty_page_leads_over_the_event_beside_it() {
        for (towards, direction) in [(Towards::Next, Direction::Descending), (Towards::Next, Direction::Ascending)] {
            let cursor = Cursor { towards, direction, at: EventSeq(7) };
            assert!(!cursor.is_before(EventSeq(7)) && cursor.reversed().is_before(EventSeq(7)), "{cursor:?}");
        }
    }
}
