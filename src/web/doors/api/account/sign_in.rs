//! Signing in: with a password, or with a one-time token.

use rocket::http::Status;
use rocket::request::{FromRequest, Outcome, Request};
use rocket::{Route, post, routes};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::domain::password::Password;
use crate::domain::session::Door;
use crate::service::auth::{Attempt, Entrance, Entry, SignInError, SignedIn};
use crate::service::proofs::Proof;
use crate::service::sessions::Resolved;
use crate::service::throttle::Device;
use crate::web::Core;
use crate::web::device::{self, Known};
use crate::web::doors::api::answer::Began;
use crate::web::doors::api::body::Body;
use crate::web::doors::api::credentials::{Perhaps, Program, SessionsWrite};
use crate::web::doors::api::error::{Answer, ApiError, ErrorBody};
use crate::web::doors::api::shapes::SessionShape;
use crate::web::doors::api::values::SessionSeconds;
use crate::web::guards::Server;
use crate::web::seen::{Carrier, Seen};
use crate::web::session_cookies;

pub fn routes() -> Vec<Route> {
    routes![with_password, with_token]
}

/// What somebody signs in with.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordSignIn {
    #[schema(example = "ada@example.com")]
    email: String,
    #[schema(format = Password)]
    password: String,
    /// The code of an authenticator app, or a recovery code, where the account has a second factor.
    #[serde(default)]
    code: Option<String>,
    /// The session lasts no longer than so many seconds, and no longer than sessions here do.
    #[serde(default)]
    duration: Option<SessionSeconds>,
}

/// Sign in with a password
///
/// Sets the session's cookie. Shown an API key with the scope `sessions.write`, it answers the credential as `secret` and
/// sets none. Whoever is signed in in the same browser gets a new session in the place of the old one.
#[utoipa::path(
    context_path = "/v1",
    tag = "account",
    operation_id = "createEmailPasswordSession",
    security((), ("key" = [])),
    request_body = PasswordSignIn,
    responses(
        (status = 201, description = "The session", body = SessionShape),
        (status = 400, description = "Bad parameter", body = ErrorBody),
        (status = 401, description = "`user_invalid_credentials`: wrong address, password or code; nobody learns which", body = ErrorBody),
        (status = 403, description = "`user_blocked`", body = ErrorBody),
        (status = 412, description = "`user_password_reset_required`: the password is for one use, and opens nothing but the choice of another, on the sign-in page", body = ErrorBody),
        (status = 429, description = "Too many wrong passwords", body = ErrorBody),
    )
)]
#[post("/account/sessions/email", data = "<typed>")]
pub async fn with_password(
    server: Server<'_>,
    key: Perhaps<SessionsWrite>,
    place: Place<'_>,
    known: Known,
    typed: Body<PasswordSignIn>,
) -> Answer<Began> {
    let core = server.0;
    let PasswordSignIn { email, password, code, duration } = typed.0;
    let proof = Proof { password: Password::typed(password), code: code.unwrap_or_default() };
    let entrance = place.entrance(core, known, Door::Api);
    let entrance = Entrance { longest: duration.map(|duration| duration.0), ..entrance };
    let device = entrance.device.clone();
    let now = core.service.clock().now();
    match core.service.sign_in(Attempt { email, proof, entrance }).await {
        Ok(Entry::SignedIn(signed_in)) => Ok(began(core, &signed_in, key.0.is_some(), Some(device))),
        Ok(Entry::MustChoose(_)) => {
            let told = "This password is for one use. Sign in on the pages of this server and choose your own.";
            Err(ApiError::new(Status::PreconditionFailed, "user_password_reset_required", told))
        }
        Err(error) => Err(ApiError::sign_in(error, now)),
    }
}

/// What somebody shows who was sent a token.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenSignIn {
    user_id: String,
    secret: String,
}

/// Sign in with a one-time token
#[utoipa::path(
    context_path = "/v1",
    tag = "account",
    operation_id = "createSession",
    security((), ("key" = [])),
    request_body = TokenSignIn,
    responses(
        (status = 201, description = "The session", body = SessionShape),
        (status = 400, description = "Bad parameter", body = ErrorBody),
        (status = 401, description = "`user_invalid_token`: unknown, used, run out, or ended with all of the user's sessions", body = ErrorBody),
        (status = 403, description = "`user_blocked`", body = ErrorBody),
        (status = 429, description = "Too many wrong tokens", body = ErrorBody),
    )
)]
#[post("/account/sessions/token", data = "<shown>")]
pub async fn with_token(
    server: Server<'_>,
    key: Perhaps<SessionsWrite>,
    place: Place<'_>,
    known: Known,
    shown: Body<TokenSignIn>,
) -> Answer<Began> {
    let core = server.0;
    let entrance = place.entrance(core, known, Door::Token);
    let device = entrance.device.clone();
    let now = core.service.clock().now();
    match core.service.sign_in_with_token(&shown.0.user_id, &shown.0.secret, entrance).await {
        Ok(signed_in) => Ok(began(core, &signed_in, key.0.is_some(), Some(device))),
        Err(SignInError::Wrong) => {
            let told = "The token is unknown, was used, or has run out.";
            Err(ApiError::new(Status::Unauthorized, "user_invalid_token", told))
        }
        Err(error) => Err(ApiError::sign_in(error, now)),
    }
}

/// Where somebody comes in.
pub struct Place<'r> {
    program: Program<'r>,
    seen: &'r Seen,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Place<'r> {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        let seen = Seen::of(request);
        Program::from_request(request).await.map(|program| Self { program, seen })
    }
}

impl Place<'_> {
    fn entrance(&self, core: &Core, known: Known, door: Door) -> Entrance {
        // A browser has room for one session; a program that shows a header may hold many.
        let present = match &self.seen.resolved {
            Resolved::Live(live) if self.seen.carrier == Carrier::Cookie => Some(live.as_ref().clone()),
            _ => None,
        };
        let device = known.0.unwrap_or_else(|| device::fresh(core));
        Entrance { keep: false, longest: None, door, client: self.program.client(), present, device }
    }
}

/// The answer to whoever has come in: the credential goes into the cookie, or to the server that shows an API key.
pub fn began(core: &Core, signed_in: &SignedIn, keyed: bool, device: Option<Device>) -> Began {
    let session = &signed_in.session;
    let shape = SessionShape::new(session, session.created(), Some(&signed_in.user), core.service.limits());
    let shape = shape.current(!keyed || device.is_some());
    if keyed {
        return Began { shape: shape.with_secret(signed_in.credential.expose()), cookies: Vec::new() };
    }
    let device = device.map(|device| device::remember(core, device, &signed_in.user.id));
    Began { shape, cookies: session_cookies::hand_out(core, signed_in).into_iter().chain(device).collect() }
}
