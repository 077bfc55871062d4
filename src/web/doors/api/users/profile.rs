//! A user's name and preferences.

use rocket::serde::json::Json;
use rocket::{Route, get, patch, routes};

use super::change::change;
use super::found;
use crate::domain::change::UserChange;
use crate::web::doors::api::account::{Named, NewPrefs};
use crate::web::doors::api::body::Body;
use crate::web::doors::api::credentials::{Keyed, Program, UsersRead, UsersWrite};
use crate::web::doors::api::error::{Answer, ErrorBody};
use crate::web::doors::api::shapes::{PrefsShape, UserShape};
use crate::web::guards::Server;

pub fn routes() -> Vec<Route> {
    routes![set_user_name, user_prefs, set_user_prefs]
}

/// Change a user's name
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "updateUserName",
    request_body = Named,
    responses(
        (status = 200, description = "The user", body = UserShape),
        (status = 404, description = "`user_not_found`", body = ErrorBody),
    )
)]
#[patch("/users/<user_id>/name", data = "<new>")]
pub async fn set_user_name(
    server: Server<'_>,
    key: Keyed<UsersWrite>,
    program: Program<'_>,
    user_id: &str,
    new: Body<Named>,
) -> Answer<Json<UserShape>> {
    let to = UserChange::Name(new.0.name.0);
    let user = change(server.0, user_id, to, &key.order(None, program.address)).await?;
    Ok(Json(UserShape::from(&user)))
}

/// Get a user's preferences
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "getUserPrefs",
    responses(
        (status = 200, description = "The preferences", body = PrefsShape),
        (status = 404, description = "`user_not_found`", body = ErrorBody),
    )
)]
#[get("/users/<user_id>/prefs")]
pub async fn user_prefs(server: Server<'_>, _key: Keyed<UsersRead>, user_id: &str) -> Answer<Json<PrefsShape>> {
    Ok(Json(PrefsShape(found(server.0, user_id).await?.profile.prefs.object())))
}

/// Replace a user's preferences
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "updateUserPrefs",
    request_body = NewPrefs,
    responses(
        (status = 200, description = "The preferences", body = PrefsShape),
        (status = 404, description = "`user_not_found`", body = ErrorBody),
    )
)]
#[patch("/users/<user_id>/prefs", data = "<new>")]
pub async fn set_user_prefs(
    server: Server<'_>,
    key: Keyed<UsersWrite>,
    program: Program<'_>,
    user_id: &str,
    new: Body<NewPrefs>,
) -> Answer<Json<PrefsShape>> {
    let user = change(server.0, user_id, new.0.parse()?, &key.order(None, program.address)).await?;
    Ok(Json(PrefsShape(user.profile.prefs.object())))
}
