//! One's own sessions: seeing, renewing and ending them.

use rocket::serde::json::Json;
use rocket::{Route, delete, get, patch, routes};
use serde::Deserialize;
use utoipa::ToSchema;

use super::security::{Proven, prove};
use crate::domain::id::SessionId;
use crate::domain::listing::{Direction, Filter, Order, Query, Whose};
use crate::domain::session::{SessionChange, Standing, Verdict};
use crate::service::sessions::{LiveSession, Scope, SignedOut};
use crate::store::Change;
use crate::web::Core;
use crate::web::doors::api::answer::Done;
use crate::web::doors::api::body::Body;
use crate::web::doors::api::credentials::{Account, Program};
use crate::web::doors::api::error::{Answer, ApiError, ErrorBody};
use crate::web::doors::api::shapes::{self, SessionList, SessionShape};
use crate::web::doors::api::values::session_id;
use crate::web::guards::Server;
use crate::web::session_cookies;

pub fn routes() -> Vec<Route> {
    routes![list, session, renew, end, end_all]
}

/// List the account's live sessions
///
/// Oldest first. No credential is told.
#[utoipa::path(
    context_path = "/v1",
    tag = "account",
    operation_id = "listAccountSessions",
    responses((status = 200, description = "The sessions", body = SessionList))
)]
#[get("/account/sessions")]
pub async fn list(server: Server<'_>, account: Account<'_>) -> Answer<Json<SessionList>> {
    let rows = live_of(server.0, Whose::User(account.live.user.key())).await?;
    let own = account.live.session.id();
    let sessions: Vec<_> =
        rows.iter().map(|standing| shapes::session(server.0, standing).current(standing.session.id() == own)).collect();
    Ok(Json(SessionList { total: sessions.len() as u64, sessions }))
}

/// All live sessions of one user, oldest first.
pub async fn live_of(core: &Core, whose: Whose) -> Answer<Vec<Standing>> {
    let filter = Filter { whose, ..Filter::default() };
    let first = Query { order: Order::SignedIn, direction: Direction::Ascending, ..Query::first(filter) };
    let mut query = Query { rows: Query::MOST_EXAMINED, ..first };
    let mut all = Vec::new();
    loop {
        let page = core.service.list(&query).await?;
        all.extend(page.rows.into_iter().map(|(standing, _)| standing));
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => return Ok(all),
        }
    }
}

/// Which session a path means: `current` or an id.
fn meant(account: &Account<'_>, id: &str) -> Answer<SessionId> {
    match id {
        "current" => Ok(account.live.session.id()),
        id => session_id(id),
    }
}

/// One of one's own sessions, if it is live.
async fn found(core: &Core, live: &LiveSession, id: SessionId) -> Answer<Option<Standing>> {
    let standing = core.service.store().session(live.user.key(), id).await?;
    let now = core.service.clock().now();
    Ok(standing.filter(|standing| standing.verdict(now, core.service.limits()) == Verdict::Live))
}

/// One of one's own live sessions.
async fn own(core: &Core, live: &LiveSession, id: SessionId) -> Answer<Standing> {
    found(core, live, id).await?.ok_or_else(ApiError::no_session)
}

/// Get one of the account's live sessions
#[utoipa::path(
    context_path = "/v1",
    tag = "account",
    operation_id = "getAccountSession",
    params(("session_id" = String, Path, description = "A session's id, or `current`")),
    responses(
        (status = 200, description = "The session", body = SessionShape),
        (status = 404, description = "`user_session_not_found`: no such live session of this account", body = ErrorBody),
    )
)]
#[get("/account/sessions/<session_id>")]
pub async fn session(server: Server<'_>, account: Account<'_>, session_id: &str) -> Answer<Json<SessionShape>> {
    let LiveSession { session, user, seen } = account.live;
    let id = meant(&account, session_id)?;
    if id == session.id() {
        // The gate has read it just now.
        let shape = SessionShape::new(session, *seen, Some(user), server.0.service.limits());
        return Ok(Json(shape.current(true)));
    }
    let standing = own(server.0, account.live, id).await?;
    Ok(Json(shapes::session(server.0, &standing)))
}

/// Renew one of the account's sessions
///
/// It counts as seen now, on disk. No session outlives its absolute lifetime.
#[utoipa::path(
    context_path = "/v1",
    tag = "account",
    operation_id = "updateAccountSession",
    params(("session_id" = String, Path, description = "A session's id, or `current`")),
    responses(
        (status = 200, description = "The session", body = SessionShape),
        (status = 404, description = "`user_session_not_found`", body = ErrorBody),
    )
)]
#[patch("/account/sessions/<session_id>")]
pub async fn renew(
    server: Server<'_>,
    account: Account<'_>,
    program: Program<'_>,
    session_id: &str,
) -> Answer<Json<SessionShape>> {
    let (service, user) = (&server.0.service, account.live.user.key());
    let id = meant(&account, session_id)?;
    match service.change_session(user, id, SessionChange::Renewed, program.address).await? {
        Change::Done => {}
        Change::AlreadyEnded(_) | Change::NotFound => return Err(ApiError::no_session()),
    }
    let standing = own(server.0, account.live, id).await?;
    Ok(Json(shapes::session(server.0, &standing).current(id == account.live.session.id())))
}

/// End one of the account's sessions
///
/// Ending another than the present one asks for a fresh sign-in, or for the password (and code) with the request.
#[utoipa::path(
    context_path = "/v1",
    tag = "account",
    operation_id = "deleteAccountSession",
    params(("session_id" = String, Path, description = "A session's id, or `current`")),
    request_body(content = Proven),
    responses(
        (status = 204, description = "It has ended, on disk"),
        (status = 401, description = "No session, or `user_reauthentication_required`", body = ErrorBody),
        (status = 404, description = "`user_session_not_found`", body = ErrorBody),
        (status = 429, description = "Too many wrong passwords", body = ErrorBody),
    )
)]
#[delete("/account/sessions/<session_id>", data = "<proven>")]
pub async fn end(
    server: Server<'_>,
    account: Account<'_>,
    program: Program<'_>,
    session_id: &str,
    proven: Body<Proven>,
) -> Answer<Done> {
    let core = server.0;
    let id = meant(&account, session_id)?;
    let current = id == account.live.session.id();
    // One that is past is ended all the same: it may be so since a moment ago, and on no disk yet.
    if !current && found(core, account.live, id).await?.is_some() {
        prove(core, account.live, proven.0, program.address).await?;
    }
    match core.service.sign_out(account.live, Scope::One(id), program.address).await? {
        SignedOut::Done(_) => {}
        // Somebody else was faster: it is what was asked for.
        SignedOut::Already if current => {}
        SignedOut::Already | SignedOut::NotFound => return Err(ApiError::no_session()),
    }
    let cookies = if current { session_cookies::take_away(core) } else { Vec::new() };
    Ok(Done { cookies })
}

/// How far the end of all goes, and what proves who asks for it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndAll {
    /// Whether the present one ends, too.
    #[serde(default = "yes")]
    #[schema(default = true)]
    current: bool,
    /// The account's password, where the last sign-in was more than ten minutes ago.
    #[serde(default)]
    password: Option<String>,
    /// The code, where the account has a second factor.
    #[serde(default)]
    code: Option<String>,
}

const fn yes() -> bool {
    true
}

/// End all of the account's sessions
///
/// In one step, whatever their number. Asks for a fresh sign-in, or for the password (and code) with the request.
#[utoipa::path(
    context_path = "/v1",
    tag = "account",
    operation_id = "deleteAccountSessions",
    request_body(content = EndAll),
    responses(
        (status = 204, description = "They have ended, on disk"),
        (status = 401, description = "No session, or `user_reauthentication_required`", body = ErrorBody),
        (status = 429, description = "Too many wrong passwords", body = ErrorBody),
    )
)]
#[delete("/account/sessions", data = "<wish>")]
pub async fn end_all(
    server: Server<'_>,
    account: Account<'_>,
    program: Program<'_>,
    wish: Body<EndAll>,
) -> Answer<Done> {
    let core = server.0;
    let EndAll { current, password, code } = wish.0;
    prove(core, account.live, Proven { password, code }, program.address).await?;
    let scope = if current { Scope::All } else { Scope::Others };
    match core.service.sign_out(account.live, scope, program.address).await? {
        SignedOut::Done(_) => {}
        SignedOut::Already if current => {}
        // The one that was to be kept has ended: nothing was done.
        SignedOut::Already | SignedOut::NotFound => return Err(ApiError::guest("The session has ended.")),
    }
    let cookies = if current { session_cookies::take_away(core) } else { Vec::new() };
    Ok(Done { cookies })
}
