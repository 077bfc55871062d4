//! `/login/password`: choosing a password after a one-time one, and so signing in.

use rocket::http::Status;
use rocket::{FromForm, Route, get, post, routes};
use serde_json::json;

use super::login::{arrive, entrance};
use crate::domain::password::Password;
use crate::service::auth::Ticket;
use crate::service::passwords::PasswordChangeError;
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::device::{self, Known};
use crate::web::filled::Filled;
use crate::web::guards::{Caller, Server};
use crate::web::next::Next;
use crate::web::text::sentence;
use crate::web::{Core, error, later, ticket};

pub fn routes() -> Vec<Route> {
    routes![away, choose]
}

/// Asked for by itself, after a reload say, there is nothing to choose for.
#[get("/login/password")]
fn away() -> SeeOther {
    SeeOther::to("/login")
}

/// What a right one-time password opens.
pub fn page(core: &Core, ticket: &Ticket, remember: bool, next: Option<&Next>) -> Page {
    let text = ticket::write(&core.keys, ticket, core.service.clock().now());
    form(&text, remember, next, None)
}

#[derive(FromForm)]
struct Fields {
    ticket: String,
    new_password: String,
    new_password_again: String,
    #[field(default = false)]
    remember: bool,
    next: Option<String>,
}

#[post("/login/password", data = "<fields>")]
async fn choose(server: Server<'_>, caller: Caller<'_>, known: Known, fields: Filled<Fields>) -> Answer {
    let core = server.0;
    let Fields { ticket: text, new_password, new_password_again, remember, next } = fields.0;
    let next = next.and_then(|next| Next::after_sign_in(&next, &core.config));
    let Some(ticket) = ticket::read(&core.keys, &text, core.service.clock().now()) else { return over().into() };
    let form = |status, told: &str| form(&text, remember, next.as_ref(), Some(told)).status(status);
    if Password::typed(new_password_again).expose() != new_password.as_bytes() {
        return form(Status::UnprocessableEntity, "The password was typed differently the second time.").into();
    }
    let entrance = entrance(core, &caller, known, remember);
    let device = entrance.device.clone();
    match core.service.choose_password(&ticket, new_password, entrance).await {
        Ok(signed_in) => {
            let device = device::remember(core, device, &signed_in.user.id);
            arrive(core, &signed_in, next.as_ref()).cookie(device).into()
        }
        Err(PasswordChangeError::Refused(error)) => {
            form(Status::UnprocessableEntity, &sentence(&error.to_string())).into()
        }
        Err(PasswordChangeError::Busy(_)) => {
            form(Status::ServiceUnavailable, "Too many people are signing in at this moment. Try again in a second.")
                .into()
        }
        Err(PasswordChangeError::Later(later)) => {
            let told = later::told(later, core.service.clock().now());
            later::answer(later, &told, form(Status::TooManyRequests, &told), caller.json)
        }
        Err(PasswordChangeError::Stale | PasswordChangeError::NoUser | PasswordChangeError::Wrong) => over().into(),
        Err(PasswordChangeError::Store(error)) => {
            tracing::error!(%error, "the choice of a password could not be confirmed");
            let told = "The server could not confirm the choice. Sign in with the new password; if it is not accepted, the \
                        one-time password still holds.";
            error::page(Status::ServiceUnavailable, "Not confirmed", told).into()
        }
    }
}

/// Used already, run out, or taken back.
fn over() -> Page {
    let told = "The one-time password is good no longer, or this took too long. If you have chosen a password, sign in with \
                it; if not, sign in with the one-time password again, or ask an administrator for another one.";
    error::page_with(Status::Forbidden, "Sign in once more", told, "/login", "To the sign-in page")
}

fn form(ticket: &str, remember: bool, next: Option<&Next>, error: Option<&str>) -> Page {
    let next = next.map_or("", Next::as_str);
    let context = json!({
        "ticket": ticket, "remember": remember, "next": next, "error": error, "shortest": Password::SHORTEST,
    });
    Page::new("pages/choose_password.html", "Choose a password", context)
}
