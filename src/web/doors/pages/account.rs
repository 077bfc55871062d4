//! `/account`: one's own sessions.

use rocket::{FromForm, FromFormField, Route, get, post, routes};
use serde_json::{Value, json};

use super::logout::signed_out;
use crate::domain::id::SessionId;
use crate::domain::listing::{Filter, Query, Status, Whose};
use crate::service::sessions::{Scope, SignedOut};
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::confirm::{Confirmed, Proof, Question, confirmed};
use crate::web::error::PageError;
use crate::web::filled::Filled;
use crate::web::flash::Flash;
use crate::web::guards::{Caller, CurrentSession, Server};
use crate::web::view::{self, Viewer};

/// How many sessions of the past are shown.
const PAST: usize = 5;

pub fn routes() -> Vec<Route> {
    routes![page, end, end_one]
}

#[get("/account")]
async fn page(server: Server<'_>, current: CurrentSession<'_>) -> Result<Page, PageError> {
    let service = &server.0.service;
    let live = current.live();
    let viewer = Viewer { now: service.clock().now(), limits: service.limits(), own: live.session.id(), names: None };
    let of = |status, rows| {
        let filter = Filter { whose: Whose::User(live.user.key()), status, ..Filter::default() };
        Query { rows, ..Query::first(filter) }
    };
    let mut rows = service.list(&of(Status::Live, Query::MOST_ROWS)).await?.rows;
    let all = service.count_live(&live.user.id).await?;
    rows.sort_by_key(|(standing, _)| standing.session.id() != viewer.own);
    let mut past = service.list(&of(Status::Ended, PAST)).await?.rows;
    past.extend(service.list(&of(Status::Expired, PAST)).await?.rows);
    past.sort_by_key(|(standing, _)| std::cmp::Reverse(standing.seen));
    past.truncate(PAST);

    let shown =
        |rows: &[_]| rows.iter().map(|(standing, verdict)| viewer.row(standing, verdict)).collect::<Vec<Value>>();
    let context = json!({
        "user": view::user(&live.user),
        "rows": shown(&rows),
        "others": all.saturating_sub(1),
        "unseen": all.saturating_sub(rows.len() as u64),
        "ended": shown(&past),
        "most": service.limits().sessions_per_user,
    });
    Ok(Page::new("pages/account.html", "My sessions", context))
}

#[derive(Clone, Copy, FromFormField)]
enum Reach {
    Others,
    All,
}

#[derive(FromForm)]
struct Fields {
    scope: Reach,
    confirm: Proof,
}

/// All others, or all.
#[post("/account/sessions/end", data = "<fields>")]
async fn end(
    server: Server<'_>,
    caller: Caller<'_>,
    current: CurrentSession<'_>,
    fields: Filled<Fields>,
) -> Result<Answer, PageError> {
    let Fields { scope, confirm } = fields.0;
    let (scope, code, button) = match scope {
        Reach::Others => (Scope::Others, "others", "Sign out all other sessions"),
        Reach::All => (Scope::All, "all", "Sign out everywhere, here too"),
    };
    let fields = vec![("scope", code.to_owned())];
    let question = ending("End your other sessions?", "/account/sessions/end".to_owned(), button, fields);
    if let Confirmed::No(answer) = confirmed(server.0, &caller, current.live(), confirm, question).await? {
        return Ok(answer);
    }
    let ended = server.0.service.sign_out(current.live(), scope, caller.address).await?;
    Ok(match (scope, ended) {
        (Scope::All, SignedOut::Done(count)) => signed_out(server.0, Flash::SignedOut(count)).into(),
        (_, ended) => told(server, ended)?.into(),
    })
}

#[derive(FromForm)]
struct OneField {
    confirm: Proof,
}

/// One of one's own; somebody else's does not exist.
#[post("/account/sessions/<id>/end", rank = 2, data = "<fields>")]
async fn end_one(
    server: Server<'_>,
    caller: Caller<'_>,
    current: CurrentSession<'_>,
    id: &str,
    fields: Filled<OneField>,
) -> Result<Answer, PageError> {
    let id: SessionId = id.parse().map_err(|_| PageError::NotFound)?;
    if id != current.id() {
        let question = ending("End this session?", format!("/account/sessions/{id}/end"), "End it", Vec::new());
        if let Confirmed::No(answer) = confirmed(server.0, &caller, current.live(), fields.0.confirm, question).await? {
            return Ok(answer);
        }
    }
    let ended = server.0.service.sign_out(current.live(), Scope::One(id), caller.address).await?;
    if id == current.id() && ended != SignedOut::NotFound {
        return Ok(signed_out(server.0, Flash::SignedOut(1)).into());
    }
    Ok(told(server, ended)?.into())
}

/// Whoever sits down at somebody's open browser does not end the sessions from which they could be told.
fn ending(heading: &str, action: String, button: &'static str, fields: Vec<(&'static str, String)>) -> Question {
    Question { heading: heading.to_owned(), action, button, cancel: "/account".to_owned(), fields }
}

fn told(server: Server<'_>, ended: SignedOut) -> Result<SeeOther, PageError> {
    let (ended, already) = match ended {
        SignedOut::Done(count) => (count, 0),
        SignedOut::Already => (0, 1),
        SignedOut::NotFound => return Err(PageError::NotFound),
    };
    Ok(SeeOther::to("/account").flash(server.0, Flash::Ended { ended, already, unknown: 0 }))
}
