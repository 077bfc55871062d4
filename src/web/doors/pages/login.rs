//! `/login`: signing in, and why one was turned away.

use rocket::http::Status;
use rocket::{FromForm, Route, get, post, routes};
use serde_json::json;

use crate::domain::lifetime::Kind;
use crate::domain::password::Password;
use crate::domain::session::Door;
use crate::service::auth::{Attempt, SignInError, SignedIn};
use crate::service::setup::SetupState;
use crate::web::Core;
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::device::{self, Known};
use crate::web::filled::Filled;
use crate::web::flash::Flash;
use crate::web::guards::{Caller, Server};
use crate::web::later;
use crate::web::next::Next;

pub fn routes() -> Vec<Route> {
    routes![page, sign_in]
}

/// On a server without users there is nobody to sign in: to the set-up.
#[get("/login?<next>")]
async fn page(server: Server<'_>, next: Option<&str>) -> Answer {
    if matches!(server.0.service.setup_state().await, Ok(SetupState::Open)) {
        return SeeOther::to("/setup").into();
    }
    let next = next.and_then(Next::parse);
    form("", false, next.as_ref(), None).into()
}

#[derive(FromForm)]
struct Fields {
    email: String,
    password: String,
    #[field(default = false)]
    remember: bool,
    next: Option<String>,
}

#[post("/login", data = "<fields>")]
async fn sign_in(server: Server<'_>, caller: Caller<'_>, known: Known, fields: Filled<Fields>) -> Answer {
    let core = server.0;
    let Fields { email, password, remember, next } = fields.0;
    let next = next.as_deref().and_then(Next::parse);
    let attempt = Attempt {
        email: email.clone(),
        password: Password::typed(password),
        keep: remember,
        door: Door::Pages,
        client: caller.client(),
        present: caller.live.cloned(),
        device: known.0.clone(),
    };
    let (status, told) = match core.service.sign_in(attempt).await {
        Ok(signed_in) => {
            let to = next.as_ref().map_or("/account", Next::as_str);
            let device = device::remember(core, known.0, &signed_in.user.id);
            return welcome(core, &signed_in, SeeOther::to(to)).cookie(device).into();
        }
        Err(SignInError::Later(later)) => {
            let told = later::told(later, core.service.clock().now());
            let page = form(&email, remember, next.as_ref(), Some(&told));
            return later::answer(later, &told, page, caller.json);
        }
        Err(SignInError::Wrong) => (Status::Unauthorized, "The e-mail address or the password is wrong."),
        Err(SignInError::Blocked) => (Status::Forbidden, "Your account is blocked. Ask an administrator."),
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

/// Hands the credential out: in the cookie, and nowhere else.
pub fn welcome(core: &Core, signed_in: &SignedIn, there: SeeOther) -> SeeOther {
    let persistent = signed_in.session.kind() == Kind::Persistent;
    let lifetime = persistent.then(|| signed_in.session.lifetime(core.service.limits()).absolute);
    let cookie = core.names.set(&core.names.session, &signed_in.credential.expose(), lifetime);
    let there = there.cookie(cookie);
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
