//! Everybody's sessions, for API keys and administrators: finding them, looking at one, ending one.

mod bulk;
mod listed;
mod wishes;

use rocket::serde::json::Json;
use rocket::{Route, delete, get, routes};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use self::listed::ListedSession;
use self::wishes::Wishes;
use super::account::{Proven, prove};
use super::answer::Done;
use super::body::{Body, Query};
use super::credentials::{Power, Program, Right, SessionsRead, SessionsWrite};
use super::error::{Answer, ApiError, ErrorBody};
use super::queries::{self, QueryText};
use super::shapes::{self, SessionShape, counted};
use super::values::ReasonText;
use crate::domain::ending::Note;
use crate::domain::id::SessionId;
use crate::domain::listing::{Page, Total};
use crate::domain::session::{Standing, Verdict};
use crate::store::End;
use crate::web::Core;
use crate::web::guards::Server;
use crate::web::session_cookies;

pub use self::bulk::*;
pub use self::wishes::no_cursor;

pub fn routes() -> Vec<Route> {
    [routes![list, session, end], bulk::routes()].concat()
}

/// Which rows somebody asks for.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Which, in which order, and from where on: JSON texts.
    #[param(
        value_type = Vec<QueryText>,
        max_items = 100,
        style = Form,
        explode,
        example = json!([r#"{"method":"limit","values":[25]}"#])
    )]
    pub queries: Vec<String>,
}

/// One page of everybody's sessions.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = ListedSessionList)]
pub struct ListedSessions {
    /// How many match in all, or at least: see `totalIsExact`.
    total: u64,
    /// Whether there are no more than `total`. Filtered listings are counted up to 5,000.
    total_is_exact: bool,
    sessions: Vec<ListedSession>,
    /// The cursor of the page after this one, for `cursorAfter`; empty at the end.
    next: String,
    /// The cursor of the page before this one, for `cursorBefore`; empty at the beginning.
    previous: String,
}

/// List everybody's sessions
///
/// The last active first, and live ones alone, unless `queries` say otherwise: `equal` on `userId`, `ip` (an address or a
/// network), `status` (`live`, `ended`, `expired`, `any`), `door` (`pages`, `api`, `token`, `server`), `provider` (`token`,
/// `server`) and `$id`; `contains` or `search` on `user` (id, e-mail address or name) and `agent`; `greaterThan`,
/// `greaterThanEqual`, `lessThan`, `lessThanEqual`, `between` on `$createdAt` and `$updatedAt`; `orderAsc` or `orderDesc` on one
/// of these two; `limit` from 1 to 100; `cursorAfter` and `cursorBefore` with a cursor of a page or a session's id. There is no
/// `offset`: rows move while somebody reads. A page of a rare filter may have fewer rows than asked for, and a cursor: read
/// on until there is none.
#[utoipa::path(
    context_path = "/v1",
    tag = "sessions",
    operation_id = "listSessions",
    params(Asked),
    responses(
        (status = 200, description = "The sessions", body = ListedSessions),
        (status = 400, description = "A query that means nothing here, or `general_cursor_not_found`", body = ErrorBody),
    )
)]
#[get("/sessions")]
pub async fn list(
    server: Server<'_>,
    power: Power<'_, SessionsRead>,
    asked: Query<Asked>,
) -> Answer<Json<ListedSessions>> {
    let core = server.0;
    let wishes = Wishes::read(&queries::parse(&asked.0.queries)?)?;
    let query = wishes.query(core).await?;
    let (page, total) = match wishes.only {
        Some(id) => {
            let rows: Vec<_> = looked_up(core, id).await?.into_iter().collect();
            let rows: Vec<_> = rows.into_iter().filter(|(row, verdict)| query.filter.admits(row, verdict)).collect();
            let total = Total::Exactly(rows.len() as u64);
            (Page { rows, next: None, previous: None }, total)
        }
        None => (core.service.list(&query).await?, core.service.count(&query.filter).await?),
    };
    let own = power.live().map(|live| live.session.id());
    let cursor = |cursor: Option<crate::domain::listing::Cursor>| cursor.map(|it| it.to_string()).unwrap_or_default();
    Ok(Json(ListedSessions {
        total: counted(total),
        total_is_exact: matches!(total, Total::Exactly(_)),
        sessions: page.rows.iter().map(|(row, verdict)| ListedSession::new(core, row, verdict, own)).collect(),
        next: cursor(page.next),
        previous: cursor(page.previous),
    }))
}

/// Any session with its verdict.
async fn looked_up(core: &Core, id: SessionId) -> Answer<Option<(Standing, Verdict)>> {
    let Some(user) = core.service.store().owner(id).await? else { return Ok(None) };
    let standing = core.service.store().session(user, id).await?;
    let now = core.service.clock().now();
    Ok(standing.map(|standing| {
        let verdict = standing.verdict(now, core.service.limits());
        (standing, verdict)
    }))
}

/// A session that is live, whoever's it is.
async fn live(core: &Core, id: &str) -> Answer<Standing> {
    let id = id.parse().map_err(|_| ApiError::no_session())?;
    match looked_up(core, id).await? {
        Some((standing, Verdict::Live)) => Ok(standing),
        _ => Err(ApiError::no_session()),
    }
}

/// Get one live session, whoever's it is
///
/// One that is past is found by `GET /v1/sessions` with `equal("$id", …)` and `equal("status", "any")`.
#[utoipa::path(
    context_path = "/v1",
    tag = "sessions",
    operation_id = "getSession",
    params(("session_id" = String, Path, description = "A session's id", pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$")),
    responses(
        (status = 200, description = "The session", body = SessionShape),
        (status = 404, description = "`user_session_not_found`: there is none, or it is past", body = ErrorBody),
    )
)]
#[get("/sessions/<session_id>")]
pub async fn session(
    server: Server<'_>,
    power: Power<'_, SessionsRead>,
    session_id: &str,
) -> Answer<Json<SessionShape>> {
    let standing = live(server.0, session_id).await?;
    let current = is_own(&power, standing.session.id());
    Ok(Json(shapes::session(server.0, &standing).current(current)))
}

fn is_own<R: Right>(power: &Power<'_, R>, id: SessionId) -> bool {
    power.live().is_some_and(|live| live.session.id() == id)
}

/// Why it is to end, and what proves who asks.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// For the audit log; the person whose session it is does not see it.
    #[serde(default)]
    reason: Option<ReasonText>,
    /// An administrator's password, where their last sign-in was more than ten minutes ago.
    #[serde(default)]
    password: Option<String>,
    /// The code, where they have a second factor.
    #[serde(default)]
    code: Option<String>,
}

/// End one session, whoever's it is
///
/// An administrator gives a fresh sign-in, or the password (and code) with the request.
#[utoipa::path(
    context_path = "/v1",
    tag = "sessions",
    operation_id = "deleteSession",
    params(("session_id" = String, Path, description = "A session's id", pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$")),
    request_body(content = Revocation),
    responses(
        (
            status = 204,
            description = "It has ended, on disk",
        ),
        (status = 401, description = "No session or key that is good for this, or `user_reauthentication_required`", body = ErrorBody),
        (status = 404, description = "`user_session_not_found`: there is none, or it is past", body = ErrorBody),
        (status = 429, description = "Too many wrong passwords", body = ErrorBody),
    )
)]
#[delete("/sessions/<session_id>", data = "<revocation>")]
pub async fn end(
    server: Server<'_>,
    power: Power<'_, SessionsWrite>,
    program: Program<'_>,
    session_id: &str,
    revocation: Body<Revocation>,
) -> Answer<Done> {
    let core = server.0;
    let Revocation { reason, password, code } = revocation.0;
    let id = session_id.parse().map_err(|_| ApiError::no_session())?;
    let is_live = matches!(looked_up(core, id).await?, Some((_, Verdict::Live)));
    // One that is past is ended all the same: it may be so since a moment ago, and on no disk yet.
    if let (true, Some(live)) = (is_live, power.live()) {
        prove(core, live, Proven { password, code }, program.address).await?;
    }
    let order = power.order(reason.map(Note::from), program.address);
    match core.service.revoke(id, &order).await? {
        End::Done(_) => {}
        End::AlreadyEnded(_) | End::NotFound => return Err(ApiError::no_session()),
    }
    let cookies = if is_own(&power, id) { session_cookies::take_away(core) } else { Vec::new() };
    Ok(Done { cookies })
}
