//! Letting somebody in on an application's word: a session that it is handed, or a one-time token for the user.

use std::time::Duration;

use rocket::http::Status;
use rocket::response::status;
use rocket::serde::json::Json;
use rocket::{Route, post, routes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::named;
use crate::domain::key::Scope;
use crate::domain::token::Token;
use crate::service::tokens::{Reach, VouchError};
use crate::web::doors::api::account::{began, no_jwt};
use crate::web::doors::api::answer::Began;
use crate::web::doors::api::body::Body;
use crate::web::doors::api::credentials::{Keyed, Program, SessionsWrite};
use crate::web::doors::api::error::{Answer, ApiError, ErrorBody};
use crate::web::doors::api::shapes::SessionShape;
use crate::web::doors::api::values::{TokenLength, TokenLifetime};
use crate::web::guards::Server;

pub fn routes() -> Vec<Route> {
    routes![create_user_session, create_token, user_jwt]
}

fn vouch_error(error: VouchError) -> ApiError {
    match error {
        VouchError::NoUser => ApiError::no_user(),
        VouchError::Blocked => ApiError::blocked(),
        VouchError::Administrator => ApiError::lacks(Scope::UsersWrite),
        VouchError::Stale => ApiError::unavailable("All sessions were ended at this very moment. Try again."),
        VouchError::Store(error) => error.into(),
    }
}

/// Who may make administrators may let them in. With another key it would be a way to all that its scopes do not say.
fn reach(key: &Keyed<SessionsWrite>) -> Reach {
    if key.key.scopes.contain(Scope::UsersWrite) { Reach::Everybody } else { Reach::NoAdministrators }
}

/// Begin a session for a user
///
/// On the word of the application, which hands the `secret` on. For an administrator the key needs `users.write` besides. It may say in `X-Forwarded-User-Agent` with what the user
/// came.
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "createUserSession",
    responses(
        (status = 201, description = "The session, with its credential as `secret`", body = SessionShape),
        (status = 403, description = "`user_blocked`", body = ErrorBody),
        (status = 404, description = "`user_not_found`", body = ErrorBody),
    )
)]
#[post("/users/<user_id>/sessions")]
pub async fn create_user_session(
    server: Server<'_>,
    key: Keyed<SessionsWrite>,
    program: Program<'_>,
    user_id: &str,
) -> Answer<Began> {
    let order = key.order(None, program.address);
    let vouched = server.0.service.vouch(&named(user_id)?, program.client(), &order, reach(&key)).await;
    Ok(began(server.0, &vouched.map_err(vouch_error)?, true, None))
}

/// What the token is to be like.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// How many characters its secret has; 6 without.
    #[serde(default)]
    length: Option<TokenLength>,
    /// For how many seconds it is good; 900 without.
    #[serde(default)]
    expire: Option<TokenLifetime>,
}

/// A one-time token.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Token)]
pub struct TokenShape {
    #[serde(rename = "$id")]
    id: String,
    #[serde(rename = "$createdAt")]
    #[schema(format = DateTime)]
    created_at: String,
    user_id: String,
    /// What its user shows, once. Told here alone.
    secret: String,
    /// Until when it is good.
    #[schema(format = DateTime)]
    expire: String,
    phrase: &'static str,
}

/// Draw a one-time token for a user
///
/// Whoever shows it (`POST /v1/account/sessions/token`) signs in as them, once. At most ten are out at a time; a further one
/// takes the oldest's place. Ending all of the user's sessions, or another address of theirs, ends them, too. For an administrator
/// the key needs `users.write` besides.
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "createUserToken",
    request_body = NewToken,
    responses(
        (status = 201, description = "The token", body = TokenShape),
        (status = 403, description = "`user_blocked`", body = ErrorBody),
        (status = 404, description = "`user_not_found`", body = ErrorBody),
    )
)]
#[post("/users/<user_id>/tokens", data = "<new>")]
pub async fn create_token(
    server: Server<'_>,
    key: Keyed<SessionsWrite>,
    program: Program<'_>,
    user_id: &str,
    new: Body<NewToken>,
) -> Answer<status::Custom<Json<TokenShape>>> {
    let NewToken { length, expire } = new.0;
    let length = length.map_or(Token::LENGTH, |length| length.0);
    let lifetime = expire.map_or(Token::LIFETIME, |expire| Duration::from_secs(expire.0));
    let (id, order) = (named(user_id)?, key.order(None, program.address));
    let drawn = server.0.service.create_token(&id, length, lifetime, (&order, reach(&key))).await;
    let (token, secret) = drawn.map_err(vouch_error)?;
    let shape = TokenShape {
        id: token.id(),
        created_at: token.created().iso(),
        user_id: id.to_string(),
        secret,
        expire: token.expires().iso(),
        phrase: "",
    };
    Ok(status::Custom(Status::Created, Json(shape)))
}

/// Not to be had
///
/// A token that proves itself outlives its revocation: this server makes none.
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "createUserJWT",
    responses((status = 501, description = "`general_not_implemented`", body = ErrorBody))
)]
#[post("/users/<user_id>/jwts")]
pub fn user_jwt(_key: Keyed<SessionsWrite>, user_id: &str) -> ApiError {
    named(user_id).map_or_else(|error| error, |_| no_jwt())
}
