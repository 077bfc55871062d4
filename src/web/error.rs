//! What goes wrong, told to people as a page and to programs as JSON.

use rocket::http::{ContentType, MediaType, Method, Status};
use rocket::response::{self, Responder, Response};
use rocket::{Catcher, Request, catch, catchers};
use serde_json::json;

use super::answer::{CHALLENGE, Made, Page, SeeOther};
use super::doors::proxy;
use super::flash::{Flash, Why};
use super::seen::Seen;
use super::{Core, headers, is_afar, session_cookies};
use crate::service::sessions::Resolved;
use crate::store::StoreError;

/// Whether whoever asked reads JSON rather than pages.
pub fn wants_json(request: &Request<'_>, uri: &str) -> bool {
    let accepts =
        |wanted: &MediaType| request.accept().is_some_and(|accept| accept.media_types().any(|one| one == wanted));
    let program = uri.starts_with("/v1/") || is_afar(request, uri) || proxy::is_here(request, uri);
    program || (accepts(&MediaType::JSON) && !accepts(&MediaType::HTML))
}

/// An error for programs.
pub fn json(status: Status, code: &str, message: &str) -> Response<'static> {
    let body = json!({ "message": message, "code": status.code, "type": code }).to_string();
    let mut response = Response::build()
        .status(status)
        .header(ContentType::JSON)
        .sized_body(body.len(), std::io::Cursor::new(body))
        .finalize();
    if status == Status::Unauthorized {
        response.set_raw_header("WWW-Authenticate", CHALLENGE);
    }
    if status == Status::ServiceUnavailable {
        response.set_raw_header("Retry-After", "1");
    }
    response
}

/// An error page.
pub fn page(status: Status, heading: &'static str, text: &str) -> Page {
    let context = json!({ "status": status.code, "heading": heading, "text": text, "action": null, "resend": null });
    Page::new("pages/error.html", heading, context).status(status)
}

/// An error page with a way on.
pub fn page_with(status: Status, heading: &'static str, text: &str, href: &str, label: &str) -> Page {
    let mut page = page(status, heading, text);
    page.context["action"] = json!({ "href": href, "label": label });
    page
}

/// 503: nobody knows.
pub fn unavailable() -> Page {
    let told = "The server cannot look sessions up right now. Nothing is lost; try again in a moment.";
    page(Status::ServiceUnavailable, "Please try again", told)
}

/// A page that could not be made.
#[derive(Debug)]
pub enum PageError {
    /// The store does not answer; whether a change was made nobody knows.
    Store(StoreError),
    /// No such thing, or somebody else's.
    NotFound,
    /// A field of the question does not parse.
    BadRequest(String),
}

impl From<StoreError> for PageError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<'r> Responder<'r, 'static> for PageError {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let (code, page) = match self {
            Self::Store(error) => {
                tracing::error!(%error, source = ?std::error::Error::source(&error), "a page could not be made");
                ("unavailable", if request.method() == Method::Get { unavailable() } else { unconfirmed() })
            }
            Self::NotFound => ("not_found", not_found()),
            Self::BadRequest(told) => ("bad_request", page(Status::BadRequest, "That does not work", &told)),
        };
        if wants_json(request, &Seen::of(request).uri) {
            let told = page.context["text"].as_str().unwrap_or(page.title);
            return Ok(json(page.status, code, told));
        }
        page.respond_to(request)
    }
}

/// 503: it may have happened.
fn unconfirmed() -> Page {
    let told = "The server could not confirm the change. It may have happened or not; it is safe to do it again.";
    page(Status::ServiceUnavailable, "Not confirmed", told)
}

fn not_found() -> Page {
    page_with(
        Status::NotFound,
        "Nothing here",
        "There is no such page, or it is not yours to see.",
        "/",
        "To the start",
    )
}

pub fn catchers() -> Vec<Catcher> {
    catchers![unauthorized, any]
}

/// Nobody is signed in: to the sign-in page.
#[catch(401)]
fn unauthorized(request: &Request<'_>) -> Result<Made, Status> {
    let seen = Seen::of(request);
    if wants_json(request, &seen.uri) {
        return Ok(finish(request, json(Status::Unauthorized, "unauthorized", "Sign in first.")));
    }
    let mut there = SeeOther::sign_in(seen);
    if let (Resolved::Expired(at), Some(core)) = (&seen.resolved, core(request)) {
        there = there.flash(core, Flash::Away(Why::Expired, *at)).cookies(session_cookies::take_away(core));
    }
    there.respond_to(request).map(|response| finish(request, response))
}

#[catch(default)]
fn any(status: Status, request: &Request<'_>) -> Result<Made, Status> {
    let (heading, told) = match status.code {
        400 => ("That does not work", "The request could not be read."),
        403 if lacks_second_factor(request) => {
            return answer(request, status, "second_factor_required", no_second_factor());
        }
        403 => ("Not allowed", "This page is for administrators."),
        404 => return answer(request, status, "not_found", not_found()),
        405 => ("Not allowed", "This address does not take that kind of request."),
        413 => ("Too much", "What was sent is too long. Nothing was changed."),
        415 | 422 => (
            "Something is missing",
            "A field of the form is missing or has a wrong form. Nothing was changed; go back and try again.",
        ),
        503 => return answer(request, status, "unavailable", unavailable()),
        _ => ("Something went wrong", "The server could not answer. What happened stands in its log."),
    };
    answer(request, status, "error", page(status, heading, told))
}

fn lacks_second_factor(request: &Request<'_>) -> bool {
    let Resolved::Live(live) = &Seen::of(request).resolved else { return false };
    core(request).is_some_and(|core| core.service.lacks_second_factor(&live.user))
}

fn no_second_factor() -> Page {
    let told = "Administrators need a second factor here, such as an app on your phone. Set yours up first.";
    let (href, label) = ("/account/second-factor", "Set it up");
    page_with(Status::Forbidden, "One step before this", told, href, label)
}

fn answer(request: &Request<'_>, status: Status, code: &str, page: Page) -> Result<Made, Status> {
    let response = if wants_json(request, &Seen::of(request).uri) {
        json(status, code, status.reason_lossy())
    } else {
        page.respond_to(request)?
    };
    Ok(finish(request, response))
}

/// Requests that the framework refuses by itself see no fairing, so catchers put the headers on, too.
fn finish(request: &Request<'_>, mut response: Response<'static>) -> Made {
    if let Some(core) = core(request) {
        headers::secure(&mut response, &core.config);
    }
    Made(response)
}

fn core<'r>(request: &'r Request<'_>) -> Option<&'r Core> {
    request.rocket().state::<std::sync::Arc<Core>>().map(|core| &**core)
}
