//! What handlers ask for.

use std::net::IpAddr;
use std::sync::Arc;

use rocket::http::Status;
use rocket::request::{FromRequest, Outcome, Request};
use rocket::{Ignite, Rocket, Sentinel};

use super::Core;
use super::error::wants_json;
use super::gate::Attached;
use super::seen::Seen;
use crate::domain::client::Client;
use crate::domain::credential::Credential;
use crate::domain::ending::Actor;
use crate::domain::id::{SessionId, UserId};
use crate::domain::user::Label;
use crate::service::sessions::{LiveSession, Resolved};
use crate::service::throttle::refusals::{Grounds, Refused};

/// A live session: a handler that asks for it runs for nobody else (401).
///
/// An application that uses it does not launch without the gate.
#[derive(Debug, Clone, Copy)]
pub struct CurrentSession<'r>(&'r LiveSession);

impl<'r> CurrentSession<'r> {
    /// The session's public id.
    pub fn id(&self) -> SessionId {
        self.0.session.id()
    }

    /// Whose it is.
    pub fn user_id(&self) -> &'r UserId {
        &self.0.user.id
    }

    /// The user's e-mail address.
    pub fn email(&self) -> &'r str {
        self.0.user.email.as_str()
    }

    /// What people call the user.
    pub fn name(&self) -> &'r str {
        self.0.user.name.as_str()
    }

    /// The user's labels as of this request.
    pub fn labels(&self) -> impl Iterator<Item = &'r str> {
        self.0.user.labels.iter().map(Label::as_str)
    }

    pub(crate) fn live(self) -> &'r LiveSession {
        self.0
    }

    pub(crate) fn actor(self) -> Actor {
        Actor::User(self.0.user.id.clone())
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for CurrentSession<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match &Seen::of(request).resolved {
            Resolved::Live(live) => Outcome::Success(Self(live)),
            _ => Outcome::Error((Status::Unauthorized, ())),
        }
    }
}

impl Sentinel for CurrentSession<'_> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        rocket.state::<Attached>().is_none()
    }
}

/// A live session of somebody who has the label `admin` at this request, and a second factor where administrators must have
/// one (401, 403).
#[derive(Debug, Clone, Copy)]
pub struct AdminSession<'r>(CurrentSession<'r>);

impl<'r> std::ops::Deref for AdminSession<'r> {
    type Target = CurrentSession<'r>;
    fn deref(&self) -> &CurrentSession<'r> {
        &self.0
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for AdminSession<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match CurrentSession::from_request(request).await {
            Outcome::Success(current) if may_administrate(request, current.live()) => Outcome::Success(Self(current)),
            Outcome::Success(current) => {
                if let Outcome::Success(Server(core)) = request.guard::<Server<'_>>().await {
                    let seen = Seen::of(request);
                    let refused = Refused { why: Grounds::Rights, method: seen.method.as_str(), path: &seen.uri };
                    core.service.note_refused(refused, current.actor(), seen.address).await;
                }
                Outcome::Error((Status::Forbidden, ()))
            }
            Outcome::Error(error) => Outcome::Error(error),
            Outcome::Forward(status) => Outcome::Forward(status),
        }
    }
}

fn may_administrate(request: &Request<'_>, live: &LiveSession) -> bool {
    let core = request.rocket().state::<Arc<Core>>();
    live.user.is_administrator() && core.is_some_and(|core| !core.service.lacks_second_factor(&live.user))
}

impl Sentinel for AdminSession<'_> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        CurrentSession::abort(rocket)
    }
}

/// The server's core, for the doors.
#[derive(Clone, Copy)]
pub(super) struct Server<'r>(pub &'r Core);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Server<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match request.rocket().state::<Arc<Core>>() {
            Some(core) => Outcome::Success(Self(core)),
            None => Outcome::Error((Status::InternalServerError, ())),
        }
    }
}

impl Sentinel for Server<'_> {
    fn abort(rocket: &Rocket<Ignite>) -> bool {
        CurrentSession::abort(rocket)
    }
}

/// Whoever asks: with what, from where, and with which live session, if any.
pub(super) struct Caller<'r> {
    pub agent: &'r str,
    pub address: Option<IpAddr>,
    pub live: Option<&'r LiveSession>,
    /// The credential of a session that has ended or run out; its secret is the right one.
    pub past: Option<&'r Credential>,
    /// Whether they read JSON rather than pages.
    pub json: bool,
}

impl Caller<'_> {
    pub fn client(&self) -> Client {
        Client::new(self.address, self.agent)
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Caller<'r> {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        let seen = Seen::of(request);
        let live = if let Resolved::Live(live) = &seen.resolved { Some(&**live) } else { None };
        let agent = request.headers().get_one("user-agent").unwrap_or("");
        let past = if matches!(seen.resolved, Resolved::Ended(_) | Resolved::Expired(_)) {
            seen.credential.as_ref()
        } else {
            None
        };
        Outcome::Success(Self { agent, address: seen.address, live, past, json: wants_json(request, &seen.uri) })
    }
}
