//! `/v1`: the API, in the shape that Appwrite's clients know.
//!
//! Programs come with a session, in the cookie or a header, or with an API key. Whatever they are told is JSON, errors of the
//! framework among it.

pub mod account;
mod answer;
mod audit;
mod body;
pub mod cors;
pub mod credentials;
mod error;
pub mod events;
mod jobs;
mod missing;
mod openapi;
mod ping;
mod queries;
mod sessions;
mod shapes;
pub mod users;
mod values;

use rocket::http::{Method, Status};
use rocket::{Build, Request, Response, Rocket, Route};

pub use self::openapi::document;
use super::super::seen::{Rejection, Seen};
use super::super::{Core, Mounted};
use crate::domain::ending::Ended;
use crate::store::StoreError;
use crate::web::session_cookies;
use crate::web::shape::Fault;
use error::ApiError;

/// Where it is mounted.
pub const BASE: &str = "/v1";

/// What the API answers: every route, and every error below it.
pub fn attach(rocket: Rocket<Build>) -> Rocket<Build> {
    rocket.mount(BASE, routes()).register(BASE, error::catchers())
}

fn routes() -> Vec<Route> {
    [
        account::routes(),
        users::routes(),
        sessions::routes(),
        jobs::routes(),
        audit::routes(),
        events::routes(),
        ping::routes(),
        cors::routes(),
        missing::routes(),
    ]
    .concat()
}

/// Whether this path is the API's. Without our pages it is another application's own.
pub fn is_api(request: &Request<'_>, path: &str) -> bool {
    let ours = path.strip_prefix(BASE).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    ours && request.rocket().state::<Mounted>().is_some()
}

/// Whether an ended session counts as none there: one can sign in, and ask whether somebody is there.
pub fn is_open(request: &Request<'_>, path: &str) -> bool {
    match request.method() {
        // What a browser asks before it asks, without a cookie.
        Method::Options => request.headers().contains("access-control-request-method"),
        Method::Get | Method::Head => path == "/v1/ping",
        Method::Post => matches!(path, "/v1/account" | "/v1/account/sessions/email" | "/v1/account/sessions/token"),
        _ => false,
    }
}

/// The answer to a request that the gate has turned away.
pub async fn turned_away(core: &Core, seen: &Seen, rejection: &Rejection) -> Response<'static> {
    match rejection {
        Rejection::Ended(ended) => match confirmed(core, seen).await {
            Ok(()) => ended_session(core, seen, ended),
            Err(error) => ApiError::from(error).response(),
        },
        Rejection::RanOut => ApiError::guest("The session has run out; sign in again.").response(),
        Rejection::Unavailable => {
            ApiError::unavailable("The session store does not answer; try again. Nobody is signed out by this.")
                .response()
        }
        Rejection::Doubled | Rejection::TwoSessions => {
            ApiError::guest("The request shows two sessions; send one.").response()
        }
        Rejection::Malformed(fault) => malformed(*fault),
        Rejection::Csrf(_) => cors::unknown_origin().response(),
        Rejection::NoProject => {
            let told = "There is no such project. This server has one, named by its setting `project`.";
            ApiError::new(Status::NotFound, "project_not_found", told).response()
        }
    }
}

/// Whoever signs out once more, since the answer was lost or said that nobody knows, takes this one for a yes: so it must be
/// on disk.
async fn confirmed(core: &Core, seen: &Seen) -> Result<(), StoreError> {
    let (Some(credential), Method::Delete) = (&seen.credential, seen.method) else { return Ok(()) };
    core.service.sign_out_past(credential, seen.address).await.map(drop)
}

/// 401; the cookie goes, and who ended it and when is for the account's own page.
fn ended_session(core: &Core, seen: &Seen, ended: &Ended) -> Response<'static> {
    let told = format!("The session has ended ({}); sign in again.", ended.reason);
    let mut response = ApiError::guest(&told).response();
    if seen.carrier == crate::web::seen::Carrier::Cookie {
        for cookie in session_cookies::take_away(core) {
            response.adjoin_raw_header("Set-Cookie", cookie);
        }
    }
    response
}

fn malformed(fault: Fault) -> Response<'static> {
    ApiError::new(fault.status(), "general_argument_invalid", fault.told()).response()
}
