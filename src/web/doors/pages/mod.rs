//! The pages, one file each.

mod account;
mod account_password;
mod admin_everyone;
mod admin_sessions;
mod admin_user_end;
mod login;
mod login_forgotten;
mod logout;
mod session_filter;
mod setup;

use rocket::{Route, get, routes};

use crate::web::answer::SeeOther;
use crate::web::guards::Caller;

pub fn routes() -> Vec<Route> {
    let mut all = routes![start];
    for routes in [
        account::routes(),
        account_password::routes(),
        admin_everyone::routes(),
        admin_sessions::routes(),
        admin_user_end::routes(),
        login::routes(),
        login_forgotten::routes(),
        logout::routes(),
        setup::routes(),
    ] {
        all.extend(routes);
    }
    all
}

/// To one's own sessions, or to the sign-in page; an application around the pages may have a start page of its own.
#[get("/", rank = 20)]
fn start(caller: Caller<'_>) -> SeeOther {
    SeeOther::to(if caller.live.is_some() { "/account" } else { "/login" })
}
