//! `/admin/users/<id>/end`: ending all sessions of one user.

use rocket::http::Status;
use rocket::{FromForm, Route, get, post, routes};
use serde_json::json;

use super::admin_user::{find, url};
use crate::domain::ending::Note;
use crate::domain::user::User;
use crate::service::sessions::Order;
use crate::store::EndUser;
use crate::web::Core;
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::confirm::{Confirmed, Proof, Question, confirmed};
use crate::web::error::PageError;
use crate::web::filled::Filled;
use crate::web::flash::Flash;
use crate::web::guards::{AdminSession, Caller, Server};
use crate::web::view;

pub fn routes() -> Vec<Route> {
    routes![page, end]
}

#[get("/admin/users/<id>/end")]
async fn page(server: Server<'_>, admin: AdminSession<'_>, id: &str) -> Result<Page, PageError> {
    let user = find(server.0, id).await?;
    form(server.0, &admin, &user, "", None).await
}

#[derive(FromForm)]
struct Fields {
    note: Option<String>,
    confirm: Proof,
}

/// An administrator who names themselves keeps the session they are asking from.
#[post("/admin/users/<id>/end", data = "<fields>")]
async fn end(
    server: Server<'_>,
    caller: Caller<'_>,
    admin: AdminSession<'_>,
    id: &str,
    fields: Filled<Fields>,
) -> Result<Answer, PageError> {
    let core = server.0;
    let user = find(core, id).await?;
    let Fields { note: typed, confirm } = fields.0;
    let typed = typed.unwrap_or_default();
    let note = match Note::parse(&typed) {
        Ok(note) => note,
        Err(error) => {
            let page = form(core, &admin, &user, &typed, Some(&error.to_string())).await?;
            return Ok(page.status(Status::UnprocessableEntity).into());
        }
    };
    let keep = (user.id == *admin.user_id()).then(|| admin.id());
    if keep.is_some() {
        let action = format!("/admin/users/{}/end", user.id);
        let question = own_sessions(action, "End them", vec![("note", typed)]);
        if let Confirmed::No(answer) = confirmed(core, &caller, admin.live(), confirm, question).await? {
            return Ok(answer);
        }
    }
    let order = Order { by: admin.actor(), note, from: caller.address };
    match core.service.revoke_user(&user.id, keep, &order).await? {
        EndUser::Done { count, .. } => {
            let flash = Flash::Ended { ended: count, already: 0, unknown: 0 };
            Ok(SeeOther::to(url(&user.id, "")).flash(core, flash).into())
        }
        EndUser::KeeperEnded => Ok(SeeOther::to("/login").into()),
        EndUser::NotFound => Err(PageError::NotFound),
    }
}

/// Whoever sits down at an administrator's open browser does not end the sessions from which they could be told.
pub fn own_sessions(action: String, button: &'static str, fields: Vec<(&'static str, String)>) -> Question {
    let heading = "End other sessions of your own?".to_owned();
    Question { heading, action, button, cancel: "/admin/sessions".to_owned(), fields }
}

async fn form(
    core: &Core,
    admin: &AdminSession<'_>,
    user: &User,
    note: &str,
    error: Option<&str>,
) -> Result<Page, PageError> {
    let own = u64::from(user.id == *admin.user_id());
    let count = core.service.count_live(&user.id).await?.saturating_sub(own);
    let context = json!({ "user": view::user(user), "count": count, "error": error, "note": note });
    Ok(Page::new("pages/admin_user_end.html", "End sessions", context))
}
