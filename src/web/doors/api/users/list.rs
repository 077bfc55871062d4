//! Which users there are.

use rocket::serde::json::Json;
use rocket::{Route, get, routes};
use serde::Deserialize;
use utoipa::IntoParams;

use super::wanted::wanted;
use crate::service::people::PeopleError;
use crate::web::doors::api::body::{Flag, Query};
use crate::web::doors::api::credentials::{Keyed, UsersRead};
use crate::web::doors::api::error::{Answer, ApiError, ErrorBody};
use crate::web::doors::api::queries;
use crate::web::doors::api::shapes::{UserList, UserShape};
use crate::web::guards::Server;

pub fn routes() -> Vec<Route> {
    routes![users]
}

/// Which users are asked for.
#[derive(Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
#[derive(Default)]
pub struct Listed {
    /// Which users, in which order and from where on: JSON texts such as `{"method":"limit","values":[25]}`. `limit` (1 to
    /// 1000, 25 without), `offset`, `cursorAfter` and `cursorBefore` (a user's id), `orderAsc` and `orderDesc`, `equal`,
    /// `notEqual`, `lessThan`, `lessThanEqual`, `greaterThan`, `greaterThanEqual`, `between`, `isNull`, `isNotNull`,
    /// `startsWith`, `endsWith`, `contains`, `search`, their opposites (`notBetween`, …), `or` and `and`; over `$id`,
    /// `$createdAt`, `$updatedAt`, `name`, `email`, `phone`, `status`, `passwordUpdate`, `registration`, `emailVerification`,
    /// `phoneVerification`, `labels` and `accessedAt`. Without an order the oldest come first.
    #[param(
        value_type = Vec<queries::QueryText>,
        max_items = 100,
        style = Form,
        explode,
        example = json!([r#"{"method":"limit","values":[25]}"#, r#"{"method":"orderDesc","attribute":"$createdAt"}"#])
    )]
    queries: Vec<String>,
    /// A text that occurs in the id, the address or the name.
    #[param(value_type = Option<String>, nullable = false, max_length = 256)]
    search: String,
    /// Whether to count all who are meant, up to 5000; `false` answers 0.
    #[param(value_type = Option<bool>, nullable = false)]
    total: Option<Flag>,
}

/// List users
#[utoipa::path(
    context_path = "/v1",
    tag = "users",
    operation_id = "listUsers",
    params(Listed),
    responses(
        (status = 200, description = "One page of them", body = UserList),
        (status = 400, description = "`general_argument_invalid`, or `general_cursor_not_found`: there is no user beside whom \
            the page is to be", body = ErrorBody),
    )
)]
#[get("/users")]
pub async fn users(server: Server<'_>, _key: Keyed<UsersRead>, listed: Query<Listed>) -> Answer<Json<UserList>> {
    let Listed { queries, search, total } = listed.0;
    if search.chars().count() > 256 {
        return Err(ApiError::argument("search", "it has more than 256 characters"));
    }
    let wanted = wanted(&queries::parse(&queries)?, search, total.is_none_or(Flag::is_true))?;
    let people = server.0.service.people(&wanted).await.map_err(|error| match error {
        PeopleError::Cursor(_) => {
            ApiError::new(rocket::http::Status::BadRequest, "general_cursor_not_found", error.to_string())
        }
        PeopleError::TooMany => {
            ApiError::new(rocket::http::Status::BadRequest, "general_query_invalid", error.to_string())
        }
        PeopleError::Store(error) => error.into(),
    })?;
    let users = people.rows.iter().map(UserShape::from).collect();
    Ok(Json(UserList { total: people.total, users }))
}
