//! The audit log, for API keys and administrators.

use std::time::Duration;

use rocket::serde::json::Json;
use rocket::{Route, get, routes};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Query;
use super::credentials::{AuditRead, Power};
use super::error::{Answer, ErrorBody};
use super::queries::{self, Wish, invalid, time};
use super::sessions::{Asked, no_cursor};
use crate::domain::audit::Typed;
use crate::domain::audit::search::Cursor;
use crate::domain::id::EventSeq;
use crate::domain::listing::{Direction, Towards};
use crate::domain::timestamp::Timestamp;
use crate::service::audit::{AskError, Line};
use crate::web::guards::Server;

const MILLISECOND: Duration = Duration::from_millis(1);

pub fn routes() -> Vec<Route> {
    routes![list]
}

/// An event of the audit log, as the export has it. Fields that do not apply are left out.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AuditEvent)]
pub struct EventShape {
    /// Its number: rises from event to event.
    number: u64,
    /// When, in RFC 3339.
    #[schema(format = DateTime)]
    at: String,
    /// Who: `user:` and an id, `key:` and an id, `operator`, `system`, `anonymous`.
    actor: String,
    /// What, as a code.
    #[schema(example = "session.end")]
    action: String,
    /// How it went: `success`, `failure` or `denied`.
    outcome: String,
    /// To which user: an id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    user: Option<String>,
    /// To which session: an id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    session: Option<String>,
    /// From where.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    address: Option<String>,
    /// Why, as a code.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
    /// What the actor wrote.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    note: Option<String>,
    /// How many sessions it ended.
    ended: u64,
    /// What changed, in the server's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<String>,
    /// To which API key: an id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    key: Option<String>,
}

impl From<Line> for EventShape {
    fn from(line: Line) -> Self {
        let Line { number, at, actor, action, outcome, user, session, address, reason, note, ended, detail, key } =
            line;
        Self { number, at, actor, action, outcome, user, session, address, reason, note, ended, detail, key }
    }
}

/// One page of the audit log.
#[derive(Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AuditEventList)]
pub struct EventList {
    events: Vec<EventShape>,
    /// The cursor of the page after this one, for `cursorAfter`; empty at the end.
    next: String,
    /// The cursor of the page before this one, for `cursorBefore`; empty at the beginning.
    previous: String,
}

/// Search the audit log
///
/// The newest first, unless `queries` say otherwise: `equal` on `user` (who did it, or to whom it was done), `actor`, `target`
/// (each an id or an e-mail address; an actor may be `operator`, `system`, `anonymous`, or `key:` and an id), `action` (one or
/// more codes), `outcome`, `ip` (an address or a network) and `session`; `greaterThan`, `greaterThanEqual`, `lessThan`,
/// `lessThanEqual`, `between` on `at`; `orderAsc` or `orderDesc` on `at`; `limit` from 1 to 100; `cursorAfter` and `cursorBefore`
/// with a cursor of a page or an event's number. There is no total and no `offset`: a search reads no more of the log than it
/// must. A page may have fewer events than asked for, and a cursor: read on until there is none.
#[utoipa::path(
    context_path = "/v1",
    tag = "audit",
    operation_id = "listAuditEvents",
    params(Asked),
    responses(
        (status = 200, description = "The events", body = EventList),
        (status = 400, description = "A query that means nothing here, or `general_cursor_not_found`", body = ErrorBody),
    )
)]
#[get("/audit")]
pub async fn list(server: Server<'_>, _power: Power<'_, AuditRead>, asked: Query<Asked>) -> Answer<Json<EventList>> {
    let service = &server.0.service;
    let typed = Wishes::read(&queries::parse(&asked.0.queries)?)?.typed()?;
    let query = service.asked(&typed).await.map_err(|error| match error {
        AskError::Typed(error) => invalid(error),
        AskError::Store(error) => error.into(),
    })?;
    let page = service.find(&query).await?;
    let cursor = |cursor: Option<Cursor>| cursor.map(|it| it.to_string()).unwrap_or_default();
    Ok(Json(EventList {
        events: page.rows.iter().map(|event| EventShape::from(Line::from(event))).collect(),
        next: cursor(page.next),
        previous: cursor(page.previous),
    }))
}

/// What was asked for, as it would be typed on the page.
#[derive(Default)]
struct Wishes {
    typed: Typed,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    cursor: Option<(Towards, String)>,
}

impl Wishes {
    fn read(wishes: &[Wish]) -> Answer<Self> {
        let mut read = Self::default();
        for wish in wishes {
            read.take(wish)?;
        }
        Ok(read)
    }

    fn take(&mut self, wish: &Wish) -> Answer<()> {
        let typed = &mut self.typed;
        let place = match (&*wish.method, &*wish.attribute) {
            ("limit", _) => return once(&mut typed.rows, &wish.number()?.to_string(), "limit"),
            ("offset", _) => return Err(invalid("there is no `offset` here; use `cursorAfter` with `next`")),
            ("cursorAfter", _) => return self.cursor(Towards::Next, wish),
            ("cursorBefore", _) => return self.cursor(Towards::Previous, wish),
            ("orderAsc", "at") => return once(&mut typed.direction, Direction::Ascending.code(), "an order"),
            ("orderDesc", "at") => return once(&mut typed.direction, Direction::Descending.code(), "an order"),
            ("equal", "action") => {
                for action in &wish.values {
                    let code = action.as_str().ok_or_else(|| invalid("`action` is a text"))?;
                    typed.actions.push(code.to_owned());
                }
                return Ok(());
            }
            ("equal", "user") => &mut typed.user,
            ("equal", "actor") => &mut typed.actor,
            ("equal", "target") => &mut typed.target,
            ("equal", "outcome") => &mut typed.outcome,
            ("equal", "ip") => &mut typed.address,
            ("equal", "session") => &mut typed.session,
            (_, "at") => return self.within(wish),
            (method, attribute) => {
                return Err(invalid(format!(
                    "`{method}` on `{attribute}` means nothing here; events are found by user, actor, target, action, \
                     outcome, ip, session and at"
                )));
            }
        };
        once(place, wish.text()?, &wish.attribute)
    }

    fn cursor(&mut self, towards: Towards, wish: &Wish) -> Answer<()> {
        let value = wish.one()?;
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match self.cursor.replace((towards, text)) {
            None => Ok(()),
            Some(_) => Err(invalid("a cursor is asked for twice")),
        }
    }

    fn within(&mut self, wish: &Wish) -> Answer<()> {
        let (from, to) = match &*wish.method {
            "greaterThan" => (Some(time(wish.one()?)? + MILLISECOND), None),
            "greaterThanEqual" => (Some(time(wish.one()?)?), None),
            "lessThan" => (None, Some(time(wish.one()?)?)),
            "lessThanEqual" => (None, Some(time(wish.one()?)? + MILLISECOND)),
            "between" => {
                let [from, to] = &*wish.values else { return Err(invalid("`between` takes two times")) };
                (Some(time(from)?), Some(time(to)? + MILLISECOND))
            }
            method => return Err(invalid(format!("`{method}` means nothing for `at` here"))),
        };
        self.from = self.from.max(from);
        self.to = match (self.to, to) {
            (Some(there), Some(to)) => Some(there.min(to)),
            (there, to) => there.or(to),
        };
        Ok(())
    }

    fn typed(self) -> Answer<Typed> {
        let Self { mut typed, from, to, cursor } = self;
        let text = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
        (typed.from, typed.to) = (text(from), text(to));
        if let Some((towards, text)) = cursor {
            let direction = if typed.direction == Direction::Ascending.code() {
                Direction::Ascending
            } else {
                Direction::Descending
            };
            let cursor = match text.parse::<u64>() {
                Ok(number) => Cursor { towards, direction, at: EventSeq(number) },
                Err(_) => text.parse().map_err(|_| no_cursor())?,
            };
            if cursor.towards != towards {
                return Err(invalid("`cursorAfter` takes the `next` of a page, `cursorBefore` its `previous`"));
            }
            if !typed.direction.is_empty() && typed.direction != cursor.direction.code() {
                return Err(invalid("the cursor belongs to another order"));
            }
            typed.cursor = cursor.to_string();
        }
        Ok(typed)
    }
}

fn once(place: &mut String, value: &str, what: &str) -> Answer<()> {
    if value.trim().is_empty() {
        return Err(invalid(format!("`{what}` is empty")));
    }
    if !place.is_empty() {
        return Err(invalid(format!("{what} is asked for twice")));
    }
    value.clone_into(place);
    Ok(())
}
