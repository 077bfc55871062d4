//! The internal route that answers for requests which the gate rejected. Asked for directly it does not exist.

use rocket::data::ToByteUnit;
use rocket::http::uri::Origin;
use rocket::http::{Method, Status};
use rocket::response::Responder;
use rocket::route::{Handler, Outcome, Route};
use rocket::{Data, Request, response};
use serde_json::{Value, json};

use super::answer::{Page, SeeOther};
use super::csrf::{FIELD, Judgement};
use super::doors::{api, proxy};
use super::flash::{Flash, Why};
use super::next::Next;
use super::seen::{Rejection, Seen};
use super::shape::Fault;
use super::{Core, error, session_cookies};
use crate::domain::ending::{Actor, Ended};
use crate::service::sessions::Resolved;
use crate::service::throttle::refusals::{Grounds, Refused};

/// Where it is mounted.
pub const BASE: &str = "/-/rejected";

/// Before any rank that an application would give.
const RANK: isize = -1_000_000;

/// The most of a refused form that is offered again, in bytes.
const KEPT: u64 = 16 * 1024;

/// Fields whose values never go back into a page.
const SECRET: [&str; 10] = [
    "password",
    "new_password",
    "new_password_again",
    "code",
    "confirm.password",
    "confirm.code",
    "secret",
    "shown",
    "ticket",
    FIELD,
];

/// Forms that mean nothing without those fields.
const ASK_FOR_A_PASSWORD: [&str; 6] = [
    "/admin/sessions/everyone",
    "/account/password",
    "/account/second-factor/new",
    "/account/second-factor/codes",
    "/account/second-factor/remove",
    "/login/password",
];

pub fn uri() -> Origin<'static> {
    rocket::uri!("/-/rejected").clone()
}

pub fn routes() -> Vec<Route> {
    // HEAD as well, and before everything else: no catch-all of an application around it may answer instead.
    let route = |method| {
        let mut route = Route::ranked(RANK, method, "/", Rejected);
        route.name = Some("rejected".into());
        route
    };
    vec![route(Method::Get), route(Method::Head)]
}

#[derive(Clone)]
struct Rejected;

#[rocket::async_trait]
impl Handler for Rejected {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        let seen = Seen::of(request);
        let (Some(rejection), Some(core)) = (&seen.rejection, request.rocket().state::<std::sync::Arc<Core>>()) else {
            return Outcome::forward(data, Status::NotFound);
        };
        if api::is_api(request, &seen.uri) {
            if let Rejection::Csrf(judgement) = rejection {
                note(core, seen, *judgement).await;
            }
            return Outcome::Success(api::turned_away(core, seen, rejection).await);
        }
        let answer = match rejection {
            Rejection::Ended(_) if proxy::is_here(request, &seen.uri) => Ok(proxy::answer(core, request)),
            Rejection::Ended(ended) => turned_away(request, core, seen, ended),
            // The API alone.
            Rejection::TwoSessions | Rejection::NoProject => return Outcome::Error(Status::BadRequest),
            Rejection::RanOut => return Outcome::Error(Status::Unauthorized),
            Rejection::Unavailable => unavailable(request, seen),
            Rejection::Doubled => doubled(request),
            Rejection::Malformed(fault) => malformed(request, seen, *fault),
            Rejection::Csrf(judgement) => {
                note(core, seen, *judgement).await;
                refused(request, seen, *judgement, data).await
            }
        };
        match answer {
            Ok(response) => Outcome::Success(response),
            Err(status) => Outcome::Error(status),
        }
    }
}

/// To the sign-in page with the reason, or 401; the cookie goes either way.
fn turned_away(request: &Request<'_>, core: &Core, seen: &Seen, ended: &Ended) -> response::Result<'static> {
    let taken = session_cookies::take_away(core);
    if error::wants_json(request, &seen.uri) {
        let mut response = error::json(Status::Unauthorized, "session_ended", "The session has ended; sign in again.");
        for cookie in taken {
            response.adjoin_raw_header("Set-Cookie", cookie);
        }
        return Ok(response);
    }
    let flash = Flash::Away(Why::Ended(ended.reason), ended.at);
    SeeOther::sign_in(seen).flash(core, flash).cookies(taken).respond_to(request)
}

/// 503; nothing is taken away, least of all the cookie.
fn unavailable(request: &Request<'_>, seen: &Seen) -> response::Result<'static> {
    if error::wants_json(request, &seen.uri) {
        let told = "The session store does not answer; try again.";
        return Ok(error::json(Status::ServiceUnavailable, "unavailable", told));
    }
    if seen.uri.split('?').next() == Some("/logout") && seen.method != Method::Get {
        // How far it was to go stands in a body that nobody has read: ask again.
        return unconfirmed_sign_out(None).respond_to(request);
    }
    error::unavailable().respond_to(request)
}

/// A request that is none.
fn malformed(request: &Request<'_>, seen: &Seen, fault: Fault) -> response::Result<'static> {
    if error::wants_json(request, &seen.uri) {
        return Ok(error::json(fault.status(), "bad_request", fault.told()));
    }
    error::page(fault.status(), "That does not work", fault.told()).respond_to(request)
}

/// 400: which session is to end nobody can tell.
fn doubled(request: &Request<'_>) -> response::Result<'static> {
    let told = "Your browser sent two sign-in cookies, so the server cannot tell which session to end. \
        Delete the cookies of this site, sign in again, and end the other sessions on My sessions.";
    if error::wants_json(request, "") {
        return Ok(error::json(Status::BadRequest, "cookie_doubled", told));
    }
    error::page(Status::BadRequest, "You are not signed out", told).respond_to(request)
}

/// The page for a sign-out that nobody can vouch for, to be repeated as it was or asked for anew.
pub fn unconfirmed_sign_out(scope: Option<&str>) -> Page {
    let heading = "We could not confirm that you are signed out";
    let told = "The server could not write it down. You may be signed out or not: try again, and close the browser only once it says that you are signed out.";
    let Some(scope) = scope else {
        return error::page_with(Status::ServiceUnavailable, heading, told, "/logout", "Try again");
    };
    let fields = [json!({ "name": "scope", "value": scope })];
    let context =
        json!({ "heading": heading, "text": told, "action": "/logout", "fields": fields, "button": "Try again" });
    Page::new("pages/unconfirmed.html", "Not confirmed", context).status(Status::ServiceUnavailable)
}

/// Writes down what looks like somebody else's doing. A form of our own that is out of date is nobody's fault.
async fn note(core: &Core, seen: &Seen, judgement: Judgement) {
    let why = match judgement {
        Judgement::Foreign => Grounds::Foreign,
        Judgement::Unsure => Grounds::Unsure,
        Judgement::Pass | Judgement::Stale => return,
    };
    let by = match &seen.resolved {
        Resolved::Live(live) => Actor::User(live.user.id.clone()),
        _ => Actor::Anonymous,
    };
    let refused = Refused { why, method: seen.method.as_str(), path: &seen.uri };
    core.service.note_refused(refused, by, seen.address).await;
}

/// 403 with nothing changed. A stale form of our own is offered again, without its secrets.
async fn refused(
    request: &Request<'_>,
    seen: &Seen,
    judgement: Judgement,
    data: Data<'_>,
) -> response::Result<'static> {
    if error::wants_json(request, &seen.uri) {
        let told = "The request does not come from a page of this server, or its form is out of date.";
        return Ok(error::json(Status::Forbidden, "csrf", told));
    }
    if judgement == Judgement::Foreign {
        let told = "This request came from another site, so it was refused. Nothing was changed.";
        return error::page(Status::Forbidden, "Refused", told).respond_to(request);
    }
    let is_form = request.content_type().is_some_and(|kind| kind.is_form());
    let (body, whole) = if is_form {
        let body = data.open(KEPT.bytes()).into_string().await.map_err(|_| Status::BadRequest)?;
        let whole = body.is_complete();
        (body.into_inner(), whole)
    } else {
        (String::new(), false)
    };
    let fields: Vec<(String, String)> = rocket::form::Form::values(&body)
        .map(|field| (decoded(field.name.source().as_str()), decoded(field.value)))
        .filter(|(name, _)| !SECRET.contains(&name.as_str()))
        .collect();
    stale(seen, judgement == Judgement::Stale && whole, &fields).respond_to(request)
}

fn decoded(text: &str) -> String {
    rocket::http::RawStr::new(text).url_decode_lossy().into_owned()
}

fn stale(seen: &Seen, own: bool, fields: &[(String, String)]) -> Page {
    let path = seen.uri.split('?').next().unwrap_or_default();
    let field = |name: &str| fields.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let told = "This form was out of date. Nothing was changed; send it again.";
    let page = match path {
        "/login" => Page::new(
            "pages/login.html",
            "Sign in",
            json!({ "email": field("email"), "remember": field("remember") == "on", "next": field("next"), "error": told }),
        ),
        "/setup" => Page::new(
            "pages/setup.html",
            "Set up",
            json!({ "email": field("email"), "name": field("name"), "closed": false, "expired": false, "error": told }),
        ),
        _ => {
            let fields: Vec<Value> =
                fields.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
            // Only what our own page has sent may be sent again by one press, and nothing that lacks a password.
            let again = own && !ASK_FOR_A_PASSWORD.contains(&path) && Next::parse(path).is_some();
            let resend = if again { json!({ "action": path, "fields": fields }) } else { Value::Null };
            let action = if again { Value::Null } else { json!({ "href": "/", "label": "To the start" }) };
            Page::new(
                "pages/error.html",
                "Out of date",
                json!({ "status": 403, "heading": "This form was out of date", "text": "It stood open for too long, or you signed in anew meanwhile.", "action": action, "resend": resend }),
            )
        }
    };
    page.status(Status::Forbidden)
}
