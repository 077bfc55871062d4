//! What asks who somebody is: a new password, another address, blocking oneself.

use std::net::IpAddr;

use rocket::http::Status;
use rocket::serde::json::Json;
use rocket::{Route, patch, post, routes};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::change::UserChange;
use crate::domain::ending::Actor;
use crate::domain::password::Password;
use crate::service::auth::SignInError;
use crate::service::passwords::{PasswordChangeError, PasswordForm};
use crate::service::proofs::Proof;
use crate::service::sessions::{LiveSession, Order};
use crate::store::UserChanged;
use crate::web::Core;
use crate::web::doors::api::answer::WithCookies;
use crate::web::doors::api::body::Body;
use crate::web::doors::api::credentials::{Account, Program};
use crate::web::doors::api::error::{Answer, ApiError, ErrorBody};
use crate::web::doors::api::shapes::UserShape;
use crate::web::doors::api::values::{EmailText, PasswordText};
use crate::web::guards::Server;
use crate::web::seen::Carrier;
use crate::web::session_cookies;

pub fn routes() -> Vec<Route> {
    routes![set_password, set_email, block, jwt]
}

/// What proves who somebody is, where their last sign-in was long ago.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Proven {
    /// The account's password, where the last sign-in was more than ten minutes ago.
    #[serde(default)]
    pub password: Option<String>,
    /// The code, where the account has a second factor.
    #[serde(default)]
    pub code: Option<String>,
}

/// Lets nobody through whose last proof of who they are was long ago and who gives none.
pub async fn prove(core: &Core, live: &LiveSession, proven: Proven, from: Option<IpAddr>) -> Answer<()> {
    let now = core.service.clock().now();
    if live.session.is_fresh(now) {
        return Ok(());
    }
    let password = proven.password.ok_or_else(ApiError::stale)?;
    proved(core, live, password, proven.code, from).await
}

/// Lets nobody through who does not give their password.
async fn proved(
    core: &Core,
    live: &LiveSession,
    password: String,
    code: Option<String>,
    from: Option<IpAddr>,
) -> Answer<()> {
    let now = core.service.clock().now();
    let proof = Proof { password: Password::typed(password), code: code.unwrap_or_default() };
    core.service.reauthenticate(live, proof, from).await.map_err(|error| match error {
        SignInError::Wrong => ApiError::credentials("The password, or the code, is wrong."),
        error => ApiError::sign_in(error, now),
    })
}

/// A new password, and the one there is.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPassword {
    password: PasswordText,
    /// The one there is.
    #[schema(format = Password)]
    old_password: String,
    /// The code, where the account has a second factor.
    #[serde(default)]
    code: Option<String>,
}

/// Change the account's password
///
/// Ends all other sessions of the account. The present one goes on: a browser gets a new credential in its cookie.
#[utoipa::path(
    context_path = "/v1",
    tag = "account",
    operation_id = "updateAccountPassword",
    request_body = NewPassword,
    responses(
        (status = 200, description = "The account", body = UserShape),
        (status = 400, description = "Bad parameter, or a password that is easily guessed", body = ErrorBody),
        (status = 401, description = "No session, or `user_invalid_credentials`: the present password is another one", body = ErrorBody),
        (status = 429, description = "Too many wrong passwords", body = ErrorBody),
    )
)]
#[patch("/account/password", data = "<new>")]
pub async fn set_password(
    server: Server<'_>,
    account: Account<'_>,
    program: Program<'_>,
    new: Body<NewPassword>,
) -> Answer<WithCookies<UserShape>> {
    let core = server.0;
    let NewPassword { password, old_password, code } = new.0;
    let proof = Proof { password: Password::typed(old_password), code: code.unwrap_or_default() };
    let form = PasswordForm { proof, chosen: password.0, client: program.client() };
    let changed = match account.carrier {
        Carrier::Cookie => core.service.change_own_password(account.live, form).await.map(|changed| {
            let cookies = session_cookies::hand_out(core, &changed.signed_in);
            WithCookies { shape: UserShape::from(&changed.signed_in.user), cookies }
        }),
        // Whoever holds the credential in a header has no place for a new one.
        Carrier::Header => core
            .service
            .change_own_password_here(account.live, form)
            .await
            .map(|user| WithCookies { shape: UserShape::from(&user), cookies: Vec::new() }),
    };
    let now = core.service.clock().now();
    changed.map_err(|error| match error {
        PasswordChangeError::Refused(error) => ApiError::argument("password", error),
        PasswordChangeError::Wrong => ApiError::credentials("The present password, or the code, is wrong."),
        PasswordChangeError::Stale | PasswordChangeError::NoUser => {
            ApiError::guest("The session has ended, or the password was changed, meanwhile.")
        }
        PasswordChangeError::Later(later) => ApiError::later(later, now),
        PasswordChangeError::Busy(busy) => busy.into(),
        PasswordChangeError::Store(error) => error.into(),
    })
}

/// Another address, and the password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEmail {
    email: EmailText,
    #[schema(format = Password)]
    password: String,
    /// The code, where the account has a second factor.
    #[serde(default)]
    code: Option<String>,
}

/// Change the account's e-mail address
#[utoipa::path(
    context_path = "/v1",
    tag = "account",
    operation_id = "updateAccountEmail",
    request_body = NewEmail,
    responses(
        (status = 200, description = "The account", body = UserShape),
        (status = 400, description = "Bad parameter", body = ErrorBody),
        (status = 401, description = "No session, or `user_invalid_credentials`", body = ErrorBody),
        (status = 409, description = "`user_email_already_exists`", body = ErrorBody),
        (status = 429, description = "Too many wrong passwords, or too many addresses of others", body = ErrorBody),
    )
)]
#[patch("/account/email", data = "<new>")]
pub async fn set_email(
    server: Server<'_>,
    account: Account<'_>,
    program: Program<'_>,
    new: Body<NewEmail>,
) -> Answer<Json<UserShape>> {
    let (core, live) = (server.0, account.live);
    let NewEmail { email, password, code } = new.0;
    proved(core, live, password, code, program.address).await?;
    let now = core.service.clock().now();
    let changed = core.service.change_own_email(live, email.0, program.address).await;
    match changed.map_err(|error| ApiError::sign_in(error, now))? {
        UserChanged::Done { user, .. } => Ok(Json(UserShape::from(&*user))),
        UserChanged::Unchanged => Ok(Json(UserShape::from(&live.user))),
        UserChanged::EmailTaken => Err(ApiError::email_taken()),
        _ => Err(ApiError::guest("The account has been changed meanwhile; sign in again.")),
    }
}

/// Block the account
///
/// Its user cannot sign in any more until an administrator unblocks them, and all of its sessions end for good. Asks for a
/// fresh sign-in, or for the password (and code) with the request.
#[utoipa::path(
    context_path = "/v1",
    tag = "account",
    operation_id = "updateAccountStatus",
    request_body(content = Proven),
    responses(
        (status = 200, description = "The account", body = UserShape),
        (status = 401, description = "No session, or `user_reauthentication_required`", body = ErrorBody),
        (status = 409, description = "`user_last_administrator`", body = ErrorBody),
        (status = 429, description = "Too many wrong passwords", body = ErrorBody),
    )
)]
#[patch("/account/status", data = "<proven>")]
pub async fn block(
    server: Server<'_>,
    account: Account<'_>,
    program: Program<'_>,
    proven: Body<Proven>,
) -> Answer<WithCookies<UserShape>> {
    let (core, live) = (server.0, account.live);
    prove(core, live, proven.0, program.address).await?;
    let order = Order { by: Actor::User(live.user.id.clone()), note: None, from: program.address };
    match core.service.change_user(&live.user.id, UserChange::Block, &order).await? {
        UserChanged::Done { user, .. } => {
            Ok(WithCookies { shape: UserShape::from(&*user), cookies: session_cookies::take_away(core) })
        }
        UserChanged::LastAdministrator => Err(ApiError::last_administrator()),
        _ => Err(ApiError::guest("The account has been changed meanwhile; sign in again.")),
    }
}

/// Not to be had
///
/// A token that proves itself outlives its revocation: this server makes none.
#[utoipa::path(
    context_path = "/v1",
    tag = "account",
    operation_id = "createAccountJWT",
    responses((status = 501, description = "`general_not_implemented`", body = ErrorBody))
)]
#[post("/account/jwts")]
pub fn jwt(_account: Account<'_>) -> ApiError {
    no_jwt()
}

/// 501.
pub fn no_jwt() -> ApiError {
    let told = "This server makes no JWT: it would outlive its revocation. Send the session's credential instead.";
    ApiError::new(Status::NotImplemented, "general_not_implemented", told)
}
