//! `GET /v1/events`: sign-ins and endings as they happen, as server-sent events.
//!
//! An event's id is its place in the audit log, so whoever lost the connection goes on where they were. The stream holds
//! nothing for its reader: it reads on when the reader has taken what there was.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rocket::futures::stream::{Stream, unfold};
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome, Request};
use rocket::response::stream::{Event, EventStream};
use rocket::response::{self, Responder, Response};
use rocket::{Route, Shutdown, State, get, routes};

use crate::domain::ending::Actor;
use crate::domain::key::{KeyCredential, Scope};
use crate::service::feed::{Cursor, CursorError, Feed, FeedError, Holder, Said};
use crate::service::keys::ResolvedKey;
use crate::service::sessions::Resolved;
use crate::service::throttle::refusals::{Grounds, Refused};
use crate::web::answer::Made;
use crate::web::guards::AdminSession;
use crate::web::seen::Seen;
use crate::web::{Core, error};

/// When readers should come back after the connection was lost.
const RETRY: Duration = Duration::from_secs(2);
/// When whoever has too many open should try again, in seconds.
const LATER: &str = "30";

pub fn routes() -> Vec<Route> {
    routes![events]
}

#[get("/v1/events")]
async fn events(
    core: &State<Arc<Core>>,
    follows: Result<Follows, Refusal>,
    from: Result<From, CursorError>,
    shutdown: Shutdown,
) -> Result<Following, Made> {
    let Follows(holder) = follows.map_err(|refusal| Made(refusal.response()))?;
    let From(from) = from.map_err(|error| refused(Refusal::Place(error.to_string())))?;
    let feed = core.service.open_feed(holder, from).await.map_err(|error| {
        refused(match error {
            FeedError::Future => Refusal::Place(error.to_string()),
            FeedError::TooMany => Refusal::TooMany(error.to_string()),
            FeedError::Store(error) => Refusal::unavailable(&error),
        })
    })?;
    Ok(Following::new(feed, shutdown))
}

fn refused(refusal: Refusal) -> Made {
    Made(refusal.response())
}

/// The stream.
struct Following(Pin<Box<dyn Stream<Item = Event> + Send>>);

impl Following {
    fn new(feed: Feed, shutdown: Shutdown) -> Self {
        // Without data, browsers take the place and tell nobody.
        let first = Event::comment("").with_retry(RETRY).id(feed.cursor().to_string());
        let rest = unfold(feed, move |mut feed| {
            let mut shutdown = shutdown.clone();
            async move {
                rocket::tokio::select! {
                    biased;
                    () = &mut shutdown => None,
                    said = feed.next() => said.map(|said| (spelt(said), feed)),
                }
            }
        });
        let rest = rocket::futures::StreamExt::chain(rocket::futures::stream::iter([first]), rest);
        Self(Box::pin(rest))
    }
}

/// A place without news is a line that moves the reader on, and keeps the connection.
fn spelt(said: Said) -> Event {
    match said {
        Said::Told(told) => Event::data(told.json()).event(told.kind.code()).id(told.id),
        Said::Quiet(at) => Event::comment("").id(at.to_string()),
    }
}

impl<'r> Responder<'r, 'r> for Following {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'r> {
        // A heartbeat of the framework's own would come between the lines of an event.
        let mut response = EventStream::from(self.0).heartbeat(None).respond_to(request)?;
        response.set_raw_header("Cache-Control", "no-cache, no-store, must-revalidate");
        // nginx would wait until it has a page of them.
        response.set_raw_header("X-Accel-Buffering", "no");
        Ok(response)
    }
}

/// From where on: the header of a browser that comes back, or else the parameter.
struct From(Option<Cursor>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for From {
    type Error = CursorError;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        let header = request.headers().get_one("last-event-id").filter(|id| !id.is_empty());
        let asked = request.query_value::<&str>("lastEventId").and_then(Result::ok);
        match header.or(asked).map(str::parse).transpose() {
            Ok(from) => Outcome::Success(Self(from)),
            Err(error) => Outcome::Error((Status::BadRequest, error)),
        }
    }
}

/// Who follows: an API key with the scope, or an administrator's session.
struct Follows(Holder);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Follows {
    type Error = Refusal;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Refusal> {
        let admitted = match key(request) {
            Some(key) => by_key(request, key).await,
            None => by_session(request).await,
        };
        match admitted {
            Ok(holder) => Outcome::Success(Self(holder)),
            Err(refusal) => Outcome::Error((refusal.status(), refusal)),
        }
    }
}

/// What was sent in the place of a key.
fn key<'r>(request: &'r Request<'_>) -> Option<&'r str> {
    let bearer = request.headers().get_one("authorization").and_then(|value| value.split_once(' '));
    let bearer = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, key)| key.trim());
    request.headers().get_one("x-appwrite-key").or(bearer)
}

async fn by_key(request: &Request<'_>, key: &str) -> Result<Holder, Refusal> {
    let Some(core) = request.rocket().state::<Arc<Core>>() else { return Err(Refusal::NotGood) };
    let credential: KeyCredential = key.parse().map_err(|_| Refusal::NotGood)?;
    let seen = Seen::of(request);
    let note = async |key, why| {
        let refused = Refused { why, method: seen.method.as_str(), path: &seen.uri };
        core.service.note_refused(refused, Actor::Key(key), seen.address).await;
    };
    match core.service.resolve_key(&credential).await {
        Ok(ResolvedKey::Live(key)) if key.scopes.contain(Scope::SessionsRead) => Ok(Holder::Key(key.id)),
        Ok(ResolvedKey::Live(key)) => {
            note(key.id, Grounds::Scope).await;
            Err(Refusal::Scope)
        }
        Ok(ResolvedKey::Revoked(id) | ResolvedKey::Expired(id)) => {
            note(id, Grounds::PastKey).await;
            Err(Refusal::NotGood)
        }
        Ok(ResolvedKey::Unknown) => Err(Refusal::NotGood),
        Err(error) => Err(Refusal::unavailable(&error)),
    }
}

async fn by_session(request: &Request<'_>) -> Result<Holder, Refusal> {
    match AdminSession::from_request(request).await {
        Outcome::Success(admin) => Ok(Holder::Session(admin.live().user.key(), admin.id())),
        _ if matches!(Seen::of(request).resolved, Resolved::Live(_)) => Err(Refusal::Rights),
        _ => Err(Refusal::Nobody),
    }
}

/// Why there is no stream.
#[derive(Debug)]
enum Refusal {
    Nobody,
    NotGood,
    Scope,
    Rights,
    Place(String),
    TooMany(String),
    Unavailable,
}

impl Refusal {
    fn unavailable(error: &crate::store::StoreError) -> Self {
        tracing::error!(%error, "a feed could not be opened");
        Self::Unavailable
    }

    const fn status(&self) -> Status {
        match self {
            Self::Nobody | Self::NotGood | Self::Scope => Status::Unauthorized,
            Self::Rights => Status::Forbidden,
            Self::Place(_) => Status::BadRequest,
            Self::TooMany(_) => Status::TooManyRequests,
            Self::Unavailable => Status::ServiceUnavailable,
        }
    }

    fn response(self) -> Response<'static> {
        let status = self.status();
        let (code, told) = match self {
            Self::Nobody => {
                ("general_unauthorized_scope", "Send an API key, or sign in as an administrator.".to_owned())
            }
            Self::NotGood => {
                ("user_unauthorized", "This is no API key of this server, or it is no longer good.".to_owned())
            }
            Self::Scope => ("general_unauthorized_scope", "The API key lacks the scope sessions.read.".to_owned()),
            Self::Rights => ("general_access_forbidden", "This is for administrators.".to_owned()),
            Self::Place(why) => ("general_argument_invalid", format!("Invalid `lastEventId` param: {why}")),
            Self::TooMany(why) => ("general_rate_limit_exceeded", why),
            Self::Unavailable => {
                ("general_service_unavailable", "The server cannot tell right now; try again.".to_owned())
            }
        };
        let mut response = error::json(status, code, &told);
        if status == Status::TooManyRequests {
            response.set_raw_header("Retry-After", LATER);
        }
        response
    }
}
