//! `/account/profile`: one's own name and e-mail address.

use rocket::http::Status;
use rocket::{FromForm, Route, get, post, routes};
use serde_json::json;

use crate::domain::change::UserChange;
use crate::domain::user::{Email, Name, UserError};
use crate::service::auth::SignInError;
use crate::service::sessions::Order;
use crate::store::UserChanged;
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::confirm::{Confirmed, Proof, Question, confirmed};
use crate::web::error::PageError;
use crate::web::filled::Filled;
use crate::web::flash::{Deed, Flash};
use crate::web::guards::{Caller, CurrentSession, Server};
use crate::web::text::sentence;
use crate::web::{format, later};

pub fn routes() -> Vec<Route> {
    routes![page, change]
}

#[get("/account/profile")]
fn page(current: CurrentSession<'_>) -> Page {
    form(current.name(), current.email(), None)
}

#[derive(FromForm)]
struct Fields {
    name: String,
    email: String,
    confirm: Proof,
}

/// A name is changed as it is; an address, which is what one signs in with, by somebody who has lately proved who they are.
#[post("/account/profile", data = "<fields>")]
async fn change(
    server: Server<'_>,
    caller: Caller<'_>,
    current: CurrentSession<'_>,
    fields: Filled<Fields>,
) -> Result<Answer, PageError> {
    let (core, live) = (server.0, current.live());
    let Fields { name: typed_name, email: typed_email, confirm } = fields.0;
    let parsed = || Ok::<_, UserError>((typed_name.parse::<Name>()?, typed_email.parse::<Email>()?));
    let refused = |told: &str| form(&typed_name, &typed_email, Some(told)).status(Status::UnprocessableEntity).into();
    let (name, email) = match parsed() {
        Ok(parsed) => parsed,
        Err(error) => return Ok(refused(&sentence(&error.to_string()))),
    };
    let order = Order { by: current.actor(), note: None, from: caller.address };
    if email != live.user.email {
        let question = Question {
            heading: "Change your e-mail address?".to_owned(),
            action: "/account/profile".to_owned(),
            button: "Change it",
            cancel: "/account/profile".to_owned(),
            fields: vec![("name", typed_name.clone()), ("email", typed_email.clone())],
        };
        if let Confirmed::No(answer) = confirmed(core, &caller, live, confirm, question).await? {
            return Ok(answer);
        }
        match core.service.change_own_email(live, email, caller.address).await {
            Ok(UserChanged::EmailTaken) => {
                return Ok(refused("Somebody else has this e-mail address. Nothing was changed."));
            }
            Ok(UserChanged::NotFound) => return Err(PageError::NotFound),
            Ok(_) => {}
            Err(SignInError::Later(later)) => {
                let wait = format::wait(later.after);
                let told =
                    format!("You have tried too many addresses of others. Nothing was changed; try again in {wait}.");
                return Ok(later::answer(later, &told, form(&typed_name, &typed_email, Some(&told)), caller.json));
            }
            Err(SignInError::Store(error)) => return Err(error.into()),
            Err(_) => return Err(PageError::NotFound),
        }
    }
    core.service.change_user(&live.user.id, UserChange::Name(name), &order).await?;
    Ok(SeeOther::to("/account").flash(core, Flash::Deed(Deed::ProfileChanged)).into())
}

fn form(name: &str, email: &str, error: Option<&str>) -> Page {
    let context = json!({ "name": name, "email": email, "error": error });
    Page::new("pages/account_profile.html", "Name and e-mail", context)
}
