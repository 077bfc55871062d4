//! A user's sessions: seeing and ending them.

use rocket::serde::json::Json;
use rocket::{Route, delete, get, routes};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{found, named};
use crate::domain::listing::Whose;
use crate::store::{End, EndUser};
use crate::web::doors::api::account::live_of;
use crate::web::doors::api::answer::Done;
use crate::web::doors::api::body::{Flag, Query};
use crate::web::doors::api::credentials::{Keyed, Program, SessionsRead, SessionsWrite};
use crate::web::doors::api::error::{Answer, ApiError, ErrorBody};
use crate::web::doors::api::shapes::{self, SessionList};
use crate::web::doors::api::values;
use crate::web::guards::Server;

pub fn routes() -> Vec<Route> {
    routes![user_sessions, end_user_session, end_user_sessions]
}

/// Whether to count.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Counted {
    /// Whether to count them; `false` answers 0.
    #[param(value_type = Option<bool>, nullable = false)]
    total: Option<Flag>,
}

/// List a user's live sessions
///
/// Oldest first. No credential is told, and none of them is the one that asked.
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "listUserSessions",
    params(Counted),
    responses(
        (status = 200, description = "The sessions", body = SessionList),
        (status = 404, description = "`user_not_found`", body = ErrorBody),
    )
)]
#[get("/users/<user_id>/sessions")]
pub async fn user_sessions(
    server: Server<'_>,
    _key: Keyed<SessionsRead>,
    user_id: &str,
    counted: Query<Counted>,
) -> Answer<Json<SessionList>> {
    let user = found(server.0, user_id).await?;
    let rows = live_of(server.0, Whose::User(user.key())).await?;
    let sessions: Vec<_> = rows.iter().map(|standing| shapes::session(server.0, standing)).collect();
    let total = if counted.0.total.is_none_or(Flag::is_true) { sessions.len() as u64 } else { 0 };
    Ok(Json(SessionList { total, sessions }))
}

/// End one of a user's sessions
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "deleteUserSession",
    responses(
        (status = 204, description = "It has ended, on disk"),
        (status = 404, description = "`user_not_found`, or `user_session_not_found`: no such live session of this user", body = ErrorBody),
    )
)]
#[delete("/users/<user_id>/sessions/<session_id>")]
pub async fn end_user_session(
    server: Server<'_>,
    key: Keyed<SessionsWrite>,
    program: Program<'_>,
    user_id: &str,
    session_id: &str,
) -> Answer<Done> {
    let id = values::session_id(session_id)?;
    let user = found(server.0, user_id).await?;
    let order = key.order(None, program.address);
    match server.0.service.revoke_of(&user.id, id, &order).await? {
        End::Done(_) => Ok(Done::default()),
        End::AlreadyEnded(_) | End::NotFound => Err(ApiError::no_session()),
    }
}

/// End all of a user's sessions
///
/// In one step, whatever their number. One-time tokens that are out end with them.
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "deleteUserSessions",
    responses(
        (status = 204, description = "They have ended, on disk"),
        (status = 404, description = "`user_not_found`", body = ErrorBody),
    )
)]
#[delete("/users/<user_id>/sessions")]
pub async fn end_user_sessions(
    server: Server<'_>,
    key: Keyed<SessionsWrite>,
    program: Program<'_>,
    user_id: &str,
) -> Answer<Done> {
    let order = key.order(None, program.address);
    match server.0.service.revoke_user(&named(user_id)?, None, &order).await? {
        EndUser::Done { .. } => Ok(Done::default()),
        // Nothing was to be kept.
        EndUser::NotFound | EndUser::KeeperEnded => Err(ApiError::no_user()),
    }
}
