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

use super::api_key::Presented;
use super::cookie::Sent;
use super::csrf::{self, Asked, Binding, Judgement};
use super::doors::api::{self, cors, credentials};
use super::doors::{operators, proxy};
use super::seen::{Carrier, Rejection, Seen};
use super::shape::Fault;
use super::{Core, address, headers, is_afar, reject};
use crate::domain::clock::random;
use crate::domain::credential::Credential;
use crate::domain::id::hex;
use crate::service::Service;
use crate::service::sessions::Resolved;
use crate::store::Result;

/// Of a body the gate reads so many bytes: its form's token is there, or nowhere.
const START: usize = 512;

/// Paths on which an ended session counts as none, so that people can sign in again, and out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Path {
    SignOut,
    Open,
    /// Commands from afar, which an API key opens and no session does.
    Keyed,
    /// What proxies ask, with a credential of its own. Nothing is changed there, whatever the method.
    Proxy,
    /// The API. What matters there is where a request comes from, and not a form's token.
    Api {
        open: bool,
    },
    Guarded,
}

impl Path {
    fn of(request: &Request<'_>) -> Self {
        let raw = request.uri().path().as_str();
        match raw {
            "/logout" => Self::SignOut,
            "/login" | "/login/forgotten" | "/login/password" | "/setup" => Self::Open,
            _ if is_afar(request, raw) => Self::Keyed,
            _ if proxy::is_here(request, raw) => Self::Proxy,
            _ if api::is_api(request, raw) => Self::Api { open: api::is_open(request, raw) },
            _ if raw.starts_with("/static/") || operators::is_one(request, raw) => Self::Open,
            _ => Self::Guarded,
        }
    }
}

impl Path {
    const fn is_api(self) -> bool {
        matches!(self, Self::Api { .. })
    }

    /// Whether nobody need be signed in there, so that it matters little who is.
    const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Api { open: true })
    }

    /// Whether an ended session goes no further there.
    const fn is_guarded(self) -> bool {
        matches!(self, Self::Guarded | Self::Keyed | Self::Proxy | Self::Api { open: false })
    }
}

/// What the sessions that a request shows are worth.
struct Looked {
    resolved: Resolved,
    /// The one that counts.
    shown: Option<(Credential, Carrier)>,
    /// The store did not answer.
    failed: bool,
    /// How many are live.
    live: usize,
}

impl Looked {
    /// Of what names a session and is no credential.
    fn without_credential(resolved: Result<Resolved>) -> Self {
        let failed = resolved.is_err();
        let resolved = known(resolved);
        let live = usize::from(matches!(resolved, Resolved::Live(_)));
        Self { resolved, shown: None, failed, live }
    }
}

fn known(resolved: Result<Resolved>) -> Resolved {
    resolved.unwrap_or_else(|error| {
        tracing::error!(%error, "a session could not be resolved");
        Resolved::Unknown
    })
}

/// The live one counts, before one that has ended, before one that ran out.
async fn look_up(service: &Service, shown: Vec<(Credential, Carrier)>) -> Looked {
    let mut looked = Looked { resolved: Resolved::Unknown, shown: None, failed: false, live: 0 };
    for (credential, carrier) in shown {
        let resolved = service.resolve(&credential).await;
        looked.failed |= resolved.is_err();
        let resolved = known(resolved);
        looked.live += usize::from(matches!(resolved, Resolved::Live(_)));
        if looked.shown.is_none() || rank(&resolved) > rank(&looked.resolved) {
            looked.resolved = resolved;
            looked.shown = Some((credential, carrier));
        }
    }
    looked
}

const fn rank(resolved: &Resolved) -> u8 {
    match resolved {
        Resolved::Live(_) => 3,
        Resolved::Ended(_) => 2,
        Resolved::Expired(_) => 1,
        Resolved::Unknown => 0,
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
        let path = Path::of(request);
        let safe = path == Path::Proxy || matches!(request.method(), Method::Get | Method::Head | Method::Options);
        let asked = if safe { 0 } else { START };
        let body = if safe { &[] } else { data.peek(asked).await };
        let fault = Fault::of(request, body, asked);
        let is_preflight = request.method() == Method::Options;

        let sent = names.session.read(headers);
        let key = if path.is_api() { Presented::to_api(headers) } else { Presented::Nothing };
        let shown = match sent {
            // A key takes the place of whoever is signed in.
            _ if key.is_there() => Vec::new(),
            _ if path.is_api() => credentials::sessions(headers, names),
            Sent::Once(value) => value.parse().map(|credential| (credential, Carrier::Cookie)).into_iter().collect(),
            _ => Vec::new(),
        };
        let derived = if path == Path::Proxy { proxy::resolve(&self.0, headers).await } else { None };
        let Looked { resolved, shown, failed, live: lives } = match derived {
            Some(derived) => Looked::without_credential(derived),
            None => look_up(service, shown).await,
        };
        let (credential, carrier) = shown.map_or((None, Carrier::Cookie), |(one, carrier)| (Some(one), carrier));
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
        let judgement = match path {
            Path::Api { .. } if is_form && csrf::names_method(body) => Judgement::Foreign,
            Path::Api { .. } if cors::is_meant(config, headers, safe, key.is_there()) => Judgement::Pass,
            Path::Api { .. } => Judgement::Foreign,
            _ => judgement,
        };
        let by_browser = headers.contains("sec-fetch-site") || headers.contains("origin");
        let live = matches!(resolved, Resolved::Live(_));
        let rejection = match (&resolved, judgement) {
            _ if fault.is_some() => fault.map(Rejection::Malformed),
            (_, Judgement::Foreign) if path.is_api() => Some(Rejection::Csrf(judgement)),
            _ if path.is_api() && !is_preflight && !credentials::is_project(&self.0, headers) => {
                Some(Rejection::NoProject)
            }
            _ if failed && !path.is_open() => Some(Rejection::Unavailable),
            _ if lives > 1 && !path.is_open() => Some(Rejection::TwoSessions),
            (Resolved::Ended(ended), _) if path.is_guarded() => Some(Rejection::Ended(ended.clone())),
            // Which of them is to end nobody knows, and "signed out" would be a lie.
            _ if path == Path::SignOut && !safe && sent == Sent::Twice => Some(Rejection::Doubled),
            (_, Judgement::Pass) => None,
            _ if path == Path::Proxy => None,
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
        Seen { resolved, credential, carrier, key, binding, fresh, address, rejection, method, uri }
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

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        headers::secure(response, &self.0.config);
        if api::is_api(request, &Seen::of(request).uri) {
            cors::tell(response, request, &self.0.config, Seen::of(request).method == Method::Options);
        }
    }
}
