//! `/account/password`: a new password, with the present one.

use rocket::http::Status;
use rocket::{FromForm, Route, get, post, routes};
use serde_json::json;

use super::login::welcome;
use crate::domain::password::Password;
use crate::service::passwords::{PasswordChangeError, PasswordForm};
use crate::service::proofs::Proof;
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::error;
use crate::web::filled::Filled;
use crate::web::flash::Flash;
use crate::web::guards::{Caller, CurrentSession, Server};
use crate::web::later;
use crate::web::text::{sentence, wrong_proof};

pub fn routes() -> Vec<Route> {
    routes![page, change]
}

#[get("/account/password")]
fn page(_current: CurrentSession<'_>) -> Page {
    form(None)
}

#[derive(FromForm)]
struct Fields {
    password: String,
    #[field(default = String::new())]
    code: String,
    new_password: String,
    new_password_again: String,
}

/// What was typed never goes back into the page.
#[post("/account/password", data = "<fields>")]
async fn change(server: Server<'_>, caller: Caller<'_>, current: CurrentSession<'_>, fields: Filled<Fields>) -> Answer {
    let core = server.0;
    let Fields { password, code, new_password, new_password_again } = fields.0;
    if Password::typed(new_password_again).expose() != new_password.as_bytes() {
        let told = "The new password was typed differently the second time. Nothing was changed.";
        return form(Some(told)).status(Status::UnprocessableEntity).into();
    }
    let asked = PasswordForm {
        proof: Proof { password: Password::typed(password), code },
        chosen: new_password,
        client: caller.client(),
    };
    let (status, told) = match core.service.change_own_password(current.live(), asked).await {
        Ok(changed) => {
            let there = SeeOther::to("/account").flash(core, Flash::Password(changed.others));
            return welcome(core, &changed.signed_in, there).into();
        }
        // If the session has ended, the gate tells why instead.
        Err(PasswordChangeError::Stale | PasswordChangeError::NoUser) => {
            return SeeOther::to("/account/password").flash(core, Flash::PasswordKept).into();
        }
        Err(PasswordChangeError::Refused(error)) => {
            (Status::UnprocessableEntity, format!("{} Nothing was changed.", sentence(&error.to_string())))
        }
        Err(PasswordChangeError::Later(later)) => {
            let told = later::told(later, core.service.clock().now());
            return later::answer(later, &told, form(Some(&told)), caller.json);
        }
        Err(PasswordChangeError::Wrong) => {
            (Status::Unauthorized, format!("{}. Nothing was changed.", wrong_proof(current.live())))
        }
        Err(PasswordChangeError::Busy(_)) => (
            Status::ServiceUnavailable,
            "Too many people are signing in at this moment. Nothing was changed; try again in a second.".to_owned(),
        ),
        Err(PasswordChangeError::Store(error)) => {
            tracing::error!(%error, "a change of password could not be confirmed");
            let told = "The server could not confirm that your password is changed. Sign in with the new one; if it is not \
                        accepted, the old one still holds and nothing was changed.";
            return error::page(Status::ServiceUnavailable, "Not confirmed", told).into();
        }
    };
    form(Some(&told)).status(status).into()
}

fn form(error: Option<&str>) -> Page {
    let context = json!({ "error": error, "shortest": Password::SHORTEST });
    Page::new("pages/account_password.html", "Change password", context)
}
