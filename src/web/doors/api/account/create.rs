//! Creating an account for oneself, where that is allowed.

use rocket::http::Status;
use rocket::response::status::Created;
use rocket::serde::json::Json;
use rocket::{Route, get, post, routes};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::user::Name;
use crate::service::users::{self, NewUserError};
use crate::web::doors::api::body::Body;
use crate::web::doors::api::credentials::{Account, Program};
use crate::web::doors::api::error::{Answer, ApiError, ErrorBody};
use crate::web::doors::api::shapes::UserShape;
use crate::web::doors::api::values::{EmailText, NameText, NewUserId, PasswordText};
use crate::web::guards::Server;

pub fn routes() -> Vec<Route> {
    routes![create, get]
}

/// An account to be created.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewAccount {
    user_id: NewUserId,
    email: EmailText,
    password: PasswordText,
    #[serde(default)]
    name: Option<NameText>,
}

/// Create an account
///
/// Where `sign_up` is enabled. Signs nobody in.
#[utoipa::path(
    context_path = "/v1",
    tag = "account",
    operation_id = "createAccount",
    security(()),
    request_body = NewAccount,
    responses(
        (status = 201, description = "The account", body = UserShape),
        (status = 400, description = "Bad parameter, or a password that is easily guessed", body = ErrorBody),
        (status = 403, description = "Nobody may create an account here", body = ErrorBody),
        (status = 409, description = "The id or the address is taken", body = ErrorBody),
        (status = 429, description = "Too many accounts from this address", body = ErrorBody),
    )
)]
#[post("/account", data = "<new>")]
pub async fn create(
    server: Server<'_>,
    program: Program<'_>,
    new: Body<NewAccount>,
) -> Answer<Created<Json<UserShape>>> {
    let core = server.0;
    if !core.config.sign_up {
        let told = "Accounts are created by an administrator here.";
        return Err(ApiError::new(Status::Forbidden, "user_signup_disabled", told));
    }
    let NewAccount { user_id, email, password, name } = new.0;
    let account = users::Account {
        id: user_id.0,
        email: email.0,
        name: name.map_or(Name::unknown(), |name| name.0),
        password: Some(password.0),
        from: program.address,
    };
    let user =
        core.service.sign_up(account).await.map_err(|error| new_user_error(error, core.service.clock().now()))?;
    Ok(Created::new("/v1/account").body(Json(UserShape::from(&user))))
}

/// Why there is no such user.
pub fn new_user_error(error: NewUserError, now: crate::domain::timestamp::Timestamp) -> ApiError {
    match error {
        NewUserError::Particulars(error) => ApiError::argument("email", error),
        NewUserError::Password(error) => ApiError::argument("password", error),
        NewUserError::EmailTaken => {
            ApiError::new(Status::Conflict, "user_already_exists", "There is a user with this e-mail address.")
        }
        NewUserError::IdTaken => {
            ApiError::new(Status::Conflict, "user_already_exists", "There is a user with this id.")
        }
        NewUserError::Later(later) => ApiError::later(later, now),
        NewUserError::Busy(busy) => busy.into(),
        NewUserError::Store(error) => error.into(),
        NewUserError::NotFirst => ApiError::new(Status::Conflict, "user_already_exists", "There are users already."),
    }
}

/// Get the account
#[utoipa::path(
    context_path = "/v1",
    tag = "account",
    operation_id = "getAccount",
    responses((status = 200, description = "The account", body = UserShape))
)]
#[get("/account")]
pub fn get(account: Account<'_>) -> Json<UserShape> {
    Json(UserShape::from(&account.live.user))
}
