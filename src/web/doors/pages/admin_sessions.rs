//! `/admin/sessions`: everybody's sessions, and ending those that are ticked.

use std::collections::BTreeMap;

use rocket::form::FromForm;
use rocket::http::Status as HttpStatus;
use rocket::{Route, get, post, routes};
use serde_json::{Value, json};

use super::admin_user_end::own_sessions;
use super::session_filter::Asked;
use super::typed;
use crate::domain::ending::{Actor, Ended, Note};
use crate::domain::id::{SessionId, UserId};
use crate::domain::listing::{self as domain, Cursor, Filter, Query, Status, Total};
use crate::domain::session::{Standing, Verdict};
use crate::service::sessions::{Order as Command, Selection};
use crate::store::StoreError;
use crate::web::Core;
use crate::web::answer::{Answer, Page, SeeOther};
use crate::web::confirm::{Confirmed, Proof, confirmed};
use crate::web::error::PageError;
use crate::web::filled::Filled;
use crate::web::flash::Flash;
use crate::web::format::thousands;
use crate::web::guards::{AdminSession, Caller, Server};
use crate::web::next::Next;
use crate::web::view::Viewer;

pub fn routes() -> Vec<Route> {
    routes![start, page, end]
}

#[get("/admin")]
fn start(_admin: AdminSession<'_>) -> SeeOther {
    SeeOther::to("/admin/sessions")
}

#[get("/admin/sessions?<asked..>")]
async fn page(server: Server<'_>, admin: AdminSession<'_>, asked: Asked) -> Result<Page, PageError> {
    let core = server.0;
    let whose = core.service.whose(&asked.user).await?;
    match asked.query(whose) {
        Ok(query) => render(core, &admin, &asked, &query, None).await,
        Err(error) => {
            let query = Query::first(Filter::default());
            let page = render(core, &admin, &asked, &query, Some(&error.to_string())).await?;
            Ok(page.status(HttpStatus::BadRequest))
        }
    }
}

async fn render(
    core: &Core,
    admin: &AdminSession<'_>,
    asked: &Asked,
    query: &Query,
    error: Option<&str>,
) -> Result<Page, PageError> {
    let service = &core.service;
    // A filter that was not understood must not show what it does not say: somebody could end the wrong sessions.
    let page = match error {
        None => service.list(query).await?,
        Some(_) => domain::Page { rows: Vec::new(), next: None, previous: None },
    };
    let names = enders(core, &page.rows).await?;
    let viewer = Viewer { now: service.clock().now(), limits: service.limits(), own: admin.id(), names: Some(&names) };
    let endable =
        page.rows.iter().any(|(standing, verdict)| *verdict == Verdict::Live && standing.session.id() != viewer.own);
    let total = service.count(&query.filter).await?;
    let count = |status| {
        let filter = Filter { status, ..Filter::default() };
        async move { service.count(&filter).await.map(told) }
    };
    let link = |cursor: Option<Cursor>| cursor.map(|cursor| asked.url(&cursor.to_string()));
    let context = json!({
        "rows": page.rows.iter().map(|(standing, verdict)| viewer.row(standing, verdict)).collect::<Vec<Value>>(),
        "total_text": told(total),
        "shown": page.rows.len(),
        "filter": asked.form(query),
        "pager": typed::pager(query.direction),
        "previous_url": link(page.previous),
        "next_url": link(page.next),
        "first_url": query.cursor.map(|_| asked.url("")),
        "filtered": query.filter != Filter::default(),
        "error": error,
        "counts": { "live": count(Status::Live).await?, "ended": count(Status::Ended).await?, "expired": count(Status::Expired).await? },
        "endable": endable,
        "incomplete": page.rows.len() < query.rows && page.next.is_some(),
        "here": asked.url(&asked.cursor),
    });
    Ok(Page::new("pages/admin_sessions.html", "Sessions", context))
}

/// What those who ended these sessions are called.
pub async fn enders(core: &Core, rows: &[(Standing, Verdict)]) -> Result<BTreeMap<UserId, String>, StoreError> {
    let mut names = BTreeMap::new();
    for (_, verdict) in rows {
        if let Verdict::Ended(Ended { by: Actor::User(id), .. }) = verdict
            && !names.contains_key(id)
        {
            let user = core.service.store().user(id.key()).await?;
            names.insert(id.clone(), user.map_or_else(|| id.to_string(), |user| user.name.to_string()));
        }
    }
    Ok(names)
}

/// A total as people read it: `1,204`, `5,000+`.
pub fn told(total: Total) -> String {
    match total {
        Total::Exactly(count) => thousands(count),
        Total::MoreThan(count) => format!("{}+", thousands(count)),
    }
}

#[derive(FromForm)]
struct Ticked {
    session: Vec<String>,
    /// The row whose own button was pressed.
    only: Option<String>,
    note: Option<String>,
    back: Option<String>,
    confirm: Proof,
}

/// Ends the ticked ones, or the one whose button was pressed.
#[post("/admin/sessions/end", data = "<ticked>")]
async fn end(
    server: Server<'_>,
    caller: Caller<'_>,
    admin: AdminSession<'_>,
    ticked: Filled<Ticked>,
) -> Result<Answer, PageError> {
    let Filled(ticked) = ticked;
    let note =
        Note::parse(ticked.note.as_deref().unwrap_or("")).map_err(|error| PageError::BadRequest(error.to_string()))?;
    let named = ticked.only.as_ref().map_or(&ticked.session[..], std::slice::from_ref);
    let ids: Vec<SessionId> =
        named.iter().map(|id| id.parse()).collect::<Result<_, _>>().map_err(|_| PageError::NotFound)?;
    if ends_own(server.0, &admin, &ids).await? {
        let typed = |name, value: Option<&String>| value.map(|value| (name, value.clone()));
        let named = named.iter().map(|id| ("session", id.clone()));
        let rest = [typed("note", ticked.note.as_ref()), typed("back", ticked.back.as_ref())];
        let fields = named.chain(rest.into_iter().flatten()).collect();
        let question = own_sessions("/admin/sessions/end".to_owned(), "End them", fields);
        if let Confirmed::No(answer) = confirmed(server.0, &caller, admin.live(), ticked.confirm, question).await? {
            return Ok(answer);
        }
    }
    let command = Command { by: admin.actor(), note, from: caller.address };
    let Selection { ended, already, unknown } = server.0.service.revoke_selection(&ids, &command).await?;
    let ours = |back: &Next| ["/admin/sessions", "/admin/users/"].iter().any(|page| back.as_str().starts_with(page));
    let back = ticked.back.as_deref().and_then(Next::parse).filter(ours);
    let back = back.as_ref().map_or("/admin/sessions", Next::as_str);
    Ok(SeeOther::to(back).flash(server.0, Flash::Ended { ended, already, unknown }).into())
}

/// Whether other sessions of the administrator who asks are among them.
async fn ends_own(core: &Core, admin: &AdminSession<'_>, ids: &[SessionId]) -> Result<bool, StoreError> {
    for id in ids.iter().filter(|id| **id != admin.id()) {
        if core.service.store().owner(*id).await? == Some(admin.user_id().key()) {
            return Ok(true);
        }
    }
    Ok(false)
}
