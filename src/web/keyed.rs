//! API keys that come with a request, where nothing but a key counts.

use std::net::IpAddr;

use rocket::Response;
use rocket::http::{Method, Status};
use rocket::request::{FromRequest, Outcome, Request};

use super::seen::Seen;
use super::{Core, error};
use crate::domain::ending::Actor;
use crate::domain::id::KeyId;
use crate::domain::key::{ApiKey, KeyCredential, Scope};
use crate::service::keys::ResolvedKey;
use crate::service::throttle::refusals::{Grounds, Refused};

/// What a request shows, and from where it comes.
pub struct Shown {
    /// `None` if there is no key at all.
    key: Option<Result<KeyCredential, Malformed>>,
    /// From where.
    pub address: Option<IpAddr>,
    method: Method,
    path: String,
}

/// Something that is no key was sent in the place of one.
struct Malformed;

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Shown {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        let mut sent = request.headers().get("authorization");
        let key = match (sent.next(), sent.next()) {
            (None, _) => None,
            (Some(value), None) => Some(bearer(value).ok_or(Malformed)),
            // Which of them is meant nobody knows.
            (Some(_), Some(_)) => Some(Err(Malformed)),
        };
        let seen = Seen::of(request);
        // The gate does not stand before every listener.
        let address = seen.address.or_else(|| request.remote().map(|peer| peer.ip().to_canonical()));
        let (method, path) = if seen.uri.is_empty() {
            (request.method(), request.uri().to_string())
        } else {
            (seen.method, seen.uri.clone())
        };
        Outcome::Success(Self { key, address, method, path })
    }
}

fn bearer(value: &str) -> Option<KeyCredential> {
    let (scheme, key) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") { key.trim().parse().ok() } else { None }
}

impl Shown {
    /// Writes down what the holder of a key was refused.
    async fn note(&self, core: &Core, key: KeyId, why: Grounds) {
        let refused = Refused { why, method: self.method.as_str(), path: &self.path };
        core.service.note_refused(refused, Actor::Key(key), self.address).await;
    }

    /// The key, if it is good now, whatever its scopes.
    pub async fn live(&self, core: &Core) -> Result<ApiKey, Refusal> {
        let credential = match &self.key {
            None => return Err(Refusal::Missing),
            Some(Err(Malformed)) => return Err(Refusal::Unknown),
            Some(Ok(credential)) => credential,
        };
        match core.service.resolve_key(credential).await {
            Ok(ResolvedKey::Live(key)) => Ok(*key),
            Ok(ResolvedKey::Unknown) => Err(Refusal::Unknown),
            Ok(ResolvedKey::Revoked(id)) => {
                self.note(core, id, Grounds::PastKey).await;
                Err(Refusal::Revoked)
            }
            Ok(ResolvedKey::Expired(id)) => {
                self.note(core, id, Grounds::PastKey).await;
                Err(Refusal::Expired)
            }
            Err(error) => {
                tracing::error!(%error, "an API key could not be looked up");
                Err(Refusal::Unavailable)
            }
        }
    }

    /// The same key, if this scope is among its own.
    pub async fn scoped(&self, core: &Core, key: ApiKey, scope: Scope) -> Result<ApiKey, Refusal> {
        if key.scopes.contain(scope) {
            return Ok(key);
        }
        self.note(core, key.id, Grounds::Scope).await;
        Err(Refusal::Scope(scope))
    }
}

/// Why a request was not let in.
pub enum Refusal {
    /// No key.
    Missing,
    /// No such key, or another secret: the answer is the same.
    Unknown,
    /// Somebody revoked it. Whoever has the secret may know.
    Revoked,
    /// It has run out.
    Expired,
    /// It lacks this scope.
    Scope(Scope),
    /// No key opens this.
    Machine,
    /// There is no such command.
    NoCommand,
    /// Nobody knows.
    Unavailable,
}

impl Refusal {
    /// What is answered, in JSON and with the challenge that belongs to it.
    pub fn response(self) -> Response<'static> {
        let (status, code, told) = match &self {
            Self::Missing => {
                (Status::Unauthorized, "key_missing", "Send an API key as Authorization: Bearer.".to_owned())
            }
            Self::Unknown => (Status::Unauthorized, "key_unknown", "This is no API key of this server.".to_owned()),
            Self::Revoked => (Status::Unauthorized, "key_revoked", "The API key has been revoked.".to_owned()),
            Self::Expired => (Status::Unauthorized, "key_expired", "The API key has run out.".to_owned()),
            Self::Scope(scope) => {
                (Status::Unauthorized, "general_unauthorized_scope", format!("The API key lacks the scope {scope}."))
            }
            Self::Machine => {
                let told = "This concerns the whole machine and is not to be had from afar; run it there.";
                (Status::Forbidden, "general_access_forbidden", told.to_owned())
            }
            Self::NoCommand => {
                (Status::NotFound, "general_route_not_found", "This server has no such command.".to_owned())
            }
            Self::Unavailable => {
                let told = "API keys cannot be looked up right now; try again.";
                (Status::ServiceUnavailable, "unavailable", told.to_owned())
            }
        };
        let mut response = error::json(status, code, &told);
        if status == Status::Unauthorized {
            response.set_raw_header("WWW-Authenticate", self.challenge());
        }
        response
    }

    /// RFC 6750, section 3.
    fn challenge(&self) -> String {
        match self {
            Self::Missing => "Bearer realm=\"sessiond\"".to_owned(),
            Self::Scope(scope) => {
                format!("Bearer realm=\"sessiond\", error=\"insufficient_scope\", scope=\"{scope}\"")
            }
            _ => "Bearer realm=\"sessiond\", error=\"invalid_token\"".to_owned(),
        }
    }
}
