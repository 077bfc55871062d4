//! What `queries` mean for sessions.

use std::time::Duration;

use rocket::http::Status as HttpStatus;
use serde_json::Value;

use super::looked_up;
use crate::domain::id::{SessionId, UserId};
use crate::domain::listing::{Cursor, Direction, Filter, Order, Period, Query, Status, Towards, Whose, parse_network};
use crate::domain::session::Door;
use crate::domain::timestamp::Timestamp;
use crate::web::Core;
use crate::web::doors::api::error::{Answer, ApiError};
use crate::web::doors::api::queries::{Wish, invalid, time};

const MILLISECOND: Duration = Duration::from_millis(1);

/// Which sessions, in which order, and from where on.
#[derive(Debug, Default, PartialEq)]
pub struct Wishes {
    pub filter: Filter,
    /// The one with this id, if it passes the filter.
    pub only: Option<SessionId>,
    order: Option<(Order, Direction)>,
    rows: Option<usize>,
    cursor: Option<(Towards, String)>,
    status: Option<Status>,
}

impl Wishes {
    /// Reads them. None may contradict another.
    pub fn read(wishes: &[Wish]) -> Answer<Self> {
        let mut read = Self::default();
        for wish in wishes {
            read.take(wish)?;
        }
        read.filter.status = read.status.unwrap_or_default();
        Ok(read)
    }

    fn take(&mut self, wish: &Wish) -> Answer<()> {
        match &*wish.method {
            "limit" => {
                let rows = wish.number()?;
                if !(1..=Query::MOST_ROWS).contains(&rows) {
                    return Err(invalid(format!("`limit` is from 1 to {}", Query::MOST_ROWS)));
                }
                once(&mut self.rows, rows, "limit")
            }
            "offset" => Err(invalid(
                "there is no `offset` here, since rows move while somebody reads; use `cursorAfter` with `next`",
            )),
            "cursorAfter" => once(&mut self.cursor, (Towards::Next, wish.text()?.to_owned()), "a cursor"),
            "cursorBefore" => once(&mut self.cursor, (Towards::Previous, wish.text()?.to_owned()), "a cursor"),
            "orderAsc" => self.ordered(wish, Direction::Ascending),
            "orderDesc" => self.ordered(wish, Direction::Descending),
            _ => self.narrow(wish),
        }
    }

    fn ordered(&mut self, wish: &Wish, direction: Direction) -> Answer<()> {
        let order = match &*wish.attribute {
            "$createdAt" => Order::SignedIn,
            "$updatedAt" => Order::LastActive,
            other => {
                return Err(invalid(format!("sessions are ordered by `$createdAt` or `$updatedAt`, not by `{other}`")));
            }
        };
        once(&mut self.order, (order, direction), "an order")
    }

    fn narrow(&mut self, wish: &Wish) -> Answer<()> {
        let filter = &mut self.filter;
        match (&*wish.attribute, &*wish.method) {
            ("userId", "equal") => {
                let [id] = &*wish.values else {
                    return Err(invalid("`equal` on `userId` takes one user; ask once for each"));
                };
                let id: UserId = parsed(id, "userId")?;
                whose(filter, Whose::User(id.key()))
            }
            ("user", "contains" | "search") => {
                let text = part(wish)?;
                whose(filter, Whose::Matching(text))
            }
            ("agent", "contains" | "search") => once(&mut filter.agent, part(wish)?, "agent"),
            ("ip", "equal") => {
                let network = parse_network(wish.text()?).map_err(invalid)?;
                once(&mut filter.network, network, "ip")
            }
            ("status", "equal") => once(&mut self.status, wish.text()?.parse().map_err(invalid)?, "status"),
            ("door", "equal") => {
                let all = Door::ALL.map(Door::code).join(", ");
                let door = Door::from_code(wish.text()?).ok_or_else(|| invalid(format!("`door` is one of {all}")))?;
                once(&mut filter.door, door, "door")
            }
            ("provider", "equal") => match wish.text()? {
                "token" => once(&mut filter.door, Door::Token, "door"),
                "server" => once(&mut filter.door, Door::Server, "door"),
                "email" => Err(invalid("`email` is two doors: ask for the `door` `pages` or `api`")),
                _ => Err(invalid("`provider` is one of token, server")),
            },
            ("$id", "equal") => once(&mut self.only, parsed(wish.one()?, "$id")?, "$id"),
            ("$createdAt", _) => within(&mut filter.created, wish),
            ("$updatedAt", _) => within(&mut filter.seen, wish),
            (attribute, method) => Err(unknown(attribute, method)),
        }
    }

    /// Whether they narrow down which sessions are meant.
    pub fn is_narrowing(&self) -> bool {
        self.filter != Filter::default()
    }

    /// Whether they say more than which live sessions are meant.
    pub fn is_more_than_a_filter(&self) -> bool {
        self.only.is_some()
            || self.order.is_some()
            || self.rows.is_some()
            || self.cursor.is_some()
            || self.filter.status != Status::Live
    }

    /// The question for one page.
    pub async fn query(&self, core: &Core) -> Answer<Query> {
        let cursor = match &self.cursor {
            Some((towards, text)) => Some(self.cursor(core, *towards, text).await?),
            None => None,
        };
        let beside = cursor.map(|cursor| (cursor.order, cursor.direction));
        let (order, direction) = self.order.or(beside).unwrap_or_default();
        let rows = self.rows.unwrap_or(Query::ROWS);
        Ok(Query { filter: self.filter.clone(), order, direction, cursor, rows })
    }

    /// A cursor of a page, or the place beside the session with this id.
    async fn cursor(&self, core: &Core, towards: Towards, text: &str) -> Answer<Cursor> {
        let (order, direction) = self.order.unwrap_or_default();
        if let Ok(id) = text.parse::<SessionId>() {
            let (standing, _) = looked_up(core, id).await?.ok_or_else(no_cursor)?;
            return Ok(Cursor { towards, order, direction, at: order.key(&standing), id });
        }
        let cursor: Cursor = text.parse().map_err(|_| no_cursor())?;
        if cursor.towards != towards {
            return Err(invalid("`cursorAfter` takes the `next` of a page, `cursorBefore` its `previous`"));
        }
        if self.order.is_some_and(|order| order != (cursor.order, cursor.direction)) {
            return Err(invalid("the cursor belongs to another order"));
        }
        Ok(cursor)
    }
}

/// 400: nothing stands there to go on from.
pub fn no_cursor() -> ApiError {
    let told = "The cursor is none of this list, or its session is gone. Start again without it.";
    ApiError::new(HttpStatus::BadRequest, "general_cursor_not_found", told)
}

fn unknown(attribute: &str, method: &str) -> ApiError {
    const KNOWN: [&str; 9] =
        ["$id", "userId", "user", "ip", "agent", "status", "door", "provider", "$createdAt and $updatedAt"];
    if KNOWN.contains(&attribute) {
        return invalid(format!("`{method}` means nothing for `{attribute}` here"));
    }
    let known = KNOWN.join(", ");
    invalid(format!("`{method}` on `{attribute}` means nothing here; sessions are found by {known}"))
}

fn once<T>(place: &mut Option<T>, value: T, what: &str) -> Answer<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(invalid(format!("{what} is asked for twice"))),
    }
}

fn whose(filter: &mut Filter, whose: Whose) -> Answer<()> {
    match std::mem::replace(&mut filter.whose, whose) {
        Whose::Everyones => Ok(()),
        _ => Err(invalid("whose sessions is asked for twice")),
    }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(value: &Value, name: &str) -> Answer<T> {
    let text = value.as_str().ok_or_else(|| invalid(format!("`{name}` is a text")))?;
    text.parse().map_err(invalid)
}

/// A part of a text, in lower case.
fn part(wish: &Wish) -> Answer<String> {
    let text = wish.text()?.trim().to_lowercase();
    if text.is_empty() { Err(invalid(format!("`{}` takes a text that is not empty", wish.method))) } else { Ok(text) }
}

/// Narrows a period; several queries may.
fn within(period: &mut Period, wish: &Wish) -> Answer<()> {
    let (from, to): (Option<Timestamp>, Option<Timestamp>) = match &*wish.method {
        "equal" => {
            let at = time(wish.one()?)?;
            (Some(at), Some(at + MILLISECOND))
        }
        "greaterThan" => (Some(time(wish.one()?)? + MILLISECOND), None),
        "greaterThanEqual" => (Some(time(wish.one()?)?), None),
        "lessThan" => (None, Some(time(wish.one()?)?)),
        "lessThanEqual" => (None, Some(time(wish.one()?)? + MILLISECOND)),
        "between" => {
            let [from, to] = &*wish.values else { return Err(invalid("`between` takes two times")) };
            (Some(time(from)?), Some(time(to)? + MILLISECOND))
        }
        method => return Err(unknown(&wish.attribute, method)),
    };
    period.from = period.from.max(from);
    period.to = match (period.to, to) {
        (Some(there), Some(to)) => Some(there.min(to)),
        (there, to) => there.or(to),
    };
    Ok(())
}
