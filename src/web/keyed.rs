//! Doors at which nothing but an API key counts: what a request shows there, and what it is told without a good one.

use std::convert::Infallible;
use std::net::IpAddr;

use rocket::Response;
use rocket::http::{Method, Status};
use rocket::request::{FromRequest, Outcome, Request};

use super::api_key::{Presented, Refusal, Showing};
use super::error;
use super::seen::Seen;

/// What a request shows, and from where it comes.
pub struct Shown {
    key: Presented,
    /// From where.
    pub address: Option<IpAddr>,
    method: Method,
    path: String,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Shown {
    type Error = Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Infallible> {
        let key = Presented::in_authorization(request.headers());
        let shown = match Seen::place(request).get() {
            Some(seen) => Self { key, address: seen.address, method: seen.method, path: seen.uri.clone() },
            // The gate does not stand before every listener.
            None => Self {
                key,
                address: request.remote().map(|peer| peer.ip().to_canonical()),
                method: request.method(),
                path: request.uri().to_string(),
            },
        };
        Outcome::Success(shown)
    }
}

impl Shown {
    /// To be looked at.
    pub fn showing(&self) -> Showing<'_> {
        let Self { key, address, method, path } = self;
        Showing { key, address: *address, method: method.as_str(), path }
    }
}

/// What is answered without a good key: JSON, and the challenge that belongs to it.
pub fn refused(refusal: Refusal) -> Response<'static> {
    let (status, code, told) = match refusal {
        Refusal::Missing => {
            (Status::Unauthorized, "key_missing", "Send an API key as Authorization: Bearer.".to_owned())
        }
        Refusal::Unknown => (Status::Unauthorized, "key_unknown", "This is no API key of this server.".to_owned()),
        Refusal::Revoked => (Status::Unauthorized, "key_revoked", "The API key has been revoked.".to_owned()),
        Refusal::Expired => (Status::Unauthorized, "key_expired", "The API key has run out.".to_owned()),
        Refusal::Scope(scope) => {
            (Status::Unauthorized, "general_unauthorized_scope", format!("The API key lacks the scope {scope}."))
        }
        Refusal::Unavailable => {
            let told = "API keys cannot be looked up right now; try again.";
            (Status::ServiceUnavailable, "unavailable", told.to_owned())
        }
    };
    let mut response = error::json(status, code, &told);
    if status == Status::Unauthorized {
        response.set_raw_header("WWW-Authenticate", challenge(refusal));
    }
    response
}

/// RFC 6750, section 3.
fn challenge(refusal: Refusal) -> String {
    match refusal {
        Refusal::Missing => "Bearer realm=\"sessiond\"".to_owned(),
        Refusal::Scope(scope) => {
            format!("Bearer realm=\"sessiond\", error=\"insufficient_scope\", scope=\"{scope}\"")
        }
        _ => "Bearer realm=\"sessiond\", error=\"invalid_token\"".to_owned(),
    }
}
