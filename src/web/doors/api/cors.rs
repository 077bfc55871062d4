//! Pages of other origins: which may ask, and what their browsers are told.

use rocket::http::{HeaderMap, Status};
use rocket::response::{self, Responder};
use rocket::{Request, Response, Route, options, routes};

use super::error::ApiError;
use crate::config::Config;
use crate::web::csrf;

const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";

/// What clients may send. A browser sends none of them across origins before it has asked.
const HEADERS: &str = "Content-Type, Authorization, Last-Event-ID, X-Appwrite-Project, X-Appwrite-Session, X-Appwrite-JWT, \
    X-Appwrite-Key, X-Appwrite-Locale, X-Appwrite-Response-Format, X-Appwrite-Dev-Key, X-Fallback-Cookies, X-SDK-Name, \
    X-SDK-Version, X-SDK-Language, X-SDK-Platform";

const EXPOSED: &str = "X-Appwrite-Session, X-Fallback-Cookies, X-RateLimit-Limit, X-RateLimit-Remaining, \
    X-RateLimit-Reset, Retry-After";

/// Browsers keep the answer for so many seconds.
const KEPT: &str = "600";

pub fn routes() -> Vec<Route> {
    routes![ask]
}

#[options("/<_..>")]
fn ask() -> Preflight {
    Preflight
}

/// 204, whatever the path. Whether the origin may ask, the gate has judged.
struct Preflight;

impl<'r> Responder<'r, 'static> for Preflight {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        Response::build().status(Status::NoContent).raw_header("Content-Type", "text/plain; charset=utf-8").ok()
    }
}

/// Whether a page of this origin may ask.
pub fn allows(config: &Config, origin: &str, host: Option<&str>) -> bool {
    csrf::is_own(origin, host, config.public_url.as_ref())
        || config.allowed_origins.iter().any(|allowed| allowed.as_str() == origin)
}

/// Whether a request was sent by a page that may. A key in a header nobody's browser sends by itself.
pub fn is_meant(config: &Config, headers: &HeaderMap<'_>, safe: bool, keyed: bool) -> bool {
    let mut origins = headers.get("origin");
    match (origins.next(), origins.next()) {
        _ if keyed => true,
        (Some(origin), None) => allows(config, origin, headers.get_one("host")),
        (Some(_), Some(_)) => false,
        (None, _) if safe => true,
        (None, _) => headers.get_one("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none")),
    }
}

/// Tells the browser of a page that may ask that it may read the answer, errors among them.
pub fn tell(response: &mut Response<'_>, request: &Request<'_>, config: &Config, preflight: bool) {
    response.adjoin_raw_header("Vary", "Origin");
    let headers = request.headers();
    let Some(origin) = headers.get_one("origin") else { return };
    if !allows(config, origin, headers.get_one("host")) {
        return;
    }
    response.set_raw_header("Access-Control-Allow-Origin", origin.to_owned());
    response.set_raw_header("Access-Control-Allow-Credentials", "true");
    response.set_raw_header("Access-Control-Expose-Headers", EXPOSED);
    if preflight {
        response.set_raw_header("Access-Control-Allow-Methods", METHODS);
        response.set_raw_header("Access-Control-Allow-Headers", HEADERS);
        response.set_raw_header("Access-Control-Max-Age", KEPT);
    }
}

/// 403: the page is nobody's whom we know.
pub fn unknown_origin() -> ApiError {
    let told = "Pages of this origin may not ask. Add it to allowed_origins.";
    ApiError::new(Status::Forbidden, "general_unknown_origin", told)
}
