//! `/v1/account`: people's own accounts and sessions.

mod create;
mod profile;
mod security;
mod sessions;
mod sign_in;

use rocket::Route;

pub use self::create::*;
pub use self::profile::*;
pub use self::security::*;
pub use self::sessions::*;
pub use self::sign_in::*;

pub fn routes() -> Vec<Route> {
    [create::routes(), sign_in::routes(), sessions::routes(), profile::routes(), security::routes()].concat()
}
