//! `/admin/users/<id>/<verb>`: blocking, unblocking, unlocking, resetting the password, removing the second factor, deleting.
//! Each says first what follows from it.

use rocket::http::Status;
use rocket::{FromForm, Route, get, post, routes};
use serde_json::json;

use super::admin_user::{find, url};
use super::admin_user_new::handed_out;
use super::admin_users;
use super::user_verb::{Means, Verb};
use crate::domain::change::{NewSecondFactor, UserChange};
use crate::domain::ending::Note;
use crate::domain::user::User;
use crate::service::passwords::PasswordChangeError;
use crate::service::sessions::Order;
use crate::store::{UserChanged, UserDeleted};
use crate::web::Core;
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::confirm::{Confirmed, Proof, Question, confirmed};
use crate::web::error::PageError;
use crate::web::filled::Filled;
use crate::web::flash::Flash;
use crate::web::guards::{AdminSession, Caller, Server};
use crate::web::text::sentence;
use crate::web::told_user::UserDone;
use crate::web::view;

pub fn routes() -> Vec<Route> {
    routes![page, act]
}

#[get("/admin/users/<id>/<verb>", rank = 3)]
async fn page(server: Server<'_>, admin: AdminSession<'_>, id: &str, verb: &str) -> Result<Page, PageError> {
    let verb = Verb::parse(verb).ok_or(PageError::NotFound)?;
    let user = find(server.0, id).await?;
    form(server.0, &admin, &user, verb, "", None).await
}

#[derive(FromForm)]
struct Fields {
    note: Option<String>,
    confirm: Proof,
}

#[post("/admin/users/<id>/<verb>", data = "<fields>", rank = 3)]
async fn act(
    server: Server<'_>,
    caller: Caller<'_>,
    admin: AdminSession<'_>,
    id: &str,
    verb: &str,
    fields: Filled<Fields>,
) -> Result<Answer, PageError> {
    let core = server.0;
    let verb = Verb::parse(verb).ok_or(PageError::NotFound)?;
    let user = find(core, id).await?;
    let typed = fields.0.note.unwrap_or_default();
    if user.id == *admin.user_id() && verb.not_on_oneself().is_some() {
        return Ok(form(core, &admin, &user, verb, &typed, None).await?.status(Status::Forbidden).into());
    }
    let note = match Note::parse(&typed) {
        Ok(note) => note,
        Err(error) => {
            let page = form(core, &admin, &user, verb, &typed, Some(&sentence(&error.to_string()))).await?;
            return Ok(page.status(Status::UnprocessableEntity).into());
        }
    };
    if verb.asks_who_it_is(&user) {
        let question = Question {
            heading: verb.heading(&user),
            action: url(&user.id, verb.path()),
            button: verb.button(),
            cancel: url(&user.id, ""),
            fields: vec![("note", typed.clone())],
        };
        if let Confirmed::No(answer) = confirmed(core, &caller, admin.live(), fields.0.confirm, question).await? {
            return Ok(answer);
        }
    }
    let order = Order { by: admin.actor(), note, from: caller.address };
    let (status, told) = match carry_out(core, &user, verb, &order).await? {
        Became::Done(answer) => return Ok(answer),
        Became::LastAdministrator => (
            Status::Conflict,
            "This is the last administrator who can sign in. Make somebody else one first. Nothing was changed.",
        ),
        Became::Busy => {
            (Status::ServiceUnavailable, "Too many people are signing in at this moment. Try again in a second.")
        }
    };
    Ok(form(core, &admin, &user, verb, &typed, Some(told)).await?.status(status).into())
}

/// What became of it.
enum Became {
    Done(Answer),
    LastAdministrator,
    Busy,
}

async fn carry_out(core: &Core, user: &User, verb: Verb, order: &Order) -> Result<Became, PageError> {
    let service = &core.service;
    let page = url(&user.id, "");
    let done = |to: String, done, ended| Became::Done(SeeOther::to(to).flash(core, Flash::User(done, ended)).into());
    let (change, told) = match verb.means() {
        Means::Reset => {
            return match service.reset_password(user, order).await {
                Ok((one_time, ended)) => Ok(Became::Done(handed_out(core, user, &one_time, Some(ended)).into())),
                Err(PasswordChangeError::Busy(_)) => Ok(Became::Busy),
                Err(PasswordChangeError::Store(error)) => Err(error.into()),
                Err(_) => Err(PageError::NotFound),
            };
        }
        Means::Delete => {
            return match service.delete_user(&user.id, order).await? {
                UserDeleted::Done { ended } => Ok(done(admin_users::PATH.to_owned(), UserDone::Deleted, ended)),
                UserDeleted::LastAdministrator => Ok(Became::LastAdministrator),
                UserDeleted::NotFound => Err(PageError::NotFound),
            };
        }
        Means::Block => (UserChange::Block, UserDone::Blocked),
        Means::Unblock => (UserChange::Unblock, UserDone::Unblocked),
        Means::Unlock => (UserChange::Unlock, UserDone::Unlocked),
        Means::NoSecondFactor => {
            let none = NewSecondFactor { factor: None, asked: None };
            (UserChange::SecondFactor(Box::new(none)), UserDone::SecondFactor)
        }
    };
    match service.change_user(&user.id, change, order).await? {
        UserChanged::Done { ended, .. } => Ok(done(page, told, ended)),
        UserChanged::Unchanged => Ok(done(page, UserDone::Unchanged, 0)),
        UserChanged::LastAdministrator => Ok(Became::LastAdministrator),
        UserChanged::EmailTaken | UserChanged::Stale | UserChanged::NotFound => Err(PageError::NotFound),
    }
}

async fn form(
    core: &Core,
    admin: &AdminSession<'_>,
    user: &User,
    verb: Verb,
    note: &str,
    error: Option<&str>,
) -> Result<Page, PageError> {
    let live = core.service.count_live(&user.id).await?;
    let refused = verb.not_on_oneself().filter(|_| user.id == *admin.user_id());
    let context = json!({
        "user": view::user(user),
        "heading": verb.heading(user),
        "consequences": verb.consequences(user, live),
        "button": verb.button(),
        "grave": verb.is_grave(),
        "action": url(&user.id, verb.path()),
        "cancel": url(&user.id, ""),
        "refused": refused,
        "note": note,
        "error": error,
    });
    Ok(Page::new("pages/admin_user_verb.html", "Change a user", context))
}
