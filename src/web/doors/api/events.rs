//! `GET /v1/events`: sign-ins and endings as they happen, as server-sent events.
//!
//! An event's id is its place in the audit log, so whoever lost the connection goes on where they were. The stream holds
//! nothing for its reader: it reads on when the reader has taken what there was.

use std::pin::Pin;
use std::time::Duration;

use rocket::futures::StreamExt;
use rocket::futures::stream::{Stream, iter, unfold};
use rocket::request::{FromRequest, Outcome, Request};
use rocket::response::stream::{Event, EventStream};
use rocket::response::{self, Responder};
use rocket::{Route, Shutdown, State, get, routes};
use serde::Deserialize;
use utoipa::IntoParams;

use super::body::Query;
use super::credentials::{Power, SessionsRead};
use super::error::{Answer, ApiError, ErrorBody};
use crate::service::feed::{Cursor, Feed, FeedError, Holder, Said};
use crate::web::Core;

/// When readers should come back after the connection was lost.
const RETRY: Duration = Duration::from_secs(2);
/// When whoever has too many open should try again.
const LATER: Duration = Duration::from_secs(30);

pub fn routes() -> Vec<Route> {
    routes![events]
}

/// Where the feed begins.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct From {
    /// What comes after the event with this id, from the log; `0` for all that it has. Without it, what comes from now on.
    #[serde(rename = "lastEventId")]
    #[param(pattern = "^[0-9]{1,19}(-[0-9]{1,18})?$")]
    last_event_id: Option<String>,
}

/// Follow sign-ins and endings as they happen
///
/// Server-sent events: the data of each is an `Event` as JSON, its id the place in the log. Every 15 seconds without one there is a
/// line with the place that was reached. The stream ends when the session or key that opened it is no longer good. Of sessions
/// that run out nothing is told. At most eight streams are open with one session or key, and 256 in all.
#[utoipa::path(
    context_path = "/v1",
    tag = "events",
    operation_id = "followEvents",
    params(
        From,
        ("Last-Event-ID" = Option<String>, Header, description = "The same, as browsers send it when they come back; it counts before \
            the parameter.", pattern = "^([0-9]{1,19}(-[0-9]{1,18})?)?$"),
    ),
    responses(
        (status = 200, description = "The stream", body = String, content_type = "text/event-stream"),
        (status = 429, description = "`general_rate_limit_exceeded`: too many are open", body = ErrorBody<'_>),
    )
)]
#[get("/events")]
pub async fn events(
    core: &State<std::sync::Arc<Core>>,
    power: Power<'_, SessionsRead>,
    from: Query<From>,
    header: LastEventId<'_>,
    shutdown: Shutdown,
) -> Answer<Following> {
    let holder = match &power {
        Power::Key(key) => Holder::Key(key.key.id),
        Power::Administrator(live) => Holder::Session(live.user.key(), live.session.id()),
    };
    let (name, asked) = match header.0 {
        Some(id) => ("Last-Event-ID", Some(id)),
        None => ("lastEventId", from.0.last_event_id.as_deref()),
    };
    let from: Option<Cursor> = asked.map(str::parse).transpose().map_err(|error| ApiError::argument(name, error))?;
    let feed = core.service.open_feed(holder, from).await.map_err(|error| match error {
        FeedError::Future => ApiError::argument(name, error),
        FeedError::TooMany(open) => ApiError::too_many(
            open,
            LATER,
            core.service.clock().now(),
            "Too many streams are open. Close one, or try again later.",
        ),
        FeedError::Store(error) => error.into(),
    })?;
    Ok(Following::new(feed, shutdown))
}

/// What a browser that comes back sends; nothing if it has not been told any.
pub struct LastEventId<'r>(Option<&'r str>);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for LastEventId<'r> {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        Outcome::Success(Self(request.headers().get_one("last-event-id").filter(|id| !id.is_empty())))
    }
}

/// The stream.
pub struct Following(Pin<Box<dyn Stream<Item = Event> + Send>>);

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
        Self(Box::pin(iter([first]).chain(rest)))
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
