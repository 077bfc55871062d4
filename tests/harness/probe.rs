//! Routes that stand for an application's own, and count how often they ran.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::{CookieJar, Header, Status};
use rocket::{Request, Response, Route, State, delete, get, post, put, routes};
use sessiond::{AdminSession, CurrentSession};

/// How many probes ran.
#[derive(Default)]
pub struct Probe(AtomicUsize);

impl Probe {
    pub fn ran(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Notes that one did.
    pub fn run(&self) -> &'static str {
        self.0.fetch_add(1, Ordering::SeqCst);
        "ran"
    }
}

/// Names the route that answered, so that a test can tell who did.
pub struct Answered;

/// The header that it names it in.
pub const ROUTE: &str = "x-test-route";

#[rocket::async_trait]
impl Fairing for Answered {
    fn info(&self) -> Info {
        Info { name: "who answered", kind: Kind::Response }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let route = request.route().map_or_else(String::new, |route| format!("{} {}", route.method, route.uri));
        response.set_raw_header(ROUTE, route);
    }
}

pub fn routes() -> Vec<Route> {
    routes![open, mine, administrators, change, place, remove, own_caching, own_cookie, fails, panics]
}

type Counter = State<Arc<Probe>>;

#[get("/probe/open")]
fn open(probe: &Counter) -> &'static str {
    probe.run()
}

#[get("/probe/mine")]
fn mine(probe: &Counter, session: CurrentSession<'_>) -> String {
    format!("{} for {}", probe.run(), session.email())
}

#[get("/probe/administrators")]
fn administrators(probe: &Counter, session: AdminSession<'_>) -> String {
    format!("{} for {}", probe.run(), session.email())
}

#[post("/probe/change")]
fn change(probe: &Counter) -> &'static str {
    probe.run()
}

#[put("/probe/change")]
fn place(probe: &Counter) -> &'static str {
    probe.run()
}

#[delete("/probe/change")]
fn remove(probe: &Counter) -> &'static str {
    probe.run()
}

/// Says for itself how long it may be kept.
#[get("/probe/cached")]
fn own_caching(probe: &Counter) -> Cached {
    Cached(probe.run(), Header::new("Cache-Control", "public, max-age=60"))
}

/// The same with a cookie.
#[get("/probe/cached/cookie")]
fn own_cookie(probe: &Counter, jar: &CookieJar<'_>) -> Cached {
    jar.add(("own", "value"));
    own_caching(probe)
}

#[derive(rocket::Responder)]
struct Cached(&'static str, Header<'static>);

#[get("/probe/fails")]
fn fails(probe: &Counter) -> Status {
    probe.run();
    Status::InternalServerError
}

#[get("/probe/panics")]
fn panics(probe: &Counter) -> &'static str {
    probe.run();
    panic!("a handler's own mistake")
}
