//! What the gate found out about a request, kept for the guards and pages of the same request.

use std::net::IpAddr;
use std::sync::{LazyLock, OnceLock};

use rocket::Request;
use rocket::http::Method;

use super::api_key::Presented;
use super::csrf::{Binding, Judgement};
use super::shape::Fault;
use crate::domain::credential::Credential;
use crate::domain::ending::Ended;
use crate::service::sessions::Resolved;

/// Why a request goes no further.
#[derive(Debug, Clone)]
pub enum Rejection {
    /// Its session has ended.
    Ended(Ended),
    /// Its session ran out, and its form with it.
    RanOut,
    /// Nobody knows: the store does not answer.
    Unavailable,
    /// It wants to be signed out and carries two credentials.
    Doubled,
    /// It is not what a request must be.
    Malformed(Fault),
    /// It was not meant, or its form is out of date.
    Csrf(Judgement),
    /// It shows two sessions that are both live.
    TwoSessions,
    /// It asks for the users of somebody else's server.
    NoProject,
}

/// Where a session's credential came along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// In the cookie.
    Cookie,
    /// In a header, which only programs write.
    Header,
}

/// What the gate found out, kept for the guards and pages of the same request.
#[derive(Debug)]
pub struct Seen {
    /// What the credential is worth.
    pub resolved: Resolved,
    /// The credential, if it has the form of one.
    pub credential: Option<Credential>,
    /// Where it came along.
    pub carrier: Carrier,
    /// The API key that a program shows, good or not.
    pub key: Presented,
    /// What forms of the answer are bound to.
    pub binding: Binding,
    /// The visitor's cookie has yet to be set.
    pub fresh: bool,
    /// Where the request comes from.
    pub address: Option<IpAddr>,
    /// Set if the request goes no further.
    pub rejection: Option<Rejection>,
    /// What was asked for, before a rejection sent the request elsewhere.
    pub method: Method,
    /// The path and query that were asked for.
    pub uri: String,
}

impl Seen {
    /// What the gate found out about this request; for one that it has not seen (yet), nothing.
    pub fn of<'r>(request: &'r Request<'_>) -> &'r Self {
        static NOTHING: LazyLock<Seen> = LazyLock::new(|| Seen::nothing(Method::Get, String::new()));
        Self::place(request).get().unwrap_or(&NOTHING)
    }

    /// Where the gate puts what it found out. Empty until then, so that a guard that is asked before does not fill it.
    pub fn place<'r>(request: &'r Request<'_>) -> &'r OnceLock<Self> {
        request.local_cache(OnceLock::new)
    }

    pub const fn nothing(method: Method, uri: String) -> Self {
        Self {
            resolved: Resolved::Unknown,
            credential: None,
            carrier: Carrier::Cookie,
            key: Presented::Nothing,
            binding: Binding::Visitor(String::new()),
            fresh: false,
            address: None,
            rejection: None,
            method,
            uri,
        }
    }
}
