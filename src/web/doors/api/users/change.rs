//! What decides how somebody signs in, and whether: status, password, address, labels.

use rocket::serde::json::Json;
use rocket::{Route, patch, put, routes};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{found, named};
use crate::domain::change::UserChange;
use crate::domain::user::{Label, User};
use crate::service::passwords::PasswordChangeError;
use crate::service::sessions::Order;
use crate::store::UserChanged;
use crate::web::Core;
use crate::web::doors::api::body::Body;
use crate::web::doors::api::credentials::{Keyed, Program, UsersWrite};
use crate::web::doors::api::error::{Answer, ApiError, ErrorBody};
use crate::web::doors::api::shapes::UserShape;
use crate::web::doors::api::values::{EmailText, LabelText, PasswordText, few_labels};
use crate::web::guards::Server;

pub fn routes() -> Vec<Route> {
    routes![set_status, set_user_password, set_user_email, set_verification, set_labels]
}

/// Makes a change, and answers what the user is then.
pub(super) async fn change(core: &Core, user_id: &str, change: UserChange, order: &Order) -> Answer<User> {
    let id = named(user_id)?;
    match core.service.change_user(&id, change, order).await? {
        UserChanged::Done { user, .. } => Ok(*user),
        UserChanged::Unchanged => found(core, user_id).await,
        UserChanged::LastAdministrator => Err(ApiError::last_administrator()),
        UserChanged::EmailTaken => Err(ApiError::email_taken()),
        UserChanged::NotFound => Err(ApiError::no_user()),
        // Nothing of what a key may change rests on a password or a session.
        UserChanged::Stale => Err(ApiError::unavailable("The user was changed meanwhile. It is safe to try again.")),
    }
}

/// Whether somebody may sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStatus {
    status: bool,
}

/// Block or unblock a user
///
/// Blocking ends all of their sessions for good, in the same step.
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "updateUserStatus",
    request_body = NewStatus,
    responses(
        (status = 200, description = "The user", body = UserShape),
        (status = 404, description = "`user_not_found`", body = ErrorBody),
        (status = 409, description = "`user_last_administrator`", body = ErrorBody),
    )
)]
#[patch("/users/<user_id>/status", data = "<new>")]
pub async fn set_status(
    server: Server<'_>,
    key: Keyed<UsersWrite>,
    program: Program<'_>,
    user_id: &str,
    new: Body<NewStatus>,
) -> Answer<Json<UserShape>> {
    let to = if new.0.status { UserChange::Unblock } else { UserChange::Block };
    let user = change(server.0, user_id, to, &key.order(None, program.address)).await?;
    Ok(Json(UserShape::from(&user)))
}

/// A password for somebody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordForUser {
    password: PasswordText,
}

/// Give a user a password
///
/// Ends all of their sessions.
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "updateUserPassword",
    request_body = PasswordForUser,
    responses(
        (status = 200, description = "The user", body = UserShape),
        (status = 400, description = "Bad parameter, or a password that is easily guessed", body = ErrorBody),
        (status = 404, description = "`user_not_found`", body = ErrorBody),
    )
)]
#[patch("/users/<user_id>/password", data = "<new>")]
pub async fn set_user_password(
    server: Server<'_>,
    key: Keyed<UsersWrite>,
    program: Program<'_>,
    user_id: &str,
    new: Body<PasswordForUser>,
) -> Answer<Json<UserShape>> {
    let core = server.0;
    let user = found(core, user_id).await?;
    let changed = core.service.set_password(&user, new.0.password.0, &key.order(None, program.address)).await;
    changed.map_err(|error| match error {
        PasswordChangeError::Refused(error) => ApiError::argument("password", error),
        PasswordChangeError::NoUser => ApiError::no_user(),
        PasswordChangeError::Busy(busy) => busy.into(),
        PasswordChangeError::Store(error) => error.into(),
        // Nobody was asked for the present one.
        PasswordChangeError::Wrong | PasswordChangeError::Stale | PasswordChangeError::Later(_) => {
            ApiError::unavailable("The user was changed meanwhile. It is safe to try again.")
        }
    })?;
    Ok(Json(UserShape::from(&found(core, user_id).await?)))
}

/// An address for somebody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailForUser {
    email: EmailText,
}

/// Give a user another e-mail address
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "updateUserEmail",
    request_body = EmailForUser,
    responses(
        (status = 200, description = "The user", body = UserShape),
        (status = 404, description = "`user_not_found`", body = ErrorBody),
        (status = 409, description = "`user_email_already_exists`", body = ErrorBody),
    )
)]
#[patch("/users/<user_id>/email", data = "<new>")]
pub async fn set_user_email(
    server: Server<'_>,
    key: Keyed<UsersWrite>,
    program: Program<'_>,
    user_id: &str,
    new: Body<EmailForUser>,
) -> Answer<Json<UserShape>> {
    let to = UserChange::Email(new.0.email.0);
    let user = change(server.0, user_id, to, &key.order(None, program.address)).await?;
    Ok(Json(UserShape::from(&user)))
}

/// Whether somebody's address is theirs.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewVerification {
    email_verification: bool,
}

/// Say whether a user's e-mail address is theirs
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "updateUserEmailVerification",
    request_body = NewVerification,
    responses(
        (status = 200, description = "The user", body = UserShape),
        (status = 404, description = "`user_not_found`", body = ErrorBody),
    )
)]
#[patch("/users/<user_id>/verification", data = "<new>")]
pub async fn set_verification(
    server: Server<'_>,
    key: Keyed<UsersWrite>,
    program: Program<'_>,
    user_id: &str,
    new: Body<NewVerification>,
) -> Answer<Json<UserShape>> {
    let to = UserChange::Verified(new.0.email_verification);
    let user = change(server.0, user_id, to, &key.order(None, program.address)).await?;
    Ok(Json(UserShape::from(&user)))
}

/// Labels in the place of those there are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLabels {
    #[serde(deserialize_with = "few_labels")]
    #[schema(max_items = 100)]
    labels: Vec<LabelText>,
}

/// Replace a user's labels
///
/// Whoever becomes an administrator by it, or is none any more, is signed out everywhere in the same step.
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "updateUserLabels",
    request_body = NewLabels,
    responses(
        (status = 200, description = "The user", body = UserShape),
        (status = 404, description = "`user_not_found`", body = ErrorBody),
        (status = 409, description = "`user_last_administrator`", body = ErrorBody),
    )
)]
#[put("/users/<user_id>/labels", data = "<new>")]
pub async fn set_labels(
    server: Server<'_>,
    key: Keyed<UsersWrite>,
    program: Program<'_>,
    user_id: &str,
    new: Body<NewLabels>,
) -> Answer<Json<UserShape>> {
    let labels = new.0.labels.into_iter().map(|label| -> Label { label.0 }).collect();
    let user = change(server.0, user_id, UserChange::Labels(labels), &key.order(None, program.address)).await?;
    Ok(Json(UserShape::from(&user)))
}
