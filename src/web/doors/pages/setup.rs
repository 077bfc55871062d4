//! `/setup`: the first administrator, with the code from the server's output.

use std::collections::BTreeSet;

use rocket::http::Status;
use rocket::{FromForm, Route, get, post, routes};
use serde_json::json;

use crate::service::setup::{SetupError, SetupState};
use crate::service::users::{NewUser, NewUserError};
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::error::PageError;
use crate::web::filled::Filled;
use crate::web::flash::Flash;
use crate::web::guards::{Caller, Server};
use crate::web::text::sentence;

pub fn routes() -> Vec<Route> {
    routes![page, set_up]
}

#[get("/setup")]
async fn page(server: Server<'_>) -> Result<Page, PageError> {
    let state = server.0.service.setup_state().await?;
    Ok(form(state, "", "", None))
}

#[derive(FromForm)]
struct Fields {
    code: String,
    name: String,
    email: String,
    password: String,
}

#[post("/setup", data = "<fields>")]
async fn set_up(server: Server<'_>, caller: Caller<'_>, fields: Filled<Fields>) -> Result<Answer, PageError> {
    let core = server.0;
    let Fields { code, name, email, password } = fields.0;
    let new =
        NewUser { email: email.clone(), name: name.clone(), password, labels: BTreeSet::new(), from: caller.address };
    let (status, told) = match core.service.set_up(&code, new).await {
        Ok(_) => return Ok(SeeOther::to("/login").flash(core, Flash::SetUp).into()),
        Err(SetupError::Closed) => return Ok(form(SetupState::Closed, "", "", None).status(Status::Forbidden).into()),
        Err(SetupError::Expired) => {
            return Ok(form(SetupState::Expired, "", "", None).status(Status::Forbidden).into());
        }
        Err(SetupError::User(NewUserError::Store(error))) => return Err(error.into()),
        Err(SetupError::User(NewUserError::Busy(error))) => (Status::ServiceUnavailable, sentence(&error.to_string())),
        Err(error) => (Status::UnprocessableEntity, sentence(&error.to_string())),
    };
    Ok(form(SetupState::Open, &email, &name, Some(&told)).status(status).into())
}

fn form(state: SetupState, email: &str, name: &str, error: Option<&str>) -> Page {
    let (closed, expired) = (state == SetupState::Closed, state == SetupState::Expired);
    let context = json!({ "error": error, "email": email, "name": name, "closed": closed, "expired": expired });
    Page::new("pages/setup.html", "Set up", context)
}
