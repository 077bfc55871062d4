//! What a program shows: a session in its cookie or a header, or an API key; and what it may do by it.

use std::marker::PhantomData;
use std::net::IpAddr;

use rocket::http::HeaderMap;
use rocket::request::{FromRequest, Outcome, Request};
use rocket::{Ignite, Rocket, Sentinel};

use super::error::ApiError;
use crate::domain::client::Client;
use crate::domain::credential::Credential;
use crate::domain::ending::{Actor, Note};
use crate::domain::key::{ApiKey, Scope};
use crate::service::sessions::{LiveSession, Order, Resolved};
use crate::service::throttle::refusals::{Grounds, Refused};
use crate::web::Core;
use crate::web::api_key::{Refusal, Showing, bearer};
use crate::web::cookie::{Names, Sent};
use crate::web::guards::{CurrentSession, Server};
use crate::web::seen::{Carrier, Seen};

/// The sessions that a request shows, each once.
pub fn sessions(headers: &HeaderMap<'_>, names: &Names) -> Vec<(Credential, Carrier)> {
    let cookie = if let Sent::Once(value) = names.session.read(headers) { Some(value) } else { None };
    let named = headers.get("x-appwrite-session");
    let tokens = headers.get("authorization").filter_map(bearer);
    let all = cookie.into_iter().map(|text| (text, Carrier::Cookie));
    let mut all: Vec<_> = all.chain(named.chain(tokens).map(|text| (text, Carrier::Header))).collect();
    let mut shown = Vec::new();
    while let Some((text, carrier)) = (!all.is_empty()).then(|| all.remove(0)) {
        all.retain(|(other, _)| *other != text);
        shown.extend(text.parse().ok().map(|credential| (credential, carrier)));
    }
    // Nobody needs more, and each is looked up.
    shown.truncate(4);
    shown
}

/// Whether whoever sent this request may still do what they might when it began: asked once its body has arrived.
pub async fn still_good(request: &Request<'_>) -> Result<(), ApiError> {
    let Outcome::Success(Server(core)) = request.guard::<Server<'_>>().await else {
        return Err(ApiError::unavailable("The server is not ready."));
    };
    let seen = Seen::of(request);
    if seen.key.is_there() {
        return showing(request).good(core).await.map(drop).map_err(refused);
    }
    let (Resolved::Live(_), Some(credential)) = (&seen.resolved, &seen.credential) else { return Ok(()) };
    match core.service.resolve(credential).await? {
        Resolved::Live(_) => Ok(()),
        _ => Err(ApiError::guest("The session has ended; sign in again.")),
    }
}

fn showing<'r>(request: &'r Request<'_>) -> Showing<'r> {
    let seen = Seen::of(request);
    Showing { key: &seen.key, address: seen.address, method: seen.method.as_str(), path: &seen.uri }
}

fn refused(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Missing => ApiError::guest("This is for API keys. Send one as X-Appwrite-Key."),
        Refusal::Unknown => ApiError::guest("This is no API key of this server."),
        Refusal::Revoked => ApiError::guest("The API key has been revoked."),
        Refusal::Expired => ApiError::guest("The API key has run out."),
        Refusal::Scope(scope) => ApiError::lacks(scope),
        Refusal::Unavailable => ApiError::unavailable("API keys cannot be looked up right now; try again."),
    }
}

/// A live session, as its user's own program shows it.
#[derive(Clone, Copy)]
pub struct Account<'r> {
    pub live: &'r LiveSession,
    pub carrier: Carrier,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Account<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let seen = Seen::of(request);
        match &seen.resolved {
            Resolved::Live(live) => Outcome::Success(Self { live, carrier: seen.carrier }),
            _ => guest(request, seen).refuse(request),
        }
    }
}

impl Sentinel for Account<'_> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        CurrentSession::abort(rocket)
    }
}

/// Why nobody is signed in.
fn guest(request: &Request<'_>, seen: &Seen) -> ApiError {
    if seen.key.is_there() {
        return ApiError::guest("An API key has no account; send a session.");
    }
    if request.headers().get("x-appwrite-jwt").any(|jwt| !jwt.is_empty()) {
        let told = "This server takes no JWT, which would outlive its revocation; send the session itself.";
        return ApiError::new(rocket::http::Status::Unauthorized, "user_jwt_invalid", told);
    }
    match &seen.resolved {
        Resolved::Expired(_) => ApiError::guest("The session has run out; sign in again."),
        _ => ApiError::guest("Sign in first: there is no session with this request, or it is none of this server."),
    }
}

/// One kind of thing that may be done, as a type: a handler that asks for it cannot forget it.
pub trait Right: Send + Sync + 'static {
    /// The scope that a key needs.
    const SCOPE: Scope;
}

macro_rules! rights {
    ($($name:ident)*) => { $(
        #[doc = concat!("[`Scope::", stringify!($name), "`].")]
        pub struct $name;
        impl Right for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )* };
}

rights! { SessionsRead SessionsWrite UsersRead UsersWrite AuditRead }

/// An API key that is good for this.
pub struct Keyed<R: Right> {
    pub key: ApiKey,
    right: PhantomData<R>,
}

impl<R: Right> Keyed<R> {
    pub fn actor(&self) -> Actor {
        Actor::Key(self.key.id)
    }

    pub fn order(&self, note: Option<Note>, from: Option<IpAddr>) -> Order {
        Order { by: self.actor(), note, from }
    }
}

#[rocket::async_trait]
impl<'r, R: Right> FromRequest<'r> for Keyed<R> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let Outcome::Success(Server(core)) = request.guard::<Server<'_>>().await else {
            return ApiError::unavailable("The server is not ready.").refuse(request);
        };
        match showing(request).good_for(core, R::SCOPE).await {
            Ok(key) => Outcome::Success(Self { key, right: PhantomData }),
            Err(refusal) => refused(refusal).refuse(request),
        }
    }
}

impl<R: Right> Sentinel for Keyed<R> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        CurrentSession::abort(rocket)
    }
}

/// Whoever may see and end everybody's sessions: an API key that is good for this, or an administrator who is signed in.
pub enum Power<'r, R: Right> {
    Key(Keyed<R>),
    Administrator(&'r LiveSession),
}

impl<R: Right> Power<'_, R> {
    pub fn actor(&self) -> Actor {
        match self {
            Self::Key(key) => key.actor(),
            Self::Administrator(live) => Actor::User(live.user.id.clone()),
        }
    }

    pub fn order(&self, note: Option<Note>, from: Option<IpAddr>) -> Order {
        Order { by: self.actor(), note, from }
    }

    /// The administrator's own session, if there is one.
    pub const fn live(&self) -> Option<&LiveSession> {
        match self {
            Self::Key(_) => None,
            Self::Administrator(live) => Some(live),
        }
    }
}

#[rocket::async_trait]
impl<'r, R: Right> FromRequest<'r> for Power<'r, R> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let seen = Seen::of(request);
        if seen.key.is_there() {
            return Keyed::from_request(request).await.map(Self::Key);
        }
        let Resolved::Live(live) = &seen.resolved else { return guest(request, seen).refuse(request) };
        let Outcome::Success(Server(core)) = request.guard::<Server<'_>>().await else {
            return ApiError::unavailable("The server is not ready.").refuse(request);
        };
        if live.user.is_administrator() && !core.service.lacks_second_factor(&live.user) {
            return Outcome::Success(Self::Administrator(live));
        }
        let refused = Refused { why: Grounds::Rights, method: seen.method.as_str(), path: &seen.uri };
        core.service.note_refused(refused, Actor::User(live.user.id.clone()), seen.address).await;
        let (kind, told) = if live.user.is_administrator() {
            ("user_more_factors_required", "Administrators need a second factor here; set yours up on the pages first.")
        } else {
            ("general_unauthorized_scope", "This is for administrators and API keys.")
        };
        ApiError::new(rocket::http::Status::Unauthorized, kind, told).refuse(request)
    }
}

impl<R: Right> Sentinel for Power<'_, R> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        CurrentSession::abort(rocket)
    }
}

/// From where a request comes, and with what. A server that shows an API key may say what its own client is.
pub struct Program<'r> {
    pub address: Option<IpAddr>,
    agent: &'r str,
    /// In what the session comes, if one does.
    pub carrier: Carrier,
}

impl Program<'_> {
    pub fn client(&self) -> Client {
        Client::new(self.address, self.agent)
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Program<'r> {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        let seen = Seen::of(request);
        let headers = request.headers();
        let vouched = seen.key.is_there();
        let forwarded = vouched.then(|| headers.get_one("x-forwarded-user-agent")).flatten();
        let agent = forwarded.or_else(|| headers.get_one("user-agent")).unwrap_or("");
        Outcome::Success(Self { address: seen.address, agent, carrier: seen.carrier })
    }
}

/// The API key that a request shows, if it shows one and it is good for this; a request without one is let through.
pub struct Perhaps<R: Right>(pub Option<Keyed<R>>);

#[rocket::async_trait]
impl<'r, R: Right> FromRequest<'r> for Perhaps<R> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        if Seen::of(request).key.is_there() {
            Keyed::from_request(request).await.map(|key| Self(Some(key)))
        } else {
            Outcome::Success(Self(None))
        }
    }
}

/// Whether `core` calls its users so; a name that is left out means them, too.
pub fn is_project(core: &Core, headers: &HeaderMap<'_>) -> bool {
    headers.get("x-appwrite-project").all(|project| project.is_empty() || project == core.config.project)
}
