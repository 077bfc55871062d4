//! `/login`: signing in, and why one was turned away.

use rocket::http::Status;
use rocket::{FromForm, Route, get, post, routes};
use serde_json::json;

use super::choose_password;
use crate::domain::password::Password;
use crate::domain::session::Door;
use crate::service::auth::{Attempt, Entrance, Entry, SignInError, SignedIn};
use crate::service::proofs::Proof;
use crate::service::setup::SetupState;
use crate::web::Core;
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::device::{self, Known};
use crate::web::filled::Filled;
use crate::web::flash::Flash;
use crate::web::guards::{Caller, Server};
use crate::web::later;
use crate::web::next::Next;
use crate::web::session_cookies;

pub fn routes() -> Vec<Route> {
    routes![page, sign_in]
}

/// On a server without users there is nobody to sign in: to the set-up.
#[get("/login?<next>")]
async fn page(server: Server<'_>, caller: Caller<'_>, next: Option<&str>) -> Answer {
    if matches!(server.0.service.setup_state().await, Ok(SetupState::Open)) {
        return SeeOther::to("/setup").into();
    }
    let next = next.and_then(|next| Next::after_sign_in(next, &server.0.config));
    if let Some(next) = next.as_ref().filter(|next| next.is_elsewhere() && caller.live.is_some()) {
        return onward(next).into();
    }
    form("", false, next.as_ref(), None).into()
}

#[derive(FromForm)]
struct Fields {
    email: String,
    password: String,
    #[field(default = String::new())]
    code: String,
    #[field(default = false)]
    remember: bool,
    next: Option<String>,
}

#[post("/login", data = "<fields>")]
async fn sign_in(server: Server<'_>, caller: Caller<'_>, known: Known, fields: Filled<Fields>) -> Answer {
    let core = server.0;
    let Fields { email, password, code, remember, next } = fields.0;
    let next = next.and_then(|next| Next::after_sign_in(&next, &core.config));
    let entrance = entrance(core, &caller, known, remember);
    let device = entrance.device.clone();
    let proof = Proof { password: Password::typed(password), code };
    let (status, told) = match core.service.sign_in(Attempt { email: email.clone(), proof, entrance }).await {
        Ok(Entry::SignedIn(signed_in)) => {
            let device = device::remember(core, device, &signed_in.user.id);
            return arrive(core, &signed_in, next.as_ref()).cookie(device).into();
        }
        Ok(Entry::MustChoose(ticket)) => return choose_password::page(core, &ticket, remember, next.as_ref()).into(),
        Err(SignInError::Later(later)) => {
            let told = later::told(later, core.service.clock().now());
            let page = form(&email, remember, next.as_ref(), Some(&told));
            return later::answer(later, &told, page, caller.json);
        }
        Err(SignInError::Wrong) => (
            Status::Unauthorized,
            "The e-mail address, the password or the code is wrong. After many wrong tries in a row an account opens only \
             in browsers that it has been used in, until an administrator unlocks it.",
        ),
        Err(SignInError::Blocked) => (Status::Forbidden, "Your account is blocked. Ask an administrator."),
        Err(SignInError::OneTimeOver) => {
            (Status::Forbidden, "This one-time password has run out. Ask an administrator for another one.")
        }
        Err(SignInError::Stale) => {
            (Status::Unauthorized, "While you were signing in, all sessions were ended. Sign in again.")
        }
        Err(SignInError::Busy(_)) => {
            (Status::ServiceUnavailable, "Too many people are signing in at this moment. Try again in a second.")
        }
        Err(SignInError::Store(error)) => {
            tracing::error!(%error, "somebody could not sign in");
            (Status::ServiceUnavailable, "The server cannot sign anybody in right now. Try again in a moment.")
        }
    };
    form(&email, remember, next.as_ref(), Some(told)).status(status).into()
}

/// How whoever asks comes in.
pub fn entrance(core: &Core, caller: &Caller<'_>, known: Known, keep: bool) -> Entrance {
    let device = known.0.unwrap_or_else(|| device::fresh(core));
    Entrance { keep, longest: None, door: Door::Pages, client: caller.client(), present: caller.live.cloned(), device }
}

/// Where people want to go, or to their sessions. To another origin the way is by a page of ours: browsers let the answer to
/// a form lead only where the policy of its page says, whatever stations are to come there.
pub fn arrive(core: &Core, signed_in: &SignedIn, next: Option<&Next>) -> SeeOther {
    match next {
        Some(next) if next.is_elsewhere() => {
            let there = welcome(core, signed_in, SeeOther::to(format!("/login?next={}", next.encoded())));
            // Whoever has something to read first goes on by themselves.
            if signed_in.displaced.is_empty() { there.flash(core, Flash::Onward) } else { there }
        }
        next => welcome(core, signed_in, SeeOther::to(next.map_or("/account", Next::as_str))),
    }
}

/// The page from which people who are signed in go on to an application. By itself it does so after signing in alone: an
/// application that sends everybody back here must not have them go in circles.
fn onward(next: &Next) -> Page {
    Page::new("pages/onward.html", "Signed in", json!({ "next": next.as_str(), "host": next.host() }))
}

/// Hands the credential out: in cookies, and nowhere else.
pub fn welcome(core: &Core, signed_in: &SignedIn, there: SeeOther) -> SeeOther {
    let there = there.cookies(session_cookies::hand_out(core, signed_in));
    match signed_in.displaced.len() {
        0 => there,
        count => there.flash(core, Flash::Displaced(count as u64)),
    }
}

fn form(email: &str, remember: bool, next: Option<&Next>, error: Option<&str>) -> Page {
    let next = next.map_or("", Next::as_str);
    let context = json!({ "email": email, "remember": remember, "next": next, "error": error });
    Page::new("pages/login.html", "Sign in", context)
}
