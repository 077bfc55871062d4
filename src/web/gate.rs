//! The fairing that turns ended sessions away, before routing and so before any handler.
//!
//! A request fairing cannot answer, so a rejected request is sent to an internal route that answers for it; see
//! [`super::reject`]. Attach the gate last: a request fairing after it could rewrite the request again.

use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use rocket::fairing::{self, Fairing, Info, Kind};
use rocket::futures::FutureExt;
use rocket::http::uri::Origin;
use rocket::http::{HeaderMap, Method};
use rocket::{Build, Data, Request, Response, Rocket};

use super::cookie::Sent;
use super::csrf::{self, Asked, Judgement};
use super::{Core, address, headers, reject};
use crate::domain::clock::random;
use crate::domain::credential::Credential;
use crate::domain::ending::Ended;
use crate::domain::id::SessionId;
use crate::service::sessions::Resolved;
use crate::store::StoreError;

/// What a form's token is bound to.
#[derive(Debug, Clone)]
pub enum Binding {
    /// The live session.
    Session(SessionId),
    /// Before there is one: a random cookie. Nothing is stored.
    Visitor(String),
}

impl Binding {
    pub(super) const fn kind(&self) -> &'static [u8] {
        match self {
            Self::Session(_) => b"session",
            Self::Visitor(_) => b"visitor",
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Session(id) => id.bytes(),
            Self::Visitor(value) => value.as_bytes(),
        }
    }
}

/// Why a request goes no further.
#[derive(Debug, Clone)]
pub enum Rejection {
    /// Its session has ended.
    Ended(Ended),
    /// Nobody knows: the store does not answer.
    Unavailable,
    /// It was not meant, or its form is out of date.
    Csrf(Judgement),
}

/// What the gate found out, kept for the guards and pages of the same request.
#[derive(Debug)]
pub struct Seen {
    /// What the credential is worth.
    pub resolved: Resolved,
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
    /// What the gate found out about this request; for one that it never saw, nothing.
    pub fn of<'r>(request: &'r Request<'_>) -> &'r Self {
        request.local_cache(|| Self {
            resolved: Resolved::Unknown,
            binding: Binding::Visitor(String::new()),
            fresh: false,
            address: None,
            rejection: None,
            method: request.method(),
            uri: request.uri().to_string(),
        })
    }
}

/// Paths on which an ended session counts as none, so that people can sign in again, and out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    SignOut,
    Open,
    Guarded,
}

impl Path {
    fn of(uri: &Origin<'_>) -> Self {
        let raw = uri.path().as_str();
        match raw {
            "/logout" => Self::SignOut,
            "/login" | "/setup" => Self::Open,
            _ if raw.starts_with("/static/") => Self::Open,
            _ => Self::Guarded,
        }
    }
}

/// Stands in the application's state once the gate is attached; the guards refuse to launch without it.
pub(super) struct Attached;

/// The gate. See the module.
pub struct Gate(pub(super) Arc<Core>);

impl Gate {
    async fn look(&self, request: &Request<'_>, data: &mut Data<'_>) -> Seen {
        let Core { config, names, service, keys } = &*self.0;
        let (resolved, failed) = match resolve(&self.0, request.headers()).await {
            Ok(resolved) => (resolved, false),
            Err(error) => {
                tracing::error!(%error, "a session could not be resolved");
                (Resolved::Unknown, true)
            }
        };
        let (binding, fresh) = match (&resolved, names.visitor.read(request.headers())) {
            (Resolved::Live(live), _) => (Binding::Session(live.session.id()), false),
            (_, Sent::Once(value)) if value.len() == 32 && value.bytes().all(|b| b.is_ascii_hexdigit()) => {
                (Binding::Visitor(value.to_owned()), false)
            }
            _ => {
                let value = random::<16>(service.entropy()).iter().map(|byte| format!("{byte:02x}")).collect();
                (Binding::Visitor(value), true)
            }
        };
        let path = Path::of(request.uri());
        let rejection = if failed && path != Path::Open {
            Some(Rejection::Unavailable)
        } else if let Resolved::Ended(ended) = &resolved
            && path == Path::Guarded
        {
            Some(Rejection::Ended(ended.clone()))
        } else if path == Path::SignOut && !matches!(resolved, Resolved::Live(_)) {
            // There is nothing to protect, and whoever wants to be signed out is.
            None
        } else {
            let headers = request.headers();
            let body = data.peek(512).await;
            let asked = Asked {
                method: request.method(),
                site: headers.get_one("sec-fetch-site"),
                origin: headers.get_one("origin"),
                host: headers.get_one("host"),
                json: request.content_type().is_some_and(|kind| kind.is_json()),
                rewritten: request.content_type().is_some_and(|kind| kind.is_form()) && body.starts_with(b"_method="),
                token: !fresh && csrf::holds_token(keys, &binding, body),
            };
            match csrf::judge(&asked, config) {
                Judgement::Pass => None,
                judgement => Some(Rejection::Csrf(judgement)),
            }
        };
        Seen {
            resolved,
            binding,
            fresh,
            address: address::of(request, &config.trusted_proxies),
            rejection,
            method: request.method(),
            uri: request.uri().to_string(),
        }
    }
}

async fn resolve(core: &Core, headers: &HeaderMap<'_>) -> Result<Resolved, StoreError> {
    let Sent::Once(value) = core.names.session.read(headers) else { return Ok(Resolved::Unknown) };
    match value.parse::<Credential>() {
        Ok(credential) => core.service.resolve(&credential).await,
        Err(_) => Ok(Resolved::Unknown),
    }
}

#[rocket::async_trait]
impl Fairing for Gate {
    fn info(&self) -> Info {
        Info { name: "sessiond gate", kind: Kind::Ignite | Kind::Request | Kind::Response | Kind::Singleton }
    }

    async fn on_ignite(&self, rocket: Rocket<Build>) -> fairing::Result {
        Ok(rocket.manage(Arc::clone(&self.0)).manage(Attached).mount(reject::BASE, reject::routes()))
    }

    async fn on_request(&self, request: &mut Request<'_>, data: &mut Data<'_>) {
        // A panic in a fairing would give an empty reply; fail closed instead.
        let looked = AssertUnwindSafe(self.look(request, data)).catch_unwind().await;
        let seen = looked.unwrap_or_else(|_| Seen {
            resolved: Resolved::Unknown,
            binding: Binding::Visitor(String::new()),
            fresh: false,
            address: None,
            rejection: Some(Rejection::Unavailable),
            method: request.method(),
            uri: request.uri().to_string(),
        });
        let rejected = seen.rejection.is_some();
        let _ = request.local_cache(|| seen);
        if rejected {
            request.set_uri(reject::uri());
            // HEAD stays: the framework answers it by the GET route and strips the body.
            if request.method() != Method::Head {
                request.set_method(Method::Get);
            }
        }
    }

    async fn on_response<'r>(&self, _: &'r Request<'_>, response: &mut Response<'r>) {
        headers::secure(response, &self.0.config);
    }
}
