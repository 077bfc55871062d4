//! An API key that came along with a request.

use std::net::IpAddr;

use rocket::http::HeaderMap;

use super::Core;
use crate::domain::ending::Actor;
use crate::domain::id::KeyId;
use crate::domain::key::{ApiKey, KeyCredential, Scope};
use crate::service::keys::ResolvedKey;
use crate::service::throttle::refusals::{Grounds, Refused};

/// How keys begin.
const PREFIX: &str = "sessiond_";

/// What a request shows.
#[derive(Debug, Clone)]
pub enum Presented {
    /// No key.
    Nothing,
    /// Something that is no key in the place of one, or two of them: which is meant nobody knows.
    Malformed,
    /// A key, good or not.
    Key(KeyCredential),
}

/// Why a key opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is none.
    Missing,
    /// No such key, or another secret: the answer is the same.
    Unknown,
    /// Somebody revoked it. Whoever has the secret may know.
    Revoked,
    /// It ran out.
    Expired,
    /// It is not for this.
    Scope(Scope),
    /// Nobody knows right now.
    Unavailable,
}

/// The token of an `Authorization: Bearer` header.
pub fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

impl Presented {
    /// In `Authorization`, and nowhere else.
    pub fn in_authorization(headers: &HeaderMap<'_>) -> Self {
        let mut sent = headers.get("authorization");
        match (sent.next(), sent.next()) {
            (None, _) => Self::Nothing,
            (Some(value), None) => bearer(value).map_or(Self::Malformed, Self::parse),
            (Some(_), Some(_)) => Self::Malformed,
        }
    }

    /// In `X-Appwrite-Key`, or in `Authorization` where it looks like one: sessions may stand there as well.
    pub fn to_api(headers: &HeaderMap<'_>) -> Self {
        let named = headers.get("x-appwrite-key").filter(|key| !key.is_empty());
        let tokens = headers.get("authorization").filter_map(bearer).filter(|token| token.starts_with(PREFIX));
        let mut sent = named.chain(tokens);
        match (sent.next(), sent.next()) {
            (None, _) => Self::Nothing,
            (Some(key), None) => Self::parse(key),
            (Some(key), Some(again)) if key == again => Self::parse(key),
            (Some(_), Some(_)) => Self::Malformed,
        }
    }

    /// Whether there is any.
    pub const fn is_there(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    fn parse(key: &str) -> Self {
        key.parse().map_or(Self::Malformed, Self::Key)
    }
}

/// A request that shows a key.
pub struct Showing<'a> {
    /// The key.
    pub key: &'a Presented,
    /// From where.
    pub address: Option<IpAddr>,
    /// How.
    pub method: &'a str,
    /// What it asks for.
    pub path: &'a str,
}

impl Showing<'_> {
    /// The key, if it is good now. That it is past is written down.
    pub async fn good(&self, core: &Core) -> Result<ApiKey, Refusal> {
        let credential = match self.key {
            Presented::Nothing => return Err(Refusal::Missing),
            Presented::Malformed => return Err(Refusal::Unknown),
            Presented::Key(credential) => credential,
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

    /// The key, if it is good for this now.
    pub async fn good_for(&self, core: &Core, scope: Scope) -> Result<ApiKey, Refusal> {
        let key = self.good(core).await?;
        if key.scopes.contain(scope) {
            return Ok(key);
        }
        self.note(core, key.id, Grounds::Scope).await;
        Err(Refusal::Scope(scope))
    }

    /// Writes down what the holder of a key was refused.
    pub async fn note(&self, core: &Core, key: KeyId, why: Grounds) {
        let refused = Refused { why, method: self.method, path: self.path };
        core.service.note_refused(refused, Actor::Key(key), self.address).await;
    }
}
