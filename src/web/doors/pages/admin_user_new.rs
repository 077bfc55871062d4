//! `/admin/users/new`: a user with a one-time password, which is shown once.

use std::collections::BTreeSet;

use rocket::http::Status;
use rocket::{FromForm, Route, get, post, routes};
use serde_json::json;

use super::admin_user_edit::parse_labels;
use crate::domain::user::{Label, User};
use crate::service::invite::Invited;
use crate::service::passwords::OneTime;
use crate::service::users::NewUserError;
use crate::web::Core;
use crate::web::answer::{Answer, Page};
use crate::web::confirm::{Confirmed, Proof, Question, confirmed};
use crate::web::error::PageError;
use crate::web::filled::Filled;
use crate::web::format::Time;
use crate::web::guards::{AdminSession, Caller, Server};
use crate::web::text::sentence;
use crate::web::view;

const PATH: &str = "/admin/users/new";

pub fn routes() -> Vec<Route> {
    routes![page, create]
}

#[get("/admin/users/new")]
fn page(_admin: AdminSession<'_>) -> Page {
    form(&Typed::default(), None)
}

#[derive(FromForm)]
struct Fields {
    email: String,
    name: Option<String>,
    admin: bool,
    labels: Option<String>,
    confirm: Proof,
}

/// What was typed, to be shown again.
#[derive(Default)]
struct Typed {
    email: String,
    name: String,
    admin: bool,
    labels: String,
}

impl Typed {
    fn labels(&self) -> Result<BTreeSet<Label>, String> {
        let mut labels = parse_labels(&self.labels).map_err(|error| error.to_string())?;
        if self.admin {
            labels.insert(Label::admin());
        }
        Ok(labels)
    }

    fn question(&self) -> Question {
        let mut fields =
            vec![("email", self.email.clone()), ("name", self.name.clone()), ("labels", self.labels.clone())];
        if self.admin {
            fields.push(("admin", "on".to_owned()));
        }
        let heading = format!("Create the user {}?", self.email.trim());
        Question { heading, action: PATH.to_owned(), button: "Create user", cancel: "/admin/users".to_owned(), fields }
    }
}

#[post("/admin/users/new", data = "<fields>")]
async fn create(
    server: Server<'_>,
    caller: Caller<'_>,
    admin: AdminSession<'_>,
    fields: Filled<Fields>,
) -> Result<Answer, PageError> {
    let core = server.0;
    let Fields { email, name, admin: rights, labels, confirm } = fields.0;
    let typed = Typed { email, name: name.unwrap_or_default(), admin: rights, labels: labels.unwrap_or_default() };
    let labels = match typed.labels() {
        Ok(labels) => labels,
        Err(error) => return Ok(form(&typed, Some(&sentence(&error))).status(Status::UnprocessableEntity).into()),
    };
    if let Confirmed::No(answer) = confirmed(core, &caller, admin.live(), confirm, typed.question()).await? {
        return Ok(answer);
    }
    let new = Invited { email: typed.email.clone(), name: typed.name.clone(), labels, from: caller.address };
    let (status, told) = match core.service.invite(new, admin.actor()).await {
        Ok((user, one_time)) => return Ok(handed_out(core, &user, &one_time, None).into()),
        Err(NewUserError::Store(error)) => return Err(error.into()),
        Err(NewUserError::Busy(error)) => (Status::ServiceUnavailable, error.to_string()),
        Err(error) => (Status::UnprocessableEntity, error.to_string()),
    };
    Ok(form(&typed, Some(&sentence(&told))).status(status).into())
}

/// The only page that ever shows a one-time password: the answer to the order itself, kept by no cache.
/// `ended` says how many sessions a reset has ended; without it the user is new.
pub fn handed_out(core: &Core, user: &User, one_time: &OneTime, ended: Option<u64>) -> Page {
    let context = json!({
        "user": view::user(user),
        "secret": one_time.secret,
        "until": Time::new(one_time.until, core.service.clock().now()),
        "ended": ended.unwrap_or(0),
        "created": ended.is_none(),
    });
    Page::new("pages/admin_user_secret.html", "One-time password", context)
}

fn form(typed: &Typed, error: Option<&str>) -> Page {
    let Typed { email, name, admin, labels } = typed;
    let context = json!({ "email": email, "name": name, "admin": admin, "labels": labels, "error": error });
    Page::new("pages/admin_user_new.html", "New user", context)
}
