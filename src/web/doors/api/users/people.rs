//! One user: creating, seeing, deleting.

use rocket::response::status::Created;
use rocket::serde::json::Json;
use rocket::{Route, delete, get, post, routes};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{found, named};
use crate::domain::user::Name;
use crate::service::users;
use crate::store::UserDeleted;
use crate::web::doors::api::account::new_user_error;
use crate::web::doors::api::answer::Done;
use crate::web::doors::api::body::Body;
use crate::web::doors::api::credentials::{Keyed, Program, UsersRead, UsersWrite};
use crate::web::doors::api::error::{Answer, ApiError, ErrorBody};
use crate::web::doors::api::shapes::UserShape;
use crate::web::doors::api::values::{EmailText, NameText, NewUserId, NoPhone, PasswordText};
use crate::web::guards::Server;

pub fn routes() -> Vec<Route> {
    routes![create_user, user, delete_user]
}

/// A user to be created.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewUser {
    user_id: NewUserId,
    email: EmailText,
    #[serde(default, rename = "phone")]
    _phone: Option<NoPhone>,
    /// Without one they come in by one-time tokens, until they get one.
    #[serde(default)]
    password: Option<PasswordText>,
    #[serde(default)]
    name: Option<NameText>,
}

/// Create a user
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "createUser",
    request_body = NewUser,
    responses(
        (status = 201, description = "The user", body = UserShape),
        (status = 400, description = "Bad parameter, or a password that is easily guessed", body = ErrorBody),
        (status = 409, description = "`user_already_exists` or `user_email_already_exists`", body = ErrorBody),
    )
)]
#[post("/users", data = "<new>")]
pub async fn create_user(
    server: Server<'_>,
    key: Keyed<UsersWrite>,
    program: Program<'_>,
    new: Body<NewUser>,
) -> Answer<Created<Json<UserShape>>> {
    let core = server.0;
    let NewUser { user_id, email, _phone: _, password, name } = new.0;
    let account = users::Account {
        id: user_id.0,
        email: email.0,
        name: name.map_or(Name::unknown(), |name| name.0),
        password: password.map(|password| password.0),
        from: program.address,
    };
    let created = core.service.create_account(account, key.actor()).await;
    let user = created.map_err(|error| new_user_error(error, core.service.clock().now()))?;
    Ok(Created::new(format!("/v1/users/{}", user.id)).body(Json(UserShape::from(&user))))
}

/// Get a user
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "getUser",
    responses(
        (status = 200, description = "The user", body = UserShape),
        (status = 404, description = "`user_not_found`", body = ErrorBody),
    )
)]
#[get("/users/<user_id>")]
pub async fn user(server: Server<'_>, _key: Keyed<UsersRead>, user_id: &str) -> Answer<Json<UserShape>> {
    Ok(Json(UserShape::from(&found(server.0, user_id).await?)))
}

/// Delete a user
///
/// All of their sessions end in the same step.
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "deleteUser",
    responses(
        (status = 204, description = "They are gone, on disk"),
        (status = 404, description = "`user_not_found`", body = ErrorBody),
        (status = 409, description = "`user_last_administrator`", body = ErrorBody),
    )
)]
#[delete("/users/<user_id>")]
pub async fn delete_user(
    server: Server<'_>,
    key: Keyed<UsersWrite>,
    program: Program<'_>,
    user_id: &str,
) -> Answer<Done> {
    let order = key.order(None, program.address);
    match server.0.service.delete_user(&named(user_id)?, &order).await? {
        UserDeleted::Done { .. } => Ok(Done::default()),
        UserDeleted::LastAdministrator => Err(ApiError::last_administrator()),
        UserDeleted::NotFound => Err(ApiError::no_user()),
    }
}
