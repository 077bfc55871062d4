//! The fairing that turns ended sessions away, before routing and so before any handler.
//!
//! A request fairing cannot answer, so a rejected request is sent to an internal route that answers for it; see
//! [`super::reject`]. Attach the gate last: a request fairing after it could rewrite the request again.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use rocket::fairing::{self, Fairing, Info, Kind};
use rocket::futures::FutureExt;
use rocket::http::Method;
use rocket::{Build, Data, Request, Response, Rocket};

use super::cookie::Sent;
use super::csrf::{self, Asked, Binding, Judgement};
use super::seen::{Rejection, Seen};
use super::shape::Fault;
use super::{Core, address, headers, is_afar, reject};
use crate::domain::clock::random;
use crate::domain::credential::Credential;
use crate::domain::id::hex;
use crate::service::sessions::Resolved;

/// Of a body the gate reads so many bytes: its form's token is there, or nowhere.
const START: usize = 512;

/// Paths on which an ended session counts as none, so that people can sign in again, and out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    SignOut,
    Open,
    /// Commands from afar, which an API key opens and no session does.
    Keyed,
    Guarded,
}

impl Path {
    fn of(request: &Request<'_>) -> Self {
        let raw = request.uri().path().as_str();
        match raw {
            "/logout" => Self::SignOut,
            "/login" | "/login/forgotten" | "/login/password" | "/setup" => Self::Open,
            _ if is_afar(request, raw) => Self::Keyed,
            _ if raw.starts_with("/static/") || matches!(raw, "/health/live" | "/health/ready" | "/metrics") => {
                Self::Open
            }
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
        let Core { config, names, service, keys, .. } = &*self.0;
        let headers = request.headers();
        // The body's first bytes come first: whoever holds them back is judged by what holds when they arrive.
        let safe = matches!(request.method(), Method::Get | Method::Head | Method::Options);
        let asked = if safe { 0 } else { START };
        let body = if safe { &[] } else { data.peek(asked).await };
        let fault = Fault::of(request, body, asked);

        let sent = names.session.read(headers);
        let credential = if let Sent::Once(value) = sent { value.parse::<Credential>().ok() } else { None };
        let resolved = match &credential {
            Some(credential) => service.resolve(credential).await,
            None => Ok(Resolved::Unknown),
        };
        let failed = resolved.is_err();
        let resolved = resolved.unwrap_or_else(|error| {
            tracing::error!(%error, "a session could not be resolved");
            Resolved::Unknown
        });
        let (binding, fresh) = match (&resolved, names.visitor.read(headers)) {
            (Resolved::Live(live), _) => (Binding::Session(live.session.id()), false),
            (_, Sent::Once(value)) if value.len() == 32 && value.bytes().all(|b| b.is_ascii_hexdigit()) => {
                (Binding::Visitor(value.to_owned()), false)
            }
            _ => (Binding::Visitor(hex(&random::<16>(service.entropy()))), true),
        };
        let is_form = request.content_type().is_some_and(|kind| kind.is_form());
        let judgement = csrf::judge(
            &Asked {
                method: request.method(),
                site: headers.get_one("sec-fetch-site"),
                origin: headers.get_one("origin"),
                host: headers.get_one("host"),
                json: request.content_type().is_some_and(|kind| kind.is_json()),
                rewritten: is_form && csrf::names_method(body),
                token: !fresh && csrf::holds_token(keys, &binding, body),
            },
            config,
        );
        let path = Path::of(request);
        let by_browser = headers.contains("sec-fetch-site") || headers.contains("origin");
        let live = matches!(resolved, Resolved::Live(_));
        let rejection = match (&resolved, judgement) {
            _ if fault.is_some() => fault.map(Rejection::Malformed),
            _ if failed && path != Path::Open => Some(Rejection::Unavailable),
            (Resolved::Ended(ended), _) if matches!(path, Path::Guarded | Path::Keyed) => {
                Some(Rejection::Ended(ended.clone()))
            }
            // Which of them is to end nobody knows, and "signed out" would be a lie.
            _ if path == Path::SignOut && !safe && sent == Sent::Twice => Some(Rejection::Doubled),
            (_, Judgement::Pass) => None,
            // Nothing but a key in a header counts there, and no browser puts one in by itself. With a session's cookie, or
            // with what a browser says of a page, the request is judged as every other.
            (_, Judgement::Unsure) if path == Path::Keyed && !by_browser && sent == Sent::No => None,
            // Whoever asks to be signed out and has no session is: their form may well be older than its end.
            (_, Judgement::Stale | Judgement::Unsure) if path == Path::SignOut && !live => None,
            (Resolved::Expired(_), Judgement::Stale | Judgement::Unsure) if path == Path::Guarded => {
                Some(Rejection::RanOut)
            }
            (_, judgement) => Some(Rejection::Csrf(judgement)),
        };
        let (method, uri) = (request.method(), request.uri().to_string());
        let address = address::of(request, &config.trusted_proxies);
        Seen { resolved, credential, binding, fresh, address, rejection, method, uri }
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
            rejection: Some(Rejection::Unavailable),
            ..Seen::nothing(request.method(), request.uri().to_string())
        });
        let rejected = seen.rejection.is_some();
        let _ = Seen::place(request).set(seen);
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
