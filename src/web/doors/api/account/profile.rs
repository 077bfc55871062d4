//! One's own name and preferences.

use rocket::serde::json::Json;
use rocket::{Route, get, patch, routes};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::domain::change::UserChange;
use crate::domain::ending::Actor;
use crate::domain::prefs::Prefs;
use crate::domain::user::User;
use crate::service::sessions::Order;
use crate::store::UserChanged;
use crate::web::Core;
use crate::web::doors::api::body::Body;
use crate::web::doors::api::credentials::{Account, Program};
use crate::web::doors::api::error::{Answer, ApiError, ErrorBody};
use crate::web::doors::api::shapes::{PrefsShape, UserShape};
use crate::web::doors::api::values::NameText;
use crate::web::guards::Server;

pub fn routes() -> Vec<Route> {
    routes![rename, prefs, set_prefs]
}

/// Makes a change that its user may make without any further proof.
async fn change(core: &Core, account: &Account<'_>, program: &Program<'_>, change: UserChange) -> Answer<User> {
    let user = &account.live.user;
    let order = Order { by: Actor::User(user.id.clone()), note: None, from: program.address };
    match core.service.change_user(&user.id, change, &order).await? {
        UserChanged::Done { user, .. } => Ok(*user),
        UserChanged::Unchanged => Ok(user.clone()),
        _ => Err(ApiError::guest("The account has been changed meanwhile; sign in again.")),
    }
}

/// A name.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    pub name: NameText,
}

/// Change the account's name
#[utoipa::path(
    context_path = "/v1",
    tag = "account",
    operation_id = "updateAccountName",
    request_body = Named,
    responses(
        (status = 200, description = "The account", body = UserShape),
        (status = 400, description = "Bad parameter", body = ErrorBody),
    )
)]
#[patch("/account/name", data = "<named>")]
pub async fn rename(
    server: Server<'_>,
    account: Account<'_>,
    program: Program<'_>,
    named: Body<Named>,
) -> Answer<Json<UserShape>> {
    let user = change(server.0, &account, &program, UserChange::Name(named.0.name.0)).await?;
    Ok(Json(UserShape::from(&user)))
}

/// Get the account's preferences
#[utoipa::path(
    context_path = "/v1",
    tag = "account",
    operation_id = "getAccountPrefs",
    responses((status = 200, description = "The preferences", body = PrefsShape))
)]
#[get("/account/prefs")]
pub fn prefs(account: Account<'_>) -> Json<PrefsShape> {
    Json(PrefsShape(account.live.user.profile.prefs.object()))
}

/// Preferences to be kept in the place of those there are.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPrefs {
    /// At most 16 KiB of JSON.
    prefs: Map<String, Value>,
}

impl NewPrefs {
    /// As the store keeps them.
    pub fn parse(&self) -> Answer<UserChange> {
        let prefs = Prefs::new(&self.prefs).map_err(|error| ApiError::argument("prefs", error))?;
        Ok(UserChange::Prefs(prefs))
    }
}

/// Replace the account's preferences
#[utoipa::path(
    context_path = "/v1",
    tag = "account",
    operation_id = "updateAccountPrefs",
    request_body = NewPrefs,
    responses(
        (status = 200, description = "The account", body = UserShape),
        (status = 400, description = "Bad parameter", body = ErrorBody),
    )
)]
#[patch("/account/prefs", data = "<new>")]
pub async fn set_prefs(
    server: Server<'_>,
    account: Account<'_>,
    program: Program<'_>,
    new: Body<NewPrefs>,
) -> Answer<Json<UserShape>> {
    let user = change(server.0, &account, &program, new.0.parse()?).await?;
    Ok(Json(UserShape::from(&user)))
}
