//! `/v1/users`: everybody's accounts and their sessions, for applications that have an API key.

mod admission;
mod change;
mod list;
mod people;
mod profile;
mod sessions;
mod wanted;

use rocket::Route;

pub use self::admission::*;
pub use self::change::*;
pub use self::list::*;
pub use self::people::*;
pub use self::profile::*;
pub use self::sessions::*;
use super::error::{Answer, ApiError};
use crate::domain::id::UserId;
use crate::domain::user::User;
use crate::web::Core;

pub fn routes() -> Vec<Route> {
    [list::routes(), people::routes(), change::routes(), profile::routes(), sessions::routes(), admission::routes()]
        .concat()
}

/// Whom a path names.
fn named(user_id: &str) -> Answer<UserId> {
    user_id.parse().map_err(|error| ApiError::argument("userId", error))
}

/// The user whom a path names.
async fn found(core: &Core, user_id: &str) -> Answer<User> {
    let id = named(user_id)?;
    core.service.store().user(id.key()).await?.ok_or_else(ApiError::no_user)
}
