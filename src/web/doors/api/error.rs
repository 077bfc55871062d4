//! What goes wrong, in the shape that the API's clients read: `{"message", "code", "type", "version"}`.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rocket::http::{ContentType, Status};
use rocket::request::{Outcome, Request};
use rocket::response::{self, Responder, Response};
use rocket::{Catcher, catch, catchers};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::key::Scope;
use crate::domain::session::FRESH;
use crate::domain::timestamp::Timestamp;
use crate::service::auth::SignInError;
use crate::service::hasher::Busy;
use crate::service::throttle::Later;
use crate::store::StoreError;
use crate::web::answer::Made;
use crate::web::guards::Server;
use crate::web::headers;

/// What every error looks like.
#[derive(Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Error)]
pub struct ErrorBody<'a> {
    /// For people.
    message: &'a str,
    /// The status.
    code: u16,
    /// For programs.
    #[schema(example = "general_argument_invalid")]
    r#type: &'a str,
    /// Of the server.
    version: &'a str,
}

/// An error, on its way to whoever asked.
#[derive(Debug)]
pub struct ApiError {
    status: Status,
    kind: &'static str,
    message: String,
    later: Option<Wait>,
    challenge: Option<String>,
}

/// How long to wait, and what was used up.
#[derive(Debug)]
struct Wait {
    after: Duration,
    tries: u32,
    now: Timestamp,
}

/// What a handler answers.
pub type Answer<T> = Result<T, ApiError>;

impl ApiError {
    /// An error of this type.
    pub fn new(status: Status, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into(), later: None, challenge: None }
    }

    /// A parameter outside its schema.
    pub fn argument(name: &str, why: impl std::fmt::Display) -> Self {
        Self::new(Status::BadRequest, "general_argument_invalid", format!("Invalid `{name}` param: {why}"))
    }

    /// Nobody is signed in, or not any more.
    pub fn guest(told: &str) -> Self {
        Self::new(Status::Unauthorized, "general_unauthorized_scope", told)
    }

    /// The key is good, and not for this.
    pub fn lacks(scope: Scope) -> Self {
        let challenge = format!("Bearer realm=\"sessiond\", error=\"insufficient_scope\", scope=\"{scope}\"");
        let error = Self::guest(&format!("The API key lacks the scope {scope}."));
        Self { challenge: Some(challenge), ..error }
    }

    /// The last proof of who somebody is was long ago.
    pub fn stale() -> Self {
        let challenge = "Bearer realm=\"sessiond\", error=\"insufficient_user_authentication\", max_age=";
        let told = "It is more than ten minutes since you last gave your password. Sign in again, or send `password` \
            (and `code`, if you have a second factor) with this request.";
        let error = Self::new(Status::Unauthorized, "user_reauthentication_required", told);
        Self { challenge: Some(format!("{challenge}{}", FRESH.as_secs())), ..error }
    }

    /// Wrong address, password or code.
    pub fn credentials(told: &str) -> Self {
        Self::new(Status::Unauthorized, "user_invalid_credentials", told)
    }

    /// There is no such user.
    pub fn no_user() -> Self {
        Self::new(Status::NotFound, "user_not_found", "There is no user with this id.")
    }

    /// There is no such session, or it is somebody else's.
    pub fn no_session() -> Self {
        Self::new(Status::NotFound, "user_session_not_found", "There is no session with this id.")
    }

    /// They may not sign in.
    pub fn blocked() -> Self {
        Self::new(Status::Forbidden, "user_blocked", "The account is blocked. Ask an administrator.")
    }

    /// Nobody would be left who may administrate.
    pub fn last_administrator() -> Self {
        let told = "Nobody would be left who may administrate. Give somebody else the label admin first.";
        Self::new(Status::Conflict, "user_last_administrator", told)
    }

    /// Somebody has it.
    pub fn email_taken() -> Self {
        Self::new(Status::Conflict, "user_email_already_exists", "There is a user with this e-mail address.")
    }

    /// There is no such address.
    pub fn no_route() -> Self {
        Self::new(Status::NotFound, "general_route_not_found", "There is no such route.")
    }

    /// Nobody knows; try again.
    pub fn unavailable(told: &str) -> Self {
        Self::new(Status::ServiceUnavailable, "general_service_unavailable", told)
    }

    /// Too many tries.
    pub fn later(later: Later, now: Timestamp) -> Self {
        let told = "There were too many tries. Nothing was looked at; try again later.";
        let error = Self::new(Status::TooManyRequests, "general_rate_limit_exceeded", told);
        Self { later: Some(Wait { after: later.after, tries: later.tries, now }), ..error }
    }

    /// So many are open already.
    pub fn too_many(open: u32, after: Duration, now: Timestamp, told: &str) -> Self {
        let error = Self::new(Status::TooManyRequests, "general_rate_limit_exceeded", told);
        Self { later: Some(Wait { after, tries: open, now }), ..error }
    }

    /// Why somebody is not signed in.
    pub fn sign_in(error: SignInError, now: Timestamp) -> Self {
        match error {
            SignInError::Wrong => Self::credentials("The e-mail address, the password or the code is wrong."),
            SignInError::Blocked => Self::blocked(),
            SignInError::OneTimeOver => Self::new(
                Status::PreconditionFailed,
                "user_password_reset_required",
                "This one-time password has run out. Ask an administrator for another one.",
            ),
            SignInError::Stale => Self::guest("All sessions were ended at this very moment. Sign in again."),
            SignInError::Later(later) => Self::later(later, now),
            SignInError::Busy(busy) => busy.into(),
            SignInError::Store(error) => error.into(),
        }
    }

    /// The answer.
    pub fn response(self) -> Response<'static> {
        let Self { status, kind, message, later, challenge } = self;
        let body = ErrorBody { message: &message, code: status.code, r#type: kind, version: env!("CARGO_PKG_VERSION") };
        let body = serde_json::to_string(&body).unwrap_or_default();
        let mut response = Response::build()
            .status(status)
            .header(ContentType::JSON)
            .sized_body(body.len(), std::io::Cursor::new(body))
            .finalize();
        response.set_raw_header("Cache-Control", "no-cache, no-store, must-revalidate");
        if status == Status::Unauthorized {
            let challenge = challenge.unwrap_or_else(|| "Bearer realm=\"sessiond\"".to_owned());
            response.set_raw_header("WWW-Authenticate", challenge);
        }
        if status == Status::ServiceUnavailable {
            response.set_raw_header("Retry-After", "1");
        }
        if let Some(Wait { after, tries, now }) = later {
            let wait = after.as_millis().div_ceil(1000);
            let reset = (now + after).millis().max(0).unsigned_abs().div_ceil(1000);
            response.set_raw_header("Retry-After", wait.to_string());
            response.set_raw_header("X-RateLimit-Limit", tries.to_string());
            response.set_raw_header("X-RateLimit-Remaining", "0");
            response.set_raw_header("X-RateLimit-Reset", reset.to_string());
        }
        response
    }

    /// Has a guard of this request refuse it with this error.
    pub fn refuse<T>(self, request: &Request<'_>) -> Outcome<T, ()> {
        let status = self.status;
        *place(request).lock().unwrap_or_else(PoisonError::into_inner) = Some(self);
        Outcome::Error((status, ()))
    }
}

/// Where a guard leaves its error for the catcher, to which the framework hands nothing but a status.
fn place<'r>(request: &'r Request<'_>) -> &'r Mutex<Option<ApiError>> {
    request.local_cache(|| Mutex::new(None::<ApiError>))
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, source = ?std::error::Error::source(&error), "an API request could not be served");
        Self::unavailable("The server could not look that up or confirm it. It is safe to try again.")
    }
}

impl From<Busy> for ApiError {
    fn from(_: Busy) -> Self {
        Self::unavailable("Too many people are signing in at this moment. Nothing was changed; try again in a second.")
    }
}

impl<'r> Responder<'r, 'static> for ApiError {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        Ok(self.response())
    }
}

pub fn catchers() -> Vec<Catcher> {
    catchers![any]
}

/// What a guard refused, and what the framework answers by itself.
#[catch(default)]
async fn any(status: Status, request: &Request<'_>) -> Made {
    let left = place(request).lock().unwrap_or_else(PoisonError::into_inner).take();
    let error = left.unwrap_or_else(|| match status.code {
        401 => ApiError::guest("Sign in first, or send an API key."),
        403 => ApiError::new(status, "general_access_forbidden", "This is for administrators and API keys."),
        404 => ApiError::no_route(),
        405 => ApiError::new(status, "general_method_not_allowed", "This route does not take that method."),
        413 => ApiError::new(status, "general_argument_invalid", "The body is too large."),
        400..=499 => ApiError::new(status, "general_argument_invalid", "The request could not be read."),
        503 => ApiError::unavailable("The server cannot look that up right now. Try again in a moment."),
        _ => ApiError::new(status, "general_unknown", "The server could not answer; its log says why."),
    });
    let mut response = error.response();
    // Requests that the framework refuses by itself see no fairing.
    if let Outcome::Success(Server(core)) = request.guard::<Server<'_>>().await {
        headers::secure(&mut response, &core.config);
    }
    Made(response)
}
