//! `/admin/users/<id>`: what is known of one user, and what can be done about it.

use std::collections::BTreeSet;

use rocket::{Route, get, routes};
use serde_json::{Value, json};

use super::admin_audit::users;
use super::admin_sessions::enders;
use super::typed;
use super::user_timeline::timeline;
use crate::domain::audit::search;
use crate::domain::id::UserId;
use crate::domain::listing::{Cursor, Filter, Order, Query, Status, Whose};
use crate::domain::session::{Standing, Verdict};
use crate::domain::user::User;
use crate::store::StoreError;
use crate::web::Core;
use crate::web::answer::Page;
use crate::web::error::PageError;
use crate::web::events::Reader;
use crate::web::guards::{AdminSession, Server};
use crate::web::person::person;
use crate::web::view::Viewer;

/// How many sessions one page shows.
const ROWS: usize = 10;
/// From how many of the newest sessions the timeline is made.
const TOLD: usize = 50;
/// How many audit events are shown.
const EVENTS: usize = 8;

pub fn routes() -> Vec<Route> {
    routes![page]
}

/// An address below this user's page.
pub fn url(id: &UserId, rest: &str) -> String {
    format!("/admin/users/{id}{rest}")
}

/// The user with this id.
pub async fn find(core: &Core, id: &str) -> Result<User, PageError> {
    let id: UserId = id.parse().map_err(|_| PageError::NotFound)?;
    core.service.store().user(id.key()).await?.ok_or(PageError::NotFound)
}

#[get("/admin/users/<id>?<cursor>", rank = 2)]
async fn page(server: Server<'_>, admin: AdminSession<'_>, id: &str, cursor: Option<&str>) -> Result<Page, PageError> {
    let core = server.0;
    let service = &core.service;
    let user = find(core, id).await?;
    let typed = cursor.filter(|cursor| !cursor.is_empty());
    let cursor: Option<Cursor> =
        typed.map(str::parse).transpose().map_err(|error| PageError::BadRequest(format!("{error}")))?;
    let filter = Filter { whose: Whose::User(user.key()), status: Status::Any, ..Filter::default() };
    let query = Query { cursor, rows: ROWS, ..Query::first(filter.clone()) };
    let sessions = service.list(&query).await?;
    let recent = recent(core, &filter).await?;

    let now = service.clock().now();
    let mut names = enders(core, &recent).await?;
    names.extend(enders(core, &sessions.rows).await?);
    let viewer = Viewer { now, limits: service.limits(), own: admin.id(), names: Some(&names) };
    let link = |cursor: Option<Cursor>| {
        cursor.map(|cursor| typed::url(&url(&user.id, ""), [("cursor", &*cursor.to_string())]))
    };
    let context = json!({
        "user": person(&user, now),
        "you": user.id == *admin.user_id(),
        "live": service.count_live(&user.id).await?,
        "all": service.count(&filter).await?.to_string(),
        "rows": sessions.rows.iter().map(|(standing, verdict)| viewer.row(standing, verdict)).collect::<Vec<Value>>(),
        "timeline": timeline(&recent, &viewer),
        "events": events(core, &user.id).await?,
        "pager": typed::pager(query.direction),
        "previous_url": link(sessions.previous),
        "next_url": link(sessions.next),
        "first_url": query.cursor.map(|_| url(&user.id, "")),
        "here": typed.map_or_else(|| url(&user.id, ""), |cursor| typed::url(&url(&user.id, ""), [("cursor", cursor)])),
    });
    Ok(Page::new("pages/admin_user.html", "User", context))
}

/// Those who signed in last, and those who were active last.
async fn recent(core: &Core, filter: &Filter) -> Result<Vec<(Standing, Verdict)>, StoreError> {
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    for order in Order::ALL {
        let query = Query { order, rows: TOLD, ..Query::first(filter.clone()) };
        let rows = core.service.list(&query).await?.rows;
        found.extend(rows.into_iter().filter(|(standing, _)| known.insert(standing.session.id())));
    }
    Ok(found)
}

/// The newest audit events that concern this user.
async fn events(core: &Core, id: &UserId) -> Result<Vec<Value>, StoreError> {
    let filter = search::Filter { user: Some(id.clone()), ..search::Filter::default() };
    let found = core.service.find(&search::Query { rows: EVENTS, ..search::Query::first(filter) }).await?.rows;
    let users = users(core, &found).await?;
    let reader = Reader { now: core.service.clock().now(), users: &users };
    Ok(found.iter().map(|event| reader.row(event)).collect())
}
