//! `/verify`: what a reverse proxy asks before each request that it hands to an application. Is whoever sent it signed in,
//! and as whom?
//!
//! All of it is one answer, which the gate's rejection of an ended session uses as well: nothing here changes anything, so
//! every method gets the same.

mod asked;
mod original;

use std::collections::BTreeSet;
use std::sync::Arc;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use rocket::http::{HeaderMap, Method, Status};
use rocket::route::{Handler, Outcome, Route};
use rocket::{Data, Request, Response};

use self::asked::Asked;
use crate::domain::user::{Label, User};
use crate::service::sessions::Resolved;
use crate::store::Result;
use crate::web::cookie::Sent;
use crate::web::next::Next;
use crate::web::seen::Seen;
use crate::web::{Core, Mounted, derived, error, session_cookies};

const PATH: &str = "/verify";

/// What stays as it is in a name, as in JavaScript's `encodeURIComponent`.
const IN_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What does not in an address, most of which have none of it.
const NOT_IN_ADDRESS: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

pub fn routes() -> Vec<Route> {
    // HEAD is answered by GET.
    use Method::{Delete, Get, Options, Patch, Post, Put, Trace};
    let route = |method| {
        let mut route = Route::new(method, PATH, Verify);
        route.name = Some("verify".into());
        route
    };
    [Get, Post, Put, Delete, Patch, Options, Trace].map(route).into()
}

/// Whether this is the way to it. Without our pages the path is another application's own.
pub fn is_here(request: &Request<'_>, uri: &str) -> bool {
    uri.split('?').next() == Some(PATH) && request.rocket().state::<Mounted>().is_some()
}

/// What the credential for this door is worth, where it has one of its own.
pub async fn resolve(core: &Core, headers: &HeaderMap<'_>) -> Option<Result<Resolved>> {
    let name = core.names.proxy.as_ref()?;
    let named = if let Sent::Once(text) = name.read(headers) { derived::read(&core.keys, text) } else { None };
    Some(match named {
        Some((user, session)) => core.service.resolve_derived(user, session).await,
        None => Ok(Resolved::Unknown),
    })
}

#[derive(Clone)]
struct Verify;

#[rocket::async_trait]
impl Handler for Verify {
    async fn handle<'r>(&self, request: &'r Request<'_>, data: Data<'r>) -> Outcome<'r> {
        // Under another spelling of the path the gate has judged by the credential of other doors.
        match request.rocket().state::<Arc<Core>>() {
            Some(core) if is_here(request, &Seen::of(request).uri) => Outcome::Success(answer(core, request)),
            _ => Outcome::forward(data, Status::NotFound),
        }
    }
}

/// The answer, whatever the gate found out.
pub fn answer(core: &Core, request: &Request<'_>) -> Response<'static> {
    let seen = Seen::of(request);
    let query = seen.uri.split_once('?').map_or("", |(_, query)| query);
    let asked = match Asked::parse(query) {
        Ok(asked) => asked,
        Err(told) => return error::json(Status::BadRequest, "bad_request", &told),
    };
    let (code, told) = match &seen.resolved {
        Resolved::Live(live) => return let_in(core, &live.user, &asked),
        Resolved::Ended(_) => ("session_ended", "The session has ended; sign in again."),
        Resolved::Expired(_) => ("session_expired", "The session ran out; sign in again."),
        Resolved::Unknown => ("unauthorized", "Sign in first."),
    };
    let way = sign_in(core, original::of(request, core, asked.path));
    if asked.redirect {
        // The cookies stay: by them the sign-in page tells why.
        let mut response = Response::build().status(Status::Found).finalize();
        response.set_raw_header("Location", way);
        return response;
    }
    let mut response = error::json(Status::Unauthorized, code, told);
    // For proxies that hand on no redirect and can make one of it, as nginx can.
    response.set_raw_header("Location", way);
    if !matches!(seen.resolved, Resolved::Unknown) {
        for cookie in session_cookies::take_away(core) {
            response.adjoin_raw_header("Set-Cookie", cookie);
        }
    }
    response
}

/// The sign-in page, and back from there.
fn sign_in(core: &Core, back: Option<Next>) -> String {
    let server = core.config.public_url.as_ref().map_or("", |url| url.as_str());
    match back {
        Some(back) => format!("{server}/login?next={}", back.encoded()),
        None => format!("{server}/login"),
    }
}

fn let_in(core: &Core, user: &User, asked: &Asked<'_>) -> Response<'static> {
    let groups = groups(core, user);
    if let Some(missing) = asked.labels.iter().find(|label| !groups.contains(label)) {
        let told = format!("This takes the label {}, which the user does not have.", missing.as_str());
        return error::json(Status::Forbidden, "label_missing", &told);
    }
    let groups: Vec<_> = groups.into_iter().map(Label::as_str).collect();
    let mut response = Response::build().status(Status::Ok).finalize();
    response.set_raw_header("Cache-Control", "no-store");
    response.set_raw_header("Remote-User", user.id.to_string());
    response.set_raw_header("Remote-Name", utf8_percent_encode(user.name.as_str(), IN_NAME).to_string());
    response.set_raw_header("Remote-Email", utf8_percent_encode(user.email.as_str(), NOT_IN_ADDRESS).to_string());
    response.set_raw_header("Remote-Groups", groups.join(","));
    response
}

/// The user's labels as of this request. Whoever can do nothing as an administrator here is none elsewhere.
fn groups<'u>(core: &Core, user: &'u User) -> BTreeSet<&'u Label> {
    let withheld = core.service.lacks_second_factor(user).then(Label::admin);
    user.labels.iter().filter(|label| Some(*label) != withheld.as_ref()).collect()
}
