//! The pages, one file each.

mod account;
mod account_password;
mod account_profile;
mod admin_audit;
mod admin_everyone;
mod admin_keys;
mod admin_sessions;
mod admin_user;
mod admin_user_edit;
mod admin_user_end;
mod admin_user_new;
mod admin_user_verbs;
mod admin_users;
mod audit_export;
mod audit_filter;
mod choose_password;
mod devices;
mod login;
mod login_forgotten;
mod logout;
mod second_factor;
mod session_filter;
mod setup;
mod typed;
mod user_timeline;
mod user_verb;

use rocket::{Route, get, routes};

use crate::web::answer::SeeOther;
use crate::web::guards::Caller;

pub fn routes() -> Vec<Route> {
    let mut all = routes![start];
    for routes in [
        account::routes(),
        account_password::routes(),
        account_profile::routes(),
        admin_audit::routes(),
        admin_everyone::routes(),
        admin_keys::routes(),
        admin_sessions::routes(),
        admin_user::routes(),
        admin_user_edit::routes(),
        admin_user_end::routes(),
        admin_user_new::routes(),
        admin_user_verbs::routes(),
        admin_users::routes(),
        choose_password::routes(),
        devices::routes(),
        audit_export::routes(),
        login::routes(),
        login_forgotten::routes(),
        logout::routes(),
        second_factor::routes(),
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
